import torch
from torch import Tensor

from torch_keras_lstm import losses
from torch_keras_lstm.losses import LossFunctionWrapper


def scaled(y_true: Tensor, y_pred: Tensor, scale: float = 1.0) -> Tensor:
    return scale * (y_true - y_pred).abs().mean(-1)


def test_a_function_gets_tensors_of_one_rank() -> None:
    loss = LossFunctionWrapper(scaled, name="scaled", scale=2.0)
    assert loss([1.0, 2.0], torch.tensor([[0.0], [4.0]])) == 3
    assert vars(loss)["scale"] == 2


def test_a_wrapper_of_a_keras_function_is_written_and_read() -> None:
    written = losses.serialize(LossFunctionWrapper(losses.huber, name="mine", delta=0.5))
    assert isinstance(written, dict)
    assert written["config"] == {"name": "mine", "reduction": "sum_over_batch_size", "delta": 0.5, "fn": "huber"}
    read = losses.deserialize(written)
    assert isinstance(read, LossFunctionWrapper)
    assert read.fn is losses.huber
    assert read([0.0, 0.0], torch.tensor([3.0, 3.0])) == 0.5 * 3 - 0.125


def test_the_arguments_of_a_loss_are_its_attributes_and_configuration() -> None:
    loss = losses.BinaryCrossentropy(label_smoothing=0.2)
    assert vars(loss)["label_smoothing"] == 0.2
    assert losses.Huber(delta=0.5).get_config() == {
        "name": "huber_loss",
        "reduction": "sum_over_batch_size",
        "delta": 0.5,
    }
