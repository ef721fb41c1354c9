import pytest

from tests.conversion.handmade import entry, keras_2_lstm, sequential
from torch_keras_lstm.conversion.argument_kinds import ARGUMENTS
from torch_keras_lstm.conversion.build import LAYERS, assemble, build_layers, shaped_layers, why_not
from torch_keras_lstm.conversion.saved_config import ModelDescription, describe
from torch_keras_lstm.layers import LSTM, Dense


def _model(*layers: dict[str, object], version: str = "3.15.1") -> ModelDescription:
    return describe(sequential(entry("InputLayer", "i", batch_shape=[None, 7, 3]), *layers), version)


def test_every_layer_that_can_be_checked_can_be_built_and_no_other() -> None:
    assert LAYERS.keys() == ARGUMENTS.keys()


def test_layers_get_their_arguments() -> None:
    seeded = {"class_name": "GlorotUniform", "config": {"seed": 3}}
    model = _model(
        keras_2_lstm("a", 4, return_sequences=True, kernel_initializer=seeded, dropout=0.25, go_backwards=True),
        entry("TimeDistributed", "t", layer=entry("Dense", "d", units=2, activation="relu")),
    )
    layers = build_layers(model, {})
    assembled = assemble(model, layers)
    lstm = assembled.get_layer("a")
    assert isinstance(lstm, LSTM)
    assert (lstm.units, lstm.dropout, lstm.go_backwards, lstm.return_sequences) == (4, 0.25, True, True)
    assert assembled.output_shape == (None, 7, 2)
    assert isinstance(assembled.get_submodule("layers.1.layer"), Dense)


def test_shapes_are_known_without_memory() -> None:
    seeded = {"class_name": "Orthogonal", "config": {"seed": 3}}
    model = _model(keras_2_lstm("a", 4, recurrent_initializer=seeded), entry("Masking", "m", mask_value=0.5))
    layers = shaped_layers(model, {})
    assert all(tensor.is_meta for layer in layers for tensor in layer.state_dict().values())
    assert {name: tuple(tensor.shape) for name, tensor in layers[0].state_dict().items()} == {
        "weight_ih_l0": (16, 3),
        "weight_hh_l0": (16, 4),
        "bias_ih_l0": (16,),
        "bias_hh_l0": (16,),
    }
    assert not any(tensor.is_meta for layer in build_layers(model, {}) for tensor in layer.buffers())


def test_all_unsupported_layers_are_named_at_once_with_their_place() -> None:
    model = _model(
        entry("Custom1", "c", filters=3),
        entry("TimeDistributed", "t", layer=entry("Custom2", "b")),
        keras_2_lstm("l", 4, activation=entry("Custom3", "leaky")),
    )
    assert why_not(model, {}) == (
        "Layers that are not supported: Custom1 (layer `c`), Custom2 (layer `b` (`layer` of `t`)), "
        "Custom3 (layer `leaky` (`activation` of `l`)). Classes of your own go into "
        "`custom_objects`, on the command line `--custom MODULE:NAME`."
    )
    assert why_not(model, {"Custom1": Dense, "Custom2": Dense, "Custom3": Dense}) is None
    with pytest.raises(ValueError, match=r"^Layers that are not supported: Custom1"):
        build_layers(model, {})


def test_layers_inside_a_nested_model_are_named_with_it() -> None:
    inner = sequential(entry("Capsule", "c", filters=2), keras_2_lstm("l", 4))
    config = {
        "layers": [
            {**entry("InputLayer", "i", batch_input_shape=[None, 7, 3]), "inbound_nodes": []},
            {**inner, "name": "stack", "inbound_nodes": [[["i", 0, 0, {}]]]},
            {**entry("Add", "s"), "inbound_nodes": [[["stack", 1, 0, {}], ["stack", 1, 0, {}]]]},
        ],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["s", 0, 0]],
    }
    assert why_not(describe({"class_name": "Functional", "config": config}, "2.8.0"), {"Add": Dense}) == (
        "Layers that are not supported: Capsule (layer `c` (in `stack`)). Classes of your own go into "
        "`custom_objects`, on the command line `--custom MODULE:NAME`."
    )


