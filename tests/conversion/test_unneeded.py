"""What a file names, its author has, and running the model does not need: named, and replaced until it is used."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conversion.handmade import Array, entry, sequential, write_legacy
from torch_keras_lstm.conversion import convert, inspect, load_model
from torch_keras_lstm.layers import Dense, Input
from torch_keras_lstm.models import Model, Sequential
from torch_keras_lstm.models.saving import model_from_json
from torch_keras_lstm.optimizers import Adam

OWN = {"class_name": "Mine", "config": {"scale": 2.0}}
UNITS, FEATURES = 3, 4


def own_model(tmp_path: Path, **options: Any) -> Path:
    layers = [
        entry("Embedding", "e", input_dim=5, output_dim=FEATURES, batch_input_shape=[None, 2], **embedding(options)),
        entry("TimeDistributed", "t", layer=entry("Dense", "d", units=UNITS, **options)),
    ]
    arrays: dict[str, dict[str, Array]] = {
        "e": {"e/embeddings:0": np.ones((5, FEATURES), "float32")},
        "t": {"t/kernel:0": np.ones((FEATURES, UNITS), "float32"), "t/bias:0": np.zeros(UNITS, "float32")},
    }
    return write_legacy(tmp_path / "m.h5", arrays, config=sequential(*layers), keras_version="2.8.0")


def embedding(options: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("kernel", "embeddings"): value for name, value in options.items() if name.startswith("kernel")}


def answers(model: Model) -> None:
    got = model.predict(np.array([[1, 2]]), verbose=0)
    np.testing.assert_array_equal(got, np.full((1, 2, UNITS), FEATURES))


@pytest.mark.parametrize("value", [OWN, "mine", {"class_name": "Lambda", "config": {"name": "p", "function": "x"}}])
@pytest.mark.parametrize("kind", ["initializer", "regularizer", "constraint"])
def test_it_does_not_stop_loading(tmp_path: Path, kind: str, value: Any) -> None:
    path = own_model(tmp_path, **{f"kernel_{kind}": value})
    name = value if isinstance(value, str) else value["class_name"]
    model = load_model(path)
    answers(model)
    (note,) = inspect(path).notes
    # the layer and, in another wording, the one that is wrapped
    assert note.startswith(f"The {kind} `{name}` of layer `e` and 1 more is not known, and not needed to run")
    convert(path, tmp_path / "converted")
    again = load_model(tmp_path / "converted")
    answers(again)
    kept = json.loads((tmp_path / "converted" / "config.json").read_text())["model"]["config"]["layers"]
    assert value in [layer["config"].get(f"embeddings_{kind}") for layer in kept]


def test_a_regularizer_and_a_constraint_raise_when_they_are_used(tmp_path: Path) -> None:
    x, y = np.array([[1, 2]]), np.ones((1, 2, UNITS))
    for kind in ("regularizer", "constraint"):
        model = load_model(own_model(tmp_path, **{f"bias_{kind}": OWN}))
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match=rf"The {kind} `Mine`, which the model's file names for `bias_{kind}`"):
            model.fit(x, y, verbose=0)


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    class Mine:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        def __call__(self, weight: Any) -> Any:
            return self.scale * weight.sum()

    path = own_model(tmp_path, kernel_regularizer=OWN)
    model = load_model(path, custom_objects={"Mine": Mine})
    assert inspect(path, custom_objects={"Mine": Mine}).notes == ()
    model.compile("sgd", "mse")
    model.fit(np.array([[1, 2]]), np.ones((1, 2, UNITS)), verbose=0)


def test_fresh_weights_need_the_initializer(tmp_path: Path) -> None:
    path = own_model(tmp_path, bias_initializer=OWN)
    with pytest.raises(ValueError, match="The initializer `Mine`, which the model's file names for `bias_initializer`"):
        load_model(path, weights=False)
    ours = own_model(tmp_path)
    fresh = load_model(ours, weights=False)
    assert fresh.count_params() == load_model(ours).count_params()
    assert not np.array_equal(fresh.get_weights()[0], load_model(ours).get_weights()[0])


def test_an_architecture_alone(tmp_path: Path) -> None:
    config = sequential(entry("Dense", "d", units=2, batch_input_shape=[None, 3]))
    path = tmp_path / "a.json"
    path.write_text(json.dumps(config))
    for model in (load_model(path, weights=False), model_from_json(json.dumps(config))):
        assert model.predict(np.ones((4, 3)), verbose=0).shape == (4, 2)
    with pytest.raises(ValueError, match="`weights=False` gives it fresh ones"):
        load_model(path)
    huge = sequential(entry("Dense", "d", units=10**30, batch_input_shape=[None, 3]))
    with pytest.raises(ValueError, match=r"^Layer `d` \(Dense\): [^\n]{1,700}$"):
        model_from_json(json.dumps(huge))
    with pytest.raises(ValueError, match="not the configuration of a Keras model"):
        model_from_json("{}")


def test_a_loss_in_the_json_of_an_architecture() -> None:
    model = Sequential([Input((2,)), Dense(3)])
    model.compile("adam", "mse")
    root = json.loads(model.to_json())
    root["compile_config"]["loss"] = "mine"
    again = model_from_json(json.dumps(root))
    assert again.compile_error.startswith(
        "The loss cannot be had: `loss`: expected the name of a Keras loss, got 'mine'"
    )
    assert type(again.optimizer) is Adam
    root["compile_config"] = [1]
    with pytest.raises(ValueError, match=r"`compile_config` must be an object, got \[1\]"):
        model_from_json(json.dumps(root))
