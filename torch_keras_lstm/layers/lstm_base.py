"""What ``LSTM`` and ``LSTMCell`` share: Keras' arguments of the cell, the weights, and the draw of dropout masks."""

from functools import partial
from typing import Any, SupportsIndex

import torch
from torch import Tensor

from torch_keras_lstm import activations, constraints, initializers, regularizers
from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.dropout_generator import DropoutGenerator
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.recurrence import LSTMWeights
from torch_keras_lstm.recurrence.gates import GATES, KERNEL_AXES, open_forget_gate


class LSTMBase(Layer):
    """The arguments and weights of an LSTM cell; see :class:`torch_keras_lstm.layers.LSTM` for the arguments.

    The parameters have the names, shapes and gate order of torch's own module, ``weight_ih``, ``weight_hh``,
    ``bias_ih`` and ``bias_hh`` with the suffix that the module gives them, so that a ``state_dict`` fits it. Keras
    has one bias where torch has two. Two trainable ones would take its step twice in every optimizer, so ``bias_hh``
    is a buffer of zeros: no optimizer sees it, and no ``requires_grad_(True)`` thaws it.
    """

    parameter_suffix = ""

    def __init__(
        self,
        *,
        units: SupportsIndex,
        activation: object,
        recurrent_activation: object,
        use_bias: bool,
        kernel_initializer: object,
        recurrent_initializer: object,
        bias_initializer: object,
        unit_forget_bias: bool,
        kernel_regularizer: object,
        recurrent_regularizer: object,
        bias_regularizer: object,
        kernel_constraint: object,
        recurrent_constraint: object,
        bias_constraint: object,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        implementation: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = positive_integer("units", units)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation, "recurrent_activation")
        self.use_bias = use_bias
        self.unit_forget_bias = unit_forget_bias
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        if implementation not in (0, 1, 2):
            raise ValueError(f"`implementation` must be 1 or 2 (0 means 1, as in Keras 2), got {implementation!r}.")
        # Keras 3 draws a mask for each gate as soon as there is recurrent dropout (keras/src/layers/rnn/lstm.py).
        self.implementation = 1 if self.recurrent_dropout else max(implementation, 1)
        self.seed = seed
        self._dropout_generator = DropoutGenerator(seed)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.recurrent_initializer = initializers.get(recurrent_initializer, "recurrent_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, "kernel_regularizer")
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer, "recurrent_regularizer")
        self.bias_regularizer = regularizers.get(bias_regularizer, "bias_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, "kernel_constraint")
        self.recurrent_constraint = constraints.get(recurrent_constraint, "recurrent_constraint")
        self.bias_constraint = constraints.get(bias_constraint, "bias_constraint")
        self._declare_weights()

    def _declare_weights(self) -> None:
        suffix = self.parameter_suffix
        self.add_weight(
            "kernel",
            "weight_ih" + suffix,
            axes=KERNEL_AXES,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.add_weight(
            "recurrent_kernel",
            "weight_hh" + suffix,
            axes=KERNEL_AXES,
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        if self.use_bias:
            plain = self.bias_initializer
            self.add_weight(
                "bias",
                "bias_ih" + suffix,
                axes=(0,),
                initializer=partial(open_forget_gate, plain) if self.unit_forget_bias else plain,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
            zeros = torch.zeros(len(GATES) * self.units, dtype=self.dtype, device=self.device)
            self.register_buffer("bias_hh" + suffix, zeros)

    @property
    def input_size(self) -> int | None:
        """The number of input features; ``None`` until the layer is built."""
        weight: Tensor = getattr(self, "weight_ih" + self.parameter_suffix)
        return weight.shape[1] if self.built else None

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """Keras' shapes: (features, 4 * units), (units, 4 * units) and (4 * units,)."""
        features, gates = input_shape[-1], len(GATES) * self.units
        assert features is not None, "check_input_shape refuses an unknown number of features"
        return {"kernel": (features, gates), "recurrent_kernel": (self.units, gates), "bias": (gates,)}

    def check_features(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless the last axis of ``shape`` has the size that the kernel was built for."""
        features = shape[-1]
        if features is None:
            raise ValueError(f"Layer `{self.name}` needs the number of features to be built, got shape {shape}.")
        if self.built and features != self.input_size:
            raise ValueError(
                f"Layer `{self.name}` was built for {self.input_size} features, got an input of shape {tuple(shape)}."
            )

    def check_input_dtype(self, dtype: torch.dtype) -> None:
        """Raise a ``ValueError`` unless ``dtype`` is floating: integers are rather a forgotten ``Embedding``."""
        if not dtype.is_floating_point:
            raise ValueError(
                f"Layer `{self.name}` takes floating-point inputs, got {str(dtype).removeprefix('torch.')}. "
                "Convert them with `.float()`, or put an `Embedding` in front if they are indices."
            )

    def lstm_weights(self) -> LSTMWeights:
        """The weights as the recurrence takes them."""
        suffix = self.parameter_suffix
        if not self.use_bias:
            return LSTMWeights(getattr(self, "weight_ih" + suffix), getattr(self, "weight_hh" + suffix))
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return LSTMWeights(*(getattr(self, name + suffix) for name in names))

    def dropout_counts(self, training: bool) -> tuple[int, int]:
        """How many dropout masks a call draws for the inputs and for the hidden state.

        As Keras 3.8 and later: one for all gates together, or, with recurrent dropout or ``implementation=1``, one a
        gate. A rate of 1 drops nothing, as in Keras on TensorFlow.
        """
        gates = len(GATES) if self.implementation == 1 else 1
        inputs = gates if training and 0 < self.dropout < 1 else 0
        return inputs, gates if training and 0 < self.recurrent_dropout < 1 else 0

    def draw_dropout(self, inputs: Tensor, training: bool) -> tuple[Tensor | None, Tensor | None]:
        """Draw this call's dropout factors, 0 or 1 / (1 - rate), constant in time.

        A test that needs given masks replaces this method.

        Args:
            inputs: (batch, ..., features)

        Returns:
            (masks, batch, features) for the inputs and (masks, batch, units) for the hidden state, ``None`` for none.
        """
        batch, features = inputs.shape[0], inputs.shape[-1]
        for_inputs, for_hidden = self.dropout_counts(training)
        return (
            self._draw(self.dropout, (for_inputs, batch, features)),
            self._draw(self.recurrent_dropout, (for_hidden, batch, self.units)),
        )

    def _draw(self, rate: float, shape: tuple[int, ...]) -> Tensor | None:
        if shape[0] == 0:
            return None
        return self._dropout_generator.mask(shape, rate, dtype=self.dtype, device=self.device)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "unit_forget_bias": self.unit_forget_bias,
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": regularizers.serialize(self.recurrent_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "recurrent_constraint": constraints.serialize(self.recurrent_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }
        if self.implementation == 1 and not self.recurrent_dropout:
            config["implementation"] = 1  # Keras 3 leaves it out, and loses the masks of each gate with it
        return config

    def extra_repr(self) -> str:
        """Sizes, and what differs from Keras' defaults."""
        parts = [f"{self.input_size}, {self.units}", super().extra_repr()]
        activation, recurrent = activations.serialize(self.activation), activations.serialize(self.recurrent_activation)
        parts += [f"activation={activation!r}"] if activation != "tanh" else []
        parts += [f"recurrent_activation={recurrent!r}"] if recurrent != "sigmoid" else []
        parts += ["use_bias=False"] if not self.use_bias else []
        parts += [f"dropout={self.dropout}"] if self.dropout else []
        parts += [f"recurrent_dropout={self.recurrent_dropout}"] if self.recurrent_dropout else []
        return ", ".join(parts)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        weights = self.lstm_weights() if self.built else None
        if weights is not None and weights.bias_ih is not None and weights.bias_hh is not None:
            # torch.nn.LSTM trains both biases; their sum is what either of them computes.
            with torch.no_grad():
                weights.bias_ih.add_(weights.bias_hh)
                weights.bias_hh.zero_()
