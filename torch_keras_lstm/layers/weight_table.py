"""What a layer keeps: a table of its weights. How they are declared, made, read and written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from torch_keras_lstm import constraints, initializers, regularizers
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.naming import current_path, scoped, unique_name
from torch_keras_lstm.layers.placed_module import PlacedModule
from torch_keras_lstm.layers.variable import TrainedVariable, Variable, as_sizes, describe, variable_of
from torch_keras_lstm.layers.weight import Initializer, UnbuiltParameter, WeightRow, are_weights_given, draw, unknown
from torch_keras_lstm.layers.weight_arguments import by_name
from torch_keras_lstm.layers.weight_view import WeightView
from torch_keras_lstm.operations.tensor_spec import Shape

_ABSENT: Any = object()  # what is no buffer, where a buffer may be ``None``

# what the arguments of a weight end with, and the names that they take
WEIGHT_ARGUMENTS: Mapping[str, Any] = {
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}


def _of_kind(argument: str) -> Any:
    return WEIGHT_ARGUMENTS[argument.rpartition("_")[2]]


class WeightTable(PlacedModule):
    """The weights of a layer: one row of a table for each, in Keras' order.

    A layer of this package declares them in ``__init__`` with :meth:`declare_weight`, and tells their shapes in
    :meth:`weight_shapes` when it is built. A layer that is written as Keras users write them makes them with
    :meth:`add_weight`. What is read, written, counted, penalized, projected, saved and shown follows from the rows.
    """

    _rows: tuple[WeightRow, ...]
    _automatic: set[str]  # attributes that `add_weight` chose, until the weight is set as an attribute
    _weight_arguments: tuple[str, ...] = ()
    _initial_weights: Sequence[Any] | None = None  # what Keras 2's `weights=` gave, until there are weights

    # The layer that Keras has inside this one, and whose weights these are: a part of their paths.
    weight_scope: str = ""

    # -- making weights -------------------------------------------------------------------------------------------

    def keep_weight_arguments(self, **given: object) -> None:
        """Keep arguments called ``<role>_initializer``, ``<role>_regularizer`` or ``<role>_constraint`` as attributes.

        Args:
            **given: Keras' names, configurations or objects.

        Raises:
            ValueError: naming the argument, for what is none.
        """
        for name, value in given.items():
            setattr(self, name, _of_kind(name).get(value, name))
        self._weight_arguments = (*self._weight_arguments, *given)

    def weight_arguments(self) -> dict[str, Any]:
        """The arguments that :meth:`keep_weight_arguments` kept, as a configuration has them."""
        return {
            name: WEIGHT_ARGUMENTS[name.rpartition("_")[2]].serialize(getattr(self, name))
            for name in self._weight_arguments
        }

    def declare_weight(
        self,
        name: str,
        parameter: str | tuple[str, ...],
        *,
        axes: tuple[int, ...] | None = None,
        role: str = "",
        initializer: object = None,
        regularizer: object = None,
        constraint: object = None,
        trainable: bool = True,
        dtype: torch.dtype | None = None,
        blocks: tuple[int, ...] = (),
        present: bool = True,
    ) -> None:
        """Declare a weight whose shape :meth:`weight_shapes` tells at build time.

        Args:
            name: Keras' name of it.
            parameter: the attribute under which the parameter is registered, named as torch names it; several where
                torch keeps the slices of Keras' first axis apart.
            axes: the order of Keras' axes in the torch tensor; ``None`` for the same order.
            role: what the layer's arguments for it begin with, "kernel" for ``kernel_initializer``, as
                :meth:`keep_weight_arguments` keeps them: the defaults of the next three.
            initializer: Keras' name, configuration or object; so are ``regularizer`` and ``constraint``.
            trainable: ``False`` makes it a buffer, which gets no gradient whatever the layer's ``trainable`` says.
            dtype: of a buffer that is no floating-point number; by default the layer's.
            blocks: torch's order of the blocks along Keras' last axis, where it is another.
            present: ``False`` for one that the layer does without: the attribute is ``None``.
        """
        parameters = (parameter,) if isinstance(parameter, str) else parameter
        if not present:
            for attribute in parameters:
                self.register_parameter(attribute, None)
            return
        if role:
            initializer = getattr(self, f"{role}_initializer") if initializer is None else initializer
            regularizer = getattr(self, f"{role}_regularizer") if regularizer is None else regularizer
            constraint = getattr(self, f"{role}_constraint") if constraint is None else constraint
        row = WeightRow(
            name,
            parameters,
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
        for attribute in parameters:
            if trainable:
                with torch.inference_mode(False):  # a layer made for inference may be trained later
                    self.register_parameter(attribute, kind(self._trainable, self.device, self._dtype))
            else:  # None, which .to(), copies and pickles pass over until there is a shape
                self.register_buffer(attribute, None)

    def add_weight(
        self,
        *args: Any,
        shape: Any = None,
        initializer: object = None,
        dtype: object = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: object = None,
        constraint: object = None,
        aggregation: str | None = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight, as ``keras.layers.Layer.add_weight`` does: in ``__init__``, in ``build`` or in ``call``.

        Args:
            *args: the same by their places: ``shape, initializer, dtype, trainable`` as in Keras 3; or behind a name,
                ``name, shape, dtype, initializer`` as in Keras 2.
            shape: all sizes; a single number by default.
            initializer: Keras' name, configuration or object, or a function of a shape and ``dtype=``; "glorot_uniform"
                by default, "zeros" where the type is no floating-point number.
            dtype: by default the layer's.
            trainable: whether it gets gradients. What does not is a buffer.
            regularizer: its value of the weight enters ``losses``.
            constraint: what ``apply_constraints`` projects it on.
            autocast, aggregation, overwrite_with_gradient: kept for Keras' sake.
            name: by default "variable", numbered.

        Returns:
            The weight: a ``torch.nn.Parameter``, or a tensor if it is not to be trained, with the face of
            ``keras.Variable``.

        Raises:
            TypeError: when an argument comes twice, or too many do.
            ValueError: when a size is not known.
            RuntimeError: when ``super().__init__()`` was not called.
        """
        self.check_super_called()
        if args:
            keywords: dict[str, Any] = {
                "shape": shape, "initializer": initializer, "dtype": dtype, "trainable": trainable, "name": name,
                "autocast": autocast, "regularizer": regularizer, "constraint": constraint, "aggregation": aggregation,
                "overwrite_with_gradient": overwrite_with_gradient,
            }  # fmt: skip
            return self.add_weight(**by_name(args, keywords))
        sizes = as_sizes(() if shape is None else shape)
        kind = self._dtype if dtype is None else dtypes.any_type(dtype)
        drawn_by = initializers.get(initializer or ("glorot_uniform" if kind.is_floating_point else "zeros"))
        name = unique_name("Variable") if name is None else name
        with torch.inference_mode(False), torch.no_grad():  # the first call may be made for inference
            made = variable_of(
                draw(drawn_by, sizes, kind, self.device),
                trainable=trainable,
                name=name,
                path=self._weight_path(name),
                regularizer=regularizers.get(regularizer),
                constraint=constraints.get(constraint),
            )
        made.autocast, made.aggregation = autocast, aggregation or "none"
        made.overwrite_with_gradient = overwrite_with_gradient
        self.keep_variable(made, initializer=drawn_by)
        return made

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """Keras' other name of :meth:`add_weight`."""
        return self.add_weight(*args, **kwargs)

    def check_super_called(self) -> None:
        """Raise a ``RuntimeError`` unless ``Layer.__init__`` has run."""
        if "_rows" not in self.__dict__:
            raise RuntimeError(
                f"Class {type(self).__name__} does not call `super().__init__()`: make it the first line of "
                "its `__init__`."
            )

    def _weight_path(self, name: str) -> str:
        path = self.__dict__.get("_path") or current_path(self.name)
        return "/".join(filter(None, (path, self.weight_scope, name)))

    def keep_variable(self, variable: Variable, attribute: str = "", initializer: Initializer = unknown) -> None:
        """Make a variable a weight of this layer, in a row of its own, unless it is one already.

        Args:
            variable: what :meth:`add_weight` made, or a ``keras.Variable``.
            attribute: under which it is registered; by default its name, until it is set as an attribute.
            initializer: what it was drawn by.
        """
        place = next((place for place, row in enumerate(self._rows) if self._held(row) is variable), None)
        if place is not None:
            row = self._rows[place]
            if attribute and row.parameter != attribute and row.parameter in self._automatic:
                self._register(row.parameter, None)
                self._register(attribute, variable)
                self._automatic.discard(row.parameter)
                self.replace_row(row, parameters=(attribute,))
            return
        if not attribute:
            attribute = self._free_attribute(variable.name)
            self._automatic.add(attribute)
        trained = isinstance(variable, nn.Parameter)
        if trained and not self._trainable:
            variable.requires_grad = False
        self._register(attribute, variable)
        row = WeightRow(
            variable.name,
            (attribute,),
            None,
            initializer,
            variable.regularizer,
            variable.constraint,
            trained,
            None if variable.is_floating_point() else variable.dtype,
            is_own=True,
        )
        # As in Keras those that are trained come first, and those of the layer before those of a cell inside it.
        beside = [one for one in self._rows if one.is_own or not self.weight_scope]
        behind = sum(one.trainable for one in beside) if trained else len(beside)
        self._rows = (*self._rows[:behind], row, *self._rows[behind:])

    def replace_row(self, row: WeightRow, **changes: Any) -> None:
        """Put a row with ``changes`` in the place of ``row``."""
        self._rows = tuple(replace(own, **changes) if own is row else own for own in self._rows)

    def drop_variable(self, variable: Tensor) -> None:
        """Take a variable out of the table, if it is in it."""
        for row in self._rows:
            if self._held(row) is variable:
                self._register(row.parameter, None)
                self._rows = tuple(own for own in self._rows if own is not row)
                return

    def _held(self, row: WeightRow) -> Tensor | None:
        """The parameter or buffer of a row, parametrized or not."""
        found = self._parameters.get(row.parameter)
        return self._buffers.get(row.parameter) if found is None else found

    def _register(self, attribute: str, variable: Variable | None) -> None:
        """Put a variable among the parameters or the buffers, or take what has this name out of them."""
        self.__dict__.pop(attribute, None)
        self._parameters.pop(attribute, None)
        self._buffers.pop(attribute, None)
        if self._leading == attribute:
            self._leading = ""
        if isinstance(variable, nn.Parameter):
            self._parameters[attribute] = variable
            if not self._leading and variable.dtype is self._placed_dtype:  # or it was asked to be of another
                self._leading = attribute
        elif variable is not None:
            self._buffers[attribute] = variable

    def _free_attribute(self, name: str) -> str:
        name = name.replace(".", "_") or "variable"
        number, attribute = 0, name
        while hasattr(self, attribute):
            number += 1
            attribute = f"{name}_{number}"
        return attribute

    def take_place(self) -> None:
        """Stand inside the layers that are being built, if the constructor has built it, outside of them.

        Keras builds such a layer when it is first called.
        """
        if not self.__dict__.pop("_is_without_place", False):
            return
        for module in self.modules():
            if isinstance(module, WeightTable):
                module._path = scoped(module.path)
                for row in module._rows:
                    if row.is_as_in_keras and module._is_made(row):
                        described: Any = module._tensor_at(row.parameter)
                        described._path = module._weight_path(row.name)

    # -- building -------------------------------------------------------------------------------------------------

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """Keras' shape of each declared weight, by Keras' name, for inputs of ``input_shape``."""
        return {}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """An input shape for which the layer's first weight has the shape of ``weight``, which is in Keras' layout.

        A ``state_dict`` is loaded into a layer that is not built by way of it. For most layers the number of features,
        the one size that the constructor does not tell, is the kernel's first axis.
        """
        return None, None, weight.shape[0]

    def has_weights(self) -> bool:
        """Whether every declared weight of the layer's own has its shape."""
        # Asked on every call, and `isinstance` of a kind of Parameter costs microseconds: a parameter that is given its
        # shape changes its class.
        parameters: Any = self._parameters
        for row in self._rows:
            name = row.parameters[0]
            if row.trainable:
                if type(parameters.get(name)) is UnbuiltParameter:
                    return False
            elif self._buffers.get(name, _ABSENT) is None:
                return False
        return True

    @property
    def built(self) -> bool:
        """Whether every weight has its shape; a layer without weights is built from the start."""
        return self.has_weights()

    def _tensor_at(self, attribute: str) -> Tensor:
        """The parameter, or what a parametrization makes of it, or the buffer of that name."""
        found: Tensor = getattr(self, attribute)
        return found

    def _is_made(self, row: WeightRow) -> bool:
        if row.trainable:
            return not isinstance(self._parameters.get(row.parameter), UnbuiltParameter)
        return self._buffers.get(row.parameter, _ABSENT) is not None

    @torch.inference_mode(False)  # a first call may be made for inference, and the weights trained later
    def _create_weights(self, input_shape: Shape, given: Mapping[str, Tensor] | None = None) -> None:
        shapes = self.weight_shapes(input_shape)
        rows = [row for row in self._rows if not self._is_made(row)]
        # All values first: an initializer that fails leaves the layer as it was.
        values = [self._first_value(row, shapes[row.name], given or {}) for row in rows]
        self._path = current_path(self.name)
        for row, array in zip(rows, values, strict=True):
            self._make(row, shapes[row.name])
            if array is not None:
                self._begin_with(row, array)
        if self._initial_weights is not None:
            layer: Any = self  # whose arrays are set by the class above this one
            layer.set_weights(self._initial_weights)
            self._initial_weights = None
        self.on_new_storage()

    def _make(self, row: WeightRow, keras_shape: tuple[int, ...]) -> None:
        """Give the parameters of a declared weight their shape."""
        shape = row.torch_shape(keras_shape)
        said: dict[str, Any] = {"regularizer": row.regularizer, "constraint": row.constraint}
        said["path"] = self._weight_path(row.name)
        for attribute in row.parameters:
            if row.trainable:
                parameter: Any = getattr(self, attribute)
                parameter.materialize(shape)
                if row.is_as_in_keras:
                    parameter.__class__ = TrainedVariable
                    describe(parameter, name=row.name, **said)
                self._leading = self._leading or attribute
            else:
                buffer = torch.empty(shape, dtype=row.dtype or self._dtype, device=self.device)
                if row.is_as_in_keras:
                    buffer = variable_of(buffer, trainable=False, name=row.name, **said)
                setattr(self, attribute, buffer)

    def _first_value(self, row: WeightRow, shape: tuple[int, ...], given: Mapping[str, Tensor]) -> Tensor | None:
        """What a weight begins with; ``None`` where that is written over before anybody sees it."""
        tensors = [given[name] for name in row.parameters if name in given]
        if len(tensors) == len(row.parameters) and all(one.shape == row.torch_shape(shape) for one in tensors):
            return None
        if are_weights_given():
            return None
        held = self._held(row)  # which somebody may have put on another device, such as the one without memory
        return draw(row.initializer, shape, self._dtype, self.device if held is None else held.device)

    def _begin_with(self, row: WeightRow, array: Tensor) -> None:
        """Write what was drawn into a new weight, or make it the weight, which then needs its memory once."""
        drawn, held = row.to_torch(array)[row.parameter], self._tensor_at(row.parameter)
        fresh = isinstance(row.initializer, initializers.Initializer) and len(row.parameters) == 1
        if fresh and drawn.is_contiguous() and (drawn.dtype, drawn.device) == (held.dtype, held.device):
            held.data = drawn
        else:
            self.assign(row, array)

    def on_new_storage(self) -> None:
        """Called when parameters were built, moved or loaded, for a layer that cares where they lie."""

    # -- reading and writing --------------------------------------------------------------------------------------

    def own_weights(self, rows: Iterable[WeightRow] | None = None) -> Iterator[tuple[WeightRow, Tensor]]:
        """Each declared weight, or those of ``rows``, and its tensor in Keras' layout, through which gradients pass."""
        for row in self._rows if rows is None else rows:
            yield row, row.to_keras(*map(self._tensor_at, row.parameters))

    @torch.no_grad()
    def assign(self, row: WeightRow, array: Tensor) -> None:
        """Write ``array``, in Keras' layout, into the parameters of ``row``, or through their parametrizations."""
        for attribute, tensor in row.to_torch(array).items():
            if parametrize.is_parametrized(self, attribute):
                setattr(self, attribute, tensor)
            else:
                self._tensor_at(attribute).copy_(tensor)

    def weight_named(self, name: str) -> Variable | None:
        """The weight of Keras' ``name`` as a variable in Keras' layout; ``None`` where the layer has none.

        Raises:
            AttributeError: before the layer is built.
        """
        row = next((row for row in self._rows if row.name == name), None)
        if row is None:
            return None
        if not self._is_made(row):
            raise AttributeError(f"Layer `{self.name}` is not built yet, so it has no `{name}`.")
        return self._as_variable(row)

    def set_weight_named(self, name: str, value: Any) -> None:
        """Write ``value``, in Keras' layout, into the weight of that name, which is built for it when it is not yet."""
        row = next((row for row in self._rows if row.name == name and row.parameters != (name,)), None)
        if row is None:
            raise AttributeError(f"Layer `{self.name}` has no weight `{name}` to set.")
        values = value.detach() if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
        if not self._is_made(row):
            self._make(row, tuple(values.shape))
        view = self._as_variable(row)
        view.assign(values)
        if isinstance(value, Variable):
            self.drop_variable(value)

    def _as_variable(self, row: WeightRow) -> Variable:
        held = self._held(row)
        if isinstance(held, Variable):
            return held
        return WeightView.of(self, row)


# The same function without a call between; setting it, for Keras' sake, changes nothing of a layer of this package.
WeightTable.built = property(WeightTable.has_weights, lambda layer, value: None)  # type: ignore[assignment,method-assign]
