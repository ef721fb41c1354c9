"""A layer over time that owns the weights of its cell: what ``LSTM``, ``GRU`` and ``SimpleRNN`` share."""

from abc import abstractmethod
from typing import Any

from torch_keras_lstm.layers.layer import Shape
from torch_keras_lstm.layers.recurrent import RecurrentLayer
from torch_keras_lstm.layers.recurrent_cell import RecurrentCell
from torch_keras_lstm.recurrence import Path, UseCudnn, choose


class CellLayer(RecurrentLayer, RecurrentCell):
    """The arguments of a layer over time together with those of its cell, and the choice of a path.

    A subclass names the class of the cell's arguments as its second base, and computes the sequence.

    Args:
        use_cudnn: 'auto' takes torch's fused kernels whenever they can compute this configuration, ``False`` never,
            ``True`` raises a ``ValueError`` when they cannot.
        input_size: the number of features, to build the layer at once.
    """

    parameter_suffix = "_l0"

    def __init__(self, *, use_cudnn: UseCudnn = "auto", input_size: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if use_cudnn != "auto" and not isinstance(use_cudnn, bool):
            raise ValueError(f"`use_cudnn` must be 'auto', True or False, got {use_cudnn!r}.")
        self.use_cudnn: UseCudnn = use_cudnn
        if use_cudnn is True:
            self.path_for(None, training=True)
        if input_size is not None:
            self.batch_input_shape = self.batch_input_shape or (None, None, input_size)
            self.build_at_once((None, None, input_size))
        self.build_if_shape_is_known()

    @property
    def cell(self) -> "CellOfLayer":
        """Keras' cell of this layer: what has its arguments and its weights."""
        return CellOfLayer(self)

    @property
    def output_size(self) -> int:
        """The output is ``units`` wide."""
        return self.units

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, time, features) as the layer was built for."""
        super().check_input_shape(shape)
        self.check_features(shape)

    @abstractmethod
    def why_not_fused(self, training: bool) -> str | None:
        """What keeps a call from torch's fused kernels, as the end of a sentence; ``None`` when nothing does."""

    def path_for(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Path:
        """Which path a call with these arguments would take, and why not the fused one.

        Neither the inputs nor a mask decide it today; they are asked for because another device's kernels might.
        """
        return choose(self.why_not_fused(self.training if training is None else training), self.use_cudnn)


class CellOfLayer:
    """``layer.cell`` of Keras: here the layer has the weights itself, and this shows them under the cell's name.

    Attributes are those of the layer: ``units``, ``kernel``, ``recurrent_kernel``, ``bias``, ``activation``, ...
    """

    def __init__(self, layer: CellLayer) -> None:
        object.__setattr__(self, "_layer", layer)

    @property
    def state_size(self) -> int | list[int]:
        """The width of the state, or the list of them."""
        sizes = self._layer.state_sizes
        return sizes[0] if len(sizes) == 1 else list(sizes)

    @property
    def name(self) -> str:
        """As Keras names it."""
        return str(self._layer.weight_scope)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._layer, name, value)

    def __repr__(self) -> str:
        return f"<cell of {self._layer!r}>"
