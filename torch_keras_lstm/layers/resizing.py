"""``keras.layers.Resizing`` and ``CenterCrop``."""

from typing import Any, SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_choice, positive_integer
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.spatial import DATA_FORMATS
from torch_keras_lstm.operations import image


class _ToSize(Layer):
    """Makes images of ``height`` and ``width`` of (batch, height, width, channels), with or without the batch axis."""

    def __init__(
        self,
        height: SupportsIndex,
        width: SupportsIndex,
        data_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.height = positive_integer("height", height)
        self.width = positive_integer("width", width)
        self.data_format = DATA_FORMATS[0] if data_format is None else data_format
        check_choice("data_format", self.data_format, DATA_FORMATS)

    def forward(self, inputs: Any) -> Tensor:
        """The images in the new size; of integers what comes between them is rounded first, as in Keras."""
        return self.finish(self.to_size(self.prepare(inputs)).to(self._dtype))

    def to_size(self, images: Tensor) -> Tensor:
        """The images in the new size."""
        raise NotImplementedError

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs are images."""
        if len(shape) not in (3, 4):
            raise ValueError(
                f"Layer `{self.name}` takes images of 3 axes, or 4 with the batch's, got shape {tuple(shape)}."
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape with ``height`` and ``width`` in place of the images'."""
        if self.data_format == "channels_first":
            return (*input_shape[:-2], self.height, self.width)
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        sizes = {"height": self.height, "width": self.width}
        return {**super().get_config(), **sizes, "data_format": self.data_format}

    def extra_repr(self) -> str:
        """The size and the name."""
        return f"{self.height}, {self.width}, {super().extra_repr()}"


@register("keras.layers")
class Resizing(_ToSize):
    """Images of another size, as ``ops.image.resize`` makes them.

    Args:
        height, width: the new size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", and tf.keras' "area", "gaussian" and
            "mitchellcubic".
        crop_to_aspect_ratio: whether what the new proportions have no room for is cut off, not squeezed.
        pad_to_aspect_ratio: whether the old proportions are kept and the rest is filled up.
        fill_mode: "constant", what is filled up with: ``fill_value``.
        fill_value: see ``fill_mode``.
        antialias: whether what is made smaller is smoothed first.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for another ``interpolation`` or ``fill_mode``, and for inputs that are no images.

    Example:
        >>> Resizing(2, 4)(torch.arange(4.0).reshape(1, 2, 2, 1))[0, :, :, 0]
        tensor([[0.0000, 0.2500, 0.7500, 1.0000],
                [2.0000, 2.2500, 2.7500, 3.0000]])
        >>> Resizing(8, 8, pad_to_aspect_ratio=True)(torch.randn(4, 7, 9, 3)).shape
        torch.Size([4, 8, 8, 3])
    """

    def __init__(
        self,
        height: SupportsIndex,
        width: SupportsIndex,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(height, width, data_format, **kwargs)
        check_choice("interpolation", interpolation, image.INTERPOLATIONS)
        check_choice("fill_mode", fill_mode, ("constant",))
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = antialias

    def to_size(self, images: Tensor) -> Tensor:
        """The images, interpolated."""
        return image.resize(
            images,
            size=(self.height, self.width),
            interpolation=self.interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        names = ("interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode", "fill_value", "antialias")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@register("keras.layers")
class CenterCrop(_ToSize):
    """The middle of images; of images that are smaller the largest middle of those proportions, enlarged.

    Args:
        height, width: the new size.
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when a size is not a positive integer, and for inputs that are no images.

    Example:
        >>> CenterCrop(2, 2)(torch.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0]
        tensor([[ 5.,  6.],
                [ 9., 10.]])
    """

    def to_size(self, images: Tensor) -> Tensor:
        """The middle, of numbers of the layer's type."""
        images = images.to(self._dtype)
        first = self.data_format == "channels_first"
        rows, columns = images.shape[-2:] if first else images.shape[-3:-1]
        if rows < self.height or columns < self.width:
            size = (self.height, self.width)
            return image.resize(images, size=size, crop_to_aspect_ratio=True, data_format=self.data_format)
        return image.crop_images(
            images,
            top_cropping=(rows - self.height) // 2,
            left_cropping=(columns - self.width) // 2,
            target_height=self.height,
            target_width=self.width,
            data_format=self.data_format,
        )
