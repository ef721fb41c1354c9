"""Keras LSTMs in PyTorch: the layers, the models and the converter, to the last digit, without TensorFlow."""

from typing import TYPE_CHECKING

import torch

from torch_keras_lstm import (
    activations,
    backend,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
    regularizers,
    utils,
)
from torch_keras_lstm._version import __version__
from torch_keras_lstm.initializers import Initializer
from torch_keras_lstm.layers import Input, InputSpec, Layer
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.variable import Variable
from torch_keras_lstm.lazily import lazily
from torch_keras_lstm.losses import Loss
from torch_keras_lstm.metrics import Metric
from torch_keras_lstm.models import Model, Sequential
from torch_keras_lstm.optimizers import Optimizer
from torch_keras_lstm.regularizers import Regularizer

if TYPE_CHECKING:
    from torch_keras_lstm import config, datasets, dtype_policies, mixed_precision, saving, tree
    from torch_keras_lstm.dtype_policies import DTypePolicy
    from torch_keras_lstm.models.export import export

__all__ = [
    "DTypePolicy",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "device",
    "dtype_policies",
    "export",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "tree",
    "utils",
    "version",
]

_LAZY = {
    "DTypePolicy": "torch_keras_lstm.dtype_policies",
    "config": "torch_keras_lstm.config",
    "datasets": "torch_keras_lstm.datasets",
    "dtype_policies": "torch_keras_lstm.dtype_policies",
    "export": "torch_keras_lstm.models.export",
    "mixed_precision": "torch_keras_lstm.mixed_precision",
    "saving": "torch_keras_lstm.saving",
    "tree": "torch_keras_lstm.tree",
}
_ABSENT = {
    "Function": "`Model(inputs, outputs)` is one",
    "Operation": "derive from `Layer`",
    "Quantizer": "`torch.ao.quantization` quantizes torch modules",
    "RematScope": "`torch.utils.checkpoint` recomputes what a layer needs on the way back",
    "StatelessScope": "`torch.func.functional_call` runs a module with other weights",
    "SymbolicScope": "there is nothing to write in its place",
    "applications": "`torchvision.models` has such networks",
    "distillation": "write a `train_step`",
    "distribution": "train with `DistributedDataParallel` or Lightning Fabric",
    "legacy": "its names stand in `saving`",
    "name_scope": "give layers and variables their names",
    "quantizers": "`torch.ao.quantization` quantizes torch modules",
    "remat": "`torch.utils.checkpoint.checkpoint(layer, x)` does that",
    "visualization": "matplotlib and `torchvision.utils` draw pictures",
    "wrappers": "`skorch` makes estimators of torch modules",
}

__getattr__ = lazily(__name__, _LAZY, _ABSENT)


def version() -> str:
    """The version of this package."""
    return __version__


def device(device_name: str) -> torch.device:
    """A context in which tensors are made on a device; "gpu:0", as Keras names it, is "cuda:0"."""
    return torch.device(device_name.lower().removeprefix("/").replace("device:", "").replace("gpu", "cuda"))


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
