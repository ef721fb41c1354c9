"""The names that users rely on, and the arguments of the layer they come for."""

import importlib
import inspect

import pytest

import torch_keras_lstm

MODULES = ["torch_keras_lstm", *(f"torch_keras_lstm.{name}" for name in (
    "activations", "backend", "callbacks", "config", "constraints", "conversion", "datasets", "initializers", "layers",
    "losses", "metrics", "models", "optimizers", "optimizers.schedules", "preprocessing", "preprocessing.sequence",
    "preprocessing.text", "recurrence", "regularizers", "saving", "training", "tree", "utils",
))]  # fmt: skip
LAYERS = {
    "Activation", "Bidirectional", "Dense", "Dropout", "Embedding", "Flatten", "Input", "InputLayer", "LSTM",
    "LSTMCell", "Layer", "Masking", "RNN", "RepeatVector", "TimeDistributed",
}  # fmt: skip
# the signature of keras.layers.LSTM of Keras 3.15, in its order
LSTM_ARGUMENTS = {
    "units": inspect.Parameter.empty, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True,
    "kernel_initializer": "glorot_uniform", "recurrent_initializer": "orthogonal", "bias_initializer": "zeros",
    "unit_forget_bias": True, "kernel_regularizer": None, "recurrent_regularizer": None, "bias_regularizer": None,
    "activity_regularizer": None, "kernel_constraint": None, "recurrent_constraint": None, "bias_constraint": None,
    "dropout": 0.0, "recurrent_dropout": 0.0, "seed": None, "return_sequences": False, "return_state": False,
    "go_backwards": False, "stateful": False, "unroll": False, "use_cudnn": "auto",
}  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_there_and_documented(module: str) -> None:
    imported = importlib.import_module(module)
    assert imported.__doc__
    for name in getattr(imported, "__all__", ()):
        value = getattr(imported, name)
        if inspect.ismodule(value) or inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


def test_the_layers_are_those_of_keras() -> None:
    assert set(torch_keras_lstm.layers.__all__) >= LAYERS
    assert set(torch_keras_lstm.models.__all__) >= {"Sequential", "load_model"}


def test_the_lstm_has_the_arguments_of_keras_in_their_order() -> None:
    parameters = inspect.signature(torch_keras_lstm.layers.LSTM).parameters
    positional = {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    }
    assert list(positional.items()) == list(LSTM_ARGUMENTS.items())


def test_a_call_has_the_arguments_of_keras_in_their_order() -> None:
    layers = torch_keras_lstm.layers
    for layer in (layers.LSTM, layers.RNN, layers.Bidirectional):
        names = list(inspect.signature(layer.forward).parameters)
        assert names == ["self", "inputs", "mask", "initial_state", "training"]
