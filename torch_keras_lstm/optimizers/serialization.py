"""Optimizers by name, configuration or object."""

from collections.abc import Mapping
from functools import partial

import torch

from torch_keras_lstm.optimizers.adadelta import Adadelta
from torch_keras_lstm.optimizers.adafactor import Adafactor
from torch_keras_lstm.optimizers.adagrad import Adagrad
from torch_keras_lstm.optimizers.adam import Adam
from torch_keras_lstm.optimizers.adamax import Adamax
from torch_keras_lstm.optimizers.adamw import AdamW
from torch_keras_lstm.optimizers.ftrl import Ftrl
from torch_keras_lstm.optimizers.known_optimizers import OPTIMIZERS, deserialize, serialize
from torch_keras_lstm.optimizers.lamb import Lamb
from torch_keras_lstm.optimizers.lion import Lion
from torch_keras_lstm.optimizers.loss_scale_optimizer import LossScaleOptimizer
from torch_keras_lstm.optimizers.multi_optimizer import MultiOptimizer
from torch_keras_lstm.optimizers.muon import Muon
from torch_keras_lstm.optimizers.nadam import Nadam
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.rmsprop import RMSprop
from torch_keras_lstm.optimizers.rules_of_old import LEGACY
from torch_keras_lstm.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from torch_keras_lstm.optimizers.sgd import SGD
from torch_keras_lstm.optimizers.torch_optimizer import TorchOptimizer

__all__ = ["deserialize", "get", "serialize"]

_CLASSES: tuple[type[Optimizer], ...] = (
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, LossScaleOptimizer, MultiOptimizer, Muon,
    Nadam, RMSprop, ScheduleFreeAdamW, SGD,
)  # fmt: skip
_BY_NAME = {cls.__name__: cls.from_config for cls in (*_CLASSES, *LEGACY)}
OPTIMIZERS.builders.update(_BY_NAME | {name.lower(): make for name, make in _BY_NAME.items()})


def get(identifier: object) -> Optimizer | TorchOptimizer | None:
    """The optimizer that ``identifier`` means.

    Args:
        identifier: a Keras name in any case, a configuration, a class, an :class:`Optimizer`, or ``None``; or one of
            torch's: a ``torch.optim.Optimizer``, made with the parameters to train already, or its class or a
            ``functools.partial`` of it, to be made with the model's.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its optimizer.
        TypeError: for an identifier of any other type.

    Example:
        >>> get("adam").beta_2, get("SGD").momentum
        (0.999, 0.0)
    """
    if identifier is None or isinstance(identifier, Optimizer | TorchOptimizer):
        return identifier
    if isinstance(identifier, torch.optim.Optimizer) or _makes_torch_optimizer(identifier):
        return TorchOptimizer(identifier)
    if isinstance(identifier, str | Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    raise TypeError(
        "`optimizer`: expected the name or the configuration of a Keras optimizer, an optimizer of "
        f"torch_keras_lstm.optimizers or one of torch.optim, got {identifier!r:.200}."
    )


def _makes_torch_optimizer(identifier: object) -> bool:
    made = identifier.func if isinstance(identifier, partial) else identifier
    return isinstance(made, type) and issubclass(made, torch.optim.Optimizer)
