"""Random models that Keras 3 and tf_keras can both build, for files that they write and predictions that they make."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from torch_keras_lstm.conversion import load_model

BATCH, TIME, FEATURES, WORDS = 4, 6, 3, 11

Array = np.ndarray[Any, np.dtype[Any]]


def random_layers(keras: Any, random: np.random.Generator) -> tuple[Any, list[Any], Array]:
    """An input, layers to stack on it and inputs to call them with."""
    layers = keras.layers
    start = random.choice(["embedding", "masked embedding", "masking", "plain"])
    x: Array
    if start.endswith("embedding"):
        x = random.integers(1, WORDS, (BATCH, TIME))
        x[1, 4:] = x[2, 1:] = x[3, :2] = 0
        first = [layers.Embedding(WORDS, FEATURES, mask_zero=start.startswith("masked"))]
        return layers.Input((TIME,), dtype="int32"), first + _middle(layers, random) + _end(layers, random), x
    x = random.normal(size=(BATCH, TIME, FEATURES))
    x[1, 4:] = x[2, 1:] = x[3, :2] = -1.5
    first = [layers.Masking(-1.5)] if start == "masking" else []
    return layers.Input((TIME, FEATURES)), first + _middle(layers, random) + _end(layers, random), x


def _lstm_arguments(random: np.random.Generator) -> dict[str, Any]:
    return {
        "units": int(random.integers(2, 6)),
        "activation": str(random.choice(["tanh", "relu", "softsign", "linear"], p=[0.6, 0.1, 0.2, 0.1])),
        "recurrent_activation": str(random.choice(["sigmoid", "hard_sigmoid"])),
        "use_bias": bool(random.random() < 0.8),
        "unit_forget_bias": bool(random.random() < 0.5),
        "dropout": float(random.choice([0.0, 0.25])),
        "recurrent_dropout": float(random.choice([0.0, 0.25])),
        "kernel_regularizer": "l2" if random.random() < 0.5 else None,
        "bias_constraint": "max_norm" if random.random() < 0.5 else None,
    }


def _bidirectional(layers: Any, random: np.random.Generator, sequences: bool) -> Any:
    arguments = _lstm_arguments(random)
    backward = None
    if random.random() < 0.3:
        backward = layers.LSTM(
            **{**arguments, "activation": "tanh"}, return_sequences=sequences, go_backwards=True, name="mine"
        )
    merge = str(random.choice(["concat", "sum", "ave", "mul"]))
    return layers.Bidirectional(
        layers.LSTM(**arguments, return_sequences=sequences), merge_mode=merge, backward_layer=backward
    )


def _middle(layers: Any, random: np.random.Generator) -> list[Any]:
    makers = {
        "lstm": lambda: layers.LSTM(
            **_lstm_arguments(random), return_sequences=True, go_backwards=bool(random.random() < 0.3)
        ),
        "bidirectional": lambda: _bidirectional(layers, random, sequences=True),
        "rnn": lambda: layers.RNN(layers.LSTMCell(**_lstm_arguments(random)), return_sequences=True),
        "per step": lambda: layers.TimeDistributed(layers.Dense(int(random.integers(2, 6)), activation="hard_sigmoid")),
        "dropout": lambda: layers.Dropout(0.5),
        "activation": lambda: layers.Activation(str(random.choice(["elu", "hard_sigmoid"]))),
    }
    return [makers[kind]() for kind in random.choice([*makers], int(random.integers(1, 4)))]


def _end(layers: Any, random: np.random.Generator) -> list[Any]:
    last = layers.LSTM(**_lstm_arguments(random)) if random.random() < 0.5 else _bidirectional(layers, random, False)
    head = [layers.Dense(3, activation="softmax")]
    if random.random() < 0.4:
        head = [
            layers.RepeatVector(2),
            layers.LSTM(**_lstm_arguments(random), return_sequences=True),
            layers.Flatten(),
            *head,
        ]
    return [last, *head]


def randomize(model: Any, random: np.random.Generator) -> None:
    """Weights that differ in every entry: constants and zero biases would hide what is swapped."""
    model.set_weights([random.normal(0.0, 0.6, weight.shape) for weight in model.get_weights()])


def our_answer(x: Array, path: Path, weights: Path | None = None) -> Array:
    """What the converted model says, in NumPy."""
    model = load_model(path, weights)
    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(x)))
