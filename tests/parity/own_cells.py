"""Cells as Keras users write them, over ``keras`` or over this package: the same text for both."""

from types import SimpleNamespace
from typing import Any

import numpy as np


def cell_classes(layers: Any, ops: Any) -> SimpleNamespace:
    """The classes, derived from ``layers.Layer`` and from the cells in ``layers``."""

    class Leaky(layers.Layer):  # type: ignore[misc]
        """One state, without a list around its size; its own weights in layers of its own."""

        def __init__(self, units: int, rate: float = 0.3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.rate, self.state_size = units, rate, units
            self.inner = layers.Dense(units, dtype=self.dtype, name="inner")
            self.recurrent = layers.Dense(units, use_bias=False, dtype=self.dtype, name="recurrent")

        def build(self, input_shape: Any) -> None:
            self.inner.build(input_shape)
            self.recurrent.build((None, self.units))

        def call(self, inputs: Any, states: Any) -> Any:
            before = states[0]
            new = (1 - self.rate) * before + ops.tanh(self.inner(inputs) + self.recurrent(before))
            return new, [new]

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units, "rate": self.rate}

    class Minimal(layers.Layer):  # type: ignore[misc]
        """The cell of Keras' own documentation: weights of its own, no configuration."""

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.state_size = units

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
            self.recurrent_kernel = self.add_weight(
                shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
            )

        def call(self, inputs: Any, states: Any) -> Any:
            output = ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent_kernel)
            return output, [output]

    class Pair(Leaky):
        """Two states of different widths, and an output as wide as neither."""

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(units, **kwargs)
            self.state_size: Any = (units, 2)
            self.output_size = units + 2
            self.narrow = layers.Dense(2, dtype=self.dtype, name="narrow")

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.narrow.build((None, self.units))

        def call(self, inputs: Any, states: Any, training: Any = None) -> Any:
            wide, narrow = states
            new, _ = super().call(inputs, [wide])
            narrow = 0.5 * narrow + ops.sigmoid(self.narrow(new)) * (2.0 if training else 1.0)
            return ops.concatenate([new, narrow], axis=-1), [new, narrow]

    class FromOnes(Leaky):
        """A start of its own, and a state that comes and goes alone."""

        def get_initial_state(self, batch_size: Any = None) -> Any:
            return np.ones((batch_size, self.units))

        def call(self, inputs: Any, states: Any) -> Any:
            output, (new,) = super().call(inputs, states)
            return 2.0 * output, new

    class Residual(layers.LSTMCell):  # type: ignore[misc]
        """A cell of Keras whose call is another; the inputs are as wide as the output."""

        def call(self, inputs: Any, states: Any, training: Any = False) -> Any:
            output, states = super().call(inputs, states, training=training)
            return output + inputs, states

    class Damped(layers.GRUCell):  # type: ignore[misc]
        """Another one, which changes the state."""

        def call(self, inputs: Any, states: Any, training: Any = False) -> Any:
            output, states = super().call(inputs, states, training=training)
            return output, [0.5 * state for state in states]

    class Scaled(layers.SimpleRNNCell):  # type: ignore[misc]
        """And another."""

        def call(self, inputs: Any, states: Any, training: Any = False) -> Any:
            output, states = super().call(0.5 * inputs, states, training=training)
            return 3.0 * output, states

    class Doubled(layers.StackedRNNCells):  # type: ignore[misc]
        """A stack whose output is another."""

        def call(self, inputs: Any, states: Any, training: Any = False, **kwargs: Any) -> Any:
            output, states = super().call(inputs, states, training=training, **kwargs)
            return 2.0 * output, states

    return SimpleNamespace(**{name: value for name, value in locals().items() if isinstance(value, type)})
