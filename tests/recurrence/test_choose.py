import re
from functools import partial

import pytest
import torch

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import Path, choose, why_not_fused


@pytest.mark.parametrize("activation", [activations.tanh, torch.tanh], ids=["ours", "torch's"])
@pytest.mark.parametrize("recurrent", [activations.sigmoid, torch.sigmoid], ids=["ours", "torch's"])
def test_nothing_stands_in_the_way_of_the_usual_configuration(activation: object, recurrent: object) -> None:
    assert why_not_fused(activation, recurrent) is None  # type: ignore[arg-type]
    assert why_not_fused(activation, recurrent, input_dropout=1) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"activation": activations.relu}, "the fused kernels compute `activation` 'tanh' only, not 'relu'"),
        ({"activation": activations.sigmoid}, "the fused kernels compute `activation` 'tanh' only, not 'sigmoid'"),
        (
            {"recurrent_activation": activations.hard_sigmoid},
            "the fused kernels compute `recurrent_activation` 'sigmoid' only, not 'hard_sigmoid'",
        ),
        ({"recurrent_dropout": 4}, "the fused kernels have no `recurrent_dropout`"),
        ({"input_dropout": 4}, "the fused kernels have no `dropout` of each gate's own (`implementation=1`)"),
    ],
)
def test_what_stands_in_the_way_is_named(arguments: dict[str, object], reason: str) -> None:
    usual = {"activation": activations.tanh, "recurrent_activation": activations.sigmoid}
    ask = partial(why_not_fused, **{**usual, **arguments})  # type: ignore[arg-type]
    assert ask() == reason


def test_auto_follows_the_reason_and_false_insists_on_the_loop() -> None:
    assert choose(None, "auto") == choose(None, True) == Path("fused", None)
    assert choose("no", "auto") == Path("loop", "no")
    assert choose(None, False) == choose("no", False) == Path("loop", "`use_cudnn` is False")


def test_true_insists_on_the_fused_kernels() -> None:
    message = "`use_cudnn` is True, but no. Pass use_cudnn='auto' to run step by step."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        choose("no", True)
