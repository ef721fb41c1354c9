from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from torch_keras_lstm import utils
from torch_keras_lstm.layers import Dense, Input
from torch_keras_lstm.models import Model, Sequential, load_model


class Doubled(Dense):
    """A layer of one's own."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(inputs)


def own(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    return (y_true - y_pred).abs().mean(-1)


@pytest.fixture(autouse=True)
def _nothing_registered() -> Iterator[None]:
    yield
    utils.get_custom_objects().clear()


def saved(path: Path) -> Model:
    model = Sequential([Input((3,)), Doubled(2)])
    model.compile("sgd", own)
    model.save(path)
    return model


def same(path: Path, model: Model) -> bool:
    loaded, x = load_model(path), torch.ones(1, 3)
    return loaded.compiled and torch.equal(loaded(x), model(x))


def test_what_is_registered_is_known(tmp_path: Path) -> None:
    model = saved(tmp_path / "m")
    with pytest.raises(ValueError, match="Doubled"):
        load_model(tmp_path / "m")
    assert utils.register_keras_serializable()(Doubled) is Doubled
    utils.register_keras_serializable("mine")(own)
    assert utils.get_custom_objects()["Custom>Doubled"] is Doubled
    assert utils.get_custom_objects()["mine>own"] is own
    assert same(tmp_path / "m", model)


def test_what_is_known_within_a_scope(tmp_path: Path) -> None:
    model = saved(tmp_path / "m")
    with utils.custom_object_scope({"Doubled": Doubled}), utils.CustomObjectScope({"own": own}):
        assert same(tmp_path / "m", model)
    with pytest.raises(ValueError, match="Doubled"):
        load_model(tmp_path / "m")


def test_a_class_that_no_file_can_tell() -> None:
    with pytest.raises(ValueError, match=r"Path has no `get_config\(\)`"):
        utils.register_keras_serializable()(Path)
