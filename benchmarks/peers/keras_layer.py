"""What the Kerases share: the layer of a case, with its weights."""

from typing import Any

from benchmarks.cases import Case, Configuration


def of_the_gates(configuration: Configuration) -> dict[str, Any]:
    """The arguments that not every cell has."""
    if configuration.cell == "SimpleRNN":
        return {}
    convention = {"reset_after": configuration.reset_after} if configuration.cell == "GRU" else {}
    return {"recurrent_activation": configuration.recurrent_activation, **convention}


def keras_layer(keras: Any, case: Case, **others: Any) -> Any:
    """An LSTM, a Bidirectional or a Sequential of ``keras``, which is keras or tf_keras, with ``others`` as well."""
    configuration = case.configuration
    arguments: dict[str, Any] = {
        "activation": configuration.activation,
        **of_the_gates(configuration),
        "use_bias": configuration.use_bias,
        "recurrent_dropout": configuration.recurrent_dropout,
        "go_backwards": configuration.go_backwards,
        "return_sequences": True,
        **others,
    }
    make = getattr(keras.layers, configuration.cell)
    layers = [make(case.shape.units, **arguments) for _ in range(configuration.layers)]
    layer = keras.layers.Bidirectional(layers[0]) if configuration.bidirectional else layers[0]
    if configuration.layers > 1:
        layer = keras.Sequential(layers)
    layer.build((case.shape.batch, case.shape.time, case.shape.features))
    layer.set_weights([array for arrays in case.weights for array in arrays])
    return layer
