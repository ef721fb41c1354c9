"""Compare with another Keras than the one of the test environment: ``python tests/keras_versions.py 3.8``.

A virtual environment with that Keras and a TensorFlow of its time is made, and ``tests/parity/test_any_keras_3.py``
runs in it: models of layers over time, masks and graphs that it saves are read, trained on and given back to it::

    python tests/keras_versions.py 3.0 3.5 3.8 3.12 3.15 nightly     # the table of docs/keras_versions.md
    python tests/keras_versions.py nightly -- -k both_ways -x        # pytest's own arguments after the two dashes
    python tests/keras_versions.py 3.12 --all                        # the tests for 3.15 too: what changed

The environments stay, in ``~/.cache/torch_keras_lstm/keras_versions`` or where ``--folder`` says, so that a second run
takes as long as its tests.
"""

import argparse
import os
import re
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parents[1]
NEUTRAL = ("test_any_keras_3.py",)
FOR_ONE_RELEASE = (
    "test_lstm_matches_keras.py", "test_gru_and_simple_rnn_match_keras.py", "test_rnn_matches_keras.py",
    "test_bidirectional_matches_keras.py", "test_stacks_match_keras.py", "test_masks_travel_as_in_keras.py",
    "test_conversion_keras.py", "test_conversion_recurrent_and_normalization.py", "test_conversion_functional.py",
    "test_written_files_match_keras.py",
)  # fmt: skip
# TensorFlow's builds for the CPU alone are for Linux.
TENSORFLOW = "tensorflow-cpu" if sys.platform == "linux" else "tensorflow"


@dataclass(frozen=True)
class Release:
    """A Keras, and what it runs on.

    Attributes:
        keras: the requirement.
        tensorflow: the version of TensorFlow that came out with it.
        numpy: the requirement, where the newest is too new for that TensorFlow.
    """

    keras: str
    tensorflow: str
    numpy: str = "numpy"


RELEASES = {
    "3.0": Release("keras==3.0.5", "2.16.2", "numpy<2"),
    "3.5": Release("keras==3.5.0", "2.17.1", "numpy<2"),
    "3.8": Release("keras==3.8.0", "2.18.1", "numpy<2.1"),
    "3.12": Release("keras==3.12.0", "2.20.0"),
    "3.15": Release("keras==3.15.1", "2.21.0"),
    "nightly": Release("keras-nightly==3.16.0.dev2026102704", "2.21.0"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests against each Keras that is asked for, and print the table of what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("releases", nargs="+", choices=RELEASES, help="which Keras")
    default = Path.home() / ".cache" / "torch_keras_lstm" / "keras_versions"
    parser.add_argument("--all", action="store_true", help="run the tests that are written for one release, too")
    parser.add_argument("--folder", type=Path, default=default, help="where the environments are")
    given = list(sys.argv[1:] if arguments is None else arguments)
    split = given.index("--") if "--" in given else len(given)
    options = parser.parse_args(given[:split])
    rows, worst = [], 0
    for name in options.releases:
        report = options.folder / f"{name}.xml"
        tests = (*NEUTRAL, *FOR_ONE_RELEASE) if options.all else NEUTRAL
        code = run(environment(RELEASES[name], options.folder / name), tests, report, given[split + 1 :])
        worst = max(worst, code)
        rows.append(row(RELEASES[name], report))
    print("| Keras | TensorFlow | passed | failed | of these |\n|---|---|---|---|---|")
    print(*rows, sep="\n")
    return worst


def environment(release: Release, folder: Path) -> Path:
    """The Python of the virtual environment for ``release``, which is made unless it is there."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "complete"
    if done.exists():
        return python
    venv.create(folder, clear=True, with_pip=True)
    pins = {
        line.partition("==")[0]: line
        for line in (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").split()
        if "==" in line
    }
    tools = [pins[name] for name in ("torch", "h5py", "safetensors", "pytest", "hypothesis", "typer", "rich", "pyyaml")]
    needed = [*tools, release.numpy, f"{TENSORFLOW}=={release.tensorflow}", "triton; sys_platform == 'linux'"]
    nightly = release.keras.startswith("keras-nightly")
    pip(python, "install", *needed, *([] if nightly else [release.keras]))
    minor = release.tensorflow.rpartition(".")[0]
    pip(python, "install", "--no-deps", f"tf_keras=={minor}.*")  # which asks for TensorFlow by its other name
    if nightly:  # it is another package in the same place
        pip(python, "uninstall", "-y", "keras")
        pip(python, "install", "--no-deps", release.keras)
    done.touch()
    return python


def pip(python: Path, *arguments: str) -> None:
    """Run pip, and stop where it does."""
    subprocess.run([str(python), "-m", "pip", "-q", "--disable-pip-version-check", *arguments], check=True)


def run(python: Path, tests: Sequence[str], report: Path, options: Sequence[str]) -> int:
    """Run tests of this checkout with ``python``; the exit code of pytest."""
    files = [f"tests/parity/{name}" for name in tests]
    # An error in the tests elsewhere, but what another Keras warns of is its own affair.
    quiet = ["-W", "ignore:Layer '", "-W", "ignore::DeprecationWarning"]
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *quiet, *files]
    variables = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run([*command, *options], cwd=CHECKOUT, env=variables, check=False).returncode


def row(release: Release, report: Path) -> str:
    """The line of the table for what pytest reported."""
    cases = [*ElementTree.parse(report).iter("testcase")]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    # a case by its test, without the values that it was called with
    tests = Counter(re.sub(r"\[.*", "", case.get("name", "")) for case in failed)
    listed = ", ".join(f"`{name}` ({count})" for name, count in sorted(tests.items()))
    version = release.keras.partition("==")[2]
    return f"| {version} | {release.tensorflow} | {len(cases) - len(failed)} | {len(failed)} | {listed} |"


if __name__ == "__main__":
    sys.exit(main())
