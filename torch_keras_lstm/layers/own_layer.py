"""Layers of one's own: what Keras does around their ``build`` and ``call``."""

import inspect
import threading
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.layers.input_spec import check_inputs
from torch_keras_lstm.layers.keras_mask import mask_of
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.naming import current_path, scope
from torch_keras_lstm.layers.tracking import inner_layers
from torch_keras_lstm.operations.tensor_spec import FREE_SIZES, TensorSpec, map_shapes
from torch_keras_lstm.registry import close_match
from torch_keras_lstm.strings import Strings, as_strings, is_strings
from torch_keras_lstm.structure import leaves, map_leaves

_BATCHES = (2, 4)  # for which a layer is run to see what it gives, where the number of samples is free


def is_own(definition: Any) -> bool:
    """Whether a class, or a function, is not of this package."""
    return not f"{definition.__module__}.".startswith("torch_keras_lstm.")


def has_own_build(layer_class: type) -> bool:
    """Whether a class of one's own defines ``build``."""
    return is_own(layer_class.build)  # type: ignore[attr-defined]


def is_written_for_keras(layer_class: type) -> bool:
    """Whether a class of one's own defines ``call``, as Keras has it, and not ``forward``."""
    for one in layer_class.__mro__:
        if "call" in vars(one) or "forward" in vars(one):
            return is_own(one) and "call" in vars(one) and vars(one).get("forward") in (None, vars(one)["call"])
    return False


def default_training(layer_class: type) -> bool | None:
    """What ``training`` is by the signature of a ``call`` of one's own; ``None`` when that does not say."""
    told = inspect.signature(layer_class.call).parameters.get("training")  # type: ignore[attr-defined]
    return told.default if told is not None and isinstance(told.default, bool) else None


# -- building ---------------------------------------------------------------------------------------------------------


def once(build: Callable[..., None]) -> Callable[..., None]:
    """A ``build`` of one's own that does nothing when the layer is built, and marks it as built."""

    @wraps(build)
    def build_once(self: Any, *args: Any, **kwargs: Any) -> None:
        self.check_super_called()
        if self.__dict__.get("_is_building"):  # by `super().build(...)`
            build(self, *args, **kwargs)
        elif not self._was_built:
            self.__dict__["_is_building"] = True
            self._path = current_path(self.name)
            try:
                with torch.inference_mode(False), scope(self.name):
                    build(self, *args, **kwargs)
            finally:
                self.__dict__["_is_building"] = False
            self._build_shapes = dict(inspect.signature(build).bind(self, *args, **kwargs).arguments)
            del self._build_shapes[next(iter(self._build_shapes))]  # `self`
            self._was_built = True

    return build_once


def build_for_call(layer: BaseLayer, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Call the layer's own ``build`` with the shapes of a call's arguments, as Keras hands them over.

    A ``build`` of one argument gets the shape of the first; one of several gets that of the argument ``x`` as
    ``x_shape``.

    Raises:
        ValueError: when an argument of ``build`` names none of the call's.
    """
    arguments, shapes = _shapes_of_call(layer, args, kwargs)
    wanted = [
        one.name
        for one in inspect.signature(layer.build).parameters.values()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    build: Any = layer.build
    if len(wanted) < 2:
        build(*[next(iter(shapes.values()), None)] * len(wanted))
        return
    for name in wanted:
        if not name.endswith("_shape") or name.removesuffix("_shape") not in arguments:
            raise ValueError(
                f"`build` of layer `{layer.name}` ({type(layer).__name__}) takes `{name}`: with several arguments each "
                "is named for an argument of `call`, with `_shape` behind it, such as `build(self, inputs_shape)`."
            )
    build(**{name: shapes[name] for name in wanted if name in shapes})


def _shapes_of_call(
    layer: BaseLayer, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of a call by name, and the shapes of those that are of tensors: ``x_shape`` of ``x``."""
    if "training" not in layer.call_parameters:  # which any layer may be told
        kwargs = {name: value for name, value in kwargs.items() if name != "training"}
    bound = inspect.signature(layer.forward).bind(*args, **kwargs)
    bound.apply_defaults()
    shapes = {
        f"{name}_shape": shapes_of(value)
        for name, value in bound.arguments.items()
        if name not in ("mask", "args", "kwargs") and _holds_tensors(value)
    }
    return bound.arguments, shapes


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, list | tuple | Mapping):
        items = [*(value.values() if isinstance(value, Mapping) else value)]
        return bool(items) and all(item is None or _holds_tensors(item) for item in items)
    return isinstance(value, Tensor | KerasTensor | np.ndarray | Strings)


