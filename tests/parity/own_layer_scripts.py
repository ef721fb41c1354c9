"""Layers of one's own as a Keras user writes them, in terms of a namespace: ``keras``, or this package.

Each script returns a model and its inputs. The text of a class is the same on both sides.
"""

# mypy: disable-error-code="misc"

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Script = Callable[[Any, np.random.Generator], tuple[Any, Any]]

BATCH, TIME, FEATURES = 4, 5, 3


def _values(random: np.random.Generator, *shape: int) -> Array:
    return random.normal(size=shape)


def simple_dense(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Keras' own example, between layers: weights made in `build`, an activity regularizer from the keywords."""

    class SimpleDense(k.layers.Layer):
        def __init__(self, units: int = 32, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(
                shape=(input_shape[-1], self.units),
                initializer="glorot_uniform",
                trainable=True,
                name="kernel",
                regularizer=k.regularizers.L2(0.02),
            )
            self.bias = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="bias")

        def call(self, inputs: Any) -> Any:
            return k.ops.matmul(inputs, self.kernel) + self.bias

    layers = [SimpleDense(6, activity_regularizer="l2"), k.layers.LSTM(4), SimpleDense(2)]
    return k.Sequential([k.Input((TIME, FEATURES)), *layers]), _values(random, BATCH, TIME, FEATURES)


def weights_in_init_and_out_of_order(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Weights that are not trained come last whatever the order in which they are made; by places and unnamed."""

    class Scaled(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")
            self.scale = self.add_weight((FEATURES,), "ones")
            self.shift = k.Variable(np.full(FEATURES, 0.5, k.backend.floatx()), name="shift")

        def call(self, inputs: Any) -> Any:
            self.calls.assign_add(1.0)
            return inputs * self.scale + self.shift * self.calls

    return k.Sequential([k.Input((TIME, FEATURES)), Scaled(), k.layers.GRU(4)]), _values(random, BATCH, TIME, FEATURES)


def nested(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Layers made in `__init__` and in `build`, in a list, a dictionary and a tuple, nested and appended to later."""

    class Block(k.layers.Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.towers: list[Any] = []
            for size in (units, units + 1):
                self.towers.append(k.layers.Dense(size, activation="tanh"))
            self.heads = {"left": k.layers.Dense(3), "right": [k.layers.Dense(2), None]}
            self.pair = (k.layers.LayerNormalization(), "note")

        def build(self, input_shape: Any) -> None:
            self.gate = k.layers.Dense(input_shape[-1], activation="sigmoid")
            self.gate.build(input_shape)
            self.bias = self.add_weight(shape=(3,), initializer="ones", name="bias")

        def call(self, inputs: Any) -> Any:
            x = self.pair[0](inputs * self.gate(inputs))
            for tower in self.towers:
                x = tower(x)
            return k.ops.concatenate([self.heads["left"](x) + self.bias, self.heads["right"][0](x)], axis=-1)

    x = k.Input((TIME, FEATURES))
    y = k.layers.LSTM(4)(Block(5)(x))
    return k.Model(x, k.layers.Dense(2)(y)), _values(random, BATCH, TIME, FEATURES)


def several_inputs(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Shapes by the names of arguments, and in a list for a list; several outputs."""

    class Bilinear(k.layers.Layer):
        def build(self, left_shape: Any, right_shape: Any) -> None:
            self.w = self.add_weight(shape=(left_shape[-1], right_shape[-1]), initializer="orthogonal", name="w")

        def call(self, left: Any, right: Any) -> Any:
            return k.ops.matmul(left, self.w) * right

    class Mixed(k.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.weights_of = [self.add_weight(shape=(shape[-1],), initializer="ones") for shape in input_shape]

        def call(self, inputs: Any) -> Any:
            return [value * weight for value, weight in zip(inputs, self.weights_of, strict=True)]

    left, right = k.Input((FEATURES,), name="left"), k.Input((2,), name="right")
    a, b = Mixed()([left, right])
    model = k.Model([left, right], k.layers.Dense(3)(Bilinear()(a, right=b)))
    return model, [_values(random, BATCH, FEATURES), _values(random, BATCH, 2)]


def losses_and_constraint(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """`add_loss` in `call`, of a layer that is called twice; a regularizer set later."""

    class Penalized(k.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1], input_shape[-1]), initializer="he_normal", name="w")
            self.w.regularizer = k.regularizers.L1(0.03)

        def call(self, inputs: Any) -> Any:
            outputs = k.ops.tanh(k.ops.matmul(inputs, self.w))
            self.add_loss(0.1 * k.ops.mean(k.ops.square(outputs)))
            return outputs

    x = k.Input((FEATURES,))
    layer = Penalized()
    return k.Model(x, k.layers.Dense(2)(layer(layer(x)))), _values(random, BATCH, FEATURES)


def derived(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Classes derived from LSTM, Dense and Bidirectional with `super().call` and `super().build`."""

    class Clipped(k.layers.LSTM):
        def __init__(self, units: int, limit: float = 0.1, **kwargs: Any) -> None:
            super().__init__(units, **kwargs)
            self.limit = limit

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.gain = self.add_weight(shape=(self.units,), initializer="ones", name="gain")

        def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
            outputs = super().call(sequences, initial_state=initial_state, mask=mask, training=training)
            return k.ops.clip(outputs, -self.limit, self.limit) * self.gain

    class Doubled(k.layers.Dense):
        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs) + k.ops.sum(self.kernel)

    class Flipped(k.layers.Bidirectional):
        def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
            return -super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    layers = [
        Flipped(k.layers.LSTM(3, return_sequences=True)),
        Clipped(4, limit=0.2, activity_regularizer="l2"),
        Doubled(2, kernel_regularizer="l1"),
    ]
    return k.Sequential([k.Input((TIME, FEATURES)), *layers]), _values(random, BATCH, TIME, FEATURES)


def lazily(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Layers inside that are built by the call, another shape behind, no `compute_output_shape`."""

    class Encoder(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = k.layers.GRU(6, return_sequences=True)
            self.dense = k.layers.Dense(4)

        def call(self, inputs: Any, training: Any = None) -> Any:
            x = self.dense(self.recurrent(inputs, training=training))
            return k.ops.reshape(x, (-1, TIME * 4))

    layers = [Encoder(), k.layers.Dense(3, activation="relu")]
    return k.Sequential([k.Input((TIME, FEATURES)), *layers]), _values(random, BATCH, TIME, FEATURES)


def model_class(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """A model class with a list of layers, called on numbers first."""

    class Stack(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnns = [k.layers.LSTM(4, return_sequences=True), k.layers.SimpleRNN(3)]
            self.heads = {"mean": k.layers.Dense(2)}

        def call(self, inputs: Any, training: Any = None) -> Any:
            for rnn in self.rnns:
                inputs = rnn(inputs, training=training)
            return self.heads["mean"](inputs)

    model, inputs = Stack(), _values(random, BATCH, TIME, FEATURES)
    model(inputs)
    return model, inputs


SCRIPTS = [
    simple_dense,
    weights_in_init_and_out_of_order,
    nested,
    several_inputs,
    losses_and_constraint,
    derived,
    lazily,
    model_class,
]
