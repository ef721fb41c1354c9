"""What every layer that changes images at random shares: it does so in training, and is the identity otherwise."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice, check_number
from torch_keras_lstm.dropout_generator import DropoutGenerator
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.spatial import DATA_FORMATS

Factor = float | Sequence[float]


class ImageAugmentation(Layer):
    """A layer of images (batch, height, width, channels), with or without the batch axis.

    As in Keras a call in training draws what is done to each image, :meth:`get_random_transformation`, and does it,
    :meth:`transform_images`. Keras and torch draw other numbers; what is done for the same ones is the same.

    Args:
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        bounding_box_format: accepted for the sake of files; boxes are not changed along with images here.
        **kwargs: the arguments of every layer; see :class:`Layer`.
    """

    def __init__(
        self,
        *,
        data_format: str | None = None,
        seed: int | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = DATA_FORMATS[0] if data_format is None else data_format
        check_choice("data_format", self.data_format, DATA_FORMATS)
        self.bounding_box_format = bounding_box_format
        self.generator = DropoutGenerator(seed)

    # The arguments of a layer's own that its configuration holds.
    config_names: ClassVar[tuple[str, ...]] = ()

    @property
    def seed(self) -> int | None:
        """What the generator of this layer started from; ``None`` when it uses torch's global one."""
        return self.generator.seed

    @property
    def height_axis(self) -> int:
        """Where the rows are, counted from the end."""
        return -2 if self.data_format == "channels_first" else -3

    @property
    def width_axis(self) -> int:
        """Where the columns are, counted from the end."""
        return -1 if self.data_format == "channels_first" else -2

    @property
    def channel_axis(self) -> int:
        """Where the channels are, counted from the end."""
        return -3 if self.data_format == "channels_first" else -1

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs are images."""
        if len(shape) not in (3, 4):
            raise ValueError(
                f"Layer `{self.name}` takes images of 3 axes, or 4 with the batch's, got shape {tuple(shape)}."
            )

    def forward(self, inputs: Any, training: bool | None = None) -> Tensor:
        """The images in the layer's type, changed if ``training``; ``None`` means ``self.training``.

        Raises:
            TypeError: for a dictionary: boxes, labels and masks of images are not changed here.
        """
        if isinstance(inputs, Mapping):
            raise TypeError(
                f"Layer `{self.name}` ({type(self).__name__}) takes images alone, not a dictionary with "
                f"{', '.join(map(repr, inputs))}."
            )
        images = self.prepare(inputs).to(self._dtype)
        training = self.training if training is None else training
        if images.dim() == 4:
            return self.finish(self.images_for(images, training))
        return self.finish(self.images_for(images.unsqueeze(0), training).squeeze(0))

    def images_for(self, images: Tensor, training: bool) -> Tensor:
        """The batch of images that a call gives."""
        return self.transform_images(images, self.get_random_transformation(images)) if training else images

    def get_random_transformation(self, images: Tensor) -> Any:
        """What is to be done to each image of a batch, drawn anew."""
        raise NotImplementedError

    def transform_images(self, images: Tensor, transformation: Any) -> Tensor:
        """A batch of images, changed as ``transformation`` says."""
        raise NotImplementedError

    def uniform(self, images: Tensor, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        """Numbers between ``low`` and ``high``, in the type and on the device of ``images``."""
        return self.generator.uniform(shape, low, high, dtype=images.dtype, device=images.device)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config | {name: getattr(self, name) for name in self.config_names}


def bounds(name: str, factor: Any, low: float, high: float, mirrored: bool = True) -> tuple[float, float]:
    """The bounds that an argument says between which a number is drawn, the smaller first.

    Args:
        name: of the argument.
        factor: two numbers, or one for both sides of 0.
        low, high: how far the argument may go.
        mirrored: whether one number means both sides; else those from ``low`` up to it.

    Raises:
        ValueError: naming the argument, when it is neither, or lies outside.
    """
    several = isinstance(factor, list | tuple)
    numbers = [*factor] if several else [factor]
    for number in numbers:
        check_number(name, number)
    if len(numbers) != (2 if several else 1) or not all(low <= number <= high for number in numbers):
        raise ValueError(
            f"Received an invalid value for argument `{name}`: expected a number between {low} and {high}, or two of "
            f"them, got {factor!r}."
        )
    if several:
        return min(numbers), max(numbers)
    amount = abs(numbers[0])
    return (max(-amount, low) if mirrored else low), amount


def range_of_values(value_range: Any) -> tuple[float, float]:
    """The argument ``value_range``, the smaller number first.

    Raises:
        ValueError: unless it is two numbers.
    """
    if not isinstance(value_range, list | tuple) or len(value_range) != 2:
        raise ValueError(f"`value_range` must be a list of two numbers, got {value_range!r}.")
    for number in value_range:
        check_number("value_range", number)
    return min(value_range), max(value_range)


def in_range(images: Tensor, old: Sequence[float], new: Sequence[float]) -> Tensor:
    """Images whose values lie between the numbers ``old``, moved to lie between ``new``."""
    if tuple(old) == tuple(new):
        return images
    return (images - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]


def for_each_image(values: Tensor) -> Tensor:
    """A number for each image, (batch,), beside images."""
    return values.reshape(-1, 1, 1, 1)


def chosen(applies: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    """The changed image where ``applies``, (batch,), is true, and the image where not."""
    return torch.where(for_each_image(applies), changed, images)
