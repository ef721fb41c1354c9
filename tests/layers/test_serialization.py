import inspect
import json
from typing import Any

import pytest
import torch
from torch import Tensor

import torch_keras_lstm.layers
from torch_keras_lstm.layers import Dense, Layer, TimeDistributed, deserialize, serialize
from torch_keras_lstm.layers.serialization import register


class Scale(Layer):
    """A user's own layer, with Keras' way to read its configuration."""

    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def forward(self, inputs: Any) -> Tensor:
        return self.prepare(inputs) * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def test_a_layer_becomes_a_dictionary_for_json_and_back() -> None:
    layer = TimeDistributed(Dense(3, "relu", kernel_regularizer="l2", name="inner"), name="outer")
    written = serialize(layer)
    assert (written["module"], written["class_name"]) == ("keras.layers", "TimeDistributed")
    copy = deserialize(json.loads(json.dumps(written)))
    assert type(copy) is TimeDistributed
    assert serialize(copy) == written


@pytest.mark.parametrize("extra", [{}, {"module": "os", "registered_name": "x>Dense", "build_config": {"a": 1}}])
def test_only_the_class_name_decides(extra: dict[str, Any]) -> None:
    layer = deserialize({"class_name": "Dense", "config": {"units": 3}, **extra})
    assert isinstance(layer, Dense)
    assert layer.units == 3


def test_every_public_layer_is_registered() -> None:
    public = [getattr(torch_keras_lstm.layers, name) for name in torch_keras_lstm.layers.__all__]
    classes = [each for each in public if inspect.isclass(each) and issubclass(each, Layer) and each is not Layer]
    assert len(classes) >= 9
    for layer_class in classes:
        with pytest.raises(ValueError, match="is registered already"):
            register("keras.layers")(layer_class)


def test_an_unknown_class_is_refused_with_the_closest_name() -> None:
    with pytest.raises(ValueError, match=r"Unknown layer class 'Dence'\. Did you mean 'Dense'\?.*`custom_objects`\."):
        deserialize({"class_name": "Dence", "config": {}})


def test_own_classes_are_found_inside_others_too_and_only_there() -> None:
    layer = TimeDistributed(Scale(3.0), name="outer")
    written = serialize(layer)
    inner = written["config"]["layer"]
    assert (inner["module"], inner["registered_name"]) == (__name__, "Scale")  # by which Keras finds it
    copy = deserialize(written, {"Scale": Scale})
    assert torch.equal(copy(torch.ones(1, 2, 4)), torch.full((1, 2, 4), 3.0))
    with pytest.raises(ValueError, match="Unknown layer class 'Scale'"):
        deserialize(written)


def test_own_classes_come_first() -> None:
    class Dense(Scale):
        pass

    assert serialize(Dense(2.0))["module"] == __name__
    assert type(deserialize(serialize(Dense(2.0)), {"Dense": Dense})) is Dense


def test_an_error_inside_leaves_no_own_class_behind() -> None:
    broken = {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Scale", "config": {"factor": 2}}}}
    with pytest.raises(ValueError, match="Unknown layer class 'Nothing'"):
        deserialize({**broken, "config": {"layer": {"class_name": "Nothing", "config": {}}}}, {"Scale": Scale})
    with pytest.raises(ValueError, match="Unknown layer class 'Scale'"):
        deserialize(broken)


@pytest.mark.parametrize(
    "config", ["Dense", None, {}, {"class_name": "Dense"}, {"class_name": 3, "config": {}}], ids=str
)
def test_another_form_is_refused(config: Any) -> None:
    with pytest.raises(ValueError, match=r"The configuration of a layer has the form \{'class_name': name, .* got"):
        deserialize(config)
