"""The type and the device of a layer are those of its parameters, whoever puts others in their places."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.tolerances import assert_close
from torch_keras_lstm import Sequential
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    BatchNormalization,
    Bidirectional,
    Dense,
    Dot,
    Dropout,
    HashedCrossing,
    Hashing,
    Input,
    Layer,
    LayerNormalization,
    LSTMCell,
    Masking,
    SimpleRNN,
    StackedRNNCells,
)

INPUTS = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
LAYERS: dict[str, Callable[[], nn.Module]] = {
    "LSTM": lambda: LSTM(6, input_size=4),
    "GRU": lambda: GRU(6, input_size=4),
    "GRU with one bias": lambda: GRU(6, input_size=4, reset_after=False),
    "SimpleRNN": lambda: SimpleRNN(6, input_size=4),
    "Bidirectional": lambda: Bidirectional(LSTM(6), input_shape=(5, 4)),
    "stack": lambda: Sequential(
        [
            Input((5, 4)),
            Masking(),
            Activation("softsign"),
            Bidirectional(LSTM(6, return_sequences=True)),
            LayerNormalization(),
            Dropout(0.5),
            GRU(3),
            Activation("tanh"),
            Dense(2),
        ]
    ).eval(),
}
EVERY = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())


@EVERY
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_functional_call_computes_in_the_type_of_the_parameters(make: Any, dtype: torch.dtype) -> None:
    """And in no shorter one between them: the same as a model that was moved to that type."""
    layer = make()
    parameters = {name: one.detach().to(dtype) for name, one in layer.named_parameters()}
    given = torch.func.functional_call(layer, parameters, (INPUTS.to(dtype),))
    assert given.dtype is dtype
    assert layer(INPUTS).dtype is torch.float32
    if dtype is torch.float64:
        assert_close(given.detach(), layer.to(dtype)(INPUTS.to(dtype)).detach(), "float64")


@pytest.mark.parametrize("make", [LSTM, SimpleRNN], ids=["LSTM", "SimpleRNN"])
def test_a_second_bias_that_is_handed_over_counts(make: Any) -> None:
    layer = make(6, input_size=4)
    state = {name: torch.randn_like(one) for name, one in layer.state_dict().items()}
    given = torch.func.functional_call(layer, state, (INPUTS,))
    with torch.no_grad():
        before = [layer(INPUTS) for _ in range(3)][-1]  # the last of which is planned
        only = torch.func.functional_call(layer, {"bias_hh_l0": state["bias_hh_l0"]}, (INPUTS,))
    assert not torch.allclose(only, before, atol=1e-3)
    layer.load_state_dict(state)
    assert_close(given, layer(INPUTS).detach(), "float32 elementwise")


@EVERY
def test_layers_made_without_memory_take_what_is_assigned(make: Any) -> None:
    trained = make()
    with torch.device("meta"):
        layer, other = make(), make()
    layer.load_state_dict(trained.state_dict(), assign=True)
    assert layer.device == torch.device("cpu")
    assert torch.equal(layer(INPUTS), trained(INPUTS))
    assert torch.equal(layer(INPUTS.numpy()), trained(INPUTS))
    other.to_empty(device="cpu").load_state_dict(trained.state_dict())
    assert torch.equal(other(INPUTS), trained(INPUTS))


def test_a_parameter_is_made_on_the_device_that_a_tool_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `accelerate.init_empty_weights` does it: a new parameter of the same class, of a tensor without memory."""
    register = nn.Module.register_parameter

    def register_without_memory(module: nn.Module, name: str, parameter: Any) -> None:
        register(module, name, parameter)
        if parameter is not None:
            kind, kept = type(parameter), {**parameter.__dict__, "requires_grad": parameter.requires_grad}
            module._parameters[name] = kind(parameter.to("meta"), **kept)

    trained = LAYERS["stack"]()
    monkeypatch.setattr(nn.Module, "register_parameter", register_without_memory)
    model = LAYERS["stack"]()
    monkeypatch.undo()
    assert {one.device.type for one in model.parameters()} == {"meta"}
    for name, value in trained.state_dict().items():  # as `set_module_tensor_to_device` does it
        path, _, attribute = name.rpartition(".")
        module = model.get_submodule(path)
        assert getattr(module, attribute).shape == value.shape
        if attribute in module._parameters:
            kind: Any = type(module._parameters[attribute])
            module._parameters[attribute] = kind(value, requires_grad=True)
        else:
            assert attribute in module._buffers
            module._buffers[attribute] = value
    assert torch.equal(model(INPUTS), trained(INPUTS))


@EVERY
def test_a_layer_has_no_buffers_but_statistics(make: Any) -> None:
    assert not [name for name, _ in make().named_buffers()]
    assert [name for name, _ in BatchNormalization(input_shape=(3,)).named_buffers()] == ["running_mean", "running_var"]


def test_layers_without_parameters_follow_to_and_keep_float64() -> None:
    layer: Any = nn.Sequential(Dropout(0.5), Activation("tanh")).eval()
    assert layer(INPUTS.half()).dtype is torch.float32
    assert layer(INPUTS.double()).dtype is torch.float64
    assert layer(INPUTS.double().numpy()).dtype is torch.float32
    assert layer.to(torch.bfloat16)(INPUTS).dtype is torch.bfloat16
    assert layer(INPUTS.double()).dtype is torch.bfloat16
    with torch.device("meta"):
        without_memory = Dropout(0.5)
    assert without_memory.to("cpu").device == torch.device("cpu")
    assert Dot(1)([INPUTS.double(), INPUTS]).dtype is torch.float32
    torch.autograd.gradcheck(Activation("softsign"), INPUTS.double().requires_grad_())


