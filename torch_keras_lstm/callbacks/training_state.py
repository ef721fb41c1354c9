"""All that decides how a training goes on, as one dictionary."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from torch_keras_lstm.callbacks.trained_model import TrainedModel
from torch_keras_lstm.dropout_generator import DropoutGenerator


def training_state(model: TrainedModel, epoch: int) -> dict[str, Any]:
    """Weights, optimizer, random numbers and kept states before epoch number ``epoch``."""
    optimizer = model.optimizer
    return {
        "epoch": epoch,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict() if optimizer is not None and optimizer.built else None,
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "generators": {path: _as_tensors(generator) for path, generator in _generators(model)},
        "kept": {path: list(layer.states or ()) for path, layer in _stateful(model)},
    }


def load_training_state(model: TrainedModel, state: Mapping[str, Any]) -> int:
    """Give the model the state that :func:`training_state` gave; the number of the epoch.

    Raises:
        ValueError: when it is the state of another model.
    """
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise ValueError(f"The state is that of another model than `{model.name}`: {error}") from None
    if state["optimizer"] is not None:
        model.optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    if state["random_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["random_cuda"])
    for path, generator in _generators(model):
        generator.__setstate__(_from_tensors(state["generators"][path]))
    for path, layer in _stateful(model):
        if state["kept"][path]:
            layer.keep_states([kept.to(layer.device) for kept in state["kept"][path]])
    model._initial_epoch = state["epoch"]
    return int(state["epoch"])


def _generators(model: TrainedModel) -> Iterator[tuple[str, DropoutGenerator]]:
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, DropoutGenerator):
                yield f"{path}.{name}", value


def _stateful(model: TrainedModel) -> Iterator[tuple[str, Any]]:
    for path, module in model.named_modules():
        if hasattr(module, "keep_states"):
            yield path, module


def _as_tensors(generator: DropoutGenerator) -> dict[str, Any]:
    """The generator's state; ``torch.load`` reads no bytes from a file that it does not trust."""
    state = generator.__getstate__()
    states = {key: torch.frombuffer(bytearray(value), dtype=torch.uint8) for key, value in state["states"].items()}
    return {**state, "states": states}


def _from_tensors(state: Mapping[str, Any]) -> dict[str, Any]:
    return {**state, "states": {key: value.numpy().tobytes() for key, value in state["states"].items()}}
