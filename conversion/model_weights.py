"""``model.load_weights(path)``: the weights of a file into a model that is there already."""

import re
import warnings
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from torch import nn

from torch_keras_lstm.conversion.arrays import Arrays, ArraysByLayer, ArraysByPath, Weights
from torch_keras_lstm.conversion.attribute_paths import attribute_places, has_weights_of_its_own, is_of_ones_own
from torch_keras_lstm.conversion.filling import put, states
from torch_keras_lstm.conversion.layer_order import in_model_names
from torch_keras_lstm.conversion.matching import match
from torch_keras_lstm.conversion.named_state import state_in_order
from torch_keras_lstm.conversion.optimizer_state import Order, OtherWeights, restore
from torch_keras_lstm.conversion.producer import Generation, Producer
from torch_keras_lstm.conversion.saved_vocabularies import put_idf_weights
from torch_keras_lstm.conversion.weight_files import open_weights
from torch_keras_lstm.conversion.weight_source import WeightSource
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.models import Model
from torch_keras_lstm.optimizers import Optimizer


def load_weights(model: nn.Module, path: str | Path, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Put the weights of a Keras file into a model, all of them or, when something is wrong, none.

    Layers are matched by name; in files whose names are not the model's, by order, as Keras does. As in Keras an
    optimizer that has begun to train the model takes its state from a ``.weights.h5`` or ``.keras`` file, or a
    checkpoint of Orbax, that has one.

    Args:
        model: a ``Sequential`` or another model with ``layers``, one layer, or a module with layers of this package in
            it; built.
        path: weights (``.weights.h5``, legacy ``.h5``, ``.weights.json`` beside its shards, a TensorFlow checkpoint by
            its prefix, a SavedModel folder), or a whole model (``.h5``, ``.keras``, TF.js' ``model.json``, a
            checkpoint of ``OrbaxCheckpoint``), whose weights are taken.
        skip_mismatch: leave layers whose weights the file lacks, or has in other shapes, as they are, with a warning.
        by_name: only layers whose names are in a legacy file take weights, the rest stay as they are.

    Raises:
        OSError: when a file is missing, or truncated or damaged.
        ValueError: when the model is not built, or the weights do not fit it: layer, weight and both shapes are named,
            and every array that belongs to no layer.
    """
    path = Path(path)
    _layers(model)
    with ExitStack() as opened:
        put_weights(model, open_weights(path, opened), skip_mismatch, by_name, restores=True)


def weights_for(
    model: nn.Module, saved: Weights, skip_mismatch: bool = False, by_name: bool = False
) -> tuple[list[Layer], Arrays, list[WeightSource]]:
    """The layers of a model, the arrays of a file under their names, and what comes where; arguments as above."""
    layers = _layers(model)
    if isinstance(model, Layer) and has_weights_of_its_own(model) and isinstance(saved.arrays, ArraysByPath):
        layers = [model]
    if by_name:
        layers, arrays = _of_the_same_names(layers, saved.arrays)
    else:
        arrays = in_model_names(layers, saved.arrays)
    own = [attribute_places(model, tf_keras) for tf_keras in (False, True)] if is_of_ones_own(model) else []
    return layers, arrays, match(layers, arrays, _producer(arrays), own, skip_mismatch)


def put_weights(
    model: nn.Module, saved: Weights, skip_mismatch: bool = False, by_name: bool = False, restores: bool = False
) -> None:
    """Put weights that are open into a model, as :func:`load_weights`; its optimizer's state too if it ``restores``."""
    with saved.naming():
        layers, arrays, rows = weights_for(model, saved, skip_mismatch, by_name)
        # All is read before anything is put, so that a damaged file leaves the model as it was.
        read = [*states(layers, rows)]
        kept = saved.optimizer_by_name or (isinstance(arrays, ArraysByPath) and saved.optimizer)
        if restores and kept and isinstance(model, Model):
            _restore(model, saved, layers, rows)
        put_idf_weights(layers, saved, _producer(arrays))
        for layer, state in read:
            put(layer, state)


def _of_the_same_names(layers: list[Layer], arrays: Arrays) -> tuple[list[Layer], Arrays]:
    """The layers that a legacy file has weights for by their names, and these weights."""
    if not isinstance(arrays, ArraysByLayer):
        raise ValueError("`by_name=True` is for legacy `.h5` files: this one has no names of layers.")
    wanted = {layer.name for layer in layers}
    named = {name: variables for name, variables in arrays.layers.items() if name in wanted and variables}
    return [layer for layer in layers if layer.name in named], replace(arrays, layers=named, unnamed=())


def _restore(model: Model, saved: Weights, layers: list[Layer], rows: list[WeightSource]) -> None:
    """The state of the optimizer too, as Keras does it, where the model's has one to take its place."""
    optimizer = model.optimizer
    if not isinstance(optimizer, Optimizer) or not optimizer.built:
        return
    if saved.optimizer_fault:
        raise ValueError(saved.optimizer_fault)
    try:
        named = saved.optimizer_by_name
        arrays = state_in_order(optimizer, model, saved, layers, rows) if named else saved.optimizer
        restore(optimizer, model, arrays, Order.KERAS_3)
    except OtherWeights as error:
        warnings.warn(f"{error} The optimizer stays as it is.", stacklevel=6)


def _layers(model: nn.Module) -> list[Layer]:
    # A module of somebody else's may call anything `layers`.
    listed = getattr(model, "layers", None) if isinstance(model, Layer) else None
    layers = [*listed] if listed is not None else _outermost(model)
    names = [layer.name for layer in layers]
    if not layers or len(set(names)) < len(names):
        raise ValueError(
            "Weights are loaded into layers of torch_keras_lstm by their names: the model must have such layers, each "
            f"with a name of its own, got {names}."
        )
    unbuilt = [layer.name for layer in layers if not layer.built]
    if unbuilt:
        raise ValueError(
            f"Layer `{unbuilt[0]}` is not built, so that its weights have no shape yet. Call the model once, or "
            "`build(input_shape)`, before loading weights into it."
        )
    return layers


def _outermost(module: nn.Module) -> list[Layer]:
    if isinstance(module, Layer):
        return [module]
    return [layer for child in module.children() for layer in _outermost(child)]


def _producer(arrays: Arrays) -> Producer:
    """Who wrote weights that do not tell: what matters of it is how the layers are counted, and that shows."""
    if isinstance(arrays, ArraysByLayer):
        return Producer(Generation.KERAS_2, None)
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for path in arrays.paths:
        if numbered := re.match(rf"{arrays.root}/([a-z0-9_]*?[a-z0-9])(?:_(\d+))?/", path):
            numbers[numbered[1]].add(int(numbered[2] or 0))
    counted_twice = any(len(found) > 1 and all(n % 2 == 0 for n in found) for found in numbers.values())
    return Producer(Generation.TF_KERAS, "2.13" if counted_twice else None)
