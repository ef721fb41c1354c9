"""Optimizers' arrays that are not what a model's optimizer keeps: refused by name, or left aside with a warning.

A number of arrays that does not fit is no damage, for layers may have been frozen or thawed since: Keras then warns and
goes on with a new optimizer. Anything else is refused: the model itself can be used, and ``fit`` says why it cannot go
on.
"""

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from torch_keras_lstm.conversion import containers, converted_folder, load_training, strict_json
from torch_keras_lstm.layers import LSTM, Dense, Input
from torch_keras_lstm.models import Model, Sequential, load_model
from torch_keras_lstm.optimizers import Adam

Arrays = dict[str, Any]
CONTAINERS = ["m.keras", "m.h5", "m"]
# In this order; what the optimizer keeps of `bias` of the Dense layer is last.
ITERATIONS, MOMENTUM, LAST = 0, 2, -1


def fit(model: Model) -> None:
    model.fit(torch.ones(6, 4, 3), torch.rand(6, 1), verbose=0)


def saved(path: Path) -> Path:
    model = Sequential([Input((4, 3)), LSTM(2), Dense(1)])
    model.compile(Adam(0.01, name="adam"), "mse")
    fit(model)
    model.save(path)
    return path


def change(path: Path, edit: Callable[[list[Any]], None]) -> None:
    """Edit the optimizer's arrays in the file, in their order; none of them is listed that is not there."""
    if path.is_dir():
        file = path / "optimizer.safetensors"
        kept = load_file(file)
        arrays = [kept[name] for name in sorted(kept, key=int)]
        edit(arrays)
        save_file({str(number): np.asarray(array) for number, array in enumerate(arrays)}, file)
    elif path.suffix == ".h5":
        with h5py.File(path, "a") as opened:
            group = opened["optimizer_weights"]
            names = [*group.attrs["weight_names"]]
            arrays = [group[name][()] for name in names]
            edit(arrays)
            del opened["optimizer_weights"]
            group = opened.create_group("optimizer_weights")
            names = [*names, b"adam/more"][: len(arrays)]
            for name, array in zip(names, arrays, strict=True):
                group[name] = array
            group.attrs["weight_names"] = names
    else:
        with_weights(path, lambda opened: numbered(opened, edit))


def numbered(file: h5py.File, edit: Callable[[list[Any]], None]) -> None:
    group = file["optimizer/vars"]
    arrays = [group[str(number)][()] for number in range(len(group))]
    edit(arrays)
    del file["optimizer/vars"]
    for number, array in enumerate(arrays):
        file[f"optimizer/vars/{number}"] = array


