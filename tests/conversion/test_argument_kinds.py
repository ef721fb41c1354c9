import re
from typing import Any

import pytest

from torch_keras_lstm.conversion.argument_kinds import ARGUMENTS, check_arguments

LSTM: dict[str, Any] = {"name": "a", "units": 3}


@pytest.mark.parametrize(
    ("class_name", "arguments"),
    [
        ("LSTM", LSTM),
        ("LSTM", {**LSTM, "activation": None, "use_bias": False, "dropout": 0, "seed": 7, "stateful": True}),
        ("Dense", {"name": "a", "units": 2, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.1}}}),
        ("Dropout", {"name": "a", "rate": 0.5, "noise_shape": [None, 1, 4], "seed": None}),
        ("Masking", {"name": "a", "mask_value": -1}),
        ("Flatten", {"name": "a", "dtype": "float32", "data_format": None}),
        ("Bidirectional", {"name": "a", "layer": {"class_name": "LSTM", "config": LSTM}, "merge_mode": None}),
    ],
)
def test_sound_arguments_pass(class_name: str, arguments: dict[str, Any]) -> None:
    check_arguments(class_name, arguments, "Layer `a`")


@pytest.mark.parametrize(
    ("class_name", "changed", "message"),
    [
        ("LSTM", {"return_sequences": "no"}, "`return_sequences` must be true or false, got 'no'."),
        ("LSTM", {"stateful": 1}, "`stateful` must be true or false, got 1."),
        ("LSTM", {"units": 3.0}, "`units` must be a positive integer, got 3.0."),
        ("LSTM", {"units": True}, "`units` must be a positive integer, got True."),
        ("LSTM", {"units": 0}, "`units` must be a positive integer, got 0."),
        ("LSTM", {"dropout": "0.5"}, "`dropout` must be a number from 0 to 1, got '0.5'."),
        ("LSTM", {"dropout": -0.5}, "`dropout` must be a number from 0 to 1, got -0.5."),
        ("LSTM", {"implementation": 3}, "`implementation` must be 0, 1 or 2, got 3."),
        ("LSTM", {"implementation": True}, "`implementation` must be 0, 1 or 2, got True."),
        ("LSTM", {"seed": "x"}, "`seed` must be an integer or null, got 'x'."),
        ("LSTM", {"kernel_initializer": 3}, "`kernel_initializer` must be a name, an object with `class_name` and"),
        ("LSTM", {"activation": {"class_name": 3, "config": {}}}, "`activation` must be a name, an object"),
        ("LSTM", {"name": None}, "`name` must be a string, got None."),
        ("Dropout", {"noise_shape": [0]}, "`noise_shape` must be a list of positive integers or nulls, or null"),
        ("Masking", {"mask_value": None}, "`mask_value` must be a number, got None."),
        ("Flatten", {"data_format": 1}, "`data_format` must be a string or null, got 1."),
        ("TimeDistributed", {"layer": "LSTM"}, "`layer` must be a layer, an object with `class_name` and `config`"),
        ("Bidirectional", {"backward_layer": []}, "`backward_layer` must be a layer or null, got []."),
        ("Bidirectional", {"zero_output_for_mask": 0}, "`zero_output_for_mask` must be true, false or null, got 0."),
    ],
)
def test_a_wrong_type_names_layer_argument_and_value(class_name: str, changed: dict[str, Any], message: str) -> None:
    sound: dict[str, Any] = {"LSTM": LSTM, "Dropout": {"rate": 0.5}}.get(class_name, {})
    with pytest.raises(ValueError, match=re.escape(f"Layer `a` ({class_name}): {message}")):
        check_arguments(class_name, {**sound, **changed}, "Layer `a`")


def test_an_unknown_argument_is_named_with_its_close_match() -> None:
    with pytest.raises(
        ValueError, match=re.escape("Layer `a` (LSTM) has an unknown argument `return_sequence` = True. Di")
    ):
        check_arguments("LSTM", {**LSTM, "return_sequence": True}, "Layer `a`")
    with pytest.raises(
        ValueError, match=r"unknown argument `return_sequence` = True\. Did it mean `return_sequences`\?"
    ):
        check_arguments("LSTM", {**LSTM, "return_sequence": True}, "Layer `a`")
    with pytest.raises(ValueError, match=r"\(Flatten\) has an unknown argument `peephole` = 1\.$"):
        check_arguments("Flatten", {"peephole": 1}, "Layer `a`")


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(ValueError, match=r"^Layer `b` \(Embedding\) lacks the argument `output_dim`\.$"):
        check_arguments("Embedding", {"name": "b", "input_dim": 4}, "Layer `b`")


@pytest.mark.parametrize("class_name", ARGUMENTS)
def test_every_layer_takes_a_name_and_nothing_misspelled(class_name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown argument `nmae`.*Did it mean `name`"):
        check_arguments(class_name, {"nmae": "a"}, "Layer `a`")
