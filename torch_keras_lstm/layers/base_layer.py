"""What the parts of a layer's call know of a layer: :class:`torch_keras_lstm.layers.Layer` fills in the rest."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from torch_keras_lstm.layers.placed_module import parts_of
from torch_keras_lstm.layers.weighted import Weighted
from torch_keras_lstm.operations.tensor_spec import Shape


class BaseLayer(Weighted):
    """A layer as those see it that build it, call it, or note its calls."""

    # The names of the arguments that ``forward`` takes in their order, and the names of those that a call may be given:
    # ``training`` is among these of any layer, as in Keras.
    call_parameters: ClassVar[tuple[str, ...]]
    call_arguments: ClassVar[frozenset[str]]

    # Whether the masks of inputs end here: without it a class of one's own hands none on, as in Keras, and a warning
    # says so. A class that defines ``compute_mask`` supports them.
    supports_masking: bool = False

    # Whether masks come of layers inside, which Keras 2 ran once more to ask for one.
    masks_inside: ClassVar[bool] = False

    # Whether :meth:`compute_mask` may give a mask where none came in.
    makes_mask: bool = False

    # The methods in whose place, for Keras' numbers in half precision, those of their names with "_in_half" stand.
    has_own_half: ClassVar[tuple[str, ...]] = ()

    # The class that a configuration names, from which the layer was made; "" for a layer that code made.
    saved_class: str = ""

    # Whether the class is not of this package: Keras' ways around ``build`` and ``call`` are for those alone, and what
    # they call inherits ``training``, which layers of this package hand on by themselves.
    _is_own: ClassVar[bool] = False

    # What a ``call`` of one's own takes ``training`` to be when nobody says; layers inside are told the same, as Keras
    # does.
    _default_training: ClassVar[bool | None] = None

    # Whether the arguments of a call are converted before the class' ``call`` gets them, as Keras does.
    converts_inputs: ClassVar[bool] = False

    # Whether a class of one's own was built, or called; what it needs is told by its code alone.
    _was_built: bool = False

    #: what a class of one's own expects of its first argument: an :class:`InputSpec`, or a list of them
    input_spec: Any = None

    _build_shapes: dict[str, Any] | None = None

    name: str
    autocast: bool
    activity_regularizer: Any
    _activity_loss: Tensor | None
    _added_losses: list[Tensor]
    _inbound_nodes: list[Any]  # of :class:`torch_keras_lstm.layers.keras_tensor.Node`

    # -- building ---------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Give the weights their shapes and initial values."""
        raise NotImplementedError

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` that says what is expected when inputs of ``shape`` do not fit this layer."""

    def join_model(self) -> None:
        """Called when a model is made of this layer through Keras' API: it answers in inference until it is trained.

        That is until ``fit``, ``.train()``, or a call with ``training=True``.
        """
        self.eval()

    # -- calls on symbolic tensors ----------------------------------------------------------------------------------

    def symbolic_arguments(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a symbolic call as a functional model keeps them."""
        raise NotImplementedError

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives, as :class:`TensorSpec` in the place of each tensor."""
        raise NotImplementedError

    def symbolic_mask(self, inputs: Any, mask: Any) -> Any:
        """The symbolic mask of what a call gives."""
        raise NotImplementedError

    def warn_of_lost_mask(self) -> None:
        """Warn that a mask ends at this layer."""
        raise NotImplementedError

    # -- losses -----------------------------------------------------------------------------------------------------

    def forget_losses(self) -> None:
        """Forget what :meth:`add_loss` has added, in layers inside too."""
        for module in self.modules():
            if isinstance(module, BaseLayer) and module._added_losses:
                module._added_losses.clear()

    @property
    def losses(self) -> list[Tensor]:
        """Losses of this layer and those inside it: add ``sum(layer.losses)`` to the training loss.

        First what :meth:`add_loss` and the activity regularizers gave in the last call, then the terms of the present
        weights, of those that are trained.
        """
        layers = [module for module in parts_of(self) if isinstance(module, BaseLayer)]
        terms: list[Tensor] = []
        for layer in layers:
            terms += layer._added_losses
            terms += [] if layer._activity_loss is None else [layer._activity_loss]
        for layer in layers:
            terms += layer._penalties()
        return terms
