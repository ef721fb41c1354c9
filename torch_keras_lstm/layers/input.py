"""``keras.layers.InputLayer`` and ``keras.Input``: where models begin."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.keras_mask import mask_of, with_masks
from torch_keras_lstm.layers.keras_tensor import KerasTensor, Node, connect
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.tensor_spec import TensorSpec
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
        sparse, ragged: ``False``; there are no such tensors here.
        input_tensor: a symbolic tensor from which a model is to begin, in the place of a new one.
        input_shape, batch_input_shape: what Keras 2 called ``shape`` and ``batch_shape``.

    Raises:
        ValueError: unless the shape is given exactly once; for an unknown type; for inputs of another shape.

    Example:
        >>> model = Sequential([InputLayer((None, 3)), LSTM(4)])
        >>> model.output_shape
        (None, 4)
    """

    supports_masking = True
    leaves_types_to_layers = True  # inputs are not rounded before a layer that is float32

    #: Keras' flags of tensors that there are none of here
    sparse: ClassVar[bool] = False
    ragged: ClassVar[bool] = False

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
        sparse: bool | None = None,
        ragged: bool | None = None,
        input_tensor: KerasTensor | None = None,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
    ) -> None:
        for flag, value in (("sparse", sparse), ("ragged", ragged)):
            if value:
                raise ValueError(f"`{flag}=True` is not supported: inputs are dense tensors.")
        if input_tensor is not None:
            _check_tensor(input_tensor, shape, batch_size, batch_shape, dtype)
            shape, batch_size, batch_shape, dtype = None, None, input_tensor.shape, input_tensor.spec.dtype
        if input_shape is not None:
            warnings.warn("Argument `input_shape` is deprecated. Use `shape` instead.", stacklevel=2)
        sample = [given for given in (shape, input_shape) if given is not None]
        whole = [given for given in (batch_shape, batch_input_shape) if given is not None]
        if len(sample) + len(whole) != 1:
            raise ValueError(
                "An input needs its shape once: pass a `shape` argument (without the batch axis) or a `batch_shape`; "
                "you cannot pass both `shape` and `batch_shape`."
            )
        if whole and batch_size is not None:
            raise ValueError("You cannot pass both `batch_size` and `batch_shape`, which holds it already.")
        integer = _integer_type(dtype)
        super().__init__(
            name=name,
            dtype=None if integer else dtype,
            batch_input_shape=tuple(whole[0]) if whole else (batch_size, *sample[0]),
        )
        self._integer = integer
        self.optional = optional
        self._given_name = name  # which the symbolic tensor shares, as in Keras
        if input_tensor is not None:
            # From here on the tensor is where a model begins, whatever it came from.
            node = Node(self, (), {}, [input_tensor])
            input_tensor.node, input_tensor.index = node, 0
            self._inbound_nodes.append(node)

    _keeps_policy = True  # as in Keras: it may be one of texts

    @property
    def _dtype(self) -> Any:
        """The type that inputs are cast to, torch's or "string". ``.to(dtype)`` changes a floating one."""
        return self._integer or self._placed_dtype

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
        fits = len(shape) == len(expected)
        for want, size in zip(expected[1:], shape[1:], strict=fits):  # a loop, for it is run at every call
            fits = fits and (want is None or size is None or want == size)
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
        stays = tensor is inputs and not self._integer and self._computes_in_double(tensor)
        tensor = of_rank(tensor, self.batch_input_shape)
        self.check_input_shape(tensor.shape)
        return tensor if stays else tensor.to(self._dtype)

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
        **kwargs: ``tensor``, for the ``input_tensor`` of :class:`InputLayer`, and what else that takes.

    Example:
        >>> words = Input((None,), dtype="int32")
        >>> last = LSTM(8)(Embedding(100, 16, mask_zero=True)(words))
        >>> Model(words, Dense(1, activation="sigmoid")(last)).output_shape
        (None, 1)
    """
    given = {"shape": shape, "batch_size": batch_size, "dtype": dtype, "batch_shape": batch_shape, "name": name}
    told = {key: value for key, value in given.items() if value is not None}
    kwargs = {"input_tensor" if key == "tensor" else key: value for key, value in kwargs.items()}
    layer = InputLayer.from_config({**told, "optional": optional, **kwargs})
    tensor: KerasTensor = layer.output
    return tensor


def _check_tensor(
    tensor: Any,
    shape: Sequence[int | None] | None,
    batch_size: int | None,
    batch_shape: Sequence[int | None] | None,
    dtype: object,
) -> None:
    if not isinstance(tensor, KerasTensor):
        raise ValueError(f"Argument `input_tensor` must be a KerasTensor, got {type(tensor).__name__}.")
    told = {
        "batch_size": (batch_size, tensor.shape[0]),
        "shape": (None if shape is None else tuple(shape), tuple(tensor.shape[1:])),
        "batch_shape": (None if batch_shape is None else tuple(batch_shape), tuple(tensor.shape)),
        "dtype": (None if dtype is None else str(dtype).removeprefix("torch."), dtypes.name(tensor.spec.dtype)),
    }
    for name, (given, found) in told.items():
        if given is not None and given != found:
            raise ValueError(
                f"When providing `input_tensor`, you cannot provide an incompatible `{name}`: {given} is given, the "
                f"tensor has {found}."
            )


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
