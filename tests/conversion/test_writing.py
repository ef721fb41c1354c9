import io
import json
import resource
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from torch_keras_lstm.conversion import Training, inspect, load_model, save_model
from torch_keras_lstm.layers import (
    LSTM,
    Add,
    Bidirectional,
    Dense,
    Embedding,
    GaussianNoise,
    Highway,
    Input,
    InputLayer,
    Layer,
)
from torch_keras_lstm.models import Functional, Model, Sequential
from torch_keras_lstm.models.graph import Call, Graph, TensorSource


def stack(*layers: Layer) -> Sequential:
    return Sequential([Input((6, 3), name="x"), *(layers or (LSTM(4, name="l"), Dense(2, name="d")))], name="stack")


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.hdf5", "folder"])
def test_a_model_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    model, values = stack(), torch.randn(2, 6, 3)
    model.save(tmp_path / name)
    model.save(tmp_path / name)  # over the first
    assert torch.equal(load_model(tmp_path / name)(values), model(values))
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.weights.h5"])
def test_the_same_model_is_the_same_file(name: str, tmp_path: Path) -> None:
    model = stack()
    contents = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (model.save_weights if "weights" in name else model.save)(tmp_path / folder / name)
        contents.append((tmp_path / folder / name).read_bytes())
    assert contents[0] == contents[1]


def test_the_members_of_an_archive(tmp_path: Path) -> None:
    stack().save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_write_that_fails_leaves_the_file_that_was_there(name: str, tmp_path: Path) -> None:
    model, path = stack(), tmp_path / name
    model.save(path)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(OSError, match="what was there before is untouched"):
            model.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_what_is_there_stays_when_it_is_to(tmp_path: Path) -> None:
    stack().save(tmp_path / "model.keras")
    with pytest.raises(FileExistsError, match=r"is there already\. Pass `overwrite=True` to replace it\."):
        stack().save(tmp_path / "model.keras", overwrite=False)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("words")
    with pytest.raises(FileExistsError, match="holds something else than a converted model"):
        stack().save(tmp_path / "folder")


def test_the_state_of_training_is_written_beside_the_weights(tmp_path: Path) -> None:
    optimizer = [("adam/iteration", np.array(3)), ("adam/learning_rate", np.array(0.1))]
    training = Training({"loss": "mse"}, {"loss": "mse"}, optimizer)
    for name in ("model.keras", "model.h5"):
        save_model(stack(), tmp_path / name, training)
        assert inspect(tmp_path / name).problem is None
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert b'"compile_config": {"loss": "mse"}' in archive.read("config.json")


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Highway(name="way"), r"Layer `way` \(Highway\) cannot be saved for Keras 3: Keras 3 has no layer Highway"),
        (
            LSTM(2, recurrent_activation="hard_sigmoid_keras2"),
            "`recurrent_activation='hard_sigmoid_keras2'`, a rule of",
        ),
        (
            LSTM.from_config({"units": 2, "hold_initial_state": True}),
            "`hold_initial_state=True`, a rule of older Kerases",
        ),
        (Bidirectional(LSTM(2, activation="hard_sigmoid_keras2")), "`activation='hard_sigmoid_keras2'`, a rule of"),
        (Bidirectional(LSTM(2), zero_output_for_mask=False), "`zero_output_for_mask=False` of Bidirectional"),
        (GaussianNoise(1.5), r"`stddev=1\.5`, of which Keras 3 allows 1 at most"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_what_keras_3_has_no_words_for_goes_into_a_folder(layer: Layer, words: str, tmp_path: Path) -> None:
    shape = (3,) if isinstance(layer, Highway) else (6, 3)
    model = Sequential([Input(shape), layer])
    for name in ("model.keras", "model.h5"):
        with pytest.raises(
            ValueError, match=words + r".*Save the model into a folder instead, `model.save\('folder'\)`"
        ):
            model.save(tmp_path / name)
    assert not [*tmp_path.iterdir()]
    model.eval().save(tmp_path / "folder")
    values = torch.randn(2, *shape)
    assert torch.equal(load_model(tmp_path / "folder")(values), model(values))


def test_masks_that_older_kerases_merged_otherwise(tmp_path: Path) -> None:
    x, y = Input((6, 3)), Input((6, 3))
    with pytest.raises(ValueError, match="`combine_masks='all'`, a rule of older Kerases"):
        Model([x, y], Add(combine_masks="all")([x, y])).save(tmp_path / "model.keras")


def test_a_mask_beside_an_initial_state_is_no_model_of_keras_3(tmp_path: Path) -> None:
    layers = [InputLayer((5,), name="x"), InputLayer((4,), name="s"), Embedding(7, 3, mask_zero=True, name="e")]
    x, state = TensorSource("x", 0, 0), TensorSource("s", 0, 0)
    calls = {"e": (Call((x,), {}),), "l": (Call((TensorSource("e", 0, 0),), {"initial_state": [state, state]}),)}
    model = Functional.from_graph([*layers, LSTM(4, name="l")], Graph(calls, [x, state], TensorSource("l", 0, 0)))
    model.build()
    with pytest.raises(
        ValueError, match=r"Layer `l` .* it gets a mask beside `initial_state`, a rule of older Kerases"
    ):
        model.save(tmp_path / "model.keras")


def test_names_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is saved as `\.keras`, as `\.h5`, or without a suffix as a folder"):
        stack().save(tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"is the name of a file of weights alone: `model.save_weights` writes it"):
        stack().save(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match=r"weights are saved as `\.weights\.h5`"):
        stack().save_weights(tmp_path / "model.h5")
    with pytest.raises(ValueError, match=r"in shards, which `max_shard_size` asks for, are saved as `\.weights\.json`"):
        stack().save_weights(tmp_path / "model.h5", max_shard_size=1)
    with pytest.raises(ValueError, match=r"Model `s` is not built: call it once"):
        Sequential([LSTM(2)], name="s").save(tmp_path / "model.keras")


def test_weights_in_shards(tmp_path: Path) -> None:
    model = stack()
    with pytest.warns(UserWarning, match=r"The list of sharded weights is `m\.weights\.json`"):
        model.save_weights(tmp_path / "m.weights.h5", max_shard_size=3e-7)
    shards = sorted(path.name for path in tmp_path.glob("*.h5"))
    assert shards == [f"m_{number:05}.weights.h5" for number in range(len(shards))]
    assert len(shards) > 1
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"An array of \d+ bytes, `layers/lstm/cell/vars/0`, is larger than `max_shar"):
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=1e-8)
    with pytest.raises(ValueError, match="`max_shard_size` must be a positive number of GB, got 0"):
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=0)
    with pytest.raises(FileExistsError, match="is there already"):
        model.save_weights(tmp_path / "m.weights.json", overwrite=False, max_shard_size=3e-7)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    fresh = stack()
    fresh.load_weights(tmp_path / "m.weights.json")
    assert all(torch.equal(one, other) for one, other in zip(fresh.weights, model.weights, strict=True))


