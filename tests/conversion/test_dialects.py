from typing import Any

import pytest

from torch_keras_lstm.conversion.dialects import translate
from torch_keras_lstm.conversion.producer import Generation, Producer, identify

K1, K2, TF, K3 = Generation.KERAS_1, Generation.KERAS_2, Generation.TF_KERAS, Generation.KERAS_3


@pytest.mark.parametrize(
    ("version", "generation"),
    [
        ("1.0.5", K1),
        ("1.2.2", K1),
        ("2.0.8", K2),
        ("2.2.4", K2),
        ("2.3.1", K2),
        ("2.1.6-tf", K2),
        ("2.2.4-tf", TF),
        ("2.3.0-tf", TF),
        ("2.4.0", TF),
        ("2.15.0", TF),
        ("2.21.0", TF),
        ("3.0.0", K3),
        ("3.15.1", K3),
    ],
)
def test_the_version_tells_the_generation(version: str, generation: Generation) -> None:
    assert identify(version, {}, []) == Producer(generation, version)


@pytest.mark.parametrize("version", ["", "4.0", "0.3.3", "next"])
def test_other_versions_are_refused(version: str) -> None:
    with pytest.raises(ValueError, match=f"`keras_version` '{version}' is no version of Keras 1, 2 or 3"):
        identify(version, {}, [])


def test_without_a_version_the_spelling_tells() -> None:
    assert identify(None, {"module": "keras"}, []).generation is K3
    assert identify(None, {}, [{"class_name": "LSTM", "config": {"inner_activation": "tanh"}}]).generation is K1
    assert identify(None, {}, [{"class_name": "LSTM", "config": {"units": 3}}]).generation is K2


def test_producers_print_as_a_reader_knows_them() -> None:
    assert str(Producer(TF, "2.2.4-tf")) == "tf.keras (2.2.4-tf)"
    assert str(Producer(K1, None)) == "Keras 1"


def test_category_encoding_had_another_name_for_its_number() -> None:
    assert _translate("CategoryEncoding", {"max_tokens": 5}, TF)[1] == {"num_tokens": 5}


@pytest.mark.parametrize(
    ("version", "twice"), [("2.12.0", True), ("2.13.1", True), ("2.14.0", False), ("2.1.3", False)]
)
def test_two_releases_counted_weighted_layers_twice(version: str, twice: bool) -> None:
    assert identify(version, {}, []).counts_weighted_layers_twice is twice


def _translate(
    class_name: str, config: dict[str, Any], generation: Generation
) -> tuple[str, dict[str, Any], list[str]]:
    return translate(class_name, config, Producer(generation, None), "Layer `a`")


def test_keras_1_arguments_get_their_names_of_today() -> None:
    config = {
        "output_dim": 4,
        "init": "uniform",
        "inner_init": "orthogonal",
        "inner_activation": "sigmoid",
        "W_regularizer": {"name": "WeightRegularizer", "l1": 0.5, "l2": 0.25},
        "U_regularizer": None,
        "dropout_W": 0.5,
        "dropout_U": 0.25,
        "consume_less": "gpu",
        "forget_bias_init": "one",
        "input_dim": 3,
        "input_length": 7,
        "input_dtype": "float32",
        "stateful": True,
    }
    assert _translate("LSTM", config, K1)[1] == {
        "units": 4,
        "kernel_initializer": "uniform",
        "recurrent_initializer": {"class_name": "Orthogonal", "config": {"gain": 1.1}},
        "recurrent_activation": "sigmoid",
        "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.25}},
        "recurrent_regularizer": None,
        "dropout": 0.5,
        "recurrent_dropout": 0.25,
        "implementation": 2,
        "unit_forget_bias": True,
        "stateful": True,
        "hold_initial_state": True,
    }
    assert _translate("LSTM", {"forget_bias_init": "zero", "consume_less": "cpu"}, K1)[1] == {
        "unit_forget_bias": False,
        "implementation": 1,
        "hold_initial_state": True,
    }


