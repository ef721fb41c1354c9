"""Layers of Keras' that change images at random, and here are for inference alone, in which they are the identity."""

from typing import Any, ClassVar, NoReturn

from torch import Tensor

from torch_keras_lstm.arguments import integers_per_axis
from torch_keras_lstm.layers.image_augmentation import Factor, ImageAugmentation, bounds, range_of_values
from torch_keras_lstm.layers.serialization import register

_BYTES = (0, 255)


class _InferenceOnly(ImageAugmentation):
    """The identity in inference; a call in training is refused, not left undone without a word."""

    instead: ClassVar[str]

    def get_random_transformation(self, images: Tensor) -> NoReturn:
        """Nothing is drawn.

        Raises:
            NotImplementedError: always; it says what to do.
        """
        raise NotImplementedError(
            f"Layer `{self.name}` ({type(self).__name__}) is the identity in inference, and what it does to images in "
            f"training is not there. Use {self.instead} on the images of the data set, and train the model without it."
        )


@register("keras.layers")
class AugMix(_InferenceOnly):
    """Mixtures of several augmentations of an image; for inference alone, the identity.

    Args:
        value_range, num_chains, chain_depth, factor, alpha, all_ops, interpolation, seed: as in Keras.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Example:
        >>> images = torch.rand(2, 4, 5, 3)
        >>> torch.equal(AugMix()(images, training=False), images)
        True
    """

    instead = "`torchvision.transforms.v2.AugMix`"
    config_names = ("value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops", "interpolation", "seed")

    def __init__(
        self,
        value_range: Any = _BYTES,
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Factor = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.value_range = value_range
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.factor = bounds("factor", factor, 0, 1)
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = interpolation


@register("keras.layers")
class CutMix(_InferenceOnly):
    """Images with a rectangle of another one; for inference alone, the identity.

    Args:
        factor, seed: as in Keras.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Example:
        >>> images = torch.rand(2, 4, 5, 3)
        >>> torch.equal(CutMix()(images, training=False), images)
        True
    """

    instead = "`torchvision.transforms.v2.CutMix`"
    config_names = ("factor", "seed")

    def __init__(self, factor: Factor = 1.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)


@register("keras.layers")
class MixUp(_InferenceOnly):
    """Means of two images, and of their labels; for inference alone, the identity.

    Args:
        alpha, data_format, seed: as in Keras.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> images = torch.rand(2, 4, 5, 3)
        >>> torch.equal(MixUp()(images, training=False), images)
        True
    """

    instead = "`torchvision.transforms.v2.MixUp`"
    config_names = ("alpha", "seed")

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.alpha = alpha


@register("keras.layers")
class RandAugment(_InferenceOnly):
    """Some augmentations out of many, one after the other; for inference alone, the identity.

    Args:
        value_range, num_ops, factor, interpolation, seed: as in Keras.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Example:
        >>> images = torch.rand(2, 4, 5, 3)
        >>> torch.equal(RandAugment()(images, training=False), images)
        True
    """

    instead = "`torchvision.transforms.v2.RandAugment`"
    config_names = ("value_range", "num_ops", "factor", "interpolation", "seed")

    def __init__(
        self,
        value_range: Any = _BYTES,
        num_ops: int = 2,
        factor: Factor = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.value_range = value_range
        self.num_ops = num_ops
        self.factor = bounds("factor", factor, 0, 1)
        self.interpolation = interpolation


@register("keras.layers")
class Equalization(_InferenceOnly):
    """Images in which all values are about as frequent; for inference alone, in which it is the identity, as in Keras.

    Args:
        value_range, bins, data_format: as in Keras.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> images = torch.rand(2, 4, 5, 3)
        >>> torch.equal(Equalization()(images, training=False), images)
        True
    """

    instead = "`torchvision.transforms.v2.functional.equalize`"
    config_names = ("value_range", "bins")

    def __init__(
        self, value_range: Any = _BYTES, bins: int = 256, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = range_of_values(value_range)
        self.bins = bins


@register("keras.layers")
class RandomElasticTransform(_InferenceOnly):
    """Images whose points are moved this way and that; for inference alone, the identity.

    Args:
        factor, scale, interpolation, fill_mode, fill_value, value_range, seed, data_format: as in Keras.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> images = torch.rand(2, 4, 5, 3)
        >>> torch.equal(RandomElasticTransform()(images, training=False), images)
        True
    """

    instead = "`torchvision.transforms.v2.ElasticTransform`"
    config_names = ("factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed")

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = _BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)
        self.scale = bounds("scale", scale, 0, 1)
        self.interpolation = interpolation
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.value_range = value_range


@register("keras.layers")
class RandomGaussianBlur(_InferenceOnly):
    """Images out of focus; for inference alone, the identity.

    Args:
        factor, kernel_size, sigma, value_range, data_format, seed: as in Keras.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> images = torch.rand(2, 4, 5, 3)
        >>> torch.equal(RandomGaussianBlur()(images, training=False), images)
        True
    """

    instead = "`torchvision.transforms.v2.GaussianBlur`"
    config_names = ("factor", "kernel_size", "sigma", "value_range", "seed")

    def __init__(
        self,
        factor: Factor = 1.0,
        kernel_size: Any = 3,
        sigma: Factor = 1.0,
        value_range: Any = _BYTES,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)
        self.kernel_size = integers_per_axis("kernel_size", kernel_size, 2)
        self.sigma = bounds("sigma", sigma, 0, 1)
        self.value_range = value_range


@register("keras.layers")
class RandomPerspective(_InferenceOnly):
    """Images seen from aside; for inference alone, the identity.

    Args:
        factor, scale, interpolation, fill_value, seed, data_format: as in Keras.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> images = torch.rand(2, 4, 5, 3)
        >>> torch.equal(RandomPerspective()(images, training=False), images)
        True
    """

    instead = "`torchvision.transforms.v2.RandomPerspective`"
    config_names = ("factor", "scale", "interpolation", "fill_value", "seed")

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds("factor", factor, 0, 1)
        self.scale = scale
        self.interpolation = interpolation
        self.fill_value = fill_value
