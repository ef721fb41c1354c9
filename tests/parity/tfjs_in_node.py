"""TF.js in Node: `@tensorflow/tfjs` of npm, which is pure JavaScript, where both are installed."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_HERE = Path(__file__).parent


@cache
def why_not() -> str | None:
    """Why TF.js cannot be asked; ``None`` when it can."""
    if shutil.which("node") is None:
        return "there is no Node"
    found = subprocess.run(
        ["node", "-e", "require.resolve('@tensorflow/tfjs')"], capture_output=True, env=_environment()
    )
    return "npm's @tensorflow/tfjs is not installed" if found.returncode else None


@cache
def _environment() -> dict[str, str]:
    places = [os.environ.get("NODE_PATH", "")]
    if shutil.which("npm") is not None:
        places.append(subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=False).stdout.strip())
    return {**os.environ, "NODE_PATH": os.pathsep.join(filter(None, places))}


def run(script: Path, *arguments: object, text: str = "") -> str:
    """What a script prints; its errors are the test's."""
    command = ["node", str(script), *map(str, arguments)]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env=_environment(), check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(jobs: Sequence[tuple[Path, Sequence[Array]]]) -> list[list[Array] | str]:
    """What TF.js answers for each ``model.json`` and its inputs, or its error."""
    told = [{"model": str(path), "inputs": [*map(_plain, inputs)]} for path, inputs in jobs]
    found = json.loads(run(_HERE / "tfjs_answers.js", text=json.dumps(told)))
    return [one.get("error") or [*map(array, one["outputs"])] for one in found]


def _plain(values: Array) -> dict[str, Any]:
    dtype = "float32" if values.dtype.kind == "f" else "int32"
    return {"shape": values.shape, "dtype": dtype, "values": values.ravel().tolist()}


def array(told: Any) -> Array:
    """An array as the scripts write it."""
    return np.array(told["values"], told.get("dtype", "float32")).reshape(told["shape"])
