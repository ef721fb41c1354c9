"""The logits behind a tensor of probabilities, which Keras' crossentropies prefer to the probabilities themselves.

On TensorFlow ``keras.activations.sigmoid`` and ``softmax`` leave their input on their output, and a crossentropy that
meets such a tensor computes from the logits: exact where the probabilities round to 0 or 1, and without the clipping
that the probabilities would get. Losses and their gradients differ, so the same is done here. As in Keras the note
belongs to the one tensor: it is gone after any operation on it, a ``Reshape`` or a ``TimeDistributed`` for instance.
"""

from typing import Any, TypeVar

import torch
from torch import Tensor

from torch_keras_lstm.torch_internals import transforms_are_active

T = TypeVar("T", bound=Tensor)


def remember(probabilities: T, logits: Tensor) -> T:
    """``probabilities`` itself, with the ``logits`` that it was made of noted on it."""
    note: Any = probabilities
    note._keras_logits = logits, _version(probabilities)
    return probabilities


def of(probabilities: Tensor) -> Tensor | None:
    """The logits noted on ``probabilities``, unless it was written to since."""
    logits, version = getattr(probabilities, "_keras_logits", (None, None))
    return logits if version == _version(probabilities) else None


def _version(tensor: Tensor) -> int | None:
    """How often ``tensor`` was written to; tensors made under ``torch.inference_mode`` do not count that."""
    # torch.compile cannot ask, and there every tensor counts, but those that a transform of torch.func stands for
    if transforms_are_active() if torch.compiler.is_compiling() else tensor.is_inference():
        return None
    return tensor._version
