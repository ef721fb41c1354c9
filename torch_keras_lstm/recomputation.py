"""Calls that ``torch.utils.checkpoint`` makes once more, in the pass backwards, and what they must start from.

Checkpointing restores torch's own random numbers for the second call of a module. It knows nothing of generators and
states of a module's own, which have moved on: a second call would draw other dropout, or go on from later states, and
give the gradients of another function. So what has moved on notes where it stood, with the checkpoint that is under
way, and is asked to stand there again.
"""

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, TypeVar

import torch
import torch.utils.checkpoint

from torch_keras_lstm.torch_internals import backward_number

T = TypeVar("T")
_FILE = torch.utils.checkpoint.__file__
_NOTES = "_torch_keras_lstm_notes"


class _Notes:
    """Where everything stood in the calls that one checkpoint will make again, in their order."""

    def __init__(self) -> None:
        self.values: dict[object, list[Any]] = {}
        self.used: dict[tuple[object, int], int] = {}

    def next(self, owner: object, backward: int) -> Any:
        """The note of the call that is being made again in the pass backwards of that number."""
        index = self.used.get((owner, backward), 0)
        self.used[owner, backward] = index + 1
        return self.values[owner][index]


def noted(owner: object, now: Callable[[], T], what: str) -> T | None:
    """Where ``owner`` stood when a checkpoint made this call for the first time; ``None`` unless this is the second.

    After a second call ``owner`` must stand where it stood before it.

    Args:
        owner: what moves on from call to call.
        now: where it stands; asked where a checkpoint will make the call again.
        what: how an error calls it.

    Raises:
        RuntimeError: when the call is made in a pass backwards and nothing tells which call it repeats.
    """
    if torch.compiler.is_compiling():
        return None
    backward = backward_number()
    checkpoints = _checkpoints()
    if backward == -1:
        if checkpoints:
            _note(owner, now(), checkpoints)
        return None
    again = next((index for index, (_, repeats) in enumerate(checkpoints) if repeats), None)
    if again is None or owner not in checkpoints[again][0].values:
        raise RuntimeError(
            f"{what} is called in a pass backwards, and where it stood when that call was made before is not known: "
            "the gradients would be those of another function. Use `torch.utils.checkpoint.checkpoint`, which notes "
            "it; with `use_reentrant=True` the module must be in training mode."
        )
    value: T = checkpoints[again][0].next(owner, backward)
    _note(owner, value, checkpoints[:again])  # those inside, which are on their first call
    return value


def _note(owner: object, value: object, checkpoints: Sequence[tuple[_Notes, bool]]) -> None:
    for notes, _ in checkpoints:
        notes.values.setdefault(owner, []).append(value)


def _checkpoints() -> list[tuple[_Notes, bool]]:
    """The checkpoints under way, the innermost first, and whether each is on a second call."""
    found = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename == _FILE:
            holder, repeats = _holder(frame.f_code.co_name, frame.f_locals)
            if holder is not None:
                notes = vars(holder).setdefault(_NOTES, _Notes())
                found.append((notes, repeats))
        frame = frame.f_back
    return found


def _holder(function: str, variables: dict[str, Any]) -> tuple[Any, bool]:
    """The object that a checkpoint keeps from its first call to the second, found in a function of torch's."""
    if function in ("checkpoint", "_checkpoint_impl") and variables.get("gen") is not None:
        running = variables["gen"].gi_frame
        return None if running is None else running.f_locals.get("new_frame"), False
    if function == "unpack_hook":
        return variables.get("frame"), True
    if function in ("forward", "backward"):
        return variables.get("ctx"), function == "backward"
    return None, False
