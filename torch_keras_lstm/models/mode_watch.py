"""A word for somebody who trains a model in a loop of torch and has not called ``model.train()``.

Models made through Keras' API answer in inference, as Keras' models do; torch's modules are made in training mode.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.batch_normalization import BatchNormalization
from torch_keras_lstm.layers.call_context import CALL_CONTEXT
from torch_keras_lstm.structure import leaves
from torch_keras_lstm.torch_internals import is_jit_traced

# The attributes under which layers keep how strong what they do in training alone is.
_STRENGTHS = ("rate", "dropout", "recurrent_dropout", "stddev")


def is_left_in_inference(model: nn.Module, kwargs: Mapping[str, Any]) -> bool:
    """Whether a call of ``model`` records gradients in inference although nobody asked for that mode."""
    return not (
        model.training
        or CALL_CONTEXT.watched
        or kwargs.get("training") is not None
        or CALL_CONTEXT.training is not None
        or not torch.is_grad_enabled()
        or torch.compiler.is_compiling()
        or is_jit_traced()
    )


def call_watched(model: Any, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """What ``call`` gives, watched by ``model`` and not by the models inside it, which would say the same."""
    CALL_CONTEXT.watched = True
    try:
        outputs = call(*args, **kwargs)
    finally:
        CALL_CONTEXT.watched = False
    _watch(model, outputs)
    return outputs


def _watch(model: Any, outputs: Any) -> None:
    """Warn, once, when gradients pass back through ``outputs`` of a model with dropout, noise or batch statistics."""
    if not any(map(_differs_in_training, model.modules())):
        model._watches_mode = False
        return

    def warn(gradient: Tensor) -> None:
        if model._watches_mode:
            for part in model.modules():
                if hasattr(part, "_watches_mode"):  # the models inside would say the same at their next call
                    part._watches_mode = False
            warnings.warn(
                f"Gradients of model `{model.name}` are computed with its dropout and batch statistics off: like a "
                "model of Keras it answers in inference. Call `model.train()` before a training loop of your own, or "
                "`model(x, training=True)`; `model.eval()` says that inference is meant.",
                stacklevel=2,
            )

    for output in leaves(Tensor, outputs):
        if output.requires_grad:
            output.register_hook(warn)


def _differs_in_training(module: nn.Module) -> bool:
    if isinstance(module, BatchNormalization | nn.modules.batchnorm._BatchNorm):
        return True
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.p > 0
    strengths = (getattr(module, name, 0) for name in _STRENGTHS)
    return any(isinstance(strength, int | float) and strength > 0 for strength in strengths)