def test_keras_1_layers_other_than_lstm() -> None:
    dense = {"output_dim": 4, "bias": False, "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}, "input_dim": None}
    constraint = {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}}
    expected: Any = ("Dense", {"units": 4, "use_bias": False, "kernel_constraint": constraint}, [])
    assert _translate("Dense", dense, K1) == expected
    assert _translate("TimeDistributedDense", dense, K1) == expected
    assert _translate("Dropout", {"p": 0.5}, K1)[1] == {"rate": 0.5}
    class_name, arguments, notes = _translate(
        "Embedding", {"input_dim": 9, "output_dim": 4, "init": "uniform", "input_length": 5, "dropout": 0.25}, K1
    )
    assert (class_name, arguments) == (
        "Embedding",
        {"input_dim": 9, "output_dim": 4, "embeddings_initializer": "uniform"},
    )
    assert notes == ["Layer `a`: Keras 1's dropout of whole embeddings, used in training only, is left out."]
    assert _translate("Embedding", {"dropout": 0.0}, K1)[2] == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"consume_less": "tpu"}, r"Layer `a` \(LSTM\): `consume_less` must be 'cpu', 'mem' or 'gpu', got 'tpu'"),
        ({"consume_less": []}, "`consume_less` must be"),
        ({"output_dim": 3, "units": 3}, "has both `output_dim` and `units`, which are one argument"),
        ({"W_regularizer": {"l1": 0.5}}, r"`kernel_regularizer` must be an object with a `name`, got \{'l1': 0.5\}"),
    ],
)
def test_broken_keras_1_arguments_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _translate("LSTM", config, K1)


@pytest.mark.parametrize("generation", [K1, K2, TF])
@pytest.mark.parametrize("spelling", ["hard_sigmoid", {"class_name": "function", "config": "hard_sigmoid"}])
def test_hard_sigmoid_before_keras_3_is_the_other_function(generation: Generation, spelling: object) -> None:
    argument = "inner_activation" if generation is K1 else "recurrent_activation"
    arguments = _translate("LSTM", {argument: spelling, "activation": "tanh"}, generation)[1]
    assert (arguments["recurrent_activation"], arguments["activation"]) == ("hard_sigmoid_keras2", "tanh")
    assert _translate("Activation", {"activation": spelling}, generation)[1] == {"activation": "hard_sigmoid_keras2"}


def test_hard_sigmoid_of_keras_3_stays() -> None:
    assert _translate("Activation", {"activation": "hard_sigmoid"}, K3)[1] == {"activation": "hard_sigmoid"}


@pytest.mark.parametrize(
    ("generation", "version", "held"),
    [
        (K1, None, True),
        (K2, "2.0.8", True),
        (K2, "2.2.4", True),
        (K2, "2.3.1", None),
        (K2, None, None),
        (TF, "2.2.4-tf", None),
    ],
)
def test_masked_steps_in_front_follow_the_saver(generation: Generation, version: str | None, held: bool | None) -> None:
    producer = Producer(generation, version)
    for class_name in ("GRU", "LSTM", "RNN", "SimpleRNN"):
        assert translate(class_name, {}, producer, "Layer `a`")[1].get("hold_initial_state") is held
        assert "hold_initial_state" not in translate(class_name, {"unroll": True}, producer, "Layer `a`")[1]


@pytest.mark.parametrize(("generation", "zeroes"), [(K1, False), (K2, False), (TF, None), (K3, None)])
def test_masked_steps_of_bidirectional_follow_the_saver(generation: Generation, zeroes: bool | None) -> None:
    assert _translate("Bidirectional", {}, generation)[1].get("zero_output_for_mask") is zeroes


def test_void_arguments_go_and_those_that_mean_something_stay() -> None:
    config = {
        "time_major": False,
        "implementation": 0,
        "input_length": 4,
        "batch_input_shape": [None, 4, 3],
        "units": 5,
    }
    assert _translate("LSTM", config, TF)[1] == {"implementation": 1, "units": 5}
    assert _translate("RNN", {"num_constants": None}, TF)[1] == {}
    assert _translate("Dense", {"quantization_config": None}, K3)[1] == {}
    assert _translate("Dense", {"quantization_config": {"a": 1}}, K3)[1] == {}
    generator = {"class_name": "SeedGenerator", "config": {"name": "seed_generator", "seed": 5}}
    assert _translate("Dropout", {"seed": generator}, K3)[1] == {"seed": 5}


