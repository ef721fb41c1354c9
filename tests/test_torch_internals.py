"""Each thing that torch does not document, by what it is called for."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from torch_keras_lstm import torch_internals


def test_transforms_are_seen() -> None:
    seen = []

    def look(value: torch.Tensor) -> torch.Tensor:
        seen.append(torch_internals.transforms_are_active())
        return value

    look(torch.ones(2))
    torch.func.vmap(look)(torch.ones(2))
    assert seen == [False, True]


def test_forward_mode_is_seen() -> None:
    assert not torch_internals.forward_mode_is_active()
    with torch.autograd.forward_ad.dual_level():
        assert torch_internals.forward_mode_is_active()
    assert not torch_internals.forward_mode_is_active()


@pytest.mark.filterwarnings("ignore:`torch.jit")  # is deprecated, as a whole
def test_who_watches_operations_is_seen() -> None:
    assert not torch_internals.operations_are_watched()
    with TorchDispatchMode():
        assert torch_internals.operations_are_watched()
    seen: list[bool] = []

    def look(value: torch.Tensor) -> torch.Tensor:
        seen.extend((torch_internals.operations_are_watched(), torch_internals.is_jit_traced()))
        seen.append(torch_internals.calls_are_watched())
        return value + 1

    torch.jit.trace(look, torch.ones(2), check_trace=False)
    assert seen == [True, True, True]


def test_what_a_chain_asks_answers_as_expected_where_nobody_watches() -> None:
    def are_as_expected() -> bool:
        answers = all(function() is answer for function, answer in torch_internals.CALLS_UNWATCHED)
        return answers and torch_internals.FORWARD_MODE["_current_level"] == -1

    assert are_as_expected()
    with TorchDispatchMode():
        assert not are_as_expected()
    with torch.autograd.forward_ad.dual_level():
        assert not are_as_expected()
    torch.func.vmap(lambda value: (value, pytest.fail("unseen") if are_as_expected() else value))(torch.ones(2))


def test_hooks_of_all_modules_are_where_a_chain_looks() -> None:
    dictionaries = [vars(torch.nn.modules.module)[name] for name in torch_internals.GLOBAL_HOOKS]
    assert not any(dictionaries)
    for register in (
        torch.nn.modules.module.register_module_forward_hook,
        torch.nn.modules.module.register_module_forward_pre_hook,
        torch.nn.modules.module.register_module_full_backward_hook,
        torch.nn.modules.module.register_module_full_backward_pre_hook,
    ):
        handle = register(lambda *_: None)
        assert sum(map(bool, dictionaries)) == 1
        handle.remove()


def test_who_keeps_what_autograd_keeps_is_seen() -> None:
    assert torch_internals.saved_tensors_hooks(True) is None
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        assert torch_internals.saved_tensors_hooks(True) is not None


def test_the_kernel_of_adam_is_that_of_torchs_optimizer() -> None:
    weight, gradient = torch.randn(3), torch.randn(3)
    parameter = nn.Parameter(weight.clone())
    parameter.grad = gradient
    torch.optim.Adam([parameter], lr=0.1, fused=True).step()
    moved, state = weight.clone(), [torch.zeros(3), torch.zeros(3)]
    torch_internals.fused_adam(
        [moved],
        [gradient],
        [state[0]],
        [state[1]],
        [],
        [torch.ones(())],
        amsgrad=False,
        lr=0.1,
        beta1=0.9,
        beta2=0.999,
        weight_decay=0.0,
        eps=1e-8,
        maximize=False,
    )
    assert torch.equal(moved, parameter)


def test_whatever_a_planned_call_does_not_know_is_seen() -> None:
    seen: list[bool] = []

    def look(value: torch.Tensor) -> torch.Tensor:
        seen.append(torch_internals.calls_are_watched())
        return value

    value = torch.ones(2)
    look(value)
    torch.vmap(look)(value)
    with torch.autograd.forward_ad.dual_level():
        look(value)
    with TorchDispatchMode():
        look(value)
    assert seen == [False, True, True, True]


@pytest.mark.filterwarnings("ignore:`torch.jit")  # is deprecated, as a whole
def test_a_trace_is_paused_and_goes_on() -> None:
    def look(value: torch.Tensor) -> torch.Tensor:
        with torch_internals.tracing_paused():
            assert not torch_internals.is_jit_traced()
            double = torch.jit.trace(lambda one: 2 * one, torch.ones(2), check_trace=False)
        return double(value) + 1  # type: ignore[no-any-return]

    traced: Any = torch.jit.trace(look, torch.ones(2), check_trace=False)
    assert torch.equal(traced(torch.full((3,), 4.0)), torch.full((3,), 9.0))


def test_a_loop_is_one_operator() -> None:
    def add(total: torch.Tensor, one: torch.Tensor, factor: torch.Tensor) -> list[torch.Tensor]:
        after = total + factor * one
        return [after, after.clone()]

    total, every = torch_internals.scan_operator(add, [torch.zeros(1)], [torch.ones(3, 1)], (torch.full((1,), 2.0),))
    assert (total.tolist(), every.flatten().tolist()) == ([6], [2, 4, 6])


def test_weights_are_replaced_for_a_while() -> None:
    layer = nn.Linear(1, 1, bias=False)
    before = layer.weight
    with torch_internals.weights_replaced(layer, {"weight": torch.full((1, 1), 3.0)}):
        assert layer(torch.ones(1)).item() == 3
    assert layer.weight is before


def test_functions_of_torch_are_not_looked_at() -> None:
    class Plain(torch.Tensor):
        __torch_function__ = torch_internals.plain_results

    assert type(torch.ones(2).as_subclass(Plain) + 1) is torch.Tensor
    with torch.device("meta"):
        assert torch.ones(2).is_meta
        with torch_internals.without_torch_functions():
            assert not torch.ones(2).is_meta


def test_passes_backwards_are_numbered() -> None:
    numbers: list[int] = []

    class Look(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
            return value.clone()

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
            numbers.append(torch_internals.backward_number())
            return gradient

    output = Look.apply(torch.ones(2, requires_grad=True)).sum()  # type: ignore[no-untyped-call]
    output.backward(retain_graph=True)
    output.backward()
    assert -1 < numbers[0] < numbers[1]
    assert torch_internals.backward_number() == -1


@pytest.mark.parametrize("how", ["vmap", "is_grads_batched"])
def test_tensors_that_stand_for_several_are_seen(how: str) -> None:
    seen: list[bool] = []

    def look(value: torch.Tensor) -> torch.Tensor:
        seen.append(torch_internals.stands_for_several(value))
        return value

    look(torch.ones(2))
    if how == "vmap":
        torch.func.vmap(look)(torch.ones(2))
    else:
        leaf = torch.ones(2, requires_grad=True)
        output = leaf * 2
        output.register_hook(look)
        torch.autograd.grad(output, leaf, torch.eye(2), is_grads_batched=True)
    assert seen == [False, True]


def test_autograd_records_below_an_operator() -> None:
    def differentiate(value: torch.Tensor, at_work: contextlib.AbstractContextManager[None]) -> bool:
        with at_work:
            return bool((value.detach().requires_grad_() * 2).requires_grad)

    recorded = []
    with torch.library._scoped_library("torch_keras_lstm_tests", "FRAGMENT") as library:
        library.define("look(Tensor value) -> Tensor")

        def look(value: torch.Tensor) -> torch.Tensor:
            recorded.append(differentiate(value, contextlib.nullcontext()))
            recorded.append(differentiate(value, torch_internals.autograd_at_work()))
            return value.clone()

        library.impl("look", look, "CompositeExplicitAutograd")
        with torch.no_grad():
            torch.ops.torch_keras_lstm_tests.look(torch.ones(2))
    assert recorded == [False, True]


@contextlib.contextmanager
def _removed(handle: Any) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()


def test_whatever_waits_for_a_modules_call_is_seen() -> None:
    module = nn.Linear(2, 3)
    plain = torch_internals.is_called_through_more
    assert not plain(module)
    ways = (
        module.register_forward_pre_hook(lambda *_: None),
        module.register_forward_hook(lambda *_: None),
        module.register_full_backward_pre_hook(lambda *_: None),
        module.register_full_backward_hook(lambda *_: None),
    )
    for handle in ways[1:]:
        handle.remove()
    assert plain(module)
    ways[0].remove()
    for register in (
        module.register_forward_hook,
        module.register_full_backward_pre_hook,
        module.register_full_backward_hook,
        nn.modules.module.register_module_forward_hook,
    ):
        with _removed(register(lambda *_: None)):
            assert plain(module)
        assert not plain(module)
    module.forward = lambda inputs: inputs  # type: ignore
    assert plain(module)
    del module.forward
    vars(module)["call"] = module.forward
    assert plain(module)
    del vars(module)["call"]
    module.compile(backend="eager")
    assert plain(module)


@pytest.mark.parametrize("mode", ["LSTM", "GRU", "RNN_TANH", "RNN_RELU"])
def test_cudnns_buffer_is_asked_for_with_the_arguments_that_torch_takes(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a GPU torch refuses the weights, but not before it has read all arguments."""
    modes = SimpleNamespace(rnn_relu=0, rnn_tanh=1, lstm=2, gru=3)
    namespace = torch.backends.cudnn.rnn.get_cudnn_mode.__globals__
    monkeypatch.setitem(namespace, "_cudnn", SimpleNamespace(RNNMode=modes))  # which a build without cuDNN lacks
    with pytest.raises(NotImplementedError, match="_cudnn_rnn_flatten_weight"):
        torch_internals.flatten_cudnn_weights([torch.randn(4, 3), torch.randn(4, 4)], mode, 3, 4, 1)


def test_the_compiler_stays_away_until_somebody_wants_it() -> None:
    code = """
import sys, torch
from torch_keras_lstm.torch_internals import compiler_stays_away
row = torch.empty(3, device="meta")
with compiler_stays_away():
    torch.cat([row, row * 2])
assert "torch._dynamo" not in sys.modules
with compiler_stays_away():
    wanted = torch.compiler.list_backends()
    torch.cat([row, row * 2])
print(torch._dynamo.config.__name__, "inductor" in wanted)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["torch._dynamo.config", "True"]
