"""Several augmentations, drawn from a list: ``keras.layers.RandAugment`` and ``AugMix``."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.layers.equalization import Equalization
from torch_keras_lstm.layers.image_augmentation import Factor, ImageAugmentation, bounds
from torch_keras_lstm.layers.random_colors import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    RandomSharpness,
)
from torch_keras_lstm.layers.random_geometry import RandomRotation, RandomShear, RandomTranslation
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.tone_curves import AutoContrast, Solarization

Transformation = Mapping[str, Any]

_BYTES = (0, 255)


class _Policy(ImageAugmentation):
    """Base of the two: the augmentations under Keras' names, which all draw from the generator of this layer."""

    names: ClassVar[Sequence[str]]

    def __init__(
        self,
        value_range: Any,
        factor: Factor,
        interpolation: str,
        names: Sequence[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range
        self.factor = bounds("factor", factor, 0, 1)
        self.interpolation = interpolation
        moved = {"interpolation": interpolation}
        colored = {"value_range": value_range}
        both, one = {"x_factor": self.factor, "y_factor": self.factor}, {"factor": self.factor}
        made: Mapping[str, tuple[Any, Mapping[str, Any]]] = {
            "random_shear": (RandomShear, both | moved),
            "random_translation": (
                RandomTranslation,
                {"height_factor": self.factor, "width_factor": self.factor} | moved,
            ),
            "random_rotation": (RandomRotation, one | moved),
            "random_brightness": (RandomBrightness, one | colored),
            "random_color_degeneration": (RandomColorDegeneration, one | colored),
            "random_contrast": (RandomContrast, one | colored),
            "random_sharpness": (RandomSharpness, one | colored),
            "random_posterization": (RandomPosterization, {"factor": max(1, int(8 * self.factor[1]))} | colored),
            "solarization": (Solarization, {"addition_factor": self.factor, "threshold_factor": self.factor} | colored),
            "auto_contrast": (AutoContrast, colored),
            "equalization": (Equalization, colored),
        }
        options = {"data_format": self.data_format, "dtype": self.dtype}
        # A dictionary, and no submodules: there is nothing in them to train or to save.
        self.steps: dict[str, ImageAugmentation] = {
            name: layer(**arguments, **options) for name, (layer, arguments) in made.items() if name in names
        }
        self.steps = {name: self.steps[name] for name in names}
        for step in self.steps.values():
            step.generator = self.generator


@register("keras.layers")
class RandAugment(_Policy):
    """In training, some augmentations out of eleven, one after the other; else the identity (Cubuk et al., 2020).

    Args:
        value_range: the range of the images' values.
        num_ops: how many.
        factor: how strong they are, from 0 to 1: two numbers between which it is drawn, or one up to which.
        interpolation: "bilinear" or "nearest", of those that move images.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> RandAugment(value_range=(0, 1))(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("value_range", "num_ops", "factor", "interpolation", "seed")
    names = (
        *("random_shear", "random_translation", "random_rotation", "random_brightness", "random_color_degeneration"),
        *("random_contrast", "random_sharpness", "random_posterization", "solarization", "auto_contrast"),
        "equalization",
    )

    def __init__(
        self,
        value_range: Any = _BYTES,
        num_ops: int = 2,
        factor: Factor = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, factor, interpolation, self.names, seed=seed, **kwargs)
        self.num_ops = positive_integer("num_ops", num_ops)

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``layer_idxes``, which augmentations; ``transforms``, what each of all does."""
        which = (self.uniform(images, (self.num_ops,)) * len(self.names)).long().clamp(max=len(self.names) - 1)
        drawn = {name: step.get_random_transformation(images) for name, step in self.steps.items()}
        return {"transforms": drawn, "layer_idxes": which}

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The images, changed by one augmentation after the other."""
        for which in transformation["layer_idxes"].tolist():
            name = self.names[which]
            images = self.steps[name].transform_images(images, transformation["transforms"][name])
        return images

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation) -> Tensor:
        """The masks, moved as the images."""
        for which in transformation["layer_idxes"].tolist():
            name = self.names[which]
            masks = self.steps[name].transform_segmentation_masks(masks, transformation["transforms"][name])
        return masks


@register("keras.layers")
class AugMix(_Policy):
    """In training, mixtures of images that went through chains of augmentations; else the identity.

    After Hendrycks et al. (2020).

    Args:
        value_range: the range of the images' values, to which they are clipped.
        num_chains: how many chains are mixed.
        chain_depth: how many augmentations a chain has at most.
        factor: how strong they are, from 0 to 1: two numbers between which it is drawn, or one up to which.
        alpha: of the distributions from which the weights of chains and image are drawn.
        all_ops: whether colours are changed as well.
        interpolation: "bilinear" or "nearest", of those that move images.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        **kwargs: ``data_format``, and the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs that are no images.

    Example:
        >>> AugMix(value_range=(0, 1))(torch.rand(2, 4, 5, 3), training=True).shape
        torch.Size([2, 4, 5, 3])
    """

    config_names = ("value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops", "interpolation", "seed")
    names = (
        *("random_shear", "random_translation", "random_rotation", "random_posterization", "solarization"),
        *("auto_contrast", "equalization"),
    )
    colors = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")

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
        names = (*self.names, *self.colors) if all_ops else self.names
        super().__init__(value_range, factor, interpolation, names, seed=seed, **kwargs)
        self.num_chains = positive_integer("num_chains", num_chains)
        self.chain_depth = positive_integer("chain_depth", chain_depth)
        self.alpha = alpha
        self.all_ops = all_ops

    def get_random_transformation(self, images: Tensor) -> Transformation:
        """``chain_mixing_weights``, (chains,); ``weight_sample``, of the image itself; ``chain_transforms``."""
        shares = self.gamma(images, (self.num_chains,), self.alpha)
        return {
            "chain_mixing_weights": shares / shares.sum(),
            "weight_sample": self.beta(images, (), self.alpha),
            "chain_transforms": [self._chain(images) for _ in range(self.num_chains)],
        }

    def _chain(self, images: Tensor) -> list[Transformation]:
        names = [*self.steps, None]
        drawn = (self.uniform(images, (self.chain_depth,)) * len(names)).long().clamp(max=len(names) - 1).tolist()
        chain = [name for name in (names[number] for number in drawn) if name is not None]
        return [
            {"layer_name": name, "transformation": self.steps[name].get_random_transformation(images)} for name in chain
        ]

    def transform_images(self, images: Tensor, transformation: Transformation) -> Tensor:
        """The mixtures."""
        mixed = torch.zeros_like(images)
        for weight, chain in zip(
            transformation["chain_mixing_weights"], transformation["chain_transforms"], strict=True
        ):
            changed = images
            for step in chain:
                changed = self.steps[step["layer_name"]].transform_images(changed, step["transformation"])
            mixed = mixed + changed * weight
        share = transformation["weight_sample"]
        return torch.clamp(share * images + (1 - share) * mixed, *self.value_range)

    def transform_segmentation_masks(self, masks: Tensor, transformation: Transformation) -> Tensor:
        """The masks, mixed as the images."""
        mixed = torch.zeros_like(masks, dtype=self._dtype)
        for weight, chain in zip(
            transformation["chain_mixing_weights"], transformation["chain_transforms"], strict=True
        ):
            changed = masks
            for step in chain:
                layer = self.steps[step["layer_name"]]
                changed = layer.transform_segmentation_masks(changed, step["transformation"])
            mixed = mixed + changed * weight
        share: Tensor = transformation["weight_sample"]
        return share * masks + (1 - share) * mixed
