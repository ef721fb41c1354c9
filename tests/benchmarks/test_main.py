"""The command, with us and torch and as little as it can run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m benchmarks`` in the repository."""
    return subprocess.run([sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_measures_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    selected = ["--quick", "--shapes", "step,tiny", "--configurations", "plain", "--peers", "ours,torch,loop"]
    least = ["--threads", "1", "--rounds", "2", "--epochs", "2"]
    finished = run("speed", "training", *selected, *least, "-o", str(tmp_path))
    assert finished.returncode == 0, finished.stderr
    figures = json.loads((tmp_path / "performance.json").read_text())
    records = figures["speed"]["records"]
    assert [(record["shape"], record["mode"]) for record in records] == [
        ("step", "stream"),
        ("tiny", "forward"),
        ("tiny", "training"),
    ]
    for record in records:
        assert record["seconds"].keys() == record["errors"].keys() == {"torch", "ours"}
        assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in record["seconds"].values())
        assert max(record["errors"].values()) < 1e-5
    assert figures["speed"]["matrix products"]["1"] > 1e8
    (script,) = figures["training"]["records"]
    assert script["first"].keys() == {"loop", "ours"}
    page = (tmp_path / "performance.md").read_text()
    assert "| tiny, training, 1 thread |" in page
    assert "| one step of a stream / nn.LSTM | 0.12 |" in finished.stdout
    assert (tmp_path / "performance.png").stat().st_size > 10_000

    (tmp_path / "performance.md").unlink()
    monkeypatch.setattr(sys, "argv", ["benchmarks", "page", "-o", str(tmp_path)])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert (tmp_path / "performance.md").read_text() == page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shapes", "tiny,huge"], "error: `--shapes` knows no 'huge'; there are step, tiny,"),
        (["--threads", "0"], "error: `--threads` takes positive numbers, got '0'."),
        (["training", "--peers", "torch"], "error: `--peers` names nobody for training; there are loop,"),
        (["--quick", "--full"], "error: Pass `--quick` or `--full`, not both."),
    ],
)
def test_wrong_options_are_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments, "-o", str(tmp_path)])
    with pytest.raises(SystemExit, match="1"):
        main()
    told = capsys.readouterr().err
    assert told.startswith(message)
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())