def test_layers_of_ones_own_follow_their_parameters() -> None:
    class Scaled(Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")
            self.short = self.add_weight(shape=(), dtype="float16", initializer="ones")

        def call(self, inputs: Tensor) -> Tensor:
            return inputs * self.scale

    class Around(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Scaled()

        def call(self, inputs: Tensor) -> Tensor:
            return self.inner(inputs)  # type: ignore[no-any-return]

    layer = Around()
    assert layer(INPUTS.double()).dtype is torch.float32  # as Keras casts
    doubled = {name: one.detach().double() for name, one in layer.named_parameters()}
    exact = INPUTS.double() + 1e-12
    assert torch.equal(torch.func.functional_call(layer, doubled, (exact,)), exact)


@pytest.mark.parametrize("kind", [LSTM, Dense])
def test_a_layer_made_for_inference_can_be_built_and_trained(kind: Any) -> None:
    with torch.inference_mode():
        layer = kind(6)
        layer(INPUTS)
    layer(INPUTS).sum().backward()
    assert all(one.grad is not None for one in layer.parameters())


def test_a_second_bias_of_another_shape_is_refused() -> None:
    layer = LSTM(6, input_size=4)
    with pytest.raises(RuntimeError, match=r"size mismatch for bias_hh_l0: copying a param with shape \(1,\)"):
        layer.load_state_dict({**layer.state_dict(), "bias_hh_l0": torch.ones(1)})


def test_loading_leaves_the_tensors_it_is_given_as_they_are() -> None:
    state = nn.LSTM(4, 6).state_dict()
    before = {name: one.clone() for name, one in state.items()}
    LSTM(6).load_state_dict(state, assign=True)
    assert all(torch.equal(state[name], one) for name, one in before.items())


# -- drawing anew -----------------------------------------------------------------------------------------------------


def test_every_weight_is_drawn_anew_and_what_was_learned_is_gone() -> None:
    model: Any = Sequential(
        [Input((5, 4)), Bidirectional(LSTM(6, return_sequences=True)), BatchNormalization(), GRU(3, stateful=True)]
    ).train()
    model(INPUTS)
    held, trained = list(model.parameters()), model.get_weights()
    for child in model.children():  # as code for cross-validation does
        child.reset_parameters()
    assert all(one is other for one, other in zip(held, model.parameters(), strict=True))
    again = model.get_weights()
    drawn = [0, 1, 3, 4, 10, 11]  # all others are zeros and ones from the start
    assert not any(np.array_equal(again[index], trained[index]) for index in drawn)
    assert [array.tolist() for array in again[8:10]] == [[0.0] * 12, [1.0] * 12]
    assert model.layers[-1].states is None
    fresh = again[0]
    model.reset_parameters()
    assert not np.array_equal(model.get_weights()[0], fresh)


def test_weights_of_ones_own_are_drawn_by_their_initializers() -> None:
    class Own(Layer):
        def __init__(self, given: Any = None) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)
            self.given = given

        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, inputs: Tensor) -> Tensor:
            return self.inner(inputs) * self.kernel  # type: ignore[no-any-return]

    layer = Own()
    layer(INPUTS)
    linear = layer.inner.weight.detach().clone()
    layer.kernel.assign(np.zeros(4))
    layer.reset_parameters()
    assert layer.kernel.tolist() == [1.0] * 4
    assert not torch.equal(layer.inner.weight, linear)

    from torch_keras_lstm import Variable

    holding = Own(Variable(np.ones(3), name="values"))
    with pytest.raises(ValueError, match=r"Weight `values` of layer `own_1` was made of values, which cannot be drawn"):
        holding.reset_parameters()


# -- what looks at everything -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("built", [True, False])
def test_whoever_looks_at_every_attribute_finds_it_or_an_attribute_error(built: bool) -> None:
    def layers() -> list[Any]:
        shape: dict[str, Any] = {"input_shape": (5, 4)} if built else {}
        inner = LSTM(3, return_sequences=True, stateful=True)
        stacks = [Sequential([Input((5, 4)), inner]), Sequential([inner]), RNN(StackedRNNCells([LSTMCell(2)]))]
        single = [
            LSTM(3, **shape),
            GRU(3),
            Dense(2, **shape),
            BatchNormalization(**shape),
            Bidirectional(LSTM(3), **shape),
        ]
        return [*stacks, *single, Hashing(3, dtype="int64"), HashedCrossing(3, dtype="int32"), Dropout(0.5), Masking()]

    for layer in layers():
        for name in dir(layer):
            hasattr(layer, name)  # nothing but an AttributeError is a "no"
        inspect.getmembers(layer)
    assert Hashing(3, dtype="int64").dtype_policy.name == "int64"


def test_opacus_is_told_what_it_would_leave_out() -> None:
    """It calls each layer again for a sample, with nothing but the layer's first argument."""
    layer = LSTM(3, input_size=4)
    inputs = Masking()(INPUTS)
    layer.ft_compute_sample_grad = None  # by which it is known
    with pytest.raises(RuntimeError, match="has a mask, without which Opacus would compute"):
        layer(inputs)
    layer(INPUTS)
    with torch.no_grad():
        layer(inputs)
