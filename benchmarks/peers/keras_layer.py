"""What the Kerases share: the layer of a case, with its weights."""

from typing import Any

from benchmarks.cases import Case


def keras_layer(keras: Any, case: Case, **others: Any) -> Any:
    """An LSTM, a Bidirectional or a Sequential of ``keras``, which is keras or tf_keras, with ``others`` as well."""
    configuration = case.configuration
    arguments: dict[str, Any] = {
        "activation": configuration.activation,
        "recurrent_activation": configuration.recurrent_activation,
        "use_bias": configuration.use_bias,
        "recurrent_dropout": configuration.recurrent_dropout,
        "go_backwards": configuration.go_backwards,
        "return_sequences": True,
        **others,
    }
    layers = [keras.layers.LSTM(case.shape.units, **arguments) for _ in range(configuration.layers)]
    layer = keras.layers.Bidirectional(layers[0]) if configuration.bidirectional else layers[0]
    if configuration.layers > 1:
        layer = keras.Sequential(layers)
    layer.build((case.shape.batch, case.shape.time, case.shape.features))
    layer.set_weights([array for arrays in case.weights for array in arrays])
    return layer
