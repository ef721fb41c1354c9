"""The base of every layer: what a Keras layer has beyond a torch module."""

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self, TypedDict

import torch
from torch import Tensor, nn

from torch_keras_lstm import dtype_policies, regularizers
from torch_keras_lstm.layers import dtypes, mixed, own_config, own_layer, tracking
from torch_keras_lstm.layers.call_context import CALL_CONTEXT
from torch_keras_lstm.layers.input_spec import check_inputs
from torch_keras_lstm.layers.keras_mask import mask_of
from torch_keras_lstm.layers.keras_tensor import KerasTensor, connect, has_symbolic
from torch_keras_lstm.layers.keywords import refuse_torchs_words, refuse_unknown
from torch_keras_lstm.layers.naming import scoped, unique_name
from torch_keras_lstm.layers.stateless_call import stateless_call
from torch_keras_lstm.layers.symbolic_call import call_symbolically
from torch_keras_lstm.layers.traced_layer import TracedLayer, traced_by_fx
from torch_keras_lstm.layers.variable import Variable
from torch_keras_lstm.layers.weight_table import WeightTable
from torch_keras_lstm.layers.weight_view import KerasWeight
from torch_keras_lstm.operations.tensor_spec import Shape, TensorSpec
from torch_keras_lstm.structure import map_leaves

__all__ = ["CommonArguments", "Layer", "LayerArguments", "Shape"]


class CommonArguments(TypedDict, total=False):
    """The keyword arguments that every layer takes, as in Keras, but for the one that some take by position."""

    name: str | None
    trainable: bool
    dtype: object
    autocast: bool
    input_shape: Sequence[int | None] | None
    batch_input_shape: Sequence[int | None] | None


class LayerArguments(CommonArguments, total=False):
    """The keyword arguments that every layer takes, as in Keras."""

    activity_regularizer: object


