"""An optimizer's state in the order of Keras 3, of a file that has its arrays by names alone, as Orbax does."""

from collections.abc import Sequence

from torch_keras_lstm.conversion.arrays import SavedArray, Weights
from torch_keras_lstm.conversion.optimizer_state import OtherWeights, state_names
from torch_keras_lstm.conversion.weight_source import WeightSource
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.optimizers import Optimizer


def state_in_order(
    optimizer: Optimizer, model: Layer, saved: Weights, layers: Sequence[Layer], rows: Sequence[WeightSource]
) -> list[SavedArray]:
    """The arrays as :func:`.restore` takes them.

    A name is that of a weight in the file, whatever the weight is called here, and of what is kept of it.

    Args:
        optimizer: built with the model's parameters.
        model: whose weights it trains.
        saved: what the file holds.
        layers: the model's.
        rows: which of the file's arrays are their weights.

    Raises:
        OtherWeights: when the names are not those of this optimizer for the model's trainable weights.
    """
    named = {layer.name: layer for layer in layers}
    names = {
        (named[row.slot.layer].get_submodule(".".join(row.slot.path)), row.slot.row.name): _in_a_name(row.arrays[0])
        for row in rows
    }
    numbers, kept = state_names(optimizer, model, names)
    wanted = numbers if len(saved.optimizer_by_name) <= len(numbers) else [*numbers, *kept]
    missing = [name for name in wanted if name not in saved.optimizer_by_name]
    if missing or len(wanted) != len(saved.optimizer_by_name):
        absent = missing[0] if missing else next(name for name in saved.optimizer_by_name if name not in wanted)
        raise OtherWeights(
            f"The state of the optimizer does not fit the model's {type(optimizer).__name__}: `{absent}` is only in "
            f"one of them. Layers may have been frozen or thawed since."
        )
    return [saved.optimizer_by_name[name] for name in wanted]


def _in_a_name(weight: SavedArray) -> str:
    """``trainable_variables/model/dense/kernel`` as it stands in the names of what an optimizer keeps of it."""
    return weight.path.partition("/")[2].replace("/", "_")