class Own(Model):
    def __init__(self) -> None:
        super().__init__(name="own")
        self.head = Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.head(inputs)


def test_a_model_of_ones_own_needs_its_class(tmp_path: Path) -> None:
    model, path = Own(), tmp_path / "model.keras"
    model.save(path)  # before it is built, as Keras allows
    assert not load_model(path, custom_objects={"Own": Own}).built
    with torch.no_grad():
        expected = model(torch.ones(2, 3))
    model.save(path)
    torch.testing.assert_close(load_model(path, custom_objects={"Own": Own})(torch.ones(2, 3)), expected)
    with pytest.raises(ValueError, match="The model's `class_name` is 'Own'"):
        load_model(path)
    with pytest.raises(ValueError, match="must be a class derived from `Model`"):
        load_model(path, custom_objects={"Own": Dense})
    with pytest.raises(NotImplementedError, match=r"an `.h5` file holds a Sequential or a functional model"):
        model.save(tmp_path / "model.h5")
    with pytest.raises(ValueError, match="The model, a Own, cannot be made as the file says"):
        load_model(path, custom_objects={"Own": Sturdy})


class Sturdy(Own):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__()


def test_weights_that_do_not_fit_a_class_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    model, path = Own(), tmp_path / "model.keras"
    model(torch.ones(2, 3))
    model.save(path)
    made = []

    class Huge(Own):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__()
            self.head = Dense(10**9)
            made.append(torch.empty(1).device.type)

    with pytest.raises(ValueError, match=r"weight `kernel` of layer .* needs shape \(3, 1000000000\)"):
        load_model(path, custom_objects={"Own": Huge})
    assert made == ["meta"]


def test_what_the_first_releases_of_keras_3_read_as_well(tmp_path: Path) -> None:
    """The initializer under the name that they have for it, and the group that they look for in the model's place."""
    stack().save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            assert [*file["vars"]] == []
    written = layers[1]["config"]["recurrent_initializer"]
    assert written == {"class_name": "OrthogonalInitializer", "config": {"gain": 1.0, "seed": None}}
