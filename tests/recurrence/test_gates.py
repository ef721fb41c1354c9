import torch

from tests.tolerances import assert_close
from torch_keras_lstm import initializers
from torch_keras_lstm.recurrence import gates

UNITS, FEATURES = 3, 2


def test_the_gates_of_torch_stand_in_this_order() -> None:
    """``torch.nn.LSTM`` is asked: with only one gate's bias set, one equation remains."""
    lstm = torch.nn.LSTM(FEATURES, UNITS, batch_first=True, dtype=torch.float64)
    large = 1e4  # saturates the sigmoid exactly
    biases = {"input": large, "forget": -large, "cell": 0.5, "output": large}
    with torch.no_grad():
        for name, parameter in lstm.named_parameters():
            parameter.zero_()
            if name == "bias_ih_l0":
                parameter.copy_(torch.cat([torch.full((UNITS,), biases[gate]) for gate in gates.GATES]))
        _, (_, cell) = lstm(torch.zeros(1, 1, FEATURES, dtype=torch.float64))
    assert_close(cell, torch.full((1, 1, UNITS), 0.5, dtype=torch.float64).tanh(), "float64 elementwise")


def test_splits() -> None:
    values = torch.arange(2.0 * 4 * UNITS).reshape(2, 4 * UNITS)
    for index, gate in enumerate(gates.split_gates(values)):
        assert torch.equal(gate, values[:, index * UNITS : (index + 1) * UNITS])
    weight = torch.arange(4.0 * UNITS * FEATURES).reshape(4 * UNITS, FEATURES)
    for index, part in enumerate(gates.per_gate(weight)):
        assert torch.equal(part, weight[index * UNITS : (index + 1) * UNITS])
    assert gates.per_gate(weight).data_ptr() == weight.data_ptr()


def test_an_open_forget_gate() -> None:
    bias = gates.open_forget_gate(initializers.Constant(0.75), (4 * UNITS,), dtype=torch.float64)
    assert bias.dtype == torch.float64
    assert bias.tolist() == [0.75] * UNITS + [1.0] * UNITS + [0.75] * 2 * UNITS


def test_the_parts_around_the_forget_gate_are_drawn_apart_as_in_keras() -> None:
    shapes = []

    def draw(shape: tuple[int, ...]) -> torch.Tensor:
        shapes.append(shape)
        return torch.full(shape, float(len(shapes)))

    assert gates.open_forget_gate(draw, (4 * UNITS,)).tolist() == [1.0] * 2 * UNITS + [2.0] * 2 * UNITS
    assert shapes == [(UNITS,), (2 * UNITS,)]
