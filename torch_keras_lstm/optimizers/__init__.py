"""Keras' optimizers: a name -> what moves the weights, to Keras' arithmetic, on torch's kernels."""

from torch_keras_lstm.lazily import lazily
from torch_keras_lstm.optimizers import removed as legacy
from torch_keras_lstm.optimizers import schedules
from torch_keras_lstm.optimizers.adadelta import Adadelta
from torch_keras_lstm.optimizers.adafactor import Adafactor
from torch_keras_lstm.optimizers.adagrad import Adagrad
from torch_keras_lstm.optimizers.adam import Adam
from torch_keras_lstm.optimizers.adamax import Adamax
from torch_keras_lstm.optimizers.adamw import AdamW
from torch_keras_lstm.optimizers.ftrl import Ftrl
from torch_keras_lstm.optimizers.lamb import Lamb
from torch_keras_lstm.optimizers.lion import Lion
from torch_keras_lstm.optimizers.loss_scale_optimizer import LossScaleOptimizer
from torch_keras_lstm.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
from torch_keras_lstm.optimizers.muon import Muon
from torch_keras_lstm.optimizers.nadam import Nadam
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.rmsprop import RMSprop
from torch_keras_lstm.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from torch_keras_lstm.optimizers.serialization import deserialize, get, serialize
from torch_keras_lstm.optimizers.sgd import SGD
from torch_keras_lstm.optimizers.torch_optimizer import TorchOptimizer

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "TorchOptimizer",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]

__getattr__ = lazily(__name__, {}, {})
