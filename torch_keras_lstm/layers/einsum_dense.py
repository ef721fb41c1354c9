"""``keras.layers.EinsumDense``."""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm import activations
from torch_keras_lstm.initializers import VarianceScaling
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight import Initializer

_FORMS = (
    re.compile(r"(?P<inputs>[a-zA-Z]+),(?P<kernel>[a-zA-Z]+)->(?P<outputs>[a-zA-Z]+)"),
    re.compile(r"(?P<left>\.\.\.)(?P<inputs>[a-zA-Z]+),(?P<kernel>[a-zA-Z]+)->\.\.\.(?P<outputs>[a-zA-Z]+)"),
    re.compile(r"(?P<inputs>[a-zA-Z]{2,})\.\.\.,(?P<kernel>[a-zA-Z]+)->(?P<outputs>[a-zA-Z]+)\.\.\."),
)


@dataclass(frozen=True)
class Equation:
    """``inputs,kernel->outputs``, a letter for each axis, with "..." for further axes at one side of both.

    Attributes:
        inputs, kernel, outputs: the letters.
        left: whether "..." stands at the left.
    """

    inputs: str
    kernel: str
    outputs: str
    left: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """The equation of ``text``.

        Raises:
            ValueError: when it has another form, or a letter of the outputs or the kernel comes from nowhere.
        """
        found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
        if found is None:
            raise ValueError(
                f"`equation` must have the form 'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...', got {text!r}."
            )
        parts = found.groupdict()
        equation = cls(parts["inputs"], parts["kernel"], parts["outputs"], parts.get("left") is not None)
        lost = (set(equation.outputs) - set(equation.inputs + equation.kernel)) | (
            set(equation.kernel) - set(equation.inputs + equation.outputs)
        )
        if lost:
            raise ValueError(f"`equation` {text!r} has {min(lost)!r} on one side only.")
        return equation

    def elided(self, rank: int) -> int:
        """How many axes of inputs of that rank "..." stands for."""
        return rank - len(self.inputs)

    def named(self, shape: Sequence[Any]) -> dict[str, Any]:
        """The sizes of the inputs' axes that have letters."""
        sizes = shape[self.elided(len(shape)) :] if self.left else shape[: len(self.inputs)]
        return dict(zip(self.inputs, sizes, strict=True))

    @property
    def input_axes(self) -> list[int]:
        """The axes of the kernel that are summed over."""
        return [axis for axis, letter in enumerate(self.kernel) if letter not in self.outputs]

    @property
    def output_axes(self) -> list[int]:
        """The axes of the kernel that the output has."""
        return [axis for axis, letter in enumerate(self.kernel) if letter in self.outputs]


