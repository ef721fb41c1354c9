"""The input shape of a model whose file does not tell it, from the weights of its first layer.

Keras 2.2 and 2.3 saved a ``Sequential`` that only ``fit`` had built without the shape of its input, and could not read
the file back.
"""

from dataclasses import replace

from torch_keras_lstm.conversion.arrays import Arrays, ArraysByLayer
from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription

_OVER_SEQUENCES = frozenset({"Conv1D", "GRU", "LSTM", "SimpleRNN"})
# Their output has the shape of their input, and no weights.
_SAME_SHAPE = frozenset(
    {"Activation", "Dropout", "GaussianDropout", "GaussianNoise", "LeakyReLU", "Masking", "ReLU", "SpatialDropout1D"}
)


def with_input_shape(model: ModelDescription, arrays: Arrays | None) -> ModelDescription:
    """The description with the input shape (batch, time, features) that the first layer's kernel tells.

    As it stands when it has a shape, or when its first layer with weights does not run over sequences.
    """
    if model.graph is not None or model.input_shape is not None or not isinstance(arrays, ArraysByLayer):
        return model
    first = next((layer for layer in model.layers if layer.class_name not in _SAME_SHAPE), None)
    features = None if first is None else _features(first, arrays)
    if first is None or features is None:
        return model
    note = f"The file does not tell the shape of the input; the {features} features are those of layer `{first.name}`."
    return replace(model, input_shape=(None, None, features), notes=(*model.notes, note))


def _features(layer: LayerDescription, arrays: ArraysByLayer) -> int | None:
    wrapped = layer.children["layer"] if layer.class_name == "Bidirectional" else layer
    if wrapped.class_name not in _OVER_SEQUENCES:
        return None
    variables = arrays.layers.get(layer.name, {})
    kernels = [array.shape for name, array in variables.items() if name.split("/")[-1].split(":")[0] == "kernel"]
    return kernels[0][-2] if kernels and len(kernels[0]) > 1 else None
