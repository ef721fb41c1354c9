"""``keras.layers.Hashing``."""

from collections.abc import Mapping
from typing import Any, ClassVar, SupportsIndex, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice, positive_integer
from torch_keras_lstm.fingerprints import fingerprint, keyed_hash
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.category_counts import MODES, encode, encoded_shape
from torch_keras_lstm.layers.layer import CommonArguments, Layer, Shape
from torch_keras_lstm.layers.looked_at import numbers_in
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.vocabularies import as_salt
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.strings import STRING, as_bytes, as_strings, is_strings

_INTEGERS = {"int32": torch.int32, "int64": torch.int64}


@register("keras.layers")
class Hashing(Layer):
    """Strings or integers as the bins that a hash of them falls into: the same as in TensorFlow.

    Args:
        num_bins: the number of bins, that of ``mask_value`` included.
        mask_value: what has bin 0 for itself.
        salt: an integer, or two, that the hash depends on: SipHash with it, FarmHash without.
        output_mode: "int" gives bins; "one_hot", "multi_hot" and "count" vectors with an entry for each bin.
        sparse: Keras' sparse tensors, which there are none of here.
        dtype: "int64" or "int32" of bins, a floating-point type of vectors.

    Raises:
        ValueError: when an argument is out of its range.

    Example:
        >>> Hashing(num_bins=3)(["A", "B", "C", "D", "E"])
        tensor([1, 0, 1, 1, 2])
    """

    #: the type of what a model takes whose first layer this is
    entry_dtype: ClassVar[str | None] = STRING

    def __init__(
        self,
        num_bins: SupportsIndex,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        check_choice("output_mode", output_mode, ("int", *MODES))
        self._output_dtype: torch.dtype | None = None
        dtype = kwargs.get("dtype")
        integer = integer_type(dtype) if dtype is not None else torch.int64 if output_mode == "int" else None
        if output_mode == "int" and integer is None:
            raise ValueError(f"With `output_mode='int'`, `dtype` must be 'int32' or 'int64', got {dtype!r}.")
        kwargs["dtype"] = None if integer else dtype
        super().__init__(**kwargs)
        self._output_dtype = integer
        self.num_bins = positive_integer("num_bins", num_bins)
        self.mask_value, self.salt, self.output_mode = mask_value, as_salt(salt), output_mode
        if sparse:
            raise ValueError("`sparse=True` gives Keras' sparse tensors of TensorFlow; here vectors are dense.")

    @property
    def _dtype(self) -> torch.dtype:
        """The type of what a call gives."""
        return self._output_dtype or self._placed_dtype

    def forward(self, inputs: Any) -> Tensor:
        """The bins of the inputs, strings or numbers of any shape; fractions are cut off."""
        shape, keys = self._keys(inputs)
        bins = self.num_bins - (1 if self.mask_value is not None and self.num_bins > 1 else 0)
        masked = bins < self.num_bins
        mask = as_bytes(self.mask_value) if masked and isinstance(self.mask_value, str | bytes) else self.mask_value
        known: dict[Any, int] = {}
        for key in set(keys):
            data = key if isinstance(key, bytes) else str(int(key)).encode()
            value = (fingerprint(data) if self.salt is None else keyed_hash(data, self.salt)) % bins
            known[key] = (0 if key == mask else value + 1) if masked else value
        found = torch.tensor([known[key] for key in keys], dtype=torch.int64, device=self.device).reshape(shape)
        if self.output_mode == "int":
            return found.to(self._dtype)
        return encode(found, self.output_mode, self.num_bins, self._dtype)

    def _keys(self, inputs: Any) -> tuple[tuple[int, ...], list[Any]]:
        if is_strings(inputs):
            strings = as_strings(inputs)
            return strings.shape, strings.flat()
        values = inputs if isinstance(inputs, Tensor) else torch.as_tensor(np.asarray(inputs))
        return tuple(values.shape), numbers_in(values, self)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The input's shape with ``output_mode="int"``, otherwise that of the vectors."""
        if self.output_mode == "int":
            return tuple(input_shape)
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives."""
        return TensorSpec.of(self.compute_output_shape(args[0].shape), self._dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": False,
        }

    def extra_repr(self) -> str:
        """The number of bins and the mode."""
        return f"{self.num_bins} bins, output_mode={self.output_mode!r}, {super().extra_repr()}"


def integer_type(dtype: object) -> torch.dtype | None:
    """The type of integers that ``dtype`` means, as a name, as torch's, or as Keras' policy; ``None`` for another."""
    if isinstance(dtype, Mapping):
        config: Any = dtype.get("config")
        dtype = config.get("name") if isinstance(config, Mapping) else None
    name = dtypes.name(dtype) if isinstance(dtype, torch.dtype) else dtype
    return _INTEGERS.get(name) if isinstance(name, str) else None
