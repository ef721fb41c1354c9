"""Every argument that Keras 3.15 or tf_keras 2.21 may write of a layer that we know is read, or refused on purpose."""

import inspect
import json
from typing import Any

import keras
import pytest
import tf_keras

from torch_keras_lstm.conversion.argument_kinds import ARGUMENTS, EVERY_LAYER, check_arguments
from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.dialects import translate
from torch_keras_lstm.conversion.producer import Generation, Producer

PRODUCERS = {
    keras: Producer(Generation.KERAS_3, keras.__version__),
    tf_keras: Producer(Generation.TF_KERAS, tf_keras.__version__),
}
# What Keras itself gives to its constructors, or takes and never writes.
NEVER_WRITTEN = {
    "*": {"self", "args", "kwargs", "name", "dtype", "trainable", "activity_regularizer", "autocast", "dynamic"},
    "Bidirectional": {"weights"},
    "EinsumDense": {"gptq_unpacked_column_size"},
    "Embedding": {"weights", "sparse"},
    "GRU": {"use_cudnn"},
    "LSTM": {"use_cudnn"},
    "Softmax": {"robust_masking"},
}
# Taken out by the translation whatever its value, for it changes no number that a model computes.
VOID = {
    "Dense": {"lora_alpha", "lora_rank", "quantization_config"},
    "EinsumDense": {"lora_alpha", "lora_rank", "quantization_config"},
    "Embedding": {"input_length", "lora_alpha", "lora_rank", "quantization_config"},
}
# Another value than this is refused, by name.
REFUSED: dict[str, dict[str, Any]] = {
    "CategoryEncoding": {"sparse": True},
    "Discretization": {"sparse": True},
    "HashedCrossing": {"sparse": True},
    "Hashing": {"sparse": True},
    "IntegerLookup": {"sparse": True, "vocabulary": "a_file.txt"},
    "StringLookup": {"sparse": True, "vocabulary": "a_file.txt"},
    "TextVectorization": {"sparse": True, "ragged": True, "vocabulary": "a_file.txt"},
    "GRU": {"time_major": True},
    "LSTM": {"time_major": True},
    "RNN": {"time_major": True},
}
RENAMED = {"LeakyReLU": {"alpha"}}
BOTH = [
    pytest.param(library, name, id=f"{library.__name__}-{name}")
    for library in PRODUCERS
    for name in LAYERS
    if hasattr(library.layers, name)
]


@pytest.mark.parametrize(("library", "name"), BOTH)
def test_every_argument_of_the_constructor_is_known(library: Any, name: str) -> None:
    theirs = set(inspect.signature(getattr(library.layers, name).__init__).parameters)
    known = ARGUMENTS[name].keys() | EVERY_LAYER.keys() | RENAMED.get(name, set())
    excused = NEVER_WRITTEN["*"] | NEVER_WRITTEN.get(name, set()) | VOID.get(name, set()) | REFUSED.get(name, {}).keys()
    assert theirs - known <= excused


@pytest.mark.parametrize(("library", "name"), BOTH)
def test_a_plain_layer_is_written_in_arguments_that_are_read(library: Any, name: str) -> None:
    config = plain_config(library, name)
    class_name, arguments, notes = translate(name, config, PRODUCERS[library], "Layer `a`")
    assert class_name == name
    check_arguments(name, arguments, "Layer `a`")
    assert not notes
    assert not config.keys() & NEVER_WRITTEN.get(name, set())


@pytest.mark.parametrize(("name", "argument"), [(name, key) for name, values in REFUSED.items() for key in values])
def test_what_is_refused_is_named(name: str, argument: str) -> None:
    config = {**plain_config(keras, name), argument: REFUSED[name][argument]}
    with pytest.raises(ValueError, match=rf"Layer `a` \({name}\).*`{argument}"):
        check_arguments(name, translate(name, config, PRODUCERS[keras], "Layer `a`")[1], "Layer `a`")


@pytest.mark.parametrize(("name", "argument"), [(name, key) for name, values in VOID.items() for key in sorted(values)])
def test_what_means_nothing_is_dropped(name: str, argument: str) -> None:
    assert argument not in translate(name, {argument: 4}, PRODUCERS[keras], "Layer `a`")[1]


def plain_config(library: Any, name: str) -> Any:
    """What the library writes of a layer with no more arguments than it needs."""
    layer_class = getattr(library.layers, name)
    needed = {
        "layer": library.layers.LSTM(2),
        "cell": library.layers.LSTMCell(2),
        "layers": [library.layers.ReLU()],
        "max_number": 3,
        "cells": [library.layers.LSTMCell(2)],
        "units": 3,
        "filters": 3,
        "kernel_size": 3,
        "pool_size": 2,
        "rate": 0.5,
        "stddev": 1.0,
        "activation": "relu",
        "input_dim": 7,
        "output_dim": 3,
        "num_heads": 2,
        "key_dim": 3,
        "head_dim": 3,
        "num_query_heads": 2,
        "num_key_value_heads": 1,
        "output_size": 3,
        "height": 3,
        "width": 4,
        "num_tokens": 5,
        "n": 2,
        "scale": 2.0,
        "equation": "ab,bc->ac",
        "output_shape": 3,
        "axes": 1,
        "dims": [2, 1],
        "target_shape": [3],
        "num_bins": 5,
        "factor": 1.0,
        "height_factor": 0.5,
        "width_factor": 0.5,
    }
    parameters = inspect.signature(layer_class.__init__).parameters.values()
    required = [parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty]
    # whose defaults are refused
    required += {"CategoryEncoding": ["num_tokens"], "Discretization": ["num_bins"], "Hashing": ["num_bins"]}.get(
        name, []
    )
    required += ["num_bins"] if name == "HashedCrossing" else []
    config = layer_class(**{key: value for key, value in needed.items() if key in required}).get_config()
    return json.loads(json.dumps(config, default=lambda value: value.tolist()))