def shapes_of(value: Any) -> Any:
    """The shape of a tensor, or those of the tensors in a list, tuple or dictionary."""
    if isinstance(value, list | tuple):
        return [shapes_of(item) for item in value]
    if isinstance(value, Mapping):
        return {name: shapes_of(item) for name, item in value.items()}
    return None if value is None else tuple(value.shape)


def set_before_init(layer: nn.Module) -> dict[str, Any]:
    """Take off, to be set again, what a constructor set before ``super().__init__()``, as Keras allows."""
    kinds = (nn.Module, Tensor, list, tuple, dict)
    early = {name: value for name, value in vars(layer).items() if name != "_constructor" and isinstance(value, kinds)}
    for name in early:
        del layer.__dict__[name]
    return early


def _is_built(layer: BaseLayer) -> bool:
    """Whether a layer of one's own is built: its weights are there, and ``build``, or a call, made what is inside."""
    if not layer.has_weights():
        return False
    if layer._was_built or has_own_build(type(layer)):
        return layer._was_built
    return all(inner.built for inner in layer.modules() if inner is not layer and hasattr(inner, "built"))


def build_by_default(layer: BaseLayer, input_shape: Any) -> None:
    """``Layer.build`` for a class of one's own: declared weights get their shapes, layers inside are built by a run."""
    shape = tuple(input_shape) if isinstance(input_shape, list | tuple) else input_shape
    layer.check_input_shape(shape)
    if not layer.has_weights():
        layer._create_weights(shape)
    unbuilt = any(not inner.built for inner in layer.modules() if inner is not layer and hasattr(inner, "built"))
    if unbuilt and not layer.__dict__.get("_is_building"):
        layer._path = current_path(layer.name)
        traced_shapes(layer, input_shape)
    layer._build_shapes = {"input_shape": input_shape}


def build_by_names(layer: BaseLayer, shapes: Mapping[str, Any]) -> None:
    """Build a layer for the shapes of several arguments of its call, ``x_shape`` of ``x``."""
    if has_own_build(type(layer)):
        layer.build(**shapes)
        return
    entries = {
        name.removesuffix("_shape"): map_shapes(lambda shape: TensorSpec.of(shape, layer._dtype), shape)
        for name, shape in shapes.items()
    }
    traced_specs(layer, (), entries)
    layer._build_shapes = dict(shapes)


# ``built`` of classes of one's own, which is not asked in every call of this package's layers.
OWN_BUILT = property(_is_built, lambda layer, value: layer.__dict__.update(_was_built=bool(value)))


# -- calling ----------------------------------------------------------------------------------------------------------


class _Calls(threading.local):
    """The calls that run.

    Attributes:
        outermost: the one around all others.
    """

    outermost: BaseLayer | None = None


_CALLS = _Calls()


class LossAdders:
    """Whether there are classes that call ``add_loss``: the losses of the call before are looked for only then."""

    exist: ClassVar[bool] = False

    @classmethod
    def note(cls, layer_class: type) -> None:
        """Note a class of one's own if it calls ``add_loss``."""
        functions = [one for one in vars(layer_class).values() if inspect.isfunction(one)]
        cls.exist = cls.exist or any("add_loss" in one.__code__.co_names for one in functions)


