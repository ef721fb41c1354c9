"""``keras.layers.Discretization``."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Self, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers import quantiles
from torch_keras_lstm.layers.category_counts import MODES, encode, encoded_shape
from torch_keras_lstm.layers.hashing import integer_type
from torch_keras_lstm.layers.layer import CommonArguments, Layer, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.tensor_spec import TensorSpec


@register("keras.layers")
class Discretization(Layer):
    """Numbers as the bins that they fall into.

    Args:
        bin_boundaries: the numbers between the bins, in their order; a number that equals one falls above it.
        num_bins: instead of them how many bins :meth:`adapt` makes, of about as many numbers each.
        epsilon: how exactly it makes them.
        output_mode: "int" gives bins; "one_hot", "multi_hot" and "count" vectors with an entry for each bin.
        sparse: Keras' sparse tensors, which there are none of here.
        dtype: of vectors.

    Raises:
        ValueError: unless exactly one of ``bin_boundaries`` and ``num_bins`` is given; when an argument is out of its
            range.

    Example:
        >>> Discretization([0.0, 1.0])(torch.tensor([-5.0, 0.0, 0.5, 1.0]))
        tensor([0, 1, 1, 2], dtype=torch.int32)
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        if integer_type(kwargs.get("dtype")) is not None:
            kwargs["dtype"] = None  # Keras 2's, of bins
        super().__init__(**kwargs)
        check_choice("output_mode", output_mode, ("int", *MODES))
        if sparse:
            raise ValueError("`sparse=True` gives Keras' sparse tensors of TensorFlow; here vectors are dense.")
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"`num_bins` must be at least 0, got {num_bins}.")
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(
                f"Give either `num_bins` or `bin_boundaries`, got num_bins={num_bins} and "
                f"bin_boundaries={bin_boundaries}."
            )
        self.bin_boundaries = None if bin_boundaries is None else [float(number) for number in bin_boundaries]
        self.num_bins, self.epsilon, self.output_mode = num_bins, epsilon, output_mode
        self._summary = quantiles.nothing()

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Set the boundaries so that about as many numbers of ``data`` fall into each bin.

        Args:
            data: an array or tensor, or an iterable of batches, such as a data set.
            steps: how many batches; all by default.

        Raises:
            ValueError: when the layer was made with ``bin_boundaries``.
        """
        if self.num_bins is None:
            raise ValueError(
                f"Layer `{self.name}` was made with `bin_boundaries`: to adapt it, make it with `num_bins`."
            )
        self.reset_state()
        if isinstance(data, np.ndarray | Tensor):
            self.update_state(data)
        else:
            for batch in islice(data, steps):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the numbers of a batch."""
        values = np.asarray(data.detach().cpu() if isinstance(data, Tensor) else data).astype(np.float32)
        self._summary = quantiles.merged(quantiles.summarized(values, self.epsilon), self._summary, self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of what was counted."""
        if self.num_bins is not None:
            self.bin_boundaries = quantiles.boundaries(self._summary, self.num_bins)

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._summary = quantiles.nothing()

    def forward(self, inputs: Any) -> Tensor:
        """The bins of the inputs, or vectors of them.

        Raises:
            ValueError: when the boundaries are not known yet.
        """
        if self.bin_boundaries is None:
            raise ValueError(f"Layer `{self.name}` has no bins yet: call `adapt` with data, or pass `bin_boundaries`.")
        values = self.prepare(inputs)
        if not values.is_floating_point():
            values = values.to(self._dtype)
        borders = torch.tensor(self.bin_boundaries, dtype=values.dtype, device=values.device)
        bins = torch.bucketize(values, borders, right=True)
        if self.output_mode == "int":
            return bins.int()
        return encode(bins, self.output_mode, len(self.bin_boundaries) + 1, self._dtype)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The input's shape with ``output_mode="int"``, otherwise that of the vectors."""
        if self.output_mode == "int":
            return tuple(input_shape)
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives."""
        dtype = torch.int32 if self.output_mode == "int" else self._dtype
        return TensorSpec.of(self.compute_output_shape(args[0].shape), dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names, and the boundaries that :meth:`adapt` found."""
        config = {key: value for key, value in super().get_config().items() if key != "trainable"}
        return {
            **config,
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": False,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with the arguments that ``get_config`` gave; boundaries that were learned are put into it."""
        given = dict(config)
        learned = given.pop("bin_boundaries", None) if given.get("num_bins") is not None else None
        layer = super().from_config(given)
        if learned is not None:
            layer.bin_boundaries = [float(number) for number in learned]
        return layer

    def extra_repr(self) -> str:
        """The bins and the mode."""
        bins = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return f"{bins} bins, output_mode={self.output_mode!r}, {super().extra_repr()}"
