"""What the cells and the layers that run one share: Keras' arguments, the weights, the draw of dropout masks."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, SupportsIndex

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.dropout_generator import DropoutGenerator
from torch_keras_lstm.half_precision import is_keras_half
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.weight_view import KerasWeight
from torch_keras_lstm.recurrence.gates import KERNEL_AXES
from torch_keras_lstm.recurrence.half_steps import CellStep, with_cast_weights

TORCH_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class RecurrentCell(Layer):
    """The arguments and weights of one recurrent step; see :class:`torch_keras_lstm.layers.LSTM` for the arguments.

    The parameters have the names, shapes and gate order of torch's own module, ``weight_ih``, ``weight_hh``,
    ``bias_ih`` and ``bias_hh`` with the suffix that the module gives them, so that a ``state_dict`` fits it. Where
    Keras has one bias and torch two, two trainable ones would take its step twice in every optimizer, so ``bias_hh``
    is neither parameter nor buffer: it reads as zeros, a ``state_dict`` has zeros for it, and what one holds for it is
    added to ``bias_ih``. Nothing trains, shards, casts, broadcasts or counts it.
    """

    # How many blocks the kernels have side by side, and torch's order of them where it is not Keras'.
    gates: ClassVar[int] = 1
    gate_order: ClassVar[tuple[int, ...]] = ()
    parameter_suffix: ClassVar[str] = ""
    parameter_names: ClassVar[tuple[str, ...]]
    default_activations: ClassVar[Mapping[str, str]] = {"activation": "tanh"}

    kernel = KerasWeight()
    recurrent_kernel = KerasWeight()
    bias = KerasWeight()
    casts_integers = True

    def __init__(
        self,
        *,
        units: SupportsIndex,
        activation: object,
        use_bias: bool,
        kernel_initializer: object,
        recurrent_initializer: object,
        bias_initializer: object,
        kernel_regularizer: object,
        recurrent_regularizer: object,
        bias_regularizer: object,
        kernel_constraint: object,
        recurrent_constraint: object,
        bias_constraint: object,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = positive_integer("units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self._dropout_generator = DropoutGenerator(seed)
        self._held_dropout: dict[str, Tensor] | None = None
        self._zeros: Tensor | None = None  # torch's second bias
        self.keep_weight_arguments(
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
        )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.parameter_names = tuple(name + cls.parameter_suffix for name in TORCH_NAMES)

    def declare_weights(self, bias_initializer: object = None, *, both_biases: bool = False) -> None:
        """Declare kernel, recurrent kernel and bias: the last thing that a subclass' ``__init__`` does.

        Args:
            bias_initializer: what to draw the bias by, if not by the argument of that name.
            both_biases: Keras' bias has two rows, and ``bias_hh`` is a parameter, not zeros.
        """
        suffix = self.parameter_suffix
        self.declare_weight(
            "kernel",
            "weight_ih" + suffix,
            axes=KERNEL_AXES,
            blocks=self.gate_order,
            role="kernel",
        )
        self.declare_weight(
            "recurrent_kernel",
            "weight_hh" + suffix,
            axes=KERNEL_AXES,
            blocks=self.gate_order,
            role="recurrent",
        )
        if not self.use_bias:
            return
        self.declare_weight(
            "bias",
            ("bias_ih" + suffix, "bias_hh" + suffix) if both_biases else "bias_ih" + suffix,
            axes=(0, 1) if both_biases else (0,),
            blocks=self.gate_order,
            role="bias",
            initializer=bias_initializer,
        )
        if not both_biases:
            # A name without a tensor, in which tools that hand tensors over by name may put one.
            self.register_buffer("bias_hh" + suffix, None, persistent=False)

    @property
    def input_size(self) -> int | None:
        """The number of input features; ``None`` until the layer is built."""
        return self._tensor("weight_ih" + self.parameter_suffix).shape[1] if self.built else None

    @property
    def output_size(self) -> int:
        """The output is ``units`` wide."""
        return self.units

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """Keras' shapes: (features, gates * units), (units, gates * units), and the bias' (gates * units,)."""
        features, width = input_shape[-1], self.gates * self.units
        assert features is not None, "check_input_shape refuses an unknown number of features"
        return {"kernel": (features, width), "recurrent_kernel": (self.units, width), "bias": (width,)}

    def check_features(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless the last axis of ``shape`` has the size that the kernel was built for."""
        features = shape[-1]
        if features is None:
            raise ValueError(f"Layer `{self.name}` needs the number of features to be built, got shape {shape}.")
        size = self.input_size
        if size is not None and features != size:
            raise ValueError(
                f"Layer `{self.name}` was built for {size} features, got an input of shape {tuple(shape)}."
            )

    def torch_weights(self) -> tuple[Tensor, ...]:
        """``weight_ih`` and ``weight_hh``, then ``bias_ih`` and ``bias_hh`` if there are biases: torch's order."""
        buffers = self._buffers
        if self.parameter_names[3] not in buffers:
            names = self.parameter_names if self.use_bias else self.parameter_names[:2]
            return tuple([self._tensor(name) for name in names])
        weight_ih, weight_hh, bias = [self._tensor(name) for name in self.parameter_names[:3]]
        second = buffers[self.parameter_names[3]]
        if second is not None:  # as `functional_call` puts it there
            bias = bias + second
        return weight_ih, weight_hh, bias, self._zeros_beside(bias)

    def _zeros_beside(self, bias: Tensor) -> Tensor:
        """The second bias, for what asks for one: zeros of the type of the first, on its device."""
        zeros = self._zeros
        if zeros is None or zeros.dtype is not bias.dtype or zeros.device != bias.device:
            return torch.zeros(bias.shape, dtype=bias.dtype, device=bias.device)
        return torch.zeros_like(bias) if torch.compiler.is_compiling() else zeros

    def on_new_storage(self) -> None:
        """Keep zeros beside the bias: cuDNN wants them in one buffer with the weights, and making them takes time."""
        bias = self._parameters.get(self.parameter_names[2])
        if bias is None or is_lazy(bias) or self.parameter_names[3] not in self._buffers:
            return
        zeros = self._zeros
        if zeros is None or zeros.dtype is not bias.dtype or zeros.device != bias.device:
            self._zeros = torch.zeros(bias.shape, dtype=bias.dtype, device=bias.device)

    def __getattr__(self, name: str) -> Any:
        if name == self.parameter_names[3] and self.__dict__["_buffers"].get(name, self) is None:
            bias = self._parameters.get(self.parameter_names[2])
            if bias is None or is_lazy(bias):
                return torch.zeros(self.gates * self.units, dtype=self._dtype, device=self.device)
            return bias.detach().new_zeros(bias.shape)  # not `zeros_like`, which on the meta device imports a lot
        return super().__getattr__(name)

    @abstractmethod
    def sequence_weights(self) -> Any:
        """The weights as the recurrence takes them."""

    @abstractmethod
    def step_with(self, weights: Any, options: Any) -> CellStep:
        """A function that runs one step with these weights, (batch, features) and states to output and states."""

    def step_for_options(self, options: Any, dtype: torch.dtype) -> CellStep:
        """The same with the layer's weights; for Keras' half precision cast to ``dtype`` at each step."""
        weights = self.sequence_weights()
        if is_keras_half():
            return with_cast_weights(weights, dtype, lambda cast: self.step_with(cast, options))
        return self.step_with(weights, options)

    def _tensor(self, name: str) -> Tensor:
        """The parameter or buffer: ``getattr`` in half its time, which counts where a call is one step."""
        found: Tensor | None = self._parameters.get(name)
        if found is None:
            found = self._buffers.get(name)
        return getattr(self, name) if found is None else found  # a parametrized one is a property

    # -- dropout --------------------------------------------------------------------------------------------------

    @property
    def dropout_masks(self) -> int:
        """How many masks a call draws for each of its dropouts: one for all gates together, or one a gate."""
        return 1

    def dropout_counts(self, training: bool) -> tuple[int, int]:
        """How many dropout masks a call draws for the inputs and for the hidden state.

        A rate of 1 drops nothing, as in Keras on TensorFlow.
        """
        inputs = self.dropout_masks if training and 0 < self.dropout < 1 else 0
        return inputs, self.dropout_masks if training and 0 < self.recurrent_dropout < 1 else 0

    def draw_dropout(self, inputs: Tensor, training: bool) -> tuple[Tensor | None, Tensor | None]:
        """Draw this call's dropout factors, 0 or 1 / (1 - rate), constant in time.

        A test that needs given masks replaces this method.

        Args:
            inputs: (batch, ..., features)

        Returns:
            (masks, batch, features) for the inputs and (masks, batch, units) for the hidden state, ``None`` for none;
            several masks are in torch's order of the gates.
        """
        batch, features = inputs.shape[0], inputs.shape[-1]
        for_inputs, for_hidden = self.dropout_counts(training)
        return (
            self._draw("dropout", (for_inputs, batch, features)),
            self._draw("recurrent_dropout", (for_hidden, batch, self.units)),
        )

    def _draw(self, which: str, shape: tuple[int, ...]) -> Tensor | None:
        if shape[0] == 0:
            return None
        held = self._held_dropout
        if held is not None and which in held and held[which].shape == shape:
            return held[which]
        drawn = self._dropout_generator.mask(shape, getattr(self, which), dtype=self._dtype, device=self.device)
        if held is not None:
            held[which] = drawn
        return drawn

    def hold_dropout(self) -> None:
        """Use the factors of the next call for all that follow, as the steps of one sequence do."""
        self._held_dropout = {}

    def release_dropout(self) -> None:
        """Draw anew at each call."""
        self._held_dropout = None

    # -- configuration --------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **self.weight_arguments(),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }

    def extra_repr(self) -> str:
        """Sizes, and what differs from Keras' defaults."""
        parts = [f"{self.input_size}, {self.units}", super().extra_repr()]
        for name, default in self.default_activations.items():
            activation = activations.serialize(getattr(self, name))
            parts += [f"{name}={activation!r}"] if activation != default else []
        parts += ["use_bias=False"] if not self.use_bias else []
        parts += [f"dropout={self.dropout}"] if self.dropout else []
        parts += [f"recurrent_dropout={self.recurrent_dropout}"] if self.recurrent_dropout else []
        return ", ".join(parts)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        second = self.parameter_names[3]
        if second in self._buffers:
            destination[prefix + second] = getattr(self, second)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        first, second = (prefix + name for name in self.parameter_names[2:])
        if second in state_dict and self.parameter_names[3] in self._buffers:
            # torch's modules train both biases; their sum is what either of them computes.
            added = state_dict.pop(second)
            bias = state_dict.get(first)
            if bias is None and self.built:  # which `strict=False` allows
                bias = getattr(self, self.parameter_names[2]).detach()
            if bias is not None and not is_lazy(bias):
                if added.shape != bias.shape:
                    shapes = f"shape {tuple(added.shape)} from checkpoint, the shape of {first} is {tuple(bias.shape)}"
                    args[-1].append(f"size mismatch for {second}: copying a param with {shapes}.")
                elif not added.is_meta and bool(added.any()):
                    state_dict[first] = bias + added
        super()._load_from_state_dict(state_dict, prefix, *args)


class GatedCell(RecurrentCell):
    """A cell with gates: their activation, and whether each of them gets dropout masks of its own."""

    default_activations: ClassVar[Mapping[str, str]] = {"activation": "tanh", "recurrent_activation": "sigmoid"}

    def __init__(self, *, recurrent_activation: object, implementation: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recurrent_activation = activations.get(recurrent_activation, "recurrent_activation")
        if implementation not in (0, 1, 2):
            raise ValueError(f"`implementation` must be 1 or 2 (0 means 1, as in Keras 2), got {implementation!r}.")
        # Keras 3 draws a mask for each gate as soon as there is recurrent dropout (keras/src/layers/rnn/lstm.py).
        self.implementation = 1 if self.recurrent_dropout else max(implementation, 1)

    @property
    def dropout_masks(self) -> int:
        """As Keras 3.8 and later: one a gate with recurrent dropout or ``implementation=1``, else one for all."""
        return self.gates if self.implementation == 1 else 1

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
        }
        if self.implementation == 1 and not self.recurrent_dropout:
            config["implementation"] = 1  # Keras 3 leaves it out, and loses the masks of each gate with it
        return config
