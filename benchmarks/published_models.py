"""Which published models load here, in Keras 3 and in tf_keras, and how far each is from what its own Keras gave.

    python benchmarks/published_models.py FOLDER > docs/published_models.md

FOLDER holds ``manifest.jsonl`` and the models as ``tests/test_corpus.py`` describes them. Each library runs in a
process of its own.
"""

import argparse
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LIBRARIES = {"torch_keras_lstm": "here", "keras": "Keras 3.15.1", "tf_keras": "tf_keras 2.21"}


def files(folder: Path, model: dict[str, Any]) -> tuple[Path, Path | None]:
    """The path to load, and the weights that belong to it."""
    found = {
        file.suffix.replace("hdf5", "h5"): file for file in folder.iterdir() if file.name not in model["extra_files"]
    }
    if ".json" in found:
        return found[".json"], found.get(".h5")
    return (folder if "SavedModel" in model["format"] else found.get(".keras") or found[".h5"]), None


def loader(library: str) -> Callable[[Path, Path | None], Callable[[list[Any]], list[Any]]]:
    """What loads a model and gives a function from its inputs to its outputs."""
    if library == "torch_keras_lstm":
        import torch

        from torch_keras_lstm.models import load_model

        def ours(path: Path, weights: Path | None) -> Any:
            model = load_model(path, weights)

            def call(inputs: list[Any]) -> list[Any]:
                tensors = [torch.from_numpy(values) for values in inputs]
                with torch.no_grad():
                    outputs = model(tensors if len(tensors) > 1 else tensors[0])
                return [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)

            return call

        return ours
    import importlib

    models = importlib.import_module(f"{library}.models")

    def theirs(path: Path, weights: Path | None) -> Any:
        if path.suffix == ".json":
            model = models.model_from_json(path.read_text())
            if weights is not None:
                model.load_weights(weights)
        else:
            model = models.load_model(path, compile=False)

        def call(inputs: list[Any]) -> list[Any]:
            outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
            return list(outputs) if isinstance(outputs, list | tuple) else [outputs]

        return call

    return theirs


def error(call: Callable[[list[Any]], list[Any]], reference: Path) -> float:
    """The largest difference, relative to the largest value."""
    with np.load(reference) as record:
        outputs = call([record[name] for name in sorted(record) if name.startswith("x")])
        pairs = [(np.asarray(output), record[f"y{index}"]) for index, output in enumerate(outputs)]
    return max(float(np.abs(got - wanted).max() / np.abs(wanted).max()) for got, wanted in pairs)


def result(load: Any, folder: Path, model: dict[str, Any]) -> str:
    """One cell of the table."""
    references = sorted(folder.glob("ref_*.npz"))
    if not (model["keras_version"] or "").startswith("3"):  # Keras 3 gives other numbers for some of the older ones
        references = [reference for reference in references if reference.name != "ref_k3.npz"]
    try:
        call = load(*files(folder, model))
        errors = [error(call, reference) for reference in references]
    except Exception as problem:  # whatever a library answers is what the table is about
        words = re.sub(r"\S*/", "", " ".join(str(problem).split())).replace("|", "/")
        return f"{type(problem).__name__}: {words[:100]}"
    return f"{max(errors):.1e}" if errors else "loads"


def column(library: str, folder: Path) -> None:
    """Print the library's cells, a line of JSON each."""
    warnings.simplefilter("ignore")
    load = loader(library)
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        model = json.loads(line)
        print("=" + json.dumps([model["id"], result(load, folder / model["id"], model)]), flush=True)


def main() -> None:
    """Print the table, or one library's column of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--library", choices=LIBRARIES)
    arguments = parser.parse_args()
    if arguments.library:
        column(arguments.library, arguments.folder)
        return
    cells: dict[str, dict[str, str]] = {}
    for library in LIBRARIES:
        command = [sys.executable, __file__, str(arguments.folder), "--library", library]
        printed = subprocess.run(command, capture_output=True, text=True).stdout
        cells[library] = dict(json.loads(line[1:]) for line in printed.splitlines() if line.startswith("="))
    print("# Published models\n")
    print(
        "The largest error of each model's outputs, relative to the largest, against what the Keras that saved it gave;"
    )
    print("or what the library said instead. `python benchmarks/published_models.py FOLDER` makes this table.\n")
    print(f"| model | saved by Keras | file | {' | '.join(LIBRARIES.values())} |")
    print("|---" * (3 + len(LIBRARIES)) + "|")
    for line in (arguments.folder / "manifest.jsonl").read_text().splitlines():
        model = json.loads(line)
        row = [cells[library].get(model["id"], "the process ended") for library in LIBRARIES]
        print(f"| {model['id']} | {model['keras_version'] or ''} | {model['format']} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
