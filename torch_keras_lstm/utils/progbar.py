"""``keras.utils.Progbar``: a line of progress for loops of one's own."""

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from torch_keras_lstm import console
from torch_keras_lstm.callbacks.progress_line import duration, remaining

_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """A bar that moves, as ``fit`` prints it, and the means of values.

    Args:
        target: how many steps there will be; ``None`` when nobody knows.
        width: of the bar, in characters.
        verbose: 0 prints nothing, 1 a bar, 2 one line at the end.
        interval: seconds between two drawings, at the least.
        stateful_metrics: names of values that are shown as they come; all others are averaged over the steps.
        stateless_metrics: instead of those the names of values that are averaged; all others are shown as they come.
        unit_name: what a step is called.

    Raises:
        ValueError: when both lists of names are given.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Only one of `stateful_metrics` and `stateless_metrics` can be given.")
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.unit_name = unit_name
        self.stateful_metrics = None if stateless_metrics is not None else set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._seen = 0
        self._values: dict[str, tuple[Any, int]] = {}
        self._start = time.time()
        self._drawn_at = 0.0
        self._after_first_step: float | None = None
        self._drawn_width = 0

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Go on by ``n`` steps."""
        self.update(self._seen + n, values)

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Show the state after ``current`` steps.

        Args:
            current: how many steps are done.
            values: names and values of the last step.
            finalize: whether this is the end; by default when ``target`` is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._note(name, value, current, finalize)
        self._seen = current
        now = time.time()
        seconds = self._seconds_per_step(current, now)
        if self.verbose == 1 and (finalize or now - self._drawn_at >= self.interval):
            self._draw(current, seconds, now, finalize)
        elif self.verbose == 2 and finalize and self.target:
            counter = f"{current:{len(str(self.target))}d}/{self.target}"
            told = (
                f"{counter} - {now - self._start:.0f}s -{duration(seconds, self.unit_name)}{self._shown(signed=True)}"
            )
            console.write(f"{told}\n")
            self._drawn_at = now

    def _note(self, name: str, value: Any, current: int, finalize: bool) -> None:
        averaged = (
            name not in (self.stateful_metrics or ())
            if self.stateless_metrics is None
            else (name in self.stateless_metrics)
        )
        if not averaged or finalize:
            self._values[name] = (value, 1)
            return
        steps = max(current - self._seen, 1)
        total, count = self._values.get(name, (0, 0))
        self._values[name] = (total + np.asarray(value) * steps, count + steps)

    def _draw(self, current: int, seconds: float, now: float, finalize: bool) -> None:
        if self.target:
            counter = f"{current:{len(str(self.target))}d}/{self.target}"
            filled = int(self.width * (current / self.target))
            green = f"{_GREEN}{'━' * filled}{_PLAIN}" if filled else ""
            bar = f"{_BOLD}{counter}{_PLAIN} {green}{_WHITE}{'━' * (self.width - filled)}{_PLAIN}"
            width = len(counter) + 1 + self.width
        else:
            bar, width = f"{current:7d}/Unknown", 15
        if self.target and not finalize:
            clock = remaining(seconds * (self.target - current))
        else:
            clock = f"{now - self._start:.0f}s"
        told = duration(seconds, self.unit_name) + self._shown(signed=False)
        width += 1 + len(clock) + len(told)
        blanks = " " * (self._drawn_width - width)
        end = "\n" if finalize else ""
        back = "\b" * self._drawn_width
        console.write(f"{back}\r{bar} {_BOLD}{clock}{_PLAIN}{told}{blanks}{end}")
        self._drawn_width, self._drawn_at = width, now

    def _shown(self, signed: bool) -> str:
        shown = ""
        for name, (total, count) in self._values.items():
            mean = float(np.mean(total)) / max(1, count)
            shown += f" - {name}: " + (f"{mean:.4f}" if (mean if signed else abs(mean)) > 1e-3 else f"{mean:.4e}")
        return shown

    def _seconds_per_step(self, current: int, now: float) -> float:
        """The mean time of a step; the first one does not count when there are others."""
        if not current:
            return 0.0
        if self._after_first_step is not None and current > 1:
            return (now - self._after_first_step) / (current - 1)
        if current == 1:
            self._after_first_step = now
        return (now - self._start) / current