def with_weights(path: Path, edit: Callable[[h5py.File], None]) -> None:
    """Edit the HDF5 file in a ``.keras`` archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO(members["model.weights.h5"])
    with h5py.File(buffer, "a") as opened:
        edit(opened)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, buffer.getvalue() if name == "model.weights.h5" else content)


def put(place: int, value: Any) -> Callable[[list[Any]], None]:
    def edit(arrays: list[Any]) -> None:
        arrays[place] = value

    return edit


def assert_refused(path: Path, words: str) -> None:
    model = load_model(path)
    assert model.predict(np.ones((2, 4, 3)), verbose=0).shape == (2, 1)
    with pytest.raises(ValueError, match=words) as raised:
        load_training(path, model)
    assert str(raised.value).startswith(str(path))
    with pytest.raises(ValueError, match=rf"(?s)before `fit\(\)`.*could not be used: .*{words}"):
        fit(model)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            put(MOMENTUM, np.ones((3, 7), "f4")),
            r"`momentum` of `kernel` of layer `lstm.*` needs shape \(3, 8\), but",
        ),
        (
            put(LAST, np.ones(2, "f4")),
            r"`velocity` of `bias` of layer `dense\w*` needs shape \(1,\), but `.*has \(2,\)",
        ),
        (put(MOMENTUM, np.ones((3, 8), "i4")), "`momentum` of `kernel` .* needs floating-point numbers.*int32"),
        (put(ITERATIONS, np.int64(-1)), "has -1 for its `iterations`"),
        (put(ITERATIONS, np.float64("nan")), "has nan for its `iterations`"),
        (put(ITERATIONS, np.float32(0.5)), r"has 0\.5 for its `iterations`"),
        (put(ITERATIONS, np.float64("inf")), "has inf for its `iterations`"),
        (put(ITERATIONS, np.ones(1, "i8")), r"`iterations` needs shape \(\), but `.*has \(1,\)"),
        (put(ITERATIONS, np.zeros((0,), "i8")), r"`iterations` needs shape \(\), but `.*has \(0,\)"),
    ],
    ids=["shape", "last", "integers", "negative", "nan", "half", "infinite", "vector", "empty"],
)
def test_arrays_that_cannot_be(tmp_path: Path, container: str, edit: Callable[[list[Any]], None], words: str) -> None:
    path = saved(tmp_path / container)
    change(path, edit)
    assert_refused(path, words)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (
            MOMENTUM + 1,
            np.full((3, 8), -1e-6, "f4"),
            "`velocity` of `kernel` of layer `lstm.*` is never negative.*-1e-06",
        ),
        (1, np.float32(-0.5), "`learning_rate` is never negative, but the file has -0.5"),
    ],
)
def test_numbers_that_no_training_leaves(tmp_path: Path, container: str, place: int, value: Any, words: str) -> None:
    path = saved(tmp_path / container)
    change(path, put(place, value))
    assert_refused(path, words)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("more", [np.ones(1, "f4"), np.ones((3, 8), "f4"), None], ids=["one more", "other", "missing"])
def test_more_or_fewer_arrays_begin_anew(tmp_path: Path, container: str, more: Any) -> None:
    path = saved(tmp_path / container)
    change(path, lambda arrays: arrays.pop() if more is None else arrays.append(more))
    count = 11 if more is None else 13
    with pytest.warns(UserWarning, match=rf"12 arrays are expected .*the file has {count}\..*begins anew\.") as warned:
        model = load_model(path)
    assert {one.filename for one in warned} == {__file__}
    assert model.optimizer.iterations == 0
    fit(model)
    assert model.optimizer.iterations == 1


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_is_parsed_once(tmp_path: Path, container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / container)
    parsed: list[str] = []

    def counted(text: str, what: str) -> dict[str, Any]:
        parsed.append(what)
        return strict_json.parse_object(text, what)

    for module in (containers, converted_folder):
        monkeypatch.setattr(module, "parse_object", counted)
    assert load_model(path).optimizer.iterations == 1
    assert parsed
    assert len(parsed) == len(set(parsed))


@pytest.mark.parametrize("container", CONTAINERS)
def test_numbers_that_are_none_are_what_training_came_to(tmp_path: Path, container: str) -> None:
    path = saved(tmp_path / container)
    change(path, put(MOMENTUM, np.full((3, 8), np.nan, "f4")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = load_model(path)
    assert model.optimizer.iterations == 1
    assert model.optimizer.state["momentum"][0].isnan().all()


def test_a_number_that_is_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.keras")
    with_weights(path, lambda file: file["optimizer/vars"].move("5", "99"))
    assert_refused(path, "`optimizer/vars/5` is missing, but there are later ones")


def test_a_name_that_is_none(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.keras")
    with_weights(path, lambda file: file["optimizer/vars"].move("5", "five"))
    assert_refused(path, "`optimizer/vars/five`")


def test_a_list_of_names_that_is_not_that_of_the_arrays(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        file.move("optimizer_weights/adam/iteration", "optimizer_weights/adam/count")
    assert_refused(path, "`weight_names` of `/optimizer_weights` lists `.*/iteration`, which the file does not hold")
    with h5py.File(path, "a") as file:
        file["optimizer_weights/adam/iteration"] = 1
    assert_refused(path, "`/optimizer_weights` holds `adam/count`, which its `weight_names` does not list")


def test_no_list_of_names(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        del file["optimizer_weights"].attrs["weight_names"]
    assert_refused(path, "`/optimizer_weights` holds `.*`, which its `weight_names` does not list")


def test_a_list_that_names_one_twice(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        group = file["optimizer_weights"]
        names = [*group.attrs["weight_names"]]
        group.attrs["weight_names"] = [*names, names[-1]]
    assert_refused(path, "`weight_names` of `/optimizer_weights` lists a name twice")


def test_a_folder_with_other_arrays(tmp_path: Path) -> None:
    path = saved(tmp_path / "m")
    file = path / "optimizer.safetensors"
    arrays = load_file(file)
    save_file({**arrays, "first": np.ones(1, "f4")}, file)
    assert_refused(path, "must be called 0, 1, 2 and so on, but are .*first")
    file.write_bytes(b"no safetensors")
    assert_refused(path, "is not in the safetensors format")
    save_file({**arrays, "0": np.ones((), np.uint16)}, file)
    assert_refused(path, "Array `0` has type U16, in which no optimizer's are written")
    save_file(arrays, file)
    config = path / "config.json"
    config.write_text(config.read_text().replace('"training": {', '"training": 3, "other": {'))
    assert_refused(path, "`training` must be an object, got 3")
