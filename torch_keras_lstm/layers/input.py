"""``keras.layers.InputLayer`` and ``keras.Input``: where models begin."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.keras_mask import mask_of, with_masks
from torch_keras_lstm.layers.keras_tensor import KerasTensor, connect
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.tensor_spec import TensorSpec
from torch_keras_lstm.strings import STRING, Strings, as_strings

_INTEGERS: Mapping[str, Any] = {
    "bool": torch.bool,
    "uint8": torch.uint8,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "int64": torch.int64,
    STRING: STRING,
}


@register("keras.layers")
class InputLayer(Layer):
    """The first entry of a model: which shape and type it takes. Inputs are cast to the type, as in Keras.

    Args:
        shape: shape of one sample, ``None`` where a size is free.
        batch_size: number of samples, if it is fixed.
        dtype: a floating type as of any layer, or "bool", "uint8", "int8", "int16", "int32", "int64", "string".
        batch_shape: the shape with the batch axis in front, instead of ``shape`` and ``batch_size``.
        name: as of any layer.
        optional: whether a model may be given ``None`` for this input, which its layers then get.
        input_shape, batch_input_shape: what Keras 2 called ``shape`` and ``batch_shape``.

    Raises:
        ValueError: unless the shape is given exactly once; for an unknown type; for inputs of another shape.
    """

    supports_masking = True

    void_arguments: ClassVar[Mapping[str, object]] = {
        "sparse": False,
        "ragged": False,
        "tensor": None,
    }

    batch_input_shape: Shape

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: object = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        optional: bool = False,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
    ) -> None:
        sample = [given for given in (shape, input_shape) if given is not None]
        whole = [given for given in (batch_shape, batch_input_shape) if given is not None]
        if len(sample) + len(whole) != 1:
            raise ValueError("An input needs its shape once: pass `shape` (without the batch axis) or `batch_shape`.")
        if whole and batch_size is not None:
            raise ValueError("Pass `batch_size` with `shape`, not with `batch_shape`, which holds it already.")
        integer = _integer_type(dtype)
        super().__init__(
            name=name,
            dtype=None if integer else dtype,
            batch_input_shape=tuple(whole[0]) if whole else (batch_size, *sample[0]),
        )
        self._integer = integer
        self.optional = optional
        self._given_name = name  # which the symbolic tensor shares, as in Keras

    @property
    def _dtype(self) -> Any:
        """The type that inputs are cast to, torch's or "string". ``.to(dtype)`` changes a floating one."""
        return self._integer or self._placement.dtype

    @property
    def batch_shape(self) -> Shape:
        """The shape of a batch, ``None`` where a size is free."""
        return self.batch_input_shape

    @property
    def output(self) -> Any:
        """The symbolic tensor that stands for this input."""
        if not self._inbound_nodes:
            connect(self, (), {}, TensorSpec.of(self.batch_input_shape, self._dtype), self._given_name)
        return super().output

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is this input's; the number of samples may differ, as in Keras."""
        expected = self.batch_input_shape
        fits = len(shape) == len(expected) and all(
            want in (None, size) or size is None for want, size in zip(expected[1:], shape[1:], strict=True)
        )
        if not fits:
            raise ValueError(f"Input `{self.name}` has shape {expected}, got an input of shape {tuple(shape)}.")

    def forward(self, inputs: Any) -> Any:
        """The inputs as a tensor of this input's type; a last axis of size 1 is put on or taken off where needed."""
        if inputs is None:
            if not self.optional:
                raise ValueError(f"Input `{self.name}` is not optional, but `None` was given for it.")
            return None
        if self._integer == STRING:
            return self._strings(inputs)
        tensor = inputs if isinstance(inputs, Tensor) else torch.as_tensor(inputs, device=self.device)
        tensor = of_rank(tensor, self.batch_input_shape)
        self.check_input_shape(tensor.shape)
        return tensor.to(self._dtype)

    def _strings(self, inputs: Any) -> Strings:
        strings = as_strings(inputs)
        if strings.ndim == len(self.batch_input_shape) - 1 and self.batch_input_shape[-1] == 1:
            strings = strings.reshape(*strings.shape, 1)  # as Keras adds the last axis
        self.check_input_shape(strings.shape)
        return strings

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {"batch_shape": self.batch_input_shape, "dtype": dtypes.name(self._dtype), "name": self.name}
        return {**config, "optional": True} if self.optional else config

    def extra_repr(self) -> str:
        """The shape and the type."""
        return f"{self.batch_input_shape}, {super().extra_repr()}, dtype={dtypes.name(self._dtype)}"


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: object = None,
    *,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    optional: bool = False,
    **kwargs: Any,
) -> KerasTensor:
    """A symbolic tensor that a functional model starts from, or the first entry of a ``Sequential``.

    Args:
        shape: shape of one sample, ``None`` where a size is free.
        batch_size, dtype, batch_shape, name, optional: as of :class:`InputLayer`, whose ``output`` this is.
        **kwargs: ``sparse=False`` and the like, which mean nothing.

    Example:
        >>> words = Input((None,), dtype="int32")
        >>> last = LSTM(8)(Embedding(100, 16, mask_zero=True)(words))
        >>> Model(words, Dense(1, activation="sigmoid")(last)).output_shape
        (None, 1)
    """
    given = {"shape": shape, "batch_size": batch_size, "dtype": dtype, "batch_shape": batch_shape, "name": name}
    told = {key: value for key, value in given.items() if value is not None}
    layer = InputLayer.from_config({**told, "optional": optional, **kwargs})
    tensor: KerasTensor = layer.output
    return tensor


def of_rank(inputs: Tensor, shape: Shape) -> Tensor:
    """The inputs with as many axes as ``shape`` has, where a last one of size 1 makes the difference, as in Keras."""
    adjusted = inputs
    if inputs.ndim == len(shape) + 1 and inputs.shape[-1] == 1:
        adjusted = inputs.squeeze(-1)
    elif inputs.ndim == len(shape) - 1 and shape[-1] == 1:
        adjusted = inputs.unsqueeze(-1)
    kept: Tensor = inputs if adjusted is inputs else with_masks(adjusted, mask_of(inputs))
    return kept


def _integer_type(dtype: object) -> Any:
    if isinstance(dtype, torch.dtype) and dtype in _INTEGERS.values():
        return dtype
    return _INTEGERS.get(dtype) if isinstance(dtype, str) else None
