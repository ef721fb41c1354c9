"""Whether a call of a module does more than the function that its class computes with."""

from torch import nn
from torch.nn.modules.module import _has_any_global_hook


def is_called_through_more(module: nn.Module) -> bool:
    """Whether a hook waits for the call, or something replaced it: what takes a short cut past it must not then."""
    hooks = (module._forward_pre_hooks, module._forward_hooks, module._backward_pre_hooks, module._backward_hooks)
    own = vars(module)
    replaced = module._compiled_call_impl is not None or "forward" in own or "call" in own
    return any(hooks) or replaced or bool(_has_any_global_hook())
