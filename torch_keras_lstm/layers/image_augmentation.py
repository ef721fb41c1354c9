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
    # Whether images of integers stay such, and whether boxes are changed in inference as well.
    keeps_type: ClassVar[bool] = False
    changes_boxes_in_inference: ClassVar[bool] = False

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

    def forward(self, inputs: Any, training: bool | None = None) -> Any:
        """The images in the layer's type, changed if ``training``; ``None`` means ``self.training``.

        Args:
            inputs: images, or a dictionary of ``images`` and what belongs to them: ``labels``, ``segmentation_masks``
                and ``bounding_boxes``, ``{"boxes": (batch, boxes, 4), "labels": (batch, boxes)}``.
            training: whether they are changed.

        Returns:
            The images, or such a dictionary.

        Raises:
            TypeError: for boxes, where this layer moves what is in the images: boxes are not moved here.
        """
        training = self.training if training is None else training
        if isinstance(inputs, Mapping):
            return self._together(inputs, training)
        images = self._prepared(inputs)
        if images.dim() == 4:
            return self.finish(self.images_for(images, training))
        return self.finish(self.images_for(images.unsqueeze(0), training).squeeze(0))

    def _prepared(self, images: Any) -> Tensor:
        prepared = self.prepare(images)
        return prepared if self.keeps_type else prepared.to(self._dtype)

    def _together(self, given: Mapping[str, Any], training: bool) -> dict[str, Any]:
        """Images and what belongs to them, by one transformation."""
        if "images" not in given:
            names = ", ".join(map(repr, given))
            raise ValueError(f"Layer `{self.name}` takes a dictionary with 'images', got {names}.")
        images = self._prepared(given["images"])
        single = images.dim() == 3
        images = images.unsqueeze(0) if single else images
        drawn = self.get_random_transformation(images) if training else None
        results: dict[str, Any] = {
            **given,
            "images": self.transform_images(images, drawn) if training else self.images_for(images, False),
        }
        changes = {"labels": self.transform_labels, "segmentation_masks": self.transform_segmentation_masks}
        for name in changes.keys() & given.keys():
            values = torch.as_tensor(given[name], device=images.device)
            values = values.unsqueeze(0) if single else values
            results[name] = changes[name](values, drawn) if training else values
        if "bounding_boxes" in given:
            results["bounding_boxes"] = self._boxes(given["bounding_boxes"], drawn, training, single)
        for name in {"images", *changes} & given.keys() if single else ():
            results[name] = results[name].squeeze(0)
        results["images"] = self.finish(results["images"])
        return results

    def _boxes(self, boxes: Mapping[str, Any], drawn: Any, training: bool, single: bool) -> Mapping[str, Any]:
        if not self.bounding_box_format:
            raise ValueError(
                f"Layer `{self.name}` is given bounding boxes: tell it how they are written, `bounding_box_format=`."
            )
        if not training and not self.changes_boxes_in_inference:
            return boxes
        batch = {name: torch.as_tensor(value) for name, value in boxes.items()}
        batch = {name: value.unsqueeze(0) if single else value for name, value in batch.items()}
        changed = self.transform_bounding_boxes(batch, drawn)
        return {name: value.squeeze(0) if single else value for name, value in changed.items()}

    def images_for(self, images: Tensor, training: bool) -> Tensor:
        """The batch of images that a call gives."""
        return self.transform_images(images, self.get_random_transformation(images)) if training else images

    def get_random_transformation(self, images: Tensor) -> Any:
        """What is to be done to each image of a batch, drawn anew."""
        raise NotImplementedError

    def transform_images(self, images: Tensor, transformation: Any) -> Tensor:
        """A batch of images, changed as ``transformation`` says."""
        raise NotImplementedError

    def transform_labels(self, labels: Tensor, transformation: Any) -> Tensor:
        """The labels of a batch of images that is changed as ``transformation`` says: by default the same."""
        return labels

    def transform_segmentation_masks(self, masks: Tensor, transformation: Any) -> Tensor:
        """The masks of such images: by default, for layers that move nothing, the same."""
        return masks

    def transform_bounding_boxes(self, boxes: Mapping[str, Tensor], transformation: Any) -> Mapping[str, Tensor]:
        """The boxes of such images: the same, for layers that move nothing.

        Raises:
            TypeError: for others.
        """
        if type(self).transform_segmentation_masks is not ImageAugmentation.transform_segmentation_masks:
            raise TypeError(
                f"Layer `{self.name}` ({type(self).__name__}) does not move bounding boxes along with what is in the "
                "images: use `torchvision.transforms.v2` on the images of the data set."
            )
        return boxes

    def some_images(self, images: Tensor, factor: tuple[float, float]) -> Tensor:
        """(batch,): which images, of about a share of them that is drawn between the two bounds for each."""
        share = self.uniform(images, (len(images),), *factor)
        return self.uniform(images, (len(images),)) < share

    def gamma(self, images: Tensor, shape: Sequence[int], alpha: float) -> Tensor:
        """Numbers of the gamma distribution, in the type and on the device of ``images``."""
        return self.generator.gamma(shape, alpha, dtype=images.dtype, device=images.device)

    def beta(self, images: Tensor, shape: Sequence[int], alpha: float) -> Tensor:
        """Numbers of the beta distribution whose two parameters are ``alpha``."""
        first, second = self.gamma(images, shape, alpha), self.gamma(images, shape, alpha)
        total = first + second
        return torch.where(total > 0, first / total.where(total > 0, 1), 0.5)

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