@register("keras.layers")
class EinsumDense(Layer):
    """``activation(einsum(equation, inputs, kernel) + bias)``: a dense layer along any axes. A mask ends here.

    The parameters are named and laid out as in Keras.

    Args:
        equation: such as "abc,cd->abd": the axes of the inputs, of the kernel and of the output, batch axis first;
            "..." at one side of inputs and output stands for any further axes.
        output_shape: the sizes of the output's axes behind the batch axis, without those of "..."; ``None`` for a size
            that is the input's.
        activation: a Keras name, configuration or callable; ``None`` is linear.
        bias_axes: letters of the output axes along which the bias differs; ``None`` for no bias.
        kernel_initializer, bias_initializer: Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``equation`` or ``bias_axes`` is malformed, and when inputs do not fit them.

    Example:
        >>> layer = EinsumDense("btf,fhd->bthd", output_shape=(None, 2, 4), bias_axes="hd")
        >>> layer(torch.randn(3, 7, 5)).shape, layer.kernel.shape
        (torch.Size([3, 7, 2, 4]), torch.Size([5, 2, 4]))
    """

    void_arguments: ClassVar[Mapping[str, object]] = {
        "lora_rank": None,
        "lora_alpha": None,
        "gptq_unpacked_column_size": None,
        "quantization_config": None,
    }

    kernel: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: object = None,
        bias_axes: str | None = None,
        kernel_initializer: object = "glorot_uniform",
        bias_initializer: object = "zeros",
        kernel_regularizer: object = None,
        bias_regularizer: object = None,
        kernel_constraint: object = None,
        bias_constraint: object = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        self._parsed = Equation.parse(equation)
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        if bias_axes is not None and not (bias_axes and set(bias_axes) <= set(self._parsed.outputs)):
            raise ValueError(f"`bias_axes` must be letters of the output {self._parsed.outputs!r}, got {bias_axes!r}.")
        self.activation: activations.Activation | None = activations.get(activation)
        self.keep_weight_arguments(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.declare_weight(
            "kernel",
            "kernel",
            axes=tuple(range(len(self._parsed.kernel))),
            role="kernel",
            initializer=with_fans(self.kernel_initializer, self._parsed.input_axes, self._parsed.output_axes),
        )
        axes = tuple(range(len(self._bias_letters())))
        self.declare_weight("bias", "bias", axes=axes, role="bias", present=bias_axes is not None)
        self.build_if_shape_is_known()

    def _bias_letters(self) -> str:
        outputs = self._parsed.outputs
        return outputs[min(outputs.index(letter) for letter in self.bias_axes or outputs[-1]) :]

    def _sizes(self, input_shape: Shape) -> dict[str, int | None]:
        """The size of each letter's axis."""
        sizes = self._parsed.named(input_shape)
        # Without "..." at the left the first letter of the output is the batch axis, which `output_shape` leaves out.
        has_batch = not self._parsed.left or self._parsed.elided(len(input_shape)) == 0
        letters = self._parsed.outputs[has_batch:]
        if len(letters) != len(self.partial_output_shape):
            raise ValueError(
                f"Layer `{self.name}` has `output_shape` {self.partial_output_shape}, but its equation "
                f"{self.equation!r} needs {len(letters)} sizes."
            )
        for letter, size in zip(letters, self.partial_output_shape, strict=True):
            if size is not None and sizes.get(letter) not in (None, size):
                raise ValueError(
                    f"Layer `{self.name}` gives {size} along axis {letter!r} of {self.equation!r}, "
                    f"got inputs of shape {tuple(input_shape)} with {sizes[letter]}."
                )
            sizes[letter] = sizes.get(letter) if size is None else size
        return sizes

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """A size for each letter of the kernel; for the bias 1 along the axes that share it."""
        sizes = self._sizes(input_shape)
        bias = [sizes[letter] if letter in (self.bias_axes or "") else 1 for letter in self._bias_letters()]
        behind = 0 if self._parsed.left else self._parsed.elided(len(input_shape))
        shapes = {"kernel": [sizes[letter] for letter in self._parsed.kernel], "bias": [*bias, *(1,) * behind]}
        unknown = [name for name, shape in shapes.items() if None in shape]
        if unknown and (unknown != ["bias"] or self.bias_axes is not None):
            raise ValueError(
                f"Layer `{self.name}` needs the sizes of its {unknown[0]}'s axes in {self.equation!r} to be built, "
                f"got inputs of shape {tuple(input_shape)} and `output_shape` {self.partial_output_shape}."
            )
        return {name: tuple(size or 1 for size in shape) for name, shape in shapes.items()}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """Inputs with the kernel's sizes, and one axis for "..."."""
        sizes = dict(zip(self._parsed.kernel, weight.shape, strict=True))
        named = tuple(sizes.get(letter) for letter in self._parsed.inputs)
        return (None, *named) if self._parsed.left else named

    def _create_weights(self, input_shape: Shape, given: Mapping[str, Tensor] | None = None) -> None:
        # With "..." at the right the inputs' rank is that of the bias.
        shapes = self.weight_shapes(input_shape)
        self._rows = tuple(replace(row, axes=tuple(range(len(shapes[row.name])))) for row in self._rows)
        super()._create_weights(input_shape, given)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs of ``shape`` have the equation's axes, of the kernel's sizes."""
        elided = self._parsed.elided(len(shape))
        if elided < 0 or (elided > 0 and "..." not in self.equation):
            raise ValueError(
                f"Layer `{self.name}` takes inputs with the axes of {self.equation!r}, got {tuple(shape)}."
            )
        sizes = self._sizes(shape)
        if self.built:
            of_kernel = dict(zip(self._parsed.kernel, self.kernel.shape, strict=True))
            wrong = [letter for letter, size in of_kernel.items() if sizes.get(letter) not in (None, size)]
            if wrong:
                raise ValueError(
                    f"Layer `{self.name}` was built for {of_kernel[wrong[0]]} along axis {wrong[0]!r} of "
                    f"{self.equation!r}, got inputs of shape {tuple(shape)}."
                )

    def forward(self, inputs: Any) -> Tensor:
        """The output whose axes the equation tells; integers and booleans are cast to the layer's dtype."""
        inputs = self.prepare(inputs)
        outputs = torch.einsum(self.equation, inputs.to(self._dtype), self.kernel)
        if self.bias is not None:
            outputs = outputs + self.bias
        return self.finish(outputs if self.activation is None else self.activation(outputs))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The sizes of the output's axes, ``None`` where one is free."""
        sizes = self._sizes(input_shape)
        named = tuple(sizes[letter] for letter in self._parsed.outputs)
        further = self._parsed.elided(len(input_shape))
        if self._parsed.left:
            return (*input_shape[:further], *named)
        return (*named, *input_shape[len(input_shape) - further :])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "output_shape": list(self.partial_output_shape),
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            **self.weight_arguments(),
        }

    def extra_repr(self) -> str:
        """The equation and the name."""
        return f"{self.equation!r}, {super().extra_repr()}"


def with_fans(initializer: Initializer, input_axes: Sequence[int], output_axes: Sequence[int]) -> Initializer:
    """The initializer, told which axes of a kernel are inputs and which outputs if that is what it scales by."""
    if not isinstance(initializer, VarianceScaling) or None not in (initializer.input_axes, initializer.output_axes):
        return initializer
    informed = copy.copy(initializer)
    informed.input_axes, informed.output_axes = input_axes, output_axes
    return informed
