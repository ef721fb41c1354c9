"""A call in a functional model, whichever Keras wrote it, as the layer takes it."""

from torch_keras_lstm.layers.constant import read_constants
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.operation_layer import OperationLayer
from torch_keras_lstm.models.graph import Call, sources_in


def fitted(call: Call, layer: Layer) -> Call:
    """The call with the arguments as the layer takes them.

    Raises:
        ValueError: naming the layer, for a call without a tensor, or with an argument that the layer does not take.
    """
    if isinstance(layer, OperationLayer):
        return call
    try:
        args, kwargs = read_constants(call.args), read_constants(dict(call.kwargs))
    except ValueError as error:
        raise ValueError(f"Layer `{layer.name}` ({type(layer).__name__}): {error}") from None
    if not any(True for _ in call.sources()):
        raise ValueError(f"Layer `{layer.name}` ({type(layer).__name__}) is called without a tensor.")
    if not args:
        # The first argument was given by its name, which is not the same in all Keras' and our layers.
        first = next(name for name, value in kwargs.items() if any(True for _ in sources_in(value)))
        args = (kwargs.pop(first),)
    if isinstance(args[0], list) and args[0] and "initial_state" in layer.call_arguments:
        # Keras 2 wrote the initial state of a recurrent layer behind its input.
        args, kwargs["initial_state"] = (args[0][0],), args[0][1:]
    if "training" not in layer.call_parameters:
        kwargs.pop("training", None)
    unknown = [name for name in kwargs if name not in layer.call_parameters]
    if unknown:
        kind = type(layer).__name__
        raise ValueError(f"Layer `{layer.name}` ({kind}) is called with `{unknown[0]}`, which its call does not take.")
    return Call(args, kwargs)
