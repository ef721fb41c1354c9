import functools
import re

import pytest
import torch
from torch import nn

from torch_keras_lstm import losses
from torch_keras_lstm.losses import LossFunctionWrapper

Y_TRUE, Y_PRED = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [0.25]])


def nearly(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    return (y_true - y_pred).abs().mean(-1)


def test_names() -> None:
    assert losses.get("mse") is losses.get("MSE") is losses.get("mean_squared_error") is losses.mean_squared_error
    assert losses.get("logcosh") is losses.log_cosh
    assert losses.get("kullback_leibler_divergence") is losses.get("KLD") is losses.kl_divergence
    assert losses.get(None) is None
    assert isinstance(losses.get("Huber"), losses.Huber)
    assert isinstance(losses.get(losses.Huber), losses.Huber)


def test_configurations_of_keras_2_and_3() -> None:
    keras_2 = {"class_name": "Huber", "config": {"reduction": "auto", "name": "h", "delta": 0.5, "fn": "huber"}}
    loss = losses.get(keras_2)
    assert isinstance(loss, losses.Huber)
    written = losses.serialize(loss)
    assert written == {
        "module": "keras.losses",
        "class_name": "Huber",
        "config": {"name": "h", "reduction": "sum_over_batch_size", "delta": 0.5},
        "registered_name": None,
    }
    assert losses.serialize(losses.deserialize(written)) == written
    assert losses.serialize(losses.huber) == "huber"
    assert losses.deserialize("huber") is losses.huber


def test_an_object_and_a_function_of_ones_own() -> None:
    loss = losses.MeanSquaredError()
    assert losses.get(loss) is loss
    assert losses.get(nearly) is nearly
    assert losses.deserialize("mine", {"mine": nearly}) is nearly


def test_unknown_names() -> None:
    message = "`loss`: expected the name of a Keras loss, got 'binary_crosentropy'. Did you mean 'binary_crossentropy'?"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        losses.get("binary_crosentropy")
    with pytest.raises(TypeError, match="expected the name or the configuration of a Keras loss, or a callable, got 3"):
        losses.get(3)
    with pytest.raises(ValueError, match="Huber has no argument `detla`, which its config sets"):
        losses.get({"class_name": "Huber", "config": {"detla": 1}})
    with pytest.raises(ValueError, match="Loss 'huber' takes no 'config', got"):
        losses.get({"class_name": "huber", "config": {"delta": 1}})


@pytest.mark.parametrize("argument", ["crossentropy", "ce", "CE"])
def test_the_crossentropy_that_fits(argument: str) -> None:
    for y_true, y_pred, expected in (
        (torch.zeros(5, 1), torch.zeros(5, 1), losses.binary_crossentropy),
        (torch.zeros(5), torch.zeros(5, 3), losses.sparse_categorical_crossentropy),
        (torch.zeros(5, 1), torch.zeros(5, 3), losses.sparse_categorical_crossentropy),
        (torch.zeros(5, 3), torch.zeros(5, 3), losses.categorical_crossentropy),
    ):
        loss = losses.resolve(argument, y_true, y_pred)
        assert isinstance(loss, LossFunctionWrapper)
        assert loss.fn is expected
        assert loss.name == argument


def test_what_compile_makes_of_a_loss() -> None:
    assert losses.resolve(None, Y_TRUE, Y_PRED) is None
    for identifier, name in (
        ("mae", "mae"), (losses.Huber(), "huber_loss"), (nearly, "nearly"), (nn.L1Loss(), "l1_loss"),
        (nn.functional.l1_loss, "l1_loss"), (functools.partial(nearly), "partial"),
    ):  # fmt: skip
        loss = losses.resolve(identifier, Y_TRUE, Y_PRED)
        assert loss is not None
        assert loss.name == name
        assert loss(Y_TRUE, Y_PRED).shape == ()
