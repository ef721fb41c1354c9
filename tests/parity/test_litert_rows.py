"""A file that TensorFlow's converter wrote for one number of rows runs any of them."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated

from torch_keras_lstm.models.litert_rows import with_free_rows

ROWS = 97
ROW = np.arange(-4, 5, dtype=np.float32) / 4


@pytest.fixture(autouse=True)
def _schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """The format as TensorFlow has it, which is that of LiteRT's own library."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert", SimpleNamespace(schema_py_generated=schema_py_generated))


def _file(constant: Any) -> bytes:
    def cut(values: Any) -> Any:
        inner = tf.reshape(tf.slice(values, [0, 1, 0], [ROWS, 3, 3]), [ROWS, 9])
        return tf.maximum(inner, tf.constant(constant))

    function = tf.function(cut).get_concrete_function(tf.TensorSpec((ROWS, 5, 3), tf.float32))
    file: bytes = tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
    return file


@pytest.mark.filterwarnings("ignore")  # of the interpreter, which TensorFlow will part with
def test_any_number_of_rows() -> None:
    file = with_free_rows(_file(np.tile(ROW, (ROWS, 1))), ROWS)
    assert file is not None
    interpreter = tf.lite.Interpreter(model_content=file)
    (given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert list(given["shape_signature"]) == [-1, 5, 3]
    for rows in (1, 2, ROWS + 1):
        values = np.random.default_rng(rows).normal(size=(rows, 5, 3)).astype(np.float32)
        interpreter.resize_tensor_input(given["index"], values.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], values)
        interpreter.invoke()
        inner = values[:, 1:4].reshape(rows, 9)
        np.testing.assert_array_equal(interpreter.get_tensor(result["index"]), np.maximum(inner, ROW))


def test_rows_that_differ_cannot_be_freed() -> None:
    assert with_free_rows(_file(np.random.default_rng(0).normal(size=(ROWS, 9)).astype(np.float32)), ROWS) is None
