"""Learning rates that depend on the number of batches seen so far, under Keras' names."""

from torch_keras_lstm.optimizers.schedules.cosine_decay import CosineDecay
from torch_keras_lstm.optimizers.schedules.cosine_decay_restarts import CosineDecayRestarts
from torch_keras_lstm.optimizers.schedules.exponential_decay import ExponentialDecay
from torch_keras_lstm.optimizers.schedules.inverse_time_decay import InverseTimeDecay
from torch_keras_lstm.optimizers.schedules.learning_rate_schedule import LearningRateSchedule
from torch_keras_lstm.optimizers.schedules.piecewise_constant_decay import PiecewiseConstantDecay
from torch_keras_lstm.optimizers.schedules.polynomial_decay import PolynomialDecay
from torch_keras_lstm.optimizers.schedules.serialization import deserialize, serialize

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]
