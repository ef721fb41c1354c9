import re
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm import activations

X = torch.tensor([-7.0, -2.9, -2.4, -0.3, 0.0, 0.4, 2.6, 3.5], dtype=torch.float64)
ELEMENTWISE = [
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_sigmoid_keras2", "hard_silu",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
    "soft_shrink", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh", "tanh_shrink",
]  # fmt: skip
ALONG_AN_AXIS = ["glu", "log_softmax", "softmax", "sparsemax"]


def test_the_two_hard_sigmoids_are_two_functions() -> None:
    assert_close(activations.hard_sigmoid(X), [0, 0.1 / 6, 0.1, 0.45, 0.5, 3.4 / 6, 5.6 / 6, 1], "float64 elementwise")
    assert_close(activations.hard_sigmoid_keras2(X), [0, 0, 0.02, 0.44, 0.5, 0.58, 1, 1], "float64 elementwise")


def test_hard_sigmoid_has_a_gradient_in_double_precision() -> None:
    x = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    activations.hard_sigmoid(x).backward()
    assert x.grad is not None
    assert_close(x.grad, [1 / 6], "float64 elementwise")


def test_relu_with_all_its_arguments() -> None:
    got = activations.relu(X, negative_slope=0.5, max_value=3.0, threshold=1.0)
    assert_close(got, [-4, -1.95, -1.7, -0.65, -0.5, -0.3, 2.6, 3], "float64 elementwise")


def test_leaky_relu_has_the_slope_of_keras() -> None:
    x = torch.tensor([-1.0, 3.0])
    assert activations.leaky_relu(x).tolist() == [-torch.tensor(0.2).item(), 3.0]


def test_softplus_keeps_its_digits_where_torch_drops_them() -> None:
    x = torch.tensor([21.0], dtype=torch.float64)
    assert_close(activations.softplus(x), x + torch.log1p(torch.exp(-x)), "float64 elementwise")


@pytest.mark.parametrize("name", ELEMENTWISE + ALONG_AN_AXIS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_type_of_number_is_kept_and_differentiable(name: str, dtype: torch.dtype) -> None:
    x = X.reshape(2, 4).to(dtype).requires_grad_()
    result = activations.get(name)(x)
    result.sum().backward()
    assert result.dtype == dtype
    assert result.shape == ((2, 2) if name == "glu" else (2, 4))
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("name", ELEMENTWISE + ALONG_AN_AXIS)
def test_compiles_as_one_graph(name: str) -> None:
    function = activations.get(name)
    x = X.reshape(2, 4)
    assert_close(torch.compile(function, fullgraph=True, backend="eager")(x), function(x), "float64 elementwise")


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sparsemax"])
def test_axis(name: str) -> None:
    function, x = getattr(activations, name), torch.randn(3, 4, 5, dtype=torch.float64)
    assert_close(function(x, axis=1), function(x.transpose(1, 2)).transpose(1, 2), "float64 elementwise")


def test_glu_needs_an_even_axis() -> None:
    with pytest.raises(
        ValueError, match=r"`glu` halves axis -1 of its input: expected an even size, got shape \(2, 3\)"
    ):
        activations.glu(torch.zeros(2, 3))


@pytest.mark.parametrize("name", ELEMENTWISE + ALONG_AN_AXIS + ["threshold"])
def test_a_name_leads_to_the_function_and_back(name: str) -> None:
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.serialize(function) == name
    assert activations.deserialize(name) is function


@pytest.mark.parametrize(
    "identifier",
    [
        "silu",
        "swish",
        {"class_name": "silu", "config": {}},
        {"class_name": "function", "config": "silu"},
        {"module": "os", "class_name": "function", "config": "silu", "registered_name": "function"},
    ],
)
def test_every_way_to_say_silu(identifier: object) -> None:
    assert activations.get(identifier) is activations.silu


def test_none_is_linear() -> None:
    assert activations.get(None) is activations.deserialize(None) is activations.linear
    assert activations.linear(X) is X


@pytest.mark.parametrize("function", [torch.tanh, nn.Tanh(), partial(F.leaky_relu, negative_slope=0.3)])
def test_a_callable_is_returned_as_it_is(function: object) -> None:
    assert activations.get(function) is function


def test_a_function_of_ones_own_is_never_read_back_as_one_of_keras() -> None:
    config = activations.serialize(F.leaky_relu)
    with pytest.raises(ValueError, match=r"got 'torch.nn.functional.leaky_relu'"):
        activations.get(config)
    custom = {"torch.nn.functional.leaky_relu": F.leaky_relu}
    assert isinstance(config, dict)
    assert activations.deserialize(config, custom_objects=custom) is F.leaky_relu


def test_unknown_name() -> None:
    message = "`recurrent_activation`: expected the name of a Keras activation, got 'Tahn'. Did you mean 'tanh'?"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        activations.get("Tahn", "recurrent_activation")


def test_a_number_is_the_size_that_torch_has_in_front() -> None:
    with pytest.raises(TypeError, match=r"got 3\. The number of input features is no argument: torch's"):
        activations.get(3)


@pytest.mark.parametrize("identifier", [["tanh"], 0.5])
def test_what_is_no_identifier(identifier: object) -> None:
    with pytest.raises(TypeError, match=r"`activation`: expected the name or the configuration of a Keras activation"):
        activations.get(identifier)


@pytest.mark.parametrize("config", [{}, {"class_name": 3}, {"config": {}}, {"class_name": "function", "config": None}])
def test_broken_configuration(config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="`activation`: expected "):
        activations.get(config)


def test_an_activation_has_no_arguments_in_a_configuration() -> None:
    with pytest.raises(ValueError, match=r"Activation 'relu' takes no 'config', got \{'negative_slope': 0.1\}"):
        activations.get({"class_name": "relu", "config": {"negative_slope": 0.1}})