def test_constants_of_a_cell_are_refused() -> None:
    for nothing in (None, 0):
        assert "num_constants" not in _translate("LSTM", {"units": 3, "num_constants": nothing}, TF)[1]
    for class_name in ("RNN", "Bidirectional"):
        with pytest.raises(
            ValueError, match=r"is called with `constants` \(`num_constants` = 2\): no cell of Keras' own"
        ):
            _translate(class_name, {"num_constants": 2}, TF)


def test_time_major_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Layer `a` \(LSTM\) has `time_major=True`, which is not supported"):
        _translate("LSTM", {"time_major": True}, TF)


@pytest.mark.parametrize(("generation", "rule"), [(K1, "all"), (K2, "all"), (TF, "all"), (K3, None)])
@pytest.mark.parametrize("class_name", ["Add", "Concatenate", "Maximum"])
def test_masks_of_merged_tensors_follow_the_saver(class_name: str, generation: Generation, rule: str | None) -> None:
    assert _translate(class_name, {"name": "a"}, generation)[1].get("combine_masks") == rule


def test_attention_heads_of_tf_keras_hide_keys_as_it_did_and_carry_no_shapes() -> None:
    config = {"num_heads": 2, "key_dim": 3, "query_shape": {"class_name": "TensorShape", "items": [None, 4, 5]}}
    assert _translate("MultiHeadAttention", config, TF)[1] == {
        "num_heads": 2,
        "key_dim": 3,
        "softmax_robust_masking": False,
    }
    assert _translate("MultiHeadAttention", {"softmax_robust_masking": True}, TF)[1] == {"softmax_robust_masking": True}
    assert _translate("MultiHeadAttention", {"num_heads": 2}, K3)[1] == {"num_heads": 2}


def test_keras_1_layers_that_keras_2_dropped() -> None:
    merge = {"mode": "concat", "mode_type": "raw", "concat_axis": 1, "dot_axes": -1, "output_shape": None}
    merge |= {"output_shape_type": "raw", "output_mask": None, "output_mask_type": "raw", "arguments": {}}
    assert _translate("Merge", merge, K1)[:2] == ("Merge", {"mode": "concat", "concat_axis": 1, "dot_axes": -1})
    maxout = {"output_dim": 3, "nb_feature": 5, "init": "zero", "bias": True, "input_dim": 4, "W_regularizer": None}
    assert _translate("MaxoutDense", maxout, K1)[1] == {
        "units": 3,
        "maps": 5,
        "kernel_initializer": "zero",
        "use_bias": True,
        "kernel_regularizer": None,
    }
    highway = {"init": "zero", "transform_bias": -2, "activation": "relu", "bias": True, "input_dim": None}
    assert _translate("Highway", highway, K1)[1] == {
        "kernel_initializer": "zero",
        "activation": "relu",
        "use_bias": True,
    }


def test_merges_by_python_code_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Layer `a` \(Merge\) merges by Python code of its author"):
        _translate("Merge", {"mode": "x", "mode_type": "lambda"}, K1)


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("ConvLSTM2D", {"filters": 2, "implementation": 0}),
        ("Conv2DTranspose", {"filters": 2, "groups": 1}),
        ("SeparableConv1D", {"filters": 2, "groups": 1, "kernel_initializer": "zeros", "kernel_constraint": None}),
    ],
)
def test_what_a_layer_inherits_and_does_not_use_is_left_out(class_name: str, config: dict[str, Any]) -> None:
    _, arguments, _ = translate(class_name, config, Producer(Generation.KERAS_2, "2.0.8"), "Layer `a`")
    assert arguments == {"filters": 2}
    _, arguments, _ = translate(class_name, config, Producer(Generation.KERAS_3, "3.15"), "Layer `a`")
    assert arguments.keys() == config.keys()
