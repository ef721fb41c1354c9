"""A page that runs a converted Keras model in the browser: draw a digit, and watch the LSTMs read it.

    npm install --prefix npm onnxruntime-web@1.30.0
    python examples/browser/build.py --onnxruntime npm/node_modules/onnxruntime-web --output site
    python -m http.server --directory site      # then http://localhost:8000

``examples/models/digits_bilstm.h5``, trained by Keras, becomes ``digits.onnx``, which also gives the states of its
LSTMs after each column. Beside it stand the page and onnxruntime-web: static files, and nothing is fetched from
elsewhere. Needs ``pip install "torch-keras-lstm[onnx]"``.
"""

import argparse
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch

from torch_keras_lstm import Model
from torch_keras_lstm.conversion import load_model

HERE = Path(__file__).parent
DIGITS = HERE.parent / "models" / "digits_bilstm.h5"
PAGE = ("index.html", "page.js", "style.css")
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def watched_model() -> Any:
    """(batch, 8 columns, 8 pixels) -> the probabilities, and what both LSTMs put out at each column."""
    model = load_model(DIGITS)
    both_ways, reader = model.get_layer("bidirectional"), model.get_layer("lstm_1")
    reader.return_sequences = True
    states = reader(both_ways.output)
    probabilities = model.get_layer("dense")(states[:, -1])
    return Model(model.input, [probabilities, both_ways.output, states]).eval()


def build(onnxruntime: Path, output: Path) -> None:
    """Write the page and all that it needs into the folder ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's, in its own tracing
        torch.onnx.export(
            watched_model(),
            (torch.ones(2, 8, 8),),
            output / "digits.onnx",
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            input_names=["columns"],
            output_names=["probabilities", "both_ways", "reader"],
            external_data=False,
            verbose=False,
        )
    for name in PAGE:
        shutil.copyfile(HERE / name, output / name)
    for name in RUNTIME:
        shutil.copyfile(onnxruntime / "dist" / name, output / name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--onnxruntime", type=Path, required=True, help="the folder of the npm package onnxruntime-web")
    parser.add_argument("--output", type=Path, default=Path("site"), help="the folder to write")
    arguments = parser.parse_args()
    build(arguments.onnxruntime, arguments.output)
    print(f"Serve it: python -m http.server --directory {arguments.output}")
