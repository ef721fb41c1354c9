"""``keras.mixed_precision``: the policies under the names that scripts of Keras 2 and 3 know."""

from torch_keras_lstm.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from torch_keras_lstm.optimizers import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
