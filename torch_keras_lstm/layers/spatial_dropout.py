"""``keras.layers.SpatialDropout1D``, ``SpatialDropout2D`` and ``SpatialDropout3D``: one idea in three ranks."""

from collections.abc import Sequence
from typing import Any, ClassVar, Unpack

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register

_DATA_FORMATS = ("channels_last", "channels_first")


class _SpatialDropout(Dropout):
    """Dropout of whole channels: all places of a channel share their fate.

    Args:
        rate: probability of a zero, in [0, 1].
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own, which moves on at each call; ``None`` uses torch's global one.
    """

    rank: ClassVar[int]

    def __init__(
        self, rate: float, data_format: str | None, seed: int | None, **kwargs: Unpack[LayerArguments]
    ) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = _DATA_FORMATS[0] if data_format is None else data_format
        check_choice("data_format", self.data_format, _DATA_FORMATS)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` has a batch axis, the spatial ones and the channels."""
        if len(shape) != self.rank + 2:
            raise ValueError(f"Layer `{self.name}` takes inputs of {self.rank + 2} axes, got shape {tuple(shape)}.")

    def mask_shape(self, shape: Sequence[int]) -> Sequence[int]:
        """1 along the spatial axes."""
        channels = 1 if self.data_format == "channels_first" else len(shape) - 1
        return [size if axis in (0, channels) else 1 for axis, size in enumerate(shape)]

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names: these layers, alone of all, have no ``trainable`` there."""
        config = super().get_config()
        return {name: config[name] for name in ("name", "dtype", "rate", "seed")}


class _SpatialDropoutOfImages(_SpatialDropout):
    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(rate, data_format, seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "data_format": self.data_format}


@register("keras.layers")
class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole features of (batch, time, features), at all steps together.

    Args:
        rate: probability of a zero, in [0, 1].
        seed: gives the layer a generator of its own, which moves on at each call; ``None`` uses torch's global one.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for a rate outside [0, 1], and for inputs of other than three axes.
        TypeError: when ``seed`` is not an integer.

    Example:
        >>> dropped = SpatialDropout1D(0.5, seed=1)(torch.ones(1, 3, 4))
        >>> dropped.equal(dropped[:, :1].expand(1, 3, 4))  # the same features at every step
        True
    """

    rank = 1

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(rate, None, seed, **kwargs)


@register("keras.layers")
class SpatialDropout2D(_SpatialDropoutOfImages):
    """Dropout of whole channels of (batch, rows, columns, channels), or (batch, channels, rows, columns).

    Args:
        rate: probability of a zero, in [0, 1].
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own, which moves on at each call; ``None`` uses torch's global one.

    Example:
        >>> dropped = SpatialDropout2D(0.5, seed=1)(torch.ones(1, 5, 6, 4))
        >>> dropped.flatten(0, 2).unique(dim=0).shape  # one vector of channels, at every place
        torch.Size([1, 4])
    """

    rank = 2


@register("keras.layers")
class SpatialDropout3D(_SpatialDropoutOfImages):
    """Dropout of whole channels of (batch, depth, rows, columns, channels), or with the channels in front of those.

    Args:
        rate: probability of a zero, in [0, 1].
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        seed: gives the layer a generator of its own, which moves on at each call; ``None`` uses torch's global one.

    Example:
        >>> SpatialDropout3D(0.5, data_format="channels_first")(torch.ones(2, 4, 3, 5, 6)).shape
        torch.Size([2, 4, 3, 5, 6])
    """

    rank = 3
