"""Training mode and evaluation mode for as long as they are needed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from torch_keras_lstm.layers.embedding import Embedding


@contextmanager
def training_mode(module: nn.Module) -> Iterator[None]:
    """Inside, ``module.train()`` holds and gradients are recorded; then each module has the mode again that it had."""
    with _mode(module, True), torch.enable_grad():
        yield


@contextmanager
def sparse_embeddings(module: nn.Module, sparse: bool) -> Iterator[None]:
    """Inside, the gradients of embeddings are slices where ``sparse``, as the optimizers of Keras on TensorFlow get."""
    before = [(one, one.sparse_gradients) for one in module.modules() if isinstance(one, Embedding)]
    for one, _ in before:
        one.sparse_gradients = sparse or one.sparse_gradients
    try:
        yield
    finally:
        for one, was in before:
            one.sparse_gradients = was


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Inside, ``module.eval()`` holds and no gradients are recorded; then each module has its mode back.

    It is not torch's inference mode, because the states that a stateful layer keeps are used in training later.
    """
    with _mode(module, False), torch.no_grad():
        yield


@contextmanager
def _mode(module: nn.Module, training: bool) -> Iterator[None]:
    before = [(one, one.training, getattr(one, "_watches_mode", None)) for one in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for one, mode, watches in before:
            one.training = mode
            if watches is not None:  # a model's: that its mode was changed here is no choice of its user's
                one._watches_mode = watches
