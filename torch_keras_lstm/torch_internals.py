"""What this package calls of torch that torch does not document, each with a test of its own.

A release of torch that moves one of them is then seen at once, and mended here.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook
from torch.nn.utils.stateless import _reparametrize_module

# Whether a transform of ``torch.func``, such as ``vmap``, is at work.
transforms_are_active: Callable[[], bool] = torch._C._are_functorch_transforms_active

_tracing_state: Callable[[], object] = torch._C._get_tracing_state
_set_tracing_state: Callable[[object], None] = torch._C._set_tracing_state  # type: ignore[attr-defined]  # not in its stub
# The context in which tensors do not see what looks at functions of torch, such as ``with torch.device(...)``.
without_torch_functions: Callable[[], AbstractContextManager[None]] = torch._C.DisableTorchFunction
# What stands for ``__torch_function__`` in a subclass of which every operation makes plain tensors.
plain_results: Callable[..., Any] = torch._C._disabled_torch_function_impl

_dispatch_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack


def forward_mode_is_active() -> bool:
    """Whether forward-mode derivatives are being computed."""
    return torch.autograd.forward_ad._current_level >= 0


def rules_are_needed() -> bool:
    """Whether a transform of ``torch.func`` or forward mode asks for rules that torch's fused kernels do not have."""
    return forward_mode_is_active() or (transforms_are_active() and not torch.compiler.is_exporting())


def is_jit_traced() -> bool:
    """Whether ``torch.jit.trace`` is at work."""
    return _tracing_state() is not None


@contextmanager
def tracing_paused() -> Iterator[None]:
    """Have ``torch.jit.trace`` see nothing of what is run, as if nobody traced."""
    state = _tracing_state()
    _set_tracing_state(None)
    try:
        yield
    finally:
        _set_tracing_state(state)


def scan_operator(
    step: Callable[..., list[Tensor]], carried: list[Tensor], sequences: list[Tensor], constants: tuple[Any, ...]
) -> list[Tensor]:
    """A loop over time as one operator of a graph that ``torch.export`` traces.

    Args:
        step: (*carried, *one element of each sequence, *constants) -> what is carried on, then what is given out.
        carried: what the first step gets.
        sequences: (time, ...) each.
        constants: tensors and sizes that every step gets.

    Returns:
        What the last step carried on, then all that was given out, (time, ...).
    """
    from torch._higher_order_ops.scan import scan_op  # which takes a while to import

    found: list[Tensor] = list(scan_op(step, carried, sequences, constants))
    return found


def weights_replaced(module: nn.Module, by: Mapping[str, Tensor | None]) -> AbstractContextManager[None]:
    """A context in which a module has these parameters and buffers: what ``torch.func.functional_call`` enters.

    That itself refuses to run while ``torch.jit.trace`` is at work.
    """
    context: AbstractContextManager[None] = _reparametrize_module(module, by)  # type: ignore[arg-type]
    return context


def operations_are_watched() -> bool:
    """Whether somebody traces or replaces each of torch's operations: ``torch.jit.trace``, or a dispatch mode."""
    return _tracing_state() is not None or _dispatch_modes() > 0


def calls_are_watched() -> bool:
    """Whether something of the kinds above is at work, which a call that was planned before knows nothing of."""
    return (
        _tracing_state() is not None
        or _dispatch_modes() > 0
        or transforms_are_active()
        or torch.autograd.forward_ad._current_level >= 0
    )


# The kernel of torch's Adam for tensors of one type on one device, which torch.optim.adam sorts before.
fused_adam: Callable[..., None] = torch._fused_adam_

# What of :func:`calls_are_watched` are functions, with what they answer where nobody watches, and where the level of
# forward-mode derivatives stands, as ``_current_level``: -1 outside of them.
CALLS_UNWATCHED: tuple[tuple[Callable[[], object], object], ...] = (
    (_tracing_state, None),
    (_dispatch_modes, 0),
    (transforms_are_active, False),
)
# (True) -> the functions that keep and bring back what autograd keeps for its way back, ``None`` where there are none.
saved_tensors_hooks: Callable[[bool], object] = torch._C._autograd._top_saved_tensors_default_hooks
FORWARD_MODE: dict[str, Any] = vars(torch.autograd.forward_ad)

