"""How a layer over time runs its cell: by a step prepared for the whole sequence, or by calling it at each step."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from torch_keras_lstm.half_precision import is_keras_half
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.nested_states import as_list, flat_states, nested_like
from torch_keras_lstm.layers.recurrent_cell import RecurrentCell
from torch_keras_lstm.recurrence.scan import States, Stepped
from torch_keras_lstm.torch_internals import is_called_through_more

CellStep = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, tuple[Tensor, ...]]]

# What computes a step when a cell is called; a class that has one of its own wants to be called.
_CALLED = ("forward", "call", "__call__")


def check_cell(cell: Any) -> None:
    """Raise a ``ValueError`` unless ``cell`` can be called and has a ``state_size``."""
    if not callable(cell):
        raise ValueError(
            f"`cell` must be a torch module with a `state_size`, such as LSTMCell(units), got {cell!r:.200}."
        )
    if not hasattr(cell, "state_size"):
        raise ValueError(
            f"`cell` {type(cell).__name__} has no `state_size`: give it one, an integer or a list of integers, "
            "the width of each state."
        )


def output_size_of(cell: Any) -> int:
    """The cell's ``output_size``, by default the width of its first state."""
    size = getattr(cell, "output_size", None)
    return int(flat_states(cell.state_size)[0] if size is None else size)


def initial_states_of(cell: Any, batch_size: int, like: Tensor) -> Any:
    """Where the cell says that a sequence starts, nested as it likes; zeros, nested as its ``state_size``."""
    initial_state = getattr(cell, "get_initial_state", None)
    if initial_state is not None:
        return initial_state(batch_size=batch_size)
    sizes = flat_states(cell.state_size)
    return nested_like(cell.state_size, [like.new_zeros(batch_size, size) for size in sizes])


def step_of(cell: Any, inputs: Tensor, training: bool, nesting: Any) -> CellStep:
    """A function that runs one step over all states of the cell, one after the other.

    It is the cell's own ``step_for`` unless the class computes its call in another way, or a hook waits for the call.

    Args:
        inputs: (batch, ..., features); only the sizes matter.
        training: whether dropout is active.
        nesting: lists in lists, as the cell has its states.
    """
    has_policy = is_keras_half() and "_is_cast" not in vars(cell)  # another than the layer's, so that its call casts
    if has_prepared_step(type(cell)) and not is_called_through_more(cell) and not has_policy:
        prepared: CellStep = cell.step_for(inputs, training)
        return prepared
    arguments = {"training": training} if _takes_training(cell) else {}

    def step(now: Tensor, states: States) -> Stepped:
        returned = cell(now, as_list(nested_like(nesting, states)), **arguments)
        output, after = _checked(cell, returned)
        new = flat_states(after)
        if len(new) != len(states):
            raise ValueError(
                f"Cell {type(cell).__name__} returned {len(new)} states for the {len(states)} that it was given."
            )
        return output, tuple(new)

    return step


def has_prepared_step(cell_class: type[Any]) -> bool:
    """Whether ``step_for`` computes what a call does: no class derived from the one that has it changed the call."""
    order = {name: _position(cell_class, name) for name in ("step_for", *_CALLED)}
    step_for = order["step_for"]
    return step_for is not None and all(
        position is None or position >= step_for for name in _CALLED for position in (order[name],)
    )


@contextmanager
def same_dropout_at_each_step(cell: Any) -> Iterator[None]:
    """Have the cells in ``cell`` draw dropout once for all the calls that are made in this context."""
    cells = [one for one in cell.modules() if isinstance(one, RecurrentCell)] if isinstance(cell, nn.Module) else []
    for one in cells:
        one.hold_dropout()
    try:
        yield
    finally:
        for one in cells:
            one.release_dropout()


def _position(cell_class: type[Any], name: str) -> int | None:
    for index, base in enumerate(cell_class.__mro__):
        if name in vars(base):
            return index
    return None


def _takes_training(cell: Any) -> bool:
    if isinstance(cell, Layer):
        return "training" in cell.call_parameters
    function = cell.forward if isinstance(cell, nn.Module) else cell
    return "training" in inspect.signature(function).parameters


def _checked(cell: Any, returned: Any) -> Sequence[Any]:
    if isinstance(returned, (list, tuple)) and len(returned) == 2 and isinstance(returned[0], torch.Tensor):
        return returned
    raise ValueError(
        f"Cell {type(cell).__name__} must return the output of a step and the list of the new states, got "
        f"{type(returned).__name__}: {returned!r:.100}."
    )