def call_around(layer: BaseLayer, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call of a layer of one's own, or of a model that may hold such layers, with what Keras does around.

    Args:
        layer: the layer.
        call: takes the arguments as ``args`` and ``kwargs``, and does the call.
        args, kwargs: the arguments.
    """
    if torch.compiler.is_compiling():
        return _call(layer, call, args, kwargs)
    if _CALLS.outermost is not None:
        return _call(layer, call, args, kwargs)
    _CALLS.outermost = layer
    try:
        if LossAdders.exist:
            layer.forget_losses()
        return _call(layer, call, args, kwargs)
    finally:
        _CALLS.outermost = None


def _call(layer: BaseLayer, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not layer._is_own:
        return call(args, kwargs)
    args, kwargs = begin_call(layer, args, kwargs)
    outputs = run(layer, call, args, kwargs)
    end_call(layer, outputs)
    return outputs


def begin_call(
    layer: BaseLayer, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Build the layer if it is not built; the arguments as its ``call`` gets them."""
    if layer.converts_inputs:
        check_positional(layer, args)
        args, kwargs = (_converted(layer, args), {name: _converted(layer, value) for name, value in kwargs.items()})
    if layer.input_spec is not None:
        check_inputs(layer.input_spec, args[0] if args else next(iter(kwargs.values())), layer.name)
    if not layer._was_built:
        if has_own_build(type(layer)):
            build_for_call(layer, args, kwargs)
        elif layer.converts_inputs and layer._rows and not layer.has_weights():
            # Derived from one of this package's: its `call` may use the weights before it calls `super().call`.
            layer.build(shapes_of(args[0] if args else next(iter(kwargs.values()))))
        elif layer._build_shapes is None and not torch.compiler.is_compiling():
            layer._build_shapes = _shapes_of_call(layer, args, kwargs)[1] or None
    return args, kwargs


def check_positional(layer: BaseLayer, value: Any) -> None:
    """Raise a ``ValueError`` when an argument that stands by its place is not of tensors, as Keras does."""
    if isinstance(value, list | tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            check_positional(layer, item)
    elif value is not None and not isinstance(value, Tensor | KerasTensor | np.ndarray | Strings):
        raise ValueError(
            f"Only tensors and arrays are given to layer `{layer.name}` ({type(layer).__name__}) by their places, got "
            f"{value!r:.100}: give other arguments by their names."
        )


def run(layer: BaseLayer, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The call itself: what fails in it is said in this package's words where Python's or TensorFlow's tell nothing."""
    try:
        if layer._was_built:
            outputs = call(args, kwargs)
        else:
            with scope(layer.name):  # what is built now is built inside this layer
                for inner in inner_layers(layer):
                    inner.take_place()
                outputs = call(args, kwargs)
    except AttributeError as error:
        if error.obj is not layer or not isinstance(error.name, str):
            raise
        raise _without_attribute(layer, error.name) from error
    except Exception as error:
        if not _is_of_tensorflow(error):
            raise
        raise _with_tensorflow(layer) from error
    layer._was_built = True
    return outputs


def end_call(layer: BaseLayer, outputs: Any) -> None:
    """Check what the call gave, and note its activity loss.

    Raises:
        ValueError: when it gave nothing.
        TypeError: when it gave a tensor of TensorFlow's.
    """
    if outputs is None:
        raise ValueError(
            f"Layer `{layer.name}` ({type(layer).__name__}) returned nothing: end its `call` with `return outputs`."
        )
    if type(outputs).__module__.startswith("tensorflow"):
        raise _with_tensorflow(layer)
    if layer.activity_regularizer is not None:
        terms = [_activity_term(layer.activity_regularizer, tensor) for tensor in leaves(Tensor, outputs)]
        layer._activity_loss = torch.stack(terms).sum() if terms else None


def _activity_term(regularizer: Any, outputs: Tensor) -> Tensor:
    term: Tensor = regularizer(outputs)
    return term / outputs.shape[0] if outputs.ndim and outputs.shape[0] else term


def _converted(layer: BaseLayer, value: Any) -> Any:
    """An argument as Keras hands it to ``call``: arrays as tensors, floating-point numbers in the layer's type."""
    kind = type(value)
    if kind is tuple or kind is list:
        return kind([_converted(layer, item) for item in value])
    if isinstance(value, dict):
        return {name: _converted(layer, item) for name, item in value.items()}
    if isinstance(value, np.ndarray):
        value = as_strings(value) if is_strings(value) else torch.as_tensor(value, device=layer.device)
    if not (isinstance(value, Tensor) and layer.autocast and value.is_floating_point()):
        return value
    dtype = layer.compute_dtype.torch if layer._policy.is_mixed else layer._dtype
    if value.dtype is not dtype:
        part = layer._first_part() if value.dtype is torch.float64 and not layer._rows else None
        if part is not None and part.dtype is torch.float64:
            return value  # which `torch.func.functional_call` put there
        cast = value.to(dtype)
        if (mask := mask_of(value)) is not None:
            cast._keras_mask = mask  # type: ignore[attr-defined]  # Keras' attribute
        return cast
    return value


def _without_attribute(layer: BaseLayer, name: str) -> AttributeError:
    own = [*vars(layer), *layer._parameters, *layer._buffers, *layer._modules]
    public = [one for one in own if not one.startswith("_")]
    hint = close_match(name, public) if public else ""
    return AttributeError(
        f"`call` of layer `{layer.name}` ({type(layer).__name__}) uses `self.{name}`, which neither `__init__` nor "
        f"`build` has made: write `self.{name} = self.add_weight(shape=..., initializer=...)`, or a layer, in "
        f"`build(self, input_shape)`. {hint if hint.startswith('Did') else ''}".rstrip(),
        name=name,
        obj=layer,
    )


def _is_of_tensorflow(error: BaseException) -> bool:
    trace: types.TracebackType | None = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == "tensorflow":
            return True
        trace = trace.tb_next
    return False


def _with_tensorflow(layer: BaseLayer) -> TypeError:
    return TypeError(
        f"Layer `{layer.name}` ({type(layer).__name__}) calls a function of TensorFlow's, which takes no tensors of "
        "torch's: write it with `keras.ops`, here `torch_keras_lstm.ops`, such as `ops.matmul` for `tf.matmul`."
    )


# -- what a call will give --------------------------------------------------------------------------------------------


def traced_specs(layer: BaseLayer, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """What a call gives, found by running the layer on zeros, twice, with other numbers for the free sizes.

    The layer is as it was afterwards, but for layers inside it that are then built.
    """
    runs = [_run_on_zeros(layer, args, kwargs, index) for index in range(len(FREE_SIZES))]
    flat = [[*leaves(Tensor, one)] for one in runs]
    if not flat[0]:
        raise ValueError(f"Layer `{layer.name}` ({type(layer).__name__}) gave no tensor, but {runs[0]!r:.100}.")
    specs = iter(
        TensorSpec.of(tuple(a if a == b else None for a, b in zip(first.shape, second.shape, strict=True)), first.dtype)
        for first, second in zip(*flat, strict=True)
    )
    return map_leaves(Tensor, lambda _: next(specs), runs[0])


def traced_shapes(layer: BaseLayer, input_shape: Any) -> Any:
    """The shapes of what a layer gives for inputs of ``input_shape``, one shape or a list or dictionary of them."""
    if input_shape is None:
        raise NotImplementedError(
            f"Class {type(layer).__name__} defines no `compute_output_shape`, and without the shape of its inputs what "
            "it gives cannot be found by running it."
        )
    spec = map_shapes(lambda shape: TensorSpec.of(shape, layer._dtype), input_shape)
    if has_own_build(type(layer)):
        layer.build(input_shape)
    return map_leaves(TensorSpec, lambda one: one.shape, traced_specs(layer, (spec,), {}))


def _run_on_zeros(layer: BaseLayer, args: Any, kwargs: Mapping[str, Any], index: int) -> Any:
    def zeros(spec: TensorSpec) -> Tensor:
        sizes = [FREE_SIZES[index] if size is None else size for size in spec.shape]
        if spec.shape and spec.shape[0] is None:
            sizes[0] = _BATCHES[index]
        return torch.zeros(sizes, dtype=spec.dtype, device=layer.device)

    args, kwargs = map_leaves(TensorSpec, zeros, args), map_leaves(TensorSpec, zeros, kwargs)
    with torch.no_grad(), torch.random.fork_rng(devices=[]), _unchanged(layer):
        outputs = run(layer, lambda args, kwargs: layer.forward(*args, **kwargs), tuple(args), kwargs)
        end_call(layer, outputs)
    return outputs


@contextmanager
def _unchanged(layer: nn.Module) -> Iterator[None]:
    """Inside, the layer is in evaluation mode; then its mode, its buffers, states and losses are what they were."""
    before = {module: (module.training, _states(module), _losses(module)) for module in layer.modules()}
    buffers = [(one, one.clone()) for one in layer.buffers()]
    for module in before:
        module.training = False
        _set_states(module, ())
    try:
        yield
    finally:
        for module in layer.modules():
            training, states, losses = before.get(module, (before[layer][0], (), (None, ())))
            module.training = training
            _set_states(module, states)
            if "_added_losses" in vars(module):
                vars(module)["_activity_loss"] = losses[0]
                vars(module)["_added_losses"][:] = losses[1]
        for buffer, value in buffers:
            buffer.copy_(value)


def _states(module: nn.Module) -> list[Tensor]:
    """The states that a layer over time keeps."""
    return [*vars(module).get("_kept", ())]


def _set_states(module: nn.Module, states: Sequence[Tensor]) -> None:
    if "_kept" in vars(module):
        vars(module)["_kept"][:] = states


def _losses(module: nn.Module) -> tuple[Tensor | None, Sequence[Tensor]]:
    """What the last call of a layer has left in its losses."""
    return vars(module).get("_activity_loss"), [*vars(module).get("_added_losses", ())]
