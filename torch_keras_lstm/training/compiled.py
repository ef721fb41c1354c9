"""What ``compile`` makes of its arguments."""

from dataclasses import dataclass, field
from typing import Any

from torch_keras_lstm.training.compiled_loss import CompiledLoss
from torch_keras_lstm.training.compiled_metrics import CompiledMetrics
from torch_keras_lstm.training.loss_mean import LossMean
from torch_keras_lstm.training.strategy import SingleProcess


@dataclass
class Compiled:
    """A model's loss, metrics and optimizer.

    Attributes:
        optimizer: an object of :mod:`torch_keras_lstm.optimizers`; ``None`` for a model that is only evaluated.
        loss: ``None`` for a model whose layers make their own.
        metrics: those of ``metrics=`` and ``weighted_metrics=``.
        strategy: how the model is called.
        arguments: those of ``compile``, by name.
    """

    optimizer: Any
    loss: CompiledLoss | None
    metrics: CompiledMetrics
    strategy: SingleProcess
    arguments: dict[str, Any]
    loss_mean: LossMean = field(default_factory=lambda: LossMean("loss"))