def test_operations_that_are_unknown_are_among_them() -> None:
    ends = {"input_layers": [["i", 0, 0]], "output_layers": [["c", 0, 0]]}
    call = [[["i", 0, 0, {}]]]
    layers = [
        {**entry("InputLayer", "i", batch_input_shape=[None, 7, 3]), "inbound_nodes": []},
        {**entry("TFOpLambda", "a", function="math.erf_inverse"), "inbound_nodes": call},
        {**entry("TensorFlowOpLayer", "b", node_def={"op": "Fft"}, constants={}), "inbound_nodes": call},
        {**entry("Strange", "c"), "inbound_nodes": [[["a", 0, 0, {}], ["b", 0, 0, {}]]]},
        {**entry("TensorFlowOpLayer", "d", node_def=7), "inbound_nodes": call},
        {**entry("TFOpLambda", "e", function="math.reduce_mean"), "inbound_nodes": call},
    ]
    config = {"layers": layers, **ends}
    assert why_not(describe({"class_name": "Functional", "config": config}, "2.8.0"), {}) == (
        "Layers that are not supported: operation `math.erf_inverse` (layer `a`), operation `Fft` (layer `b`), "
        "Strange (layer `c`), operation `None` (layer `d`). Classes of your own go into "
        "`custom_objects`, on the command line `--custom MODULE:NAME`."
    )


def test_an_operation_of_keras_3_that_is_unknown_is_named() -> None:
    source = {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}
    node = {"args": [source], "kwargs": {}}
    layers = [
        {**entry("InputLayer", "i", batch_shape=[None, 7, 3]), "module": "keras.layers", "inbound_nodes": []},
        {**entry("Stft", "s"), "module": "keras.src.ops.math", "inbound_nodes": [node]},
    ]
    config = {"layers": layers, "input_layers": ["i", 0, 0], "output_layers": ["s", 0, 0]}
    assert why_not(describe({"class_name": "Functional", "config": config}, "3.15.1"), {}) == (
        "Layers that are not supported: operation `Stft` (layer `s`)."
    )


def test_models_without_layers_or_input_shape_are_refused() -> None:
    assert why_not(describe(sequential(), "3.15.1"), {}) == "The model has no layers."
    reason = why_not(describe(sequential(keras_2_lstm("l", 4)), "2.8.0"), {})
    assert reason is not None
    assert reason.startswith("The configuration does not tell the shape of the model's input")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (keras_2_lstm("l", 4, activation="tahn"), r"^Layer `l` \(LSTM\): .*'tahn'\. Did you mean 'tanh'\?"),
        (
            entry("Bidirectional", "b", layer=keras_2_lstm("l", 4), merge_mode="cat"),
            r"^Layer `b` \(Bidirectional\): .*merge",
        ),
        (entry("RepeatVector", "r", n=3), r"^Layer `r` \(RepeatVector\): .*\(batch, features\)"),
        (keras_2_lstm("l", 2**62), r"^Layer `l` \(LSTM\): [^\n]{1,700}$"),
        (keras_2_lstm("l", 10**30), r"^Layer `l` \(LSTM\): [^\n]{1,700}$"),
    ],
)
def test_what_a_layer_refuses_names_the_layer(layer: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shaped_layers(_model(layer), {})


def test_what_is_keras_own_is_told_apart() -> None:
    model = _model(entry("TFSMLayer", "s"), entry("Mine", "m"), entry("FlaxLayer", "f"))
    assert why_not(model, {}) == (
        "Layers that are not supported: TFSMLayer (layer `s`), Mine (layer `m`), FlaxLayer (layer `f`). "
        "TFSMLayer, FlaxLayer are Keras' own: a layer that you write can stand in, "
        "`custom_objects={'TFSMLayer': YourLayer}`, on the command line `--custom TFSMLayer=MODULE:NAME`. "
        "Classes of your own go into `custom_objects`, on the command line `--custom MODULE:NAME`."
    )
    many = _model(*(entry("Mine", f"m{number}") for number in range(50)))
    assert " and 46 more. Classes of your own" in str(why_not(many, {}))
