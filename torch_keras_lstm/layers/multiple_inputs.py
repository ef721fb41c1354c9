"""The base of layers that are called with a list of tensors."""

from collections.abc import Sequence
from typing import Any, Literal, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape

CombineMasks = Literal["any", "all"]
Masks = Sequence[Tensor | None] | None


class MultipleInputLayer(Layer):
    """A layer whose ``forward``, ``build`` and ``compute_output_shape`` take a list with an item for each input.

    A subclass starts ``forward`` with :meth:`prepare_all`, and says in :meth:`check_input_shapes` what fits together.
    """

    # How many tensors the layer takes; none for any number.
    input_counts: tuple[int, ...] = ()

    def prepare_all(self, inputs: Sequence[Any]) -> list[Tensor]:
        """The inputs as tensors of this layer's dtype, integers and booleans as they are; builds when needed.

        Raises:
            ValueError: when they are not a list, or their shapes do not fit together.
        """
        if not isinstance(inputs, list | tuple):
            raise ValueError(f"Layer `{self.name}` takes a list of inputs, got {type(inputs).__name__}.")
        tensors = [self.as_input(item) for item in inputs]
        shapes: Any = [tensor.shape for tensor in tensors]
        self.build(shapes)
        return tensors

    def check_input_shape(self, shape: Any) -> None:
        """Raise a ``ValueError`` unless ``shape`` is a list with the shape of each input, and they fit together."""
        if not isinstance(shape, list | tuple) or not all(isinstance(item, list | tuple) for item in shape):
            raise ValueError(f"Layer `{self.name}` takes the shapes of its inputs in a list, got {shape!r}.")
        shapes = [tuple(item) for item in shape]
        if not shapes or (self.input_counts and len(shapes) not in self.input_counts):
            wanted = " or ".join(map(str, self.input_counts)) or "at least 1"
            raise ValueError(f"Layer `{self.name}` takes a list of {wanted} inputs, got {len(shapes)}.")
        self.check_input_shapes(shapes)

    def check_input_shapes(self, shapes: Sequence[Shape]) -> None:
        """Raise a ``ValueError`` that says what is expected when inputs of these shapes do not fit together."""


class MergingLayer(MultipleInputLayer):
    """A layer that merges several tensors, and their masks, into one.

    Args:
        combine_masks: "any" is the rule of Keras 3: a step of the output counts when it does in any input. "all" is
            that of Keras 1, Keras 2 and tf.keras: it counts when it does in every input that has a mask; the converter
            sets it for their files. Outputs of ``Multiply``, ``Maximum`` and ``Minimum`` depend on masks with "any"
            alone.
        **kwargs: the arguments of every layer; see :class:`Layer`.
    """

    supports_masking = True

    def __init__(self, *, combine_masks: CombineMasks = "any", **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_choice("combine_masks", combine_masks, ("any", "all"))
        self.combine_masks = combine_masks

    def masks_of(self, inputs: Sequence[Any], mask: Masks) -> list[Tensor | None]:
        """A mask, or ``None``, for each input.

        Raises:
            ValueError: when inputs or masks are not in a list, and when there are not as many of one as of the other.
        """
        if mask is not None and not isinstance(mask, list | tuple):
            raise ValueError(f"Layer `{self.name}`: `mask` should be a list. Received: {type(mask).__name__}.")
        if not isinstance(inputs, list | tuple):
            raise ValueError(f"Layer `{self.name}`: `inputs` should be a list. Received: {type(inputs).__name__}.")
        masks = [None] * len(inputs) if mask is None else list(mask)
        if len(masks) != len(inputs):
            raise ValueError(
                f"Layer `{self.name}`: the lists `inputs` and `mask` should have the same length, "
                f"got {len(inputs)} inputs and {len(masks)} masks."
            )
        return [None if item is None else torch.as_tensor(item).bool() for item in masks]

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments; ``combine_masks``, which Keras 3 does not have, only where it is "all"."""
        rule = {} if self.combine_masks == "any" else {"combine_masks": self.combine_masks}
        return {**super().get_config(), **rule}


def agree(sizes: Sequence[int | None]) -> bool:
    """Whether all sizes that are known are the same.

    They are compared, not gathered in a set: where ``torch.export`` traces a call they are symbols, which have no hash.
    """
    known = [size for size in sizes if size is not None]
    return all(size == known[0] for size in known)


def mask_over(mask: Tensor, inputs: Tensor) -> Tensor:
    """The mask with axes of size 1 behind, so that it broadcasts over ``inputs``."""
    return mask.reshape(*mask.shape, *(1,) * (inputs.dim() - mask.dim()))
