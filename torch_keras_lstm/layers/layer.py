"""The base of every layer: what a Keras layer has beyond a torch module."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, TypedDict

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from torch_keras_lstm import constraints, initializers, regularizers
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.keras_tensor import KerasTensor, Node, has_symbolic
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.layers.symbolic_call import bound_arguments, call_symbolically, shape_arguments
from torch_keras_lstm.layers.weight import UnbuiltParameter, WeightRow, as_keras_array
from torch_keras_lstm.operations.tensor_spec import Shape, TensorSpec, map_shapes
from torch_keras_lstm.structure import leaves, single

__all__ = ["CommonArguments", "Layer", "LayerArguments", "Shape"]


class CommonArguments(TypedDict, total=False):
    """The keyword arguments that every layer takes, as in Keras, but for the one that some take by position."""

    name: str | None
    trainable: bool
    dtype: object
    input_shape: Sequence[int | None] | None
    batch_input_shape: Sequence[int | None] | None


class LayerArguments(CommonArguments, total=False):
    """The keyword arguments that every layer takes, as in Keras."""

    activity_regularizer: object


class Layer(nn.Module):
    """A torch module with the face of ``keras.layers.Layer``.

    A subclass declares its weights in ``__init__`` with :meth:`add_weight`, tells their shapes in
    :meth:`weight_shapes`, and starts ``forward`` with :meth:`prepare`. Building, ``get_weights``, regularization,
    constraints and lazy loading of a ``state_dict`` all follow from that table.

    Args:
        name: as in Keras; by default the class in snake case, numbered.
        trainable: ``False`` freezes the parameters (``requires_grad=False``).
        dtype: "float32" and the like; floating inputs are cast to it. ``.to(dtype)`` changes it as in PyTorch.
        activity_regularizer: called with the output; its value, divided by the batch size, enters ``losses``.
        input_shape: shape of one sample, as in Keras: the layer is built at once.
        batch_input_shape: the same with the batch axis in front, as Keras 1 and 2 spelled it.
    """

    # What Keras writes into configurations but no layer here takes, with the value at which it means nothing.
    void_arguments: ClassVar[Mapping[str, object]] = {}

    # The names of the arguments of this class' call: which of ``mask`` and ``training`` it takes.
    call_arguments: ClassVar[frozenset[str]]

    # The class that a configuration names, from which the layer was made; "" for a layer that code made.
    saved_class: str = ""

    _rows: tuple[WeightRow, ...]
    _placement: Tensor

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in vars(cls) and "forward" not in vars(cls):
            cls.forward = cls.call  # type: ignore[attr-defined]  # Keras' name of it
        cls.call_arguments = frozenset(inspect.signature(cls.forward).parameters)

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: object = None,
        activity_regularizer: object = None,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
    ) -> None:
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
        self._trainable = trainable
        self._rows = ()
        self._activity_loss: Tensor | None = None
        self._inbound_nodes: list[Node] = []
        # Holds nothing but the dtype and device that .to() gives, so that a layer without parameters has them too.
        self.register_buffer("_placement", torch.empty(0, dtype=dtypes.get(dtype)), persistent=False)

    # -- where and what -------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> torch.dtype:
        """The type of the parameters, and the one that floating inputs are cast to."""
        return self._buffers["_placement"].dtype  # type: ignore[union-attr]  # not by way of Module.__getattr__, which is slow

    @property
    def device(self) -> torch.device:
        """Where the parameters are; arrays that are not tensors yet are put there."""
        return self._buffers["_placement"].device  # type: ignore[union-attr]

    @property
    def trainable(self) -> bool:
        """Whether the parameters get gradients. Setting it sets ``requires_grad`` of all, sublayers included."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for module in self.modules():
            if isinstance(module, Layer):
                module._trainable = value
        self.requires_grad_(value)

    # -- weights --------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        name: str,
        parameter: str | tuple[str, ...],
        *,
        axes: tuple[int, ...] | None = None,
        initializer: object,
        regularizer: object = None,
        constraint: object = None,
        trainable: bool = True,
        dtype: torch.dtype | None = None,
        blocks: tuple[int, ...] = (),
    ) -> None:
        """Declare a weight whose shape :meth:`weight_shapes` tells at build time.

        Args:
            name: Keras' name of it.
            parameter: the attribute under which the parameter is registered, named as torch names it; several where
                torch keeps the slices of Keras' first axis apart.
            axes: the order of Keras' axes in the torch tensor; ``None`` for the same order.
            initializer: Keras' name, configuration or object; so are ``regularizer`` and ``constraint``.
            trainable: ``False`` makes it a buffer, which gets no gradient whatever the layer's ``trainable`` says.
            dtype: of a buffer that is no floating-point number; by default the layer's.
            blocks: torch's order of the blocks along Keras' last axis, where it is another.
        """
        row = WeightRow(
            name,
            (parameter,) if isinstance(parameter, str) else parameter,
            axes,
            initializers.get(initializer),
            regularizers.get(regularizer),
            constraints.get(constraint),
            trainable,
            dtype,
            blocks,
        )
        self._rows = (*self._rows, row)
        kind: Any = UnbuiltParameter  # torch's annotations know neither its arguments nor that it is a Parameter
        for attribute in row.parameters:
            if trainable:
                self.register_parameter(attribute, kind(self._trainable, self.device, self.dtype))
            else:  # None, which .to(), copies and pickles pass over until there is a shape
                self.register_buffer(attribute, None)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """Keras' shape of each declared weight, by Keras' name, for inputs of ``input_shape``."""
        return {}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """An input shape for which the layer's first weight has the shape of ``weight``, which is in Keras' layout.

        A ``state_dict`` is loaded into a layer that is not built by way of it. For most layers the number of features,
        the one size that the constructor does not tell, is the kernel's first axis.
        """
        return None, None, weight.shape[0]

    @property
    def built(self) -> bool:
        """Whether every weight has its shape; a layer without weights is built from the start."""
        # Asked on every call, and `isinstance` of a kind of Parameter costs microseconds: a parameter that is given its
        # shape changes its class.
        parameters: Any = self._parameters
        for row in self._rows:
            name = row.parameters[0]
            if row.trainable:
                if type(parameters.get(name)) is UnbuiltParameter:
                    return False
            elif self._buffers.get(name, self._placement) is None:
                return False
        return True

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Give the weights their shapes and initial values; nothing happens when they have them already.

        Args:
            input_shape: the whole shape, batch axis included, ``None`` where a size is free.

        Raises:
            ValueError: when the layer cannot take inputs of that shape.
        """
        shape = tuple(input_shape)
        self.check_input_shape(shape)
        if not self.built:
            self._create_weights(shape)

    @torch.inference_mode(False)  # a first call may be made for inference, and the weights trained later
    def _create_weights(self, input_shape: Shape, given: Mapping[str, Tensor] | None = None) -> None:
        shapes = self.weight_shapes(input_shape)
        # All values first: an initializer that fails leaves the layer as it was.
        values = [self._first_value(row, shapes[row.name], given or {}) for row in self._rows]
        for row, array in zip(self._rows, values, strict=True):
            shape = row.torch_shape(shapes[row.name])
            for attribute in row.parameters:
                if row.trainable:
                    getattr(self, attribute).materialize(shape)
                else:
                    setattr(self, attribute, torch.empty(shape, dtype=row.dtype or self.dtype, device=self.device))
            self.assign(row, array)
        self.on_new_storage()

    def _first_value(self, row: WeightRow, shape: tuple[int, ...], given: Mapping[str, Tensor]) -> Tensor:
        tensors = [given[name] for name in row.parameters if name in given]
        if len(tensors) == len(row.parameters) and all(one.shape == row.torch_shape(shape) for one in tensors):
            return row.to_keras(*tensors)
        return row.initializer(shape, dtype=self.dtype, device=self.device)

    def on_new_storage(self) -> None:
        """Called when parameters were built, moved or loaded, for a layer that cares where they lie."""

    def build_if_shape_is_known(self) -> None:
        """Build at construction when ``input_shape=`` was given: the last line of a weighted layer's ``__init__``."""
        if self.batch_input_shape is not None:
            self.build(self.batch_input_shape)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` that says what is expected when inputs of ``shape`` do not fit this layer."""

    def own_weights(self, rows: Iterable[WeightRow] | None = None) -> Iterator[tuple[WeightRow, Tensor]]:
        """Each declared weight, or those of ``rows``, and its tensor in Keras' layout, through which gradients pass."""
        for row in self._rows if rows is None else rows:
            yield row, row.to_keras(*(getattr(self, attribute) for attribute in row.parameters))

    @torch.no_grad()
    def assign(self, row: WeightRow, array: Tensor) -> None:
        """Write ``array``, in Keras' layout, into the parameters of ``row``, or through their parametrizations."""
        for attribute, tensor in row.to_torch(array).items():
            if parametrize.is_parametrized(self, attribute):
                setattr(self, attribute, tensor)
            else:
                getattr(self, attribute).copy_(tensor)

    def weighted_layers(self) -> Iterator["Layer"]:
        """This layer and those inside it that declare weights, in the order of Keras' ``get_weights``."""
        for module in self.modules():
            if isinstance(module, Layer) and module._rows:
                yield module

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of the weights as NumPy arrays in Keras' layouts and order; empty when the layer is not built.

        bfloat16, which NumPy lacks, comes as float32.
        """
        arrays = []
        for layer in self.weighted_layers():
            if layer.built:
                for _, tensor in layer.own_weights():
                    tensor = tensor.detach().cpu()
                    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
                    arrays.append(tensor.contiguous().numpy().copy())
        return arrays

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the weights from arrays in Keras' layouts and order, as ``get_weights`` gives them.

        Raises:
            ValueError: when the layer is not built, or the number or a shape does not fit; nothing is changed then.
        """
        slots = []
        for layer in self.weighted_layers():
            if not layer.built:
                raise ValueError(
                    f"Layer `{layer.name}` has no weights to set yet: call it once, or `build(input_shape)`, first."
                )
            slots += [(layer, row, tuple(tensor.shape)) for row, tensor in layer.own_weights()]
        if len(weights) != len(slots):
            names = ", ".join(row.name for _, row, _ in slots) or "none"
            raise ValueError(f"Layer `{self.name}` has {len(slots)} weights ({names}), but {len(weights)} were given.")
        tensors = [
            as_keras_array(array, row, shape, layer.name)
            for array, (layer, row, shape) in zip(weights, slots, strict=True)
        ]
        for tensor, (layer, row, _) in zip(tensors, slots, strict=True):
            layer.assign(row, tensor)

    def count_params(self) -> int:
        """The number of weight entries, counted as Keras counts them."""
        for layer in self.weighted_layers():
            if not layer.built:
                raise ValueError(f"Layer `{layer.name}` is not built, so its parameters cannot be counted yet.")
        return sum(tensor.numel() for layer in self.weighted_layers() for _, tensor in layer.own_weights())

    @property
    def losses(self) -> list[Tensor]:
        """Regularization terms of this layer and those inside it: add ``sum(layer.losses)`` to the training loss.

        Weight terms follow the present weights, those that are trained; the activity term is that of the last call.
        """
        terms = []
        for module in self.modules():
            if isinstance(module, Layer):
                if module._activity_loss is not None:
                    terms.append(module._activity_loss)
                penalized = [row for row in module._rows if row.regularizer is not None and module._is_trained(row)]
                if penalized and module.built:
                    terms += [
                        row.regularizer(tensor) for row, tensor in module.own_weights(penalized) if row.regularizer
                    ]
        return terms

    def _is_trained(self, row: WeightRow) -> bool:
        return all(getattr(self, attribute).requires_grad for attribute in row.parameters)

    @torch.no_grad()
    def apply_constraints(self) -> None:
        """Project the constrained weights, sublayers included: call it after each ``optimizer.step()``.

        Or once: ``optimizer.register_step_post_hook(lambda *_: model.apply_constraints())``.
        """
        for layer in self.weighted_layers():
            constrained = [row for row in layer._rows if row.constraint is not None]
            if constrained and layer.built:
                for row, tensor in layer.own_weights(constrained):
                    if row.constraint is not None:
                        layer.assign(row, row.constraint(tensor))

    # -- calling --------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``forward`` for tensors; for symbolic tensors, which :func:`Input` makes, what ``forward`` will give."""
        if has_symbolic(args) or (kwargs and has_symbolic(kwargs.values())):
            return call_symbolically(self, args, kwargs)
        return super().__call__(*args, **kwargs)

    def symbolic_arguments(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a symbolic call as a functional model keeps them."""
        return bound_arguments(self, args, kwargs)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives, as :class:`TensorSpec` in the place of each tensor; so stand tensors in the arguments.

        Args:
            args, kwargs: of the call.
            build: whether to build the layer for them.
        """
        shapes = shape_arguments(self, args, kwargs)
        if build:
            self.build(*shapes)
        return map_shapes(lambda shape: TensorSpec.of(shape, self.dtype), self.compute_output_shape(*shapes))

    @property
    def input(self) -> Any:
        """The symbolic tensor, or a list of those, that the layer was called on.

        Raises:
            ValueError: unless it was called on symbolic tensors just once.
        """
        node = self._only_node("input")
        return single([*leaves(KerasTensor, [*node.args, *node.kwargs.values()])])

    @property
    def output(self) -> Any:
        """The symbolic tensor, or a list of those, that the layer gave, for a model that ends here; as ``input``."""
        return single(self._only_node("output").outputs)

    def _only_node(self, what: str) -> Node:
        times = len(self._inbound_nodes)
        if times != 1:
            raise ValueError(
                f"Layer `{self.name}` was called on symbolic tensors {times} times, so it has no one {what}. "
                "Call it once on an `Input`, or keep what each call gives."
            )
        return self._inbound_nodes[0]

    def prepare(self, inputs: Any) -> Tensor:
        """The inputs as a tensor of this layer's dtype, on its device if they were not a tensor; builds when needed.

        Integers and booleans pass as they are: a layer that cannot use them says so in :meth:`check_input_dtype`.
        """
        values = self.as_input(inputs)
        if self.built:
            self.check_input_shape(values.shape)
        else:
            self.build(values.shape)
        return values

    def as_input(self, inputs: Any) -> Tensor:
        """One of the inputs as a tensor, as :meth:`prepare` makes it, whatever its shape."""
        values: Tensor = inputs if isinstance(inputs, Tensor) else self._as_tensor(inputs)
        if values.dtype is not self.dtype:
            self.check_input_dtype(values.dtype)
            if values.is_floating_point():
                values = values.to(self.dtype)
        return values

    def _as_tensor(self, inputs: Any) -> Tensor:
        try:
            return torch.as_tensor(inputs, device=self.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(
                f"Layer `{self.name}` takes tensors, arrays or symbolic tensors, got {type(inputs).__name__}: "
                f"{inputs!r:.100} ({error})."
            ) from None

    def check_input_dtype(self, dtype: torch.dtype) -> None:
        """Raise a ``ValueError`` when inputs of ``dtype``, which is not the layer's own, cannot be used."""
        if dtype.is_complex:
            raise ValueError(f"Layer `{self.name}` takes real numbers, got an input of dtype {dtypes.name(dtype)}.")

    def finish(self, outputs: Tensor, *states: Tensor) -> Tensor:
        """Note the activity loss of ``outputs``, which are returned as they are, and of all else the call returns."""
        if self.activity_regularizer is not None:
            terms = [self.activity_regularizer(value).div(value.shape[0]) for value in (outputs, *states)]
            self._activity_loss = torch.stack(terms).sum()
        return outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask that belongs to the output, given that of the input: passed on, unless a layer says otherwise."""
        return mask

    def symbolic_mask(self, inputs: Any, mask: Any) -> Any:
        """What :meth:`compute_mask` means for symbolic tensors; ``None`` for layers that compute it from several."""
        return mask if type(self).compute_mask is Layer.compute_mask else None

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The shape of the output for inputs of ``input_shape``, ``None`` where a size is free."""
        return tuple(input_shape)

    # -- configuration, copies, state -----------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, in a form that JSON holds and that Keras 3 accepts."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": dtypes.name(self.dtype)}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with the arguments that ``get_config`` (ours or Keras 3's) gave."""
        return cls(**{key: value for key, value in config.items() if (key, value) not in cls.void_arguments.items()})

    def extra_repr(self) -> str:
        """The layer's name; subclasses add what differs from the defaults."""
        return f"name={self.name!r}"

    def __getstate__(self) -> dict[str, Any]:
        # The activity loss belongs to the autograd graph of the last call, which can be neither copied nor pickled.
        # So do its symbolic tensors to the layers around it.
        return {**self.__dict__, "_activity_loss": None, "_inbound_nodes": []}

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        if self.built:
            super()._save_to_state_dict(destination, prefix, keep_vars)
            return
        # As torch's lazy modules do: an unbuilt parameter goes in as it is, for it has no data that could be detached.
        for name, tensor in (*self._parameters.items(), *self._buffers.items()):
            if tensor is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for row in self._rows[:1]:
            saved = state_dict.get(prefix + row.parameter)
            if not self.built and saved is not None and not is_lazy(saved):
                # What is about to be loaded need not be drawn: an orthogonal matrix takes seconds.
                names = {name for own in self._rows for name in own.parameters}
                loaded = {name: state_dict.get(prefix + name) for name in names}
                given = {name: tensor for name, tensor in loaded.items() if tensor is not None and not is_lazy(tensor)}
                self._create_weights(self.input_shape_of(row.to_keras(saved)), given)
        super()._load_from_state_dict(state_dict, prefix, *args)
        if self._rows and self.built:
            # `load_state_dict(assign=True)` keeps the type and the device of what it loads.
            self._placement = self._placement.to(getattr(self, self._rows[0].parameter))
        self.on_new_storage()

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.on_new_storage()
        return self
