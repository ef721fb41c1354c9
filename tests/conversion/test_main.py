"""The command line: each command once in a process of its own, as a user runs it, and its other uses here."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
from safetensors import SafetensorError
from torch_keras_lstm_command import main

from tests.conversion.handmade import entry, keras_2_lstm, lstm, lstm_weights, sequential, write_legacy
from torch_keras_lstm import __version__
from torch_keras_lstm.conversion import convert, converted_folder, load_model
from torch_keras_lstm.conversion.printing import Shown
from torch_keras_lstm.conversion.progress import telling

ROOT = Path(__file__).parents[2]
T, F, U = 6, 3, 4


class Result(NamedTuple):
    """How a run of the command ended, and what it printed."""

    returncode: object
    stdout: str
    stderr: str


Run = Callable[..., Result]


def _in_a_process(*arguments: object) -> Result:
    command = [sys.executable, "-W", "error", "-m", "torch_keras_lstm.conversion", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command in this process, which has imported torch already."""
    monkeypatch.setenv("TERM", "dumb")

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["torch-keras-lstm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Result(ended.value.code or 0, *capfd.readouterr())

    return run


def _fails(message: str, result: Result) -> None:
    assert result.returncode == 1, result.stderr
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, "one clean line, no traceback"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    random = np.random.default_rng(5)
    weights = lstm_weights(random, F, U)
    layer = keras_2_lstm("first", U, batch_input_shape=[None, T, F], dtype="float64")
    arrays = dict(zip(("first/kernel:0", "first/recurrent_kernel:0", "first/bias:0"), weights, strict=True))
    x = random.normal(size=(2, T, F))
    np.savez(folder / "record.npz", x0=x, y0=lstm(x, weights)[:, -1])
    np.savez(folder / "wrong.npz", x0=x, y0=lstm(x, weights)[:, -1] + 0.01)
    optimizer = {"Adam/m:0": np.ones(3)}
    write_legacy(
        folder / "m.h5", {"first": arrays}, config=sequential(layer), keras_version="2.2.4", optimizer=optimizer
    )
    write_legacy(folder / "w.h5", {"first": arrays})
    (folder / "a.json").write_text(json.dumps({**sequential(layer), "keras_version": "2.2.4"}))
    conv = entry("SReLU", "conv", filters=2, batch_input_shape=[None, T, F])
    write_legacy(folder / "conv.h5", {"conv": {}}, config=sequential(conv), keras_version="2.2.4")
    (folder / "cut.h5").write_bytes((folder / "m.h5").read_bytes()[:5000])
    (folder / "text.h5").write_text("no model")
    with zipfile.ZipFile(folder / "zip.keras", "w") as archive:
        archive.writestr("config.json", "{")
        archive.writestr("model.weights.h5", "")
    return folder


@pytest.mark.slow
def test_help_names_the_commands_and_their_options(run: Run) -> None:
    result = _in_a_process("--help")
    assert result.returncode == 0
    for command in ("inspect", "convert", "verify", "record-script"):
        assert command in result.stdout
    assert "--save-record" in run("verify", "--help").stdout
    assert run("verify", "--help").stdout.count("<bool>") == 0
    version = run("--version").stdout
    assert version.startswith(f"{__version__} (with")
    assert "the kernels in C" in version


def test_help_comes_without_torch() -> None:
    code = (
        "import sys, torch_keras_lstm_command as c\n"
        "sys.argv = ['torch-keras-lstm', 'convert', '--help']\n"
        "try: c.main()\n"
        "finally: sys.exit(bool({'torch', 'torch_keras_lstm', 'h5py'} & {*sys.modules}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def test_inspect_shows_the_layers_and_what_is_left(folder: Path) -> None:
    output = _in_a_process("inspect", folder / "m.h5").stdout
    for words in ("whole model (.h5), written by Keras 2 (2.2.4)", "first", "LSTM", "(None, 4)", "128 parameters"):
        assert words in output
    assert "1 arrays of optimizer left" in output


def test_inspect_of_what_cannot_be_converted_ends_with_1(run: Run, folder: Path) -> None:
    result = run("inspect", folder / "conv.h5")
    assert result.returncode == 1
    assert result.stderr == ""
    assert "not convertible: Layers that are not supported: SReLU (layer `conv`)" in result.stdout


@pytest.mark.slow
def test_convert_writes_a_folder_and_overwrites_only_when_forced(run: Run, folder: Path, tmp_path: Path) -> None:
    result = _in_a_process("convert", folder / "m.h5", "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert f"Wrote {tmp_path / 'out'}: 128 parameters from 3 arrays." in result.stdout.replace("\n", "")
    assert load_model(tmp_path / "out").count_params() == 128
    _fails("holds a model already. Pass `--force`", run("convert", folder / "m.h5", "-o", tmp_path / "out"))
    arguments = (folder / "a.json", "--weights", folder / "w.h5", "-o", tmp_path / "out", "--force")
    assert run("convert", *arguments).returncode == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_verify_ends_with_an_error_when_an_output_differs(run: Run, folder: Path) -> None:
    good = run("verify", folder / "m.h5", "--record", folder / "record.npz")
    assert good.returncode == 0, good.stderr
    assert "ok" in good.stdout
    wrong = _in_a_process("verify", folder / "m.h5", "--record", folder / "wrong.npz")
    assert wrong.returncode == 1
    assert "DIFFERS" in wrong.stdout
    assert wrong.stderr == ""
    loose = run("verify", folder / "m.h5", "--record", folder / "wrong.npz", "--tolerance", "0.5")
    assert loose.returncode == 0


@pytest.mark.slow
def test_verify_shows_the_layers_and_draws_them(folder: Path, tmp_path: Path) -> None:
    record = dict(np.load(folder / "record.npz"))
    np.savez(tmp_path / "r.npz", **record, **{"layer/first": record["y0"] + 0.01})
    result = _in_a_process("verify", folder / "m.h5", "--record", tmp_path / "r.npz", "--plot", tmp_path / "p.png")
    assert result.returncode == 0, result.stderr
    row = next(line for line in result.stdout.splitlines() if "first" in line)
    assert "LSTM" in row
    assert "DIFFERS" in row
    assert "The first layer that departs from the original is `first`." in result.stdout
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_convert_takes_a_folder_and_goes_on_after_a_failure(run: Run, folder: Path, tmp_path: Path) -> None:
    result = _in_a_process("convert", folder, "-o", tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr == ""
    assert "Converted 2 of 6 models" in result.stdout
    assert "a.json + w.h5" in result.stdout
    assert "failed: This is not a Keras model" in result.stdout
    assert "failed: Layers that are not supported: SReLU" in result.stdout
    assert load_model(tmp_path / "out" / "m").count_params() == 128
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "m.h5").write_bytes((folder / "m.h5").read_bytes())
    assert run("convert", tmp_path / "good", "-o", tmp_path / "out2").returncode == 0
    _fails("belongs to one model", run("convert", tmp_path / "good", "-w", folder / "w.h5", "-o", tmp_path / "out3"))


def test_the_record_script_is_printed_to_the_letter() -> None:
    printed = _in_a_process("record-script").stdout
    assert printed == (ROOT / "conversion" / "record_script.py").read_text()
    compile(printed, "record.py", "exec")


def test_a_record_is_read_or_made_but_not_both(run: Run, folder: Path) -> None:
    both = ("--record", folder / "record.npz", "--save-record", folder / "new.npz")
    _fails("not both", run("verify", folder / "m.h5", *both))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.h5", "none.h5: there is no such file or folder."),
        ("text.h5", "This is not a Keras model"),
        ("cut.h5", "truncated"),
        ("zip.keras", "Member `config.json` is not valid JSON"),
        ("conv.h5", "Layers that are not supported: SReLU (layer `conv`)"),
        ("w.h5", "holds weights without an architecture"),
        ("a.json", "This is an architecture without weights"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(run: Run, folder: Path, tmp_path: Path, name: str, message: str) -> None:
    result = run("convert", folder / name, "-o", tmp_path / "out")
    _fails(message, result)
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_hdf5_with_links_is_one_line_too(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "linked.h5"
    path.write_bytes((folder / "m.h5").read_bytes())
    with h5py.File(path, "a") as file:
        del file["model_weights/first/first/bias:0"]
        file["model_weights/first/first/bias:0"] = h5py.ExternalLink("nowhere.h5", "/model_weights")
    _fails("is an external link, and links are not followed", _in_a_process("inspect", path))


def test_a_folder_is_inspected_and_verified_row_by_row(run: Run, folder: Path, tmp_path: Path) -> None:
    result = run("inspect", folder)
    assert result.returncode == 1
    for words in ("m.h5", "no: Layers that are not supported", "failed: ", "truncated", " s "):
        assert words in result.stdout
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.h5").write_bytes((folder / "m.h5").read_bytes())
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "m.npz").write_bytes((folder / "record.npz").read_bytes())
    assert run("inspect", tmp_path / "models").returncode == 0
    verified = run("verify", tmp_path / "models", "--record", tmp_path / "records")
    assert verified.returncode == 0
    assert "ok" in verified.stdout
    (tmp_path / "records" / "m.npz").write_bytes((folder / "wrong.npz").read_bytes())
    differs = run("verify", tmp_path / "models", "--record", tmp_path / "records")
    assert differs.returncode == 1
    assert "DIFFERS" in differs.stdout
    assert "belongs to one model" in run("verify", tmp_path / "models", "--plot", "p.png").stderr


def test_json_is_one_document(run: Run, folder: Path, tmp_path: Path) -> None:
    facts = json.loads(run("inspect", folder / "m.h5", "--json").stdout)
    assert (facts["convertible"], facts["parameters"], facts["layers"][0]["name"]) == (True, 128, "first")
    failed = run("inspect", folder / "text.h5", "--json")
    assert "not a Keras model" in json.loads(failed.stdout)["problem"]
    _fails("not a Keras model", failed)
    made = json.loads(run("convert", folder, "-o", tmp_path / "out", "--json").stdout)
    rows = {Path(row["file"]).name: row for row in made["files"]}
    assert rows["m.h5"]["directory"] == str(tmp_path / "out" / "m")
    assert "truncated" in rows["cut.h5"]["problem"]
    assert rows["a.json"]["weights"].endswith("w.h5")
    assert rows["a.json"]["parameters"] == 128
    again = json.loads(run("convert", folder, "-o", tmp_path / "out", "--json", "--skip-existing").stdout)
    assert {row["file"] for row in again["files"] if row.get("skipped")} == {
        rows["m.h5"]["file"],
        rows["a.json"]["file"],
    }
    verified = json.loads(run("verify", folder / "m.h5", "--record", folder / "wrong.npz", "--json").stdout)
    assert (verified["agrees"], verified["outputs"][0]["agrees"]) == (False, False)


def test_quiet_prints_errors_alone(run: Run, folder: Path, tmp_path: Path) -> None:
    assert run("inspect", folder / "m.h5", "--quiet") == (0, "", "")
    assert run("convert", folder / "m.h5", "-o", tmp_path / "out", "-q") == (0, "", "")
    _fails("not a Keras model", run("inspect", folder / "text.h5", "-q"))


def test_a_terminal_sees_how_far_a_file_is_read(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    with telling(lambda *numbers: told.append(numbers)):
        model = load_model(folder / "m.h5")
    arrays = [*map(np.size, model.get_weights())]
    assert told == [(sum(arrays[: number + 1]), sum(arrays)) for number in range(len(arrays))]
    assert run("convert", folder / "m.h5", "-o", tmp_path / "a").stderr == ""
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal, to rich
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(Shown, "line", lambda *_: None)
    assert "100%" in run("convert", folder / "m.h5", "-o", tmp_path / "b").stderr


def test_an_interrupted_folder_shows_what_is_done(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def interrupted(path: Path, *arguments: Any, **options: Any) -> object:
        if path.name == "m.h5":
            raise KeyboardInterrupt
        made.append(path.name)
        return convert(path, *arguments, **options)

    monkeypatch.setattr("torch_keras_lstm.conversion.model_folder.convert", interrupted)
    result = run("convert", folder, "-o", tmp_path / "out")
    assert result.returncode == 130
    assert "Interrupted after 3 of 6 models." in result.stdout
    assert all(name in result.stdout for name in made)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_what_is_terminated_leaves_nothing_behind(folder: Path, tmp_path: Path, name: str, code: int) -> None:
    script = (
        "import os, signal, sys, torch_keras_lstm_command as c\n"
        "from torch_keras_lstm.conversion import converted_folder as f\n"
        f"f._save = lambda *_: os.kill(os.getpid(), signal.{name})\n"
        f"sys.argv = ['x', 'convert', {str(folder / 'm.h5')!r}, '-o', {str(tmp_path / 'out')!r}]\n"
        "c.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_full_disk_is_one_line(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(converted_folder, "save_file", full)
    _fails("No space left on device", run("convert", folder / "m.h5", "-o", tmp_path / "out"))
    assert [*tmp_path.iterdir()] == []


def test_files_are_readable_as_the_umask_has_it(run: Run, folder: Path, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert run("convert", folder / "m.h5", "-o", tmp_path / "out").returncode == 0
    finally:
        os.umask(before)
    assert {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "out").iterdir()} == {
        "config.json": 0o640,
        "model.safetensors": 0o640,
    }


def test_what_is_converted_already_is_told_so(run: Run, folder: Path, tmp_path: Path) -> None:
    assert run("convert", folder / "m.h5", "-o", tmp_path / "out").returncode == 0
    _fails("is a model that was converted already", run("convert", tmp_path / "out", "-o", tmp_path / "again"))
    (tmp_path / "out").rename(tmp_path / "several")
    (tmp_path / "out").mkdir()
    (tmp_path / "several").rename(tmp_path / "out" / "m")
    _fails("its models were converted already", run("convert", tmp_path / "out", "-o", tmp_path / "again"))


def test_advice_keeps_the_path(run: Run, folder: Path) -> None:
    assert f"weights='{folder / 'w.h5'}'" in run("inspect", folder / "w.h5").stdout.replace("\n", "")


def test_an_architecture_with_weights_has_parameters(run: Run, folder: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other_names.h5", "w") as file, h5py.File(folder / "w.h5") as weights:
        file.attrs["layer_names"] = [b"lstm_7"]
        weights.copy("first", file, "lstm_7")
    facts = json.loads(run("inspect", folder / "a.json", "-w", tmp_path / "other_names.h5", "--json").stdout)
    assert (facts["parameters"], facts["layers"][0]["arrays"]) == (128, 3)


def test_what_is_the_authors_own_is_imported_by_name(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = entry("Doubled", "d", units=U, batch_input_shape=[None, F])
    arrays = {"d": {"d/kernel:0": np.ones((F, U)), "d/bias:0": np.zeros(U)}}
    path = write_legacy(tmp_path / "own.h5", arrays, config=sequential(layer), keras_version="2.8.0")
    (tmp_path / "their_layers.py").write_text(
        "from torch_keras_lstm.layers import Dense\n\n\nclass Doubled(Dense):\n    pass\n"
    )
    monkeypatch.chdir(tmp_path)
    Path("broken_module.py").write_text("1 / 0")
    Path("ending_module.py").write_text("raise SystemExit(0)")
    without = run("inspect", path)
    assert "Doubled" in without.stdout
    assert "`--custom MODULE:NAME`" in without.stdout.replace("\n", " ")
    assert run("inspect", path, "--custom", "their_layers:Doubled").returncode == 0
    assert run("convert", path, "-o", "out", "--custom", "Doubled=their_layers:Doubled").returncode == 0
    for text, words in (
        ("their_layers", "is MODULE:NAME or KEY=MODULE:NAME"),
        ("their_layers:Missing", "is not to be had"),
        ("no_such_module:Doubled", "is not to be had"),
        ("broken_module:Doubled", "ZeroDivisionError"),
        ("ending_module:Doubled", "SystemExit"),
    ):
        result = run("inspect", path, "--custom", text)
        assert result.returncode == 2
        assert words in result.stderr


def test_misuse_shows_the_usage(run: Run) -> None:
    result = run("convert", "m.h5")
    assert result.returncode == 2
    assert "--output" in result.stderr
    for number in ("-1", "nan"):
        result = run("verify", "m.h5", "--tolerance", number)
        assert result.returncode == 2
        assert "a number of at least 0 is expected" in result.stderr


def test_mixed_precision_is_kept_when_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    described = keras_2_lstm("first", U, batch_input_shape=[None, T, F], dtype="mixed_bfloat16")
    random = np.random.default_rng(6)
    names = ("first/kernel:0", "first/recurrent_kernel:0", "first/bias:0")
    arrays = dict(zip(names, lstm_weights(random, F, U), strict=True))
    path = write_legacy(tmp_path / "m.h5", {"first": arrays}, config=sequential(described), keras_version="2.15.0")
    for given, policy in (((), "float32"), (("--dtype-policy", "as saved"), "mixed_bfloat16")):
        result = run("convert", path, "-o", tmp_path / "out", "--force", *given)
        assert result.returncode == 0, result.stderr
        assert result.stdout.count("mixed_bfloat16") == 1
        assert load_model(tmp_path / "out").get_layer(index=0).dtype_policy.name == policy
    assert run("convert", path, "-o", tmp_path / "out", "--dtype-policy", "half").returncode == 2
    _fails(
        "`--source` writes models in float32",
        run("convert", path, "-o", tmp_path / "source", "--source", "--dtype-policy", "as saved"),
    )