# The names of the dictionaries in ``torch.nn.modules.module`` that have the hooks of all modules.
GLOBAL_HOOKS = (
    "_global_forward_hooks",
    "_global_forward_pre_hooks",
    "_global_backward_hooks",
    "_global_backward_pre_hooks",
)


def backward_number() -> int:
    """The number of the pass backwards that is under way; -1 outside of one."""
    return int(torch._C._current_graph_task_id())


def stands_for_several(tensor: Tensor) -> bool:
    """Whether ``vmap``, or ``is_grads_batched=True``, lets it stand for several tensors at once."""
    functorch = torch._C._functorch
    return functorch.is_batchedtensor(tensor) or functorch.is_legacy_batchedtensor(tensor)


@contextmanager
def autograd_at_work() -> Iterator[None]:
    """Have autograd record what is run, although an operator runs below it."""
    excluded = torch._C._dispatch_tls_local_exclude_set()
    for key in (torch._C.DispatchKey.AutogradFunctionality, torch._C.DispatchKey.ADInplaceOrView):
        excluded = excluded.remove(key)
    with torch._C._ForceDispatchKeyGuard(torch._C._dispatch_tls_local_include_set(), excluded), torch.enable_grad():
        yield


_COMPILER = "torch._dynamo"


class _CompilerToBe(ModuleType):
    """What stands in the place of torch's compiler until something asks it for more than to leave a function alone."""

    def __init__(self) -> None:
        super().__init__(_COMPILER)
        self.left_alone: list[Any] = []

    def disable(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """The function itself, which nothing compiles yet."""
        self.left_alone.append(function)
        return function

    def __getattr__(self, name: str) -> Any:
        self.step_aside()
        return getattr(importlib.import_module(_COMPILER), name)

    def step_aside(self) -> None:
        """Let the next ``import`` have the compiler, and the functions that were left alone ask it."""
        if sys.modules.get(_COMPILER) is self:
            del sys.modules[_COMPILER]
        if vars(torch).get("_dynamo") is self:
            del torch._dynamo
        for function in self.left_alone:
            vars(function).pop("__dynamo_disable", None)
        self.left_alone.clear()


@contextmanager
def compiler_stays_away() -> Iterator[None]:
    """Inside, operations on the meta device do not import torch's compiler.

    torch tells their shapes by functions in Python, each of which asks the compiler at its first call to leave it
    alone, and so imports it, with 900 modules, in two seconds.
    """
    if _COMPILER in sys.modules:
        yield
        return
    instead = sys.modules[_COMPILER] = _CompilerToBe()
    try:
        yield
    finally:
        instead.step_aside()


def is_called_through_more(module: nn.Module) -> bool:
    """Whether a hook waits for the call of the module, or something replaced the function that its class computes with.

    What takes a short cut past the call must not then.
    """
    hooks = (module._forward_pre_hooks, module._forward_hooks, module._backward_pre_hooks, module._backward_hooks)
    own = vars(module)
    replaced = module._compiled_call_impl is not None or "forward" in own or "call" in own
    return any(hooks) or replaced or bool(_has_any_global_hook())


def flatten_cudnn_weights(weights: Sequence[Tensor], mode: str, features: int, units: int, directions: int) -> None:
    """Move weights, in place, into the one buffer that cuDNN reads.

    Args:
        weights: on a CUDA device, of one layer, all those of one direction first.
        mode: torch's name of the kernel: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
    """
    cudnn_mode = torch.backends.cudnn.rnn.get_cudnn_mode(mode)
    each = len(weights) // directions
    torch._cudnn_rnn_flatten_weight(list(weights), each, features, cudnn_mode, units, 0, 1, True, directions == 2)
