"""``keras.layers.HashedCrossing``."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, SupportsIndex, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice, positive_integer
from torch_keras_lstm.fingerprints import fingerprint, joined
from torch_keras_lstm.layers.category_counts import encode, encoded_shape
from torch_keras_lstm.layers.hashing import integer_type
from torch_keras_lstm.layers.layer import CommonArguments, Layer, Shape
from torch_keras_lstm.layers.looked_at import numbers_in
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.strings import STRING, as_strings, is_strings
from torch_keras_lstm.structure import leaves

_KEY = 0xDECAFCAFFE  # TensorFlow's for crossed features


@register("keras.layers")
class HashedCrossing(Layer):
    """Several features of a sample together as the bin that a hash of them falls into: the same as in TensorFlow.

    Args:
        num_bins: the number of bins.
        output_mode: "int" gives bins, "one_hot" vectors with an entry for each bin.
        sparse: Keras' sparse tensors, which there are none of here.
        dtype: "int64" or "int32" of bins, a floating-point type of vectors.

    Raises:
        ValueError: when an argument is out of its range; when called on less than two inputs, or on inputs that are
            no integers or strings of one shape (), (batch,) or (batch, 1).

    Example:
        >>> layer = HashedCrossing(num_bins=5)
        >>> layer([np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])])
        tensor([1, 4, 1, 1, 3])
    """

    #: the type of what a model takes whose first layer this is
    entry_dtype: ClassVar[str | None] = STRING

    def __init__(
        self,
        num_bins: SupportsIndex,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        check_choice("output_mode", output_mode, ("int", "one_hot"))
        self._output_dtype: torch.dtype | None = None
        dtype = kwargs.get("dtype")
        integer = integer_type(dtype) if dtype is not None else torch.int64 if output_mode == "int" else None
        kwargs["dtype"] = None if integer else dtype
        super().__init__(**kwargs)
        self._output_dtype = integer
        self.num_bins, self.output_mode = positive_integer("num_bins", num_bins), output_mode
        if sparse:
            raise ValueError("`sparse=True` gives Keras' sparse tensors of TensorFlow; here vectors are dense.")

    @property
    def _dtype(self) -> torch.dtype:
        """The type of what a call gives."""
        return self._output_dtype or self._placed_dtype

    def build(self, input_shape: Any) -> None:
        """There is nothing to build."""

    def forward(self, inputs: Any) -> Tensor:
        """The bins of the features, a list of which is called on."""
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise ValueError(f"Layer `{self.name}` takes a list of at least two inputs, got {inputs!r:.100}.")
        features = [self._feature(one) for one in inputs]
        shape = features[0][0]
        if any(other != shape for other, _ in features) or len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
            raise ValueError(
                f"The inputs of layer `{self.name}` must all have one shape (), (batch,) or (batch, 1), got "
                f"{', '.join(str(other) for other, _ in features)}."
            )
        bins = [self._bin(values) for values in zip(*(numbers for _, numbers in features), strict=True)]
        found = torch.tensor(bins, dtype=torch.int64, device=self.device).reshape(shape)
        return (
            found.to(self._dtype) if self.output_mode == "int" else encode(found, "one_hot", self.num_bins, self._dtype)
        )

    def _bin(self, values: Sequence[int]) -> int:
        crossed = _KEY
        for value in values:
            crossed = joined(crossed, value)
        return crossed % self.num_bins

    def _feature(self, values: Any) -> tuple[tuple[int, ...], list[int]]:
        if is_strings(values):
            strings = as_strings(values)
            return strings.shape, [fingerprint(one) for one in strings.flat()]
        numbers = values if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
        if numbers.is_floating_point() or numbers.dtype is torch.bool:
            raise ValueError(f"The inputs of layer `{self.name}` must be integers or strings, got {numbers.dtype}.")
        return tuple(numbers.shape), [int(one) % 2**64 for one in numbers_in(numbers, self)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of one input, or of its vectors."""
        shape: Shape = tuple(input_shape[0])
        return shape if self.output_mode == "int" else encoded_shape(shape, "one_hot", self.num_bins)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives."""
        return TensorSpec.of(self.compute_output_shape([spec.shape for spec in leaves(TensorSpec, args)]), self._dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "num_bins": self.num_bins, "output_mode": self.output_mode, "sparse": False}
