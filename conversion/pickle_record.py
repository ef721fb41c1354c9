"""Pickles as plain data: what one says is recorded, and nothing that it names is imported or called.

A pickle is a program for a small stack machine. This machine knows the operations that make numbers, text, bytes,
tuples, lists and dictionaries, and writes the others down: which name was looked up, what it was called with, what
state was given to the result. Whatever the name, the record is all that comes of it.
"""

import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_OPERATIONS = 1_000_000


@dataclass(frozen=True, eq=False)
class Name:
    """A class or function that the pickle names: ``numpy.ndarray``."""

    name: str


@dataclass(eq=False)
class Made:
    """The result of a call that was not made.

    Attributes:
        maker: what was to be called: a :class:`Name`, or what another call was to return.
        args: its arguments.
        state: what the result was to be given afterwards; ``None`` when nothing.
    """

    maker: Any
    args: tuple[Any, ...]
    state: Any = None


class PickleRecorder:
    """Reads pickles, at most ``MAX_OPERATIONS`` operations in all of them together."""

    def __init__(self) -> None:
        self._operations = 0

    def record(self, data: bytes, what: str) -> Any:
        """What the pickle ``data`` says; ``what`` names it in errors.

        Raises:
            ValueError: when it is damaged, too long, or holds an operation that is not needed for arrays.
        """
        machine = _Machine()
        try:
            for code, argument, _ in pickletools.genops(data):
                self._operations += 1
                if self._operations > MAX_OPERATIONS:
                    raise ValueError(f"more than {MAX_OPERATIONS} operations")
                if code.name == "STOP":
                    return machine.result()
                machine.step(code.name, argument)
        except ValueError as error:
            raise ValueError(f"{what} is not an array that Keras pickled, or is damaged ({error}).") from None
        raise ValueError(f"{what} is a truncated pickle.")


# What is put on the stack as it stands behind the operation.
_LITERALS = frozenset(
    [
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    ]
)
_FRESH: Mapping[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_SET": list,
    "EMPTY_DICT": dict,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = frozenset(["PROTO", "FRAME"])


class _Machine:
    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        if len(self._stack) != 1 or self._marks:
            raise ValueError("it ends too early")
        return self._stack[0]

    def step(self, operation: str, argument: Any) -> None:
        if operation in _LITERALS:
            self._stack.append(argument)
        elif operation in _FRESH:
            self._stack.append(_FRESH[operation]())
        elif operation in _TUPLES:
            self._stack.append(tuple(self._take(_TUPLES[operation])))
        elif operation not in _IGNORED:
            act = _OPERATIONS.get(operation)
            if act is None:
                raise ValueError(f"operation {operation}")
            act(self, argument)

    def _take(self, count: int) -> list[Any]:
        """The last ``count`` entries, taken off; they lie above the last mark."""
        start = len(self._stack) - count
        if start < (self._marks[-1] if self._marks else 0):
            raise ValueError("an operation lacks what it works on")
        taken = self._stack[start:]
        del self._stack[start:]
        return taken

    def _take_to_mark(self) -> list[Any]:
        if not self._marks:
            raise ValueError("a mark is missing")
        start = self._marks.pop()
        taken = self._stack[start:]
        del self._stack[start:]
        return taken

    def _top(self, kind: type) -> Any:
        (top,) = self._take(1)
        self._stack.append(top)
        if not isinstance(top, kind):
            raise ValueError(f"a {kind.__name__} is missing")
        return top

    def mark(self, _: None) -> None:
        self._marks.append(len(self._stack))

    def tuple_to_mark(self, _: None) -> None:
        self._stack.append(tuple(self._take_to_mark()))

    def append(self, _: None) -> None:
        (item,) = self._take(1)
        self._top(list).append(item)

    def extend(self, _: None) -> None:
        items = self._take_to_mark()
        self._top(list).extend(items)

    def set_item(self, _: None) -> None:
        self._set(self._take(2))

    def set_items(self, _: None) -> None:
        self._set(self._take_to_mark())

    def _set(self, items: list[Any]) -> None:
        table = self._top(dict)
        names = items[::2]
        if len(items) % 2 or not all(isinstance(name, str) for name in names):
            raise ValueError("a dictionary has keys that are not text")
        table.update(zip(names, items[1::2], strict=True))

    def memoize(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._top(object)

    def recall(self, index: int) -> None:
        if index not in self._memo:
            raise ValueError("it refers to what it does not hold")
        self._stack.append(self._memo[index])

    def name(self, spaced: str) -> None:
        self._stack.append(Name(spaced.replace(" ", ".")))

    def name_on_stack(self, _: None) -> None:
        parts = self._take(2)
        if not all(isinstance(part, str) for part in parts):
            raise ValueError("a name is not text")
        self._stack.append(Name(".".join(parts)))

    def call(self, _: None) -> None:
        maker, args = self._take(2)
        if not isinstance(args, tuple):
            raise ValueError("a call's arguments are no tuple")
        self._stack.append(Made(maker, args))

    def give_state(self, _: None) -> None:
        (state,) = self._take(1)
        made = self._top(Made)
        if made.state is not None:
            raise ValueError("an object is given its state twice")
        made.state = state


_OPERATIONS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "TUPLE": _Machine.tuple_to_mark,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.extend,
    "ADDITEMS": _Machine.extend,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "MEMOIZE": _Machine.memoize,
    "BINPUT": _Machine.memoize,
    "LONG_BINPUT": _Machine.memoize,
    "BINGET": _Machine.recall,
    "LONG_BINGET": _Machine.recall,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_on_stack,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.give_state,
}


def made_inside(value: Any, seen: set[int]) -> Iterator[Made]:
    """Every :class:`Made` in ``value`` that was not ``seen`` before, each once however often it is referred to."""
    pending = [value]
    while pending:
        part = pending.pop()
        if not isinstance(part, Made | dict | list | tuple) or id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Made):
            yield part
            pending += [part.state, part.args, part.maker]
        else:
            pending += part.values() if isinstance(part, dict) else part
