from functools import partial

import pytest
import torch

from torch_keras_lstm import optimizers
from torch_keras_lstm.optimizers import SGD, Adam, TorchOptimizer


@pytest.mark.parametrize("identifier", ["adam", "Adam", "ADAM", Adam, {"class_name": "adam", "config": {}}], ids=str)
def test_names_in_any_case_classes_and_configurations(identifier: object) -> None:
    assert type(optimizers.get(identifier)) is Adam
    assert optimizers.get(None) is None


def test_configurations_of_older_kerases() -> None:
    old = {"class_name": "SGD", "config": {"lr": 0.5, "decay": 0.5, "momentum": 0.0, "nesterov": False}}
    optimizer = optimizers.get(old)
    assert isinstance(optimizer, SGD)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer.build([parameter])
    for rate in (0.5, 0.5 / 1.5, 0.25):
        assert optimizer.learning_rate == pytest.approx(rate)
        parameter.grad = torch.ones(1)
        optimizer.step()
    made = optimizers.get({"class_name": "Custom>Adam", "config": {"learning_rate": 0.5, "jit_compile": False}})
    assert type(made) is Adam


def test_errors() -> None:
    message = "`optimizer`: expected the name of a Keras optimizer, got 'adagrat'. Did you mean 'adagrad'?"
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        optimizers.get("adagrat")
    with pytest.raises(TypeError, match=r"an optimizer of torch_keras_lstm\.optimizers or one of torch.optim, got 3"):
        optimizers.get(3)


@pytest.mark.parametrize("made", [True, False], ids=["optimizer", "partial"])
def test_an_optimizer_of_torch(made: bool) -> None:
    parameter = torch.nn.Parameter(torch.ones(1))
    adapter = optimizers.get(torch.optim.SGD([parameter], lr=0.5) if made else partial(torch.optim.SGD, lr=0.5))
    assert isinstance(adapter, TorchOptimizer)
    assert adapter.built is made
    adapter.build([("weight", parameter)])
    parameter.grad = torch.ones(1)
    adapter.step()
    assert (parameter.item(), adapter.iterations, adapter.learning_rate) == (0.5, 1, 0.5)
    adapter.learning_rate = 0.25
    adapter.step()
    assert parameter.item() == 0.25
    with pytest.raises(ValueError, match="was made with other parameters than this model's"):
        adapter.build([torch.nn.Parameter(torch.ones(1))])
