"""The line that ``fit`` prints as it goes, in Keras' layout.

``rich`` draws bars of its own look and only into terminals; this one is what scripts that read Keras' output expect,
character by character: a counter, a bar of twenty, the time that is left or was taken, the metrics.
"""

import time
from collections.abc import Mapping

from torch_keras_lstm import console

_WIDTH = 20
_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class ProgressLine:
    """One epoch's line.

    Args:
        target: how many steps there will be; ``None`` when nobody knows.
        interval: seconds between two drawings, at the least.
    """

    def __init__(self, target: int | None, interval: float = 0.05) -> None:
        self.target = target
        self._interval = interval
        self._start = time.time()
        self._after_first_step: float | None = None
        self._drawn_at = 0.0
        self._drawn_width = 0

    def is_due(self) -> bool:
        """Whether it is time to draw again."""
        return time.time() - self._drawn_at >= self._interval

    def draw(self, step: int, logs: Mapping[str, float]) -> None:
        """Show the state after ``step`` steps in place of what stands there."""
        self._write(step, logs, final=False)

    def finish(self, step: int, logs: Mapping[str, float]) -> None:
        """Show the state at the end, and go to the next line."""
        self._write(step, logs, final=True)

    def finish_plain(self, step: int, logs: Mapping[str, float]) -> None:
        """The end as text without a bar: all there is of an epoch for ``verbose=2``."""
        now = time.time()
        elapsed = f"{now - self._start:.0f}s"
        per_step = duration(self._seconds_per_step(step, now)).strip()
        values = "".join(f" - {name}: {_number(value, value > 1e-3)}" for name, value in logs.items())
        console.write(f"{_counter(step, self.target)} - {elapsed} - {per_step}{values}\n")

    def _write(self, step: int, logs: Mapping[str, float], final: bool) -> None:
        now = time.time()
        per_step = self._seconds_per_step(step, now)
        if final or self.target is None:
            clock = f"{now - self._start:.0f}s"
        else:
            clock = remaining(per_step * (self.target - step))
        values = "".join(f" - {name}: {_number(value, abs(value) > 1e-3)}" for name, value in logs.items())
        text = f"{duration(per_step)}{values}"
        if self.target is None:
            bar, width = f"{step:7d}/Unknown", 15
        else:
            counter, filled = _counter(step, self.target), min(int(_WIDTH * (step / self.target)), _WIDTH)
            green = f"{_GREEN}{'━' * filled}{_PLAIN}" if filled else ""
            bar = f"{_BOLD}{counter}{_PLAIN} {green}{_WHITE}{'━' * (_WIDTH - filled)}{_PLAIN}"
            width = len(counter) + 1 + _WIDTH
        width += 1 + len(clock) + len(text)
        blanks = " " * (self._drawn_width - width)
        back = "\b" * self._drawn_width + "\r"
        end = "\n" if final else ""
        console.write(f"{back}{bar} {_BOLD}{clock}{_PLAIN}{text}{blanks}{end}")
        self._drawn_width, self._drawn_at = width, now

    def _seconds_per_step(self, step: int, now: float) -> float:
        """The mean time of a step; the first one, which prepares much, does not count when there are others."""
        if step == 0:
            return 0.0
        if self._after_first_step is not None and step > 1:
            return (now - self._after_first_step) / (step - 1)
        if step == 1:
            self._after_first_step = now
        return (now - self._start) / step


def _counter(step: int, target: int | None) -> str:
    return f"{step:{len(str(target))}d}/{target}"


def remaining(seconds: float) -> str:
    """The time that is left, as hours, minutes and seconds."""
    whole = int(seconds)
    if seconds > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if seconds > 60 else f"{whole}s"


def duration(seconds: float, unit_name: str = "step") -> str:
    """The time that a step takes."""
    if seconds >= 1 or seconds == 0:
        return f" {seconds:.0f}s/{unit_name}"
    return f" {seconds * 1e3:.0f}ms/{unit_name}" if seconds >= 1e-3 else f" {seconds * 1e6:.0f}us/{unit_name}"


def _number(value: float, is_large: bool) -> str:
    """Keras writes a negative number with an exponent where it draws no bar."""
    return f"{value:.4f}" if is_large else f"{value:.4e}"
