import copy
import pickle

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.optimizers import SGD, Adam, AdamW
from torch_keras_lstm.optimizers.schedules import ExponentialDecay


def parameter(*values: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))


def test_a_second_build_wants_the_same_parameters() -> None:
    first, second = parameter(1.0), parameter(2.0)
    optimizer = SGD()
    optimizer.build([first])
    optimizer.build([("named", first)])
    with pytest.raises(ValueError, match=r"trains other parameters already: make a new one .*SGD\.from_config"):
        optimizer.build([second])
    with pytest.raises(ValueError, match="nothing to train"):
        SGD().build([])


def test_a_step_needs_parameters_and_gradients() -> None:
    optimizer = SGD()
    with pytest.raises(ValueError, match=r"call `build\(parameters\)` before `step\(\)`"):
        optimizer.step()
    with_gradient, without = parameter(1.0), parameter(2.0)
    optimizer.build([("a", with_gradient), ("b", without)])
    with pytest.raises(ValueError, match=r"No parameter has a gradient: call `backward\(\)`"):
        optimizer.step()
    with_gradient.grad = torch.ones_like(with_gradient)
    with pytest.warns(UserWarning, match="Gradients do not exist for b"):
        optimizer.step()
    assert_close([with_gradient.item(), without.item()], [0.99, 2.0], "float64 elementwise")


def test_the_norm_of_one_weight_spans_its_parts() -> None:
    parts = [parameter(0.0), parameter(0.0)]
    optimizer = SGD(1.0, clipnorm=1.0)
    optimizer.build([("bias", part) for part in parts])
    for part, gradient in zip(parts, (3.0, 4.0), strict=True):
        part.grad = torch.full_like(part, gradient)
    optimizer.step()
    assert_close([part.item() for part in parts], [-0.6, -0.8], "float64 elementwise")


def test_weight_decay_spares_what_is_excluded() -> None:
    kernel, bias = parameter(1.0), parameter(1.0)
    optimizer = SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build([("dense/kernel", kernel), ("dense/bias", bias)])
    for one in (kernel, bias):
        one.grad = torch.zeros_like(one)
    optimizer.step()
    assert (kernel.item(), bias.item()) == (0.75, 1.0)
    with pytest.raises(ValueError, match="comes too late"):
        optimizer.exclude_from_weight_decay(var_list=[kernel])


def test_the_learning_rate_is_set_unless_a_schedule_decides() -> None:
    optimizer = SGD(0.5)
    optimizer.learning_rate = 0.25
    assert optimizer.learning_rate == 0.25
    scheduled = SGD(ExponentialDecay(0.5, 1, 0.5))
    with pytest.raises(TypeError, match=r"follows ExponentialDecay.*cannot be set"):
        scheduled.learning_rate = 0.1
    assert SGD(lambda: 0.125).learning_rate == SGD(lambda step: 0.125 + step).learning_rate == 0.125


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": 0.1}, "`lr` was Keras 2's name of `learning_rate`; write `learning_rate=0.1`"),
        ({"decay": 0.1}, r"InverseTimeDecay\(learning_rate, decay_steps=1, decay_rate=0.1\)"),
        ({"rho": 0.1}, "SGD has no argument `rho`"),
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "Only one of `clipnorm`, `clipvalue`, `global_clipnorm` can be set"),
        ({"ema_momentum": 2.0}, "`ema_momentum`"),
        ({"gradient_accumulation_steps": 1}, "at least 2, or None, got 1"),
        ({"learning_rate": "fast"}, "`learning_rate`: expected a finite number, got 'fast'"),
        ({"momentum": 2.0}, "`momentum` must be a number from 0 to 1, got 2.0"),
    ],
    ids=str,
)
def test_wrong_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SGD(**arguments)  # type: ignore[arg-type]


def test_a_state_goes_on_where_it_was() -> None:
    def run(optimizer: Adam, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            sum(one.square().sum() for one in optimizer.parameters).backward()  # type: ignore[union-attr]
            optimizer.step()

    whole, half = AdamW(0.1, amsgrad=True), AdamW(0.1, amsgrad=True)
    for optimizer in (whole, half):
        optimizer.build([parameter(1.0, -2.0)])
    run(whole, 6)
    run(half, 3)
    copies = [copy.deepcopy(half), pickle.loads(pickle.dumps(half)), AdamW(0.1, amsgrad=True)]
    copies[2].build([torch.nn.Parameter(half.parameters[0].detach().clone())])
    copies[2].load_state_dict(copy.deepcopy(half.state_dict()))
    for other in copies:
        assert other.iterations == 3
        run(other, 3)
        assert torch.equal(other.parameters[0], whole.parameters[0])
    with pytest.raises(ValueError, match="The state does not fit optimizer"):
        copies[2].load_state_dict({**half.state_dict(), "state": {}})