class Layer(TracedLayer):
    """A torch module with the face of ``keras.layers.Layer``.

    A layer of this package declares its weights in ``__init__`` with :meth:`declare_weight`, tells their shapes in
    :meth:`weight_shapes`, and starts ``forward`` with :meth:`prepare`. A class of one's own may be written so, as a
    torch module is, or as Keras' users write layers: weights are made by :meth:`add_weight` in ``build``, and ``call``
    uses them. Lists of variables, arrays in Keras' layouts, penalties and counts follow from the weights.

    Args:
        name: as in Keras; by default the class in snake case, numbered.
        trainable: ``False`` freezes the parameters (``requires_grad=False``).
        dtype: "float32" and the like; floating inputs are cast to it. ``.to(dtype)`` changes it as in PyTorch.
        activity_regularizer: called with the output; its value, divided by the batch size, enters ``losses``.
        input_shape: shape of one sample, as in Keras: the layer is built at once.
        batch_input_shape: the same with the batch axis in front, as Keras 1 and 2 spelled it.
        autocast: whether floating inputs of a class of one's own that defines ``call`` are cast to ``dtype``.
        **unknown: Keras 2's ``input_dim``, another way to give ``input_shape``, and ``weights``, what the layer starts
            with; all else is refused.

    Raises:
        ValueError: for a keyword that the class does not take.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
        ...     def call(self, inputs):
        ...         return self.factor * inputs
        >>> layer = Scale()
        >>> layer(torch.ones(2, 3)).shape, [weight.name for weight in layer.weights]
        (torch.Size([2, 3]), ['factor'])
    """

    # What Keras writes into configurations but no layer here takes, with the value at which it means nothing.
    void_arguments: ClassVar[Mapping[str, object]] = {}

    # Whether integers and booleans are cast to the layer's dtype as floating inputs are: Keras' products of them with
    # the weights have that type.
    casts_integers: bool = False

    # Whether its inputs must all be of one type, which is then the layer's.
    takes_one_type: ClassVar[bool] = False

    # Whether a policy of mixed precision is a matter of the layers inside it.
    leaves_types_to_layers: ClassVar[bool] = False

    # Whether it computes in float32 where a policy of mixed precision says half, as Keras' normalizations do.
    computes_in_float32: ClassVar[bool] = False

    # Whether its inputs, and its weights, are rounded to the half type of a policy before, as Keras rounds most.
    rounds_inputs: ClassVar[bool] = True
    rounds_weights: ClassVar[bool] = True

    # Whether it may hold layers of one's own whose losses begin anew with its call: one's own, or a model.
    _may_hold_own: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("torch."):
            return  # as `fully_shard` and `parametrize` make of the class of a layer; all is as in that class
        own = vars(cls)
        if "call" in own and "forward" not in own:
            cls.forward = own["call"]  # type: ignore[method-assign]  # Keras' name of it
        elif "forward" in own and "call" not in own:
            cls.call = own["forward"]
        cls.call_parameters = tuple(inspect.signature(cls.forward).parameters)[1:]
        cls.call_arguments = frozenset((*cls.call_parameters, "training"))
        cls._is_own = own_layer.is_own(cls)
        if cls._is_own:
            cls._may_hold_own = True
            cls._follows_parts = False
            if "compute_mask" in own:
                cls.makes_mask = True
                cls.supports_masking = bool(own.get("supports_masking", True))
            cls.converts_inputs = own_layer.is_written_for_keras(cls)
            cls._default_training = own_layer.default_training(cls) if cls.converts_inputs else None
            own_layer.LossAdders.note(cls)
            if cls.built is WeightTable.built:
                cls.built = own_layer.OWN_BUILT  # type: ignore[assignment,method-assign]
            if "build" in own:
                cls.build = own_layer.once(own["build"])  # type: ignore[method-assign]
        if isinstance(own.get("built"), property) and own["built"].fset is None:
            cls.built = own["built"].setter(own_layer.OWN_BUILT.fset)  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """A layer of one's own remembers what it was made with, for :meth:`get_config`."""
        layer = super().__new__(cls)
        if not cls._is_own:
            refuse_torchs_words(cls, kwargs)
        else:
            layer.__dict__["_constructor"] = own_config.arguments_of(cls, args, kwargs)
        return layer

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: object = None,
        activity_regularizer: object = None,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        autocast: bool = True,
        **unknown: Any,
    ) -> None:
        unknown = {key: value for key, value in unknown.items() if (key, value) not in self.void_arguments.items()}
        if not unknown.keys() <= {"input_dim", "weights"}:
            refuse_unknown(type(self), unknown)
        if not isinstance(trainable, bool):
            raise ValueError(f"`trainable` of a {type(self).__name__} is True or False, got {trainable!r}.")
        early = own_layer.set_before_init(self)
        super().__init__()
        if input_shape is not None and batch_input_shape is not None:
            raise ValueError("Pass `input_shape` or `batch_input_shape`, not both.")
        self.name = unique_name(type(self).__name__) if name is None else name
        self.activity_regularizer = regularizers.get(activity_regularizer, "activity_regularizer")
        self.batch_input_shape: Shape | None = None
        if batch_input_shape is not None:
            self.batch_input_shape = tuple(batch_input_shape)
        elif input_shape is not None:
            self.batch_input_shape = (None, *input_shape)
        elif unknown.get("input_dim") is not None:
            self.batch_input_shape = self._shape_of_features(unknown["input_dim"])
        self._initial_weights = unknown.get("weights")
        self.autocast = autocast
        self._trainable = trainable
        self._rows = ()
        self._automatic = set()
        self._activity_loss: Tensor | None = None
        self.__dict__["_added_losses"] = []
        self.__dict__["_inbound_nodes"] = []
        self._warned_of_mask = False
        self._policy = dtype_policies.get(dtype)
        self.place(dtypes.get(self._policy.variable_dtype))
        self._follow_policy()
        for attribute, value in early.items():
            setattr(self, attribute, value)

    def _follow_policy(self) -> None:
        """Compute in the type that the policy says."""
        if getattr(self.__dict__.get("forward"), "func", None) is mixed.forward_in:
            del self.__dict__["forward"]
        if self._policy.is_half and not self.leaves_types_to_layers:
            forward: Any = partial(mixed.forward_in, self, dtypes.get(self._policy.compute_dtype))
            forward.__signature__ = inspect.signature(self.forward)
            self.__dict__["forward"] = forward

    def _shape_of_features(self, features: int) -> Shape:
        """The input shape that ``input_dim=`` gives."""
        return None, features

    def __setattr__(self, name: str, value: Any) -> None:
        if self._is_own:
            if "_rows" not in self.__dict__:  # until `super().__init__()`, which sets it again
                object.__setattr__(self, name, value)
                return
            kind = type(value)
            if kind is list or kind is dict or kind is tuple or isinstance(value, tuple):
                value = tracking.tracked(self, name, value)
            elif value is None or (isinstance(value, Variable) and not self._is_keras_weight(name)):
                self._leave(name, value)
                if value is not None:
                    self.keep_variable(value, name)
                    return
        # What is put into a model that answers in inference, as Keras' models do, answers so too.
        if isinstance(value, nn.Module) and not self.__dict__.get("training", True):
            value.eval()
        super().__setattr__(name, value)

    def _leave(self, name: str, instead: Any = None) -> None:
        """Take the row of the attribute ``name`` out of the table, unless it holds ``instead`` already."""
        self._rows = tuple(
            row for row in self._rows if row.parameters != (name,) or not row.is_own or self._held(row) is instead
        )

    def __delattr__(self, name: str) -> None:
        if name in self._parameters or name in self._buffers:
            self._leave(name)
        if self._is_own:
            tracking.forget(self, name)
        super().__delattr__(name)

    def _is_keras_weight(self, name: str) -> bool:
        """Whether the class has a declared weight of Keras' ``name``, which is set by its values."""
        return isinstance(inspect.getattr_static(type(self), name, None), KerasWeight)

    # -- building -------------------------------------------------------------------------------------------------

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Give the weights their shapes and initial values; nothing happens when they have them already.

        Args:
            input_shape: the whole shape, batch axis included, ``None`` where a size is free.

        Raises:
            ValueError: when the layer cannot take inputs of that shape.
        """
        if self._is_own:
            own_layer.build_by_default(self, input_shape)
            return
        shape = tuple(input_shape)
        self.check_input_shape(shape)
        if not self.has_weights():
            self._create_weights(shape)

    def build_if_shape_is_known(self) -> None:
        """Build at construction when ``input_shape=`` was given: the last line of a weighted layer's ``__init__``."""
        if self.batch_input_shape is not None:
            self.build_at_once(self.batch_input_shape)

    def build_at_once(self, input_shape: Shape) -> None:
        """Build at construction, but for a class that defines ``build``, whose constructor may not have ended yet."""
        if not (self._is_own and own_layer.has_own_build(type(self))):
            self.build(input_shape)
            self.__dict__["_is_without_place"] = scoped("") == ""

    def _build_for_state_dict(self, input_shape: Shape, given: Mapping[str, Tensor]) -> None:
        if self._is_own and own_layer.has_own_build(type(self)):
            self.build(input_shape)
        else:
            super()._build_for_state_dict(input_shape, given)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built for, in Keras' form; ``None`` before that, where they are not known."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        return {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": shapes}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build for the shapes that :meth:`get_build_config` gave."""
        if config and "input_shape" in config:
            self.build(config["input_shape"])
        elif config and "shapes_dict" in config:
            own_layer.build_by_names(self, config["shapes_dict"])

    # -- losses and metrics ---------------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a tensor, or those in a list, to :attr:`losses`: to be called in ``call``.

        The next call, of this layer or of the layer or model around it, begins without it.

        Raises:
            ValueError: when it is no tensor.
        """
        for term in loss if isinstance(loss, list | tuple) else [loss]:
            if not isinstance(term, Tensor | KerasTensor):
                raise ValueError(
                    f"`add_loss` of layer `{self.name}` takes tensors that `call` or `build` computed, got {term!r}."
                )
            if isinstance(term, Tensor):
                self._added_losses.append(term)

    @property
    def metrics(self) -> list[Any]:
        """The metrics among the attributes of this layer and of those inside it, also in lists and dictionaries."""
        return [metric for module in self.modules() for metric in tracking.metrics_of(module)]

    @property
    def metrics_variables(self) -> list[Any]:
        """What the :attr:`metrics` count with."""
        return [variable for metric in self.metrics for variable in metric.variables]

    # -- calling --------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``forward`` for tensors; for symbolic tensors, which :func:`Input` makes, what ``forward`` will give.

        In a graph of ``torch.fx`` a layer is one node, as a module of torch's is.
        """
        if len(args) != 1 or type(args[0]) is not Tensor or kwargs:  # which a call with one tensor has no need to ask
            if args and (traced := traced_by_fx(args[0])) is not None:
                return self.node_of_fx(traced, args, kwargs)
            if has_symbolic(args) or (kwargs and has_symbolic(kwargs.values())):
                self.check_super_called()
                if self.converts_inputs:
                    own_layer.check_positional(self, args)
                if self._is_own and self.input_spec is not None and args:
                    check_inputs(self.input_spec, args[0], self.name)
                return call_symbolically(self, args, kwargs)
        if self._may_hold_own and (self._is_own or own_layer.LossAdders.exist):
            self.check_super_called()
            return own_layer.call_around(self, self._call_as_keras, args, kwargs)
        # Nearly every call has nothing of Keras' about it, and must not pay for those that have.
        plain = len(args) == 1 and not kwargs and not self.makes_mask and mask_of(args[0]) is None
        if plain and CALL_CONTEXT.training is None:
            return super().__call__(*args)
        return self._call_as_keras(args, kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes; a subclass defines it, under this name or Keras' ``call``."""
        raise NotImplementedError(f"Layer `{self.name}` ({type(self).__name__}) defines no `call`.")

    #: Keras' name of ``forward``: a subclass may define either, and reach that of its base by the same name
    call = forward

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Call the layer with other values for its variables, which stay as they are.

        Args:
            trainable_variables, non_trainable_variables: a value for each of the variables of that name.
            *args, **kwargs: of the call.
            return_losses: return :attr:`losses` too.

        Returns:
            The outputs, and the values of the non-trainable variables after the call; the losses behind them.

        Raises:
            ValueError: when the layer is not built, or the number of values does not fit.
        """
        return stateless_call(self, trainable_variables, non_trainable_variables, args, kwargs, return_losses)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call gives, as symbolic tensors that belong to no model; tensors may be given as such, too."""
        args, kwargs = map_leaves(KerasTensor, lambda one: one.spec, [args, kwargs])
        args, kwargs = map_leaves(Tensor, lambda one: TensorSpec.of(tuple(one.shape), one.dtype), [args, kwargs])
        return connect(Layer(name=self.name), (), {}, self.output_specs(args, kwargs))

    def prepare(self, inputs: Any) -> Tensor:
        """The inputs as a tensor of this layer's dtype, on its device if they were not a tensor; builds when needed.

        Integers and booleans pass as they are, unless the layer ``casts_integers``.
        """
        values = self.as_input(inputs)
        try:
            shape = values.shape
        except RuntimeError:
            raise TypeError(
                f"Layer `{self.name}` takes no nested tensor. Pad it: `inputs.to_padded_tensor(0.0)`; a recurrent "
                "layer takes the mask beside it, `mask=torch.arange(steps) < lengths[:, None]`."
            ) from None
        if self.built:
            self.check_input_shape(shape)
        else:
            self.build(shape)
        return values

    def as_input(self, inputs: Any) -> Tensor:
        """One of the inputs as a tensor, as :meth:`prepare` makes it, whatever its shape."""
        values: Tensor = inputs if isinstance(inputs, Tensor) else self._as_tensor(inputs)
        if values.dtype is not self._dtype:
            if values.is_floating_point() or (self.casts_integers and not values.is_complex()):
                stays = values is inputs and self._computes_in_double(values)
                values = values if stays else values.to(self._dtype)
            elif values.is_complex():
                raise ValueError(
                    f"Layer `{self.name}` takes real numbers, got an input of dtype {dtypes.name(values.dtype)}."
                )
        return self._as_differentiable(values)

    @staticmethod
    def _as_differentiable(values: Tensor) -> Tensor:
        """The same; a copy of a tensor of ``torch.inference_mode()``, which no pass backwards could be handed."""
        if torch.is_grad_enabled() and not torch.compiler.is_compiling() and values.is_inference():
            return values.clone()
        return values

    def as_computed(self, values: Tensor) -> Tensor:
        """What a layer inside gave under a policy of its own, in the type that this one computes in."""
        stays = values.dtype is torch.float64 or torch.is_autocast_enabled(values.device.type)
        return values if stays or not values.is_floating_point() else values.to(self.compute_dtype.torch)

    def _computes_in_double(self, values: Tensor) -> bool:
        """Whether float64 ``values`` stay that in a layer whose type is float32: nothing of its own is float32.

        They reach it where the parameters around it were put in float64 places, as by ``torch.func.functional_call``,
        or for ``torch.autograd.gradcheck``.
        """
        double = values.dtype is torch.float64 and self._placed_dtype is torch.float32
        return double and not (self.takes_one_type or self._rows or self._modules)

    def _as_tensor(self, inputs: Any) -> Tensor:
        try:
            return torch.as_tensor(inputs, device=self.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(
                f"Layer `{self.name}` takes tensors, arrays or symbolic tensors, got {type(inputs).__name__}: "
                f"{inputs!r:.100} ({error})."
            ) from None

    def finish(self, outputs: Tensor, *states: Tensor) -> Tensor:
        """Note the activity loss of ``outputs``, which are returned as they are, and of all else the call returns."""
        if self.activity_regularizer is not None:
            terms = [self.activity_regularizer(value).div(value.shape[0]) for value in (outputs, *states)]
            self._activity_loss = torch.stack(terms).sum()
        return outputs

    # -- configuration, copies, state -----------------------------------------------------------------------------

    def _written_dtype(self) -> Any:
        return dtype_policies.serialize(self._policy) if self._policy.is_mixed else dtypes.name(self._dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, in a form that JSON holds and that Keras 3 accepts.

        Those of a class of one's own that does not define this are what it was made with, if they are numbers, strings
        and the like.

        Raises:
            NotImplementedError: when they are anything else.
        """
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self._written_dtype()}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if self._is_own and type(self).get_config is Layer.get_config:
            return own_config.automatic(self, config)
        return config

    def entry_of_its_own(self) -> dict[str, Any] | None:
        """What stands for the layer in a file, where that is not its class and :meth:`get_config`."""
        return None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with the arguments that ``get_config`` (ours or Keras 3's) gave."""
        given = {key: value for key, value in config.items() if (key, value) not in cls.void_arguments.items()}
        return own_config.make(cls, given) if cls._is_own else cls(**given)

    def extra_repr(self) -> str:
        """The layer's name; subclasses add what differs from the defaults."""
        return f"name={self.name!r}"

    def __getstate__(self) -> dict[str, Any]:
        # The activity loss belongs to the autograd graph of the last call, which can be neither copied nor pickled.
        # So do its symbolic tensors to the layers around it.
        return {**self.__dict__, "_activity_loss": None, "_added_losses": [], "_inbound_nodes": []}
