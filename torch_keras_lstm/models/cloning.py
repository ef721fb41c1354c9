"""``keras.models.clone_model``: the same model with new layers."""

from collections.abc import Callable
from typing import Any

from torch_keras_lstm.layers.constant import Constant
from torch_keras_lstm.layers.input import InputLayer
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.operation_layer import OperationLayer
from torch_keras_lstm.layers.rules_of_files import goes_by_3_16, rules_of_3_16
from torch_keras_lstm.models.functional import Functional
from torch_keras_lstm.models.graph import TensorSource, map_sources, sources_in
from torch_keras_lstm.models.model import Model, as_layer
from torch_keras_lstm.models.sequential import Sequential
from torch_keras_lstm.structure import flatten, map_leaves

CloneFunction = Callable[[Layer], Layer]
CallFunction = Callable[..., Any]


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: CloneFunction | None = None,
    call_function: CallFunction | None = None,
    recursive: bool = False,
) -> Any:
    """A model with the architecture of another and new layers, whose weights are drawn anew; compiled as the other is.

    Args:
        model: a ``Sequential`` or functional model, or one of a class whose ``get_config`` is enough to make it anew.
        input_tensors: symbolic tensors to start from, in the structure of ``model.input``; by default new inputs.
        clone_function: gives the new layer, or the same, for each layer but the inputs; by default it is made from its
            configuration.
        call_function: called as ``call_function(layer, *args, **kwargs)`` with each new layer of a functional model
            and the symbolic tensors that it gets, and returns what stands for the layer's outputs.
        recursive: go on into the models inside, with the same functions; by default each is one layer.

    Raises:
        ValueError: when a function or ``input_tensors`` are given for a model that is neither, or ``call_function`` for
            a ``Sequential``; when ``input_tensors`` are no symbolic tensors in the structure of ``model.input``.

    Example:
        >>> model = Sequential([Input((4,)), layers.Dense(2)])
        >>> clone_model(model).get_weights()[0].shape  # of its own, drawn anew
        (4, 2)
    """
    if not isinstance(model, Functional | Sequential):
        if clone_function or call_function or input_tensors is not None:
            raise ValueError(
                "`clone_function`, `call_function` and `input_tensors` are for Sequential and functional models, got a "
                f"model of type {type(model).__name__}."
            )
        return _compiled_as(model, _from_config(model))
    if isinstance(model, Sequential) and call_function is not None:
        raise ValueError("`call_function` is for functional models; a Sequential model's layers are called in turn.")
    clones = _Clones(clone_function or _from_config, call_function if recursive else None, recursive)
    if isinstance(model, Sequential):
        return _compiled_as(model, _sequential(model, input_tensors, clones))
    return _compiled_as(model, _functional(model, input_tensors, clones, call_function))


class _Clones:
    """The clone of each layer, made once."""

    def __init__(self, function: CloneFunction, call_function: CallFunction | None, recursive: bool) -> None:
        self._function = function
        self._call_function = call_function
        self._recursive = recursive
        self._made: dict[Layer, Layer] = {}

    def of(self, layer: Layer) -> Layer:
        """The clone of ``layer``."""
        if layer not in self._made:
            self._made[layer] = self._make(layer)
        return self._made[layer]

    def _make(self, layer: Layer) -> Layer:
        made: Layer
        if self._recursive and isinstance(layer, Sequential):
            made = _sequential(layer, None, self)
        elif self._recursive and isinstance(layer, Functional):
            made = _functional(layer, None, self, self._call_function)
        elif isinstance(layer, OperationLayer):
            made = _from_config(layer)
        else:
            made = self._function(layer)
        return made


def _from_config(layer: Layer) -> Layer:
    with rules_of_3_16(goes_by_3_16(layer)):
        return type(layer).from_config(layer.get_config())


def _sequential(model: Sequential, input_tensors: Any, clones: _Clones) -> Sequential:
    layers: list[Any] = [clones.of(as_layer(layer)) for layer in model.layers]
    if input_tensors is not None:
        tensors = flatten(input_tensors)
        if len(tensors) != 1 or not isinstance(tensors[0], KerasTensor):
            raise ValueError(f"`input_tensors` for a Sequential model is one symbolic tensor, got {input_tensors!r}.")
        (tensor,) = tensors
        layers.insert(0, InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name))
    elif model.input_layer is not None:
        layers.insert(0, _from_config(model.input_layer))
    return Sequential(layers, name=model.name, trainable=model.trainable)


def _functional(
    model: Functional, input_tensors: Any, clones: _Clones, call_function: CallFunction | None
) -> Functional:
    inputs = model.graph.inputs
    if input_tensors is None:
        starts = map_sources(lambda source: _new_input(as_layer(model.get_layer(source.layer))), inputs)
    else:
        starts = _same_structure(inputs, input_tensors)
    tensors: dict[TensorSource, Any] = dict(zip(sources_in(inputs), _in_order(starts), strict=True))
    for name, number in model.call_order():
        call = model.graph.calls[name][number]
        layer = clones.of(model.get_layer(name))
        args, kwargs = map_sources(tensors.__getitem__, [[*call.args], call.kwargs])
        args, kwargs = map_leaves(Constant, lambda constant: constant.value, [args, kwargs])
        outputs = layer(*args, **kwargs) if call_function is None else call_function(layer, *args, **kwargs)
        tensors |= {TensorSource(name, number, index): one for index, one in enumerate(flatten(outputs))}
    outputs = map_sources(tensors.__getitem__, model.graph.outputs)
    return Functional(starts, outputs, name=model.name, trainable=model.trainable)


def _new_input(layer: Layer) -> KerasTensor:
    tensor: KerasTensor = _from_config(layer).output
    return tensor


def _same_structure(inputs: Any, given: Any) -> Any:
    """``given`` if it has the structure of ``inputs``, alone for a list of one."""
    if isinstance(inputs, TensorSource) and isinstance(given, list | tuple) and len(given) == 1:
        given = given[0]
    if not _matches(inputs, given):
        raise ValueError(
            "`input_tensors` must have the same structure as model.input, and hold symbolic tensors, got "
            f"{given!r:.200}."
        )
    return given


def _matches(inputs: Any, given: Any) -> bool:
    if isinstance(inputs, TensorSource):
        return isinstance(given, KerasTensor)
    if isinstance(inputs, dict):
        return (
            isinstance(given, dict)
            and inputs.keys() == given.keys()
            and all(_matches(inputs[name], given[name]) for name in inputs)
        )
    return type(inputs) is type(given) and len(inputs) == len(given) and all(map(_matches, inputs, given))


def _in_order(tensors: Any) -> list[KerasTensor]:
    """The tensors in the order of ``sources_in``."""
    if isinstance(tensors, dict):
        return [one for item in tensors.values() for one in _in_order(item)]
    if isinstance(tensors, list | tuple):
        return [one for item in tensors for one in _in_order(item)]
    return [tensors]


def _compiled_as(model: Model, clone: Any) -> Any:
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone
