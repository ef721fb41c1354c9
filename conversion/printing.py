"""What the commands print: tables for people, or one JSON document for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, track
from rich.table import Table

from torch_keras_lstm.conversion.model_folder import Converted, Done
from torch_keras_lstm.conversion.progress import telling
from torch_keras_lstm.conversion.report import Report
from torch_keras_lstm.conversion.verify import OutputComparison, Verification, departing

_T = TypeVar("_T")
_LARGEST_PROBLEM = 400  # characters of one row of a table


@dataclass(frozen=True)
class Shown:
    """How results are shown.

    Attributes:
        as_json: one JSON document instead of tables and lines.
        quiet: nothing.
    """

    as_json: bool = False
    quiet: bool = False

    def line(self, text: str) -> None:
        """A line for people."""
        if not self.as_json and not self.quiet:
            _console().print(text, highlight=False)

    def document(self, facts: Callable[[], Any]) -> None:
        """The document for programs."""
        if self.as_json and not self.quiet:
            sys.stdout.write(json.dumps(facts(), indent=2) + "\n")

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table for people."""
        if self.as_json or self.quiet:
            return
        table = Table(*columns)
        for row in rows:
            table.add_row(*row)
        for column in table.columns:
            column.overflow = "fold"
        _console().print(table)

    def report(self, report: Report) -> None:
        """A model file, layer by layer."""
        model = f"; model `{report.model}`" if report.model else ""
        self.line(f"{report.container}, written by {report.written_by}{model}")
        rows = [
            (
                layer.name,
                layer.kind,
                _shape(layer.output_shape),
                f"{layer.parameters:,}",
                str(layer.arrays),
                "yes" if layer.supported else "no",
            )
            for layer in report.layers
        ]
        first = [("input", "", _shape(report.input_shape), "", "", "")] if report.model else []
        self.rows(("layer", "class", "output shape", "parameters", "arrays", "convertible"), [*first, *rows])
        left = "".join(f", {count} arrays of {kind} left" for kind, count in report.left.items())
        self.line(f"{report.parameters:,} parameters{left}")
        for note in report.notes:
            self.line(f"note: {note}")
        if report.problem is not None:
            self.line(f"not convertible: {report.problem}")

    def verification(self, verification: Verification, tolerance: float) -> None:
        """A comparison, layer by layer and output by output."""
        if verification.layers:
            self.rows(
                ("layer", "class", "shape", "largest value", "largest error", ""),
                [(layer.name, layer.kind, *_comparison(layer, tolerance)) for layer in verification.layers],
            )
        rows = []
        for output in verification.outputs:
            *numbers, verdict = _comparison(output, tolerance)
            rows.append((output.name, *numbers, f"{tolerance:.3g}", verdict))
        self.rows(("output", "shape", "largest value", "largest error", "allowed", ""), rows)
        if layers := departing(verification.layers, tolerance):
            self.line(f"The first layer that departs from the original is `{layers[0]}`.")

    def progress(self, done: Iterable[_T], total: int) -> Iterable[_T]:
        """``done`` with a bar on a terminal's stderr."""
        console = Console(stderr=True)
        hidden = self.quiet or not console.is_terminal
        return track(done, "Working", total, console=console, transient=True, disable=hidden)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A bar on a terminal's stderr while one file is worked on: how many of its weights were read."""
        console = Console(stderr=True)
        if self.quiet or not console.is_terminal:
            yield
            return
        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(text, total=None)
            with telling(lambda done, total: bar.update(task, completed=done, total=total)):
                yield


def report_facts(report: Report) -> dict[str, Any]:
    """A report as JSON has it."""
    return {**asdict(report), "parameters": report.parameters, "convertible": report.problem is None}


def verification_facts(verification: Verification, tolerance: float) -> dict[str, Any]:
    """A comparison as JSON has it; an infinite error, which JSON cannot hold, is ``None``."""

    def facts(comparison: OutputComparison) -> dict[str, Any]:
        found = asdict(comparison)
        finite = abs(found["largest_error"]) < float("inf")
        agrees = not departing([comparison], tolerance)
        return {**found, "largest_error": found["largest_error"] if finite else None, "agrees": agrees}

    return {
        "agrees": verification.agrees(tolerance),
        "tolerance": tolerance,
        "outputs": [facts(output) for output in verification.outputs],
        "layers": [facts(layer) for layer in verification.layers],
    }


def inspected_row(folder: Path) -> Callable[[Done[Report]], Sequence[str]]:
    """Rows of ``inspect`` for what lies below ``folder``."""

    def row(done: Done[Report]) -> Sequence[str]:
        report = done.result
        if report is None:
            return (*_start(done, folder), "", "", "", _failed(done), _time(done))
        verdict = "yes" if report.problem is None else f"no: {_short(report.problem)}"
        counts = (str(len(report.layers)), f"{report.parameters:,}")
        return (*_start(done, folder), report.written_by, *counts, verdict, _time(done))

    return row


def converted_row(folder: Path) -> Callable[[Done[Converted]], Sequence[str]]:
    """Rows of ``convert`` for what lies below ``folder``."""

    def row(done: Done[Converted]) -> Sequence[str]:
        made = done.result
        if made is None:
            return (*_start(done, folder), "", "", _failed(done), _time(done))
        if made.report is None:
            return (*_start(done, folder), "", "", f"skipped: {made.directory} is there", _time(done))
        known = (made.report.written_by, f"{made.report.parameters:,}")
        return (*_start(done, folder), *known, str(made.directory), _time(done))

    return row


def verified_row(folder: Path, tolerance: float) -> Callable[[Done[Verification]], Sequence[str]]:
    """Rows of ``verify`` for what lies below ``folder``."""

    def row(done: Done[Verification]) -> Sequence[str]:
        if done.result is None:
            return (*_start(done, folder), "", f"{tolerance:.3g}", _failed(done), _time(done))
        error = max((output.largest_error for output in done.result.outputs), default=0.0)
        verdict = "ok" if done.result.agrees(tolerance) else "DIFFERS"
        return (*_start(done, folder), f"{error:.3g}", f"{tolerance:.3g}", verdict, _time(done))

    return row


def _start(done: Done[Any], folder: Path) -> tuple[str]:
    name = str(done.file.path.relative_to(folder))
    return (name if done.file.weights is None else f"{name} + {done.file.weights.name}",)


def _failed(done: Done[Any]) -> str:
    return f"failed: {_short(done.problem or '')}"


def _short(text: str) -> str:
    return text if len(text) <= _LARGEST_PROBLEM else f"{text[:_LARGEST_PROBLEM]} ..."


def _time(done: Done[Any]) -> str:
    return f"{done.seconds:.2f} s"


def _comparison(comparison: OutputComparison, tolerance: float) -> list[str]:
    return [
        _shape(comparison.shape),
        f"{comparison.largest_value:.6g}",
        f"{comparison.largest_error:.3g}",
        "DIFFERS" if departing([comparison], tolerance) else "ok",
    ]


def _shape(shape: Any) -> str:
    return "?" if shape is None else str(tuple(shape))


def _console() -> Console:
    # Output that goes to a file or a pipe is not folded to the 80 columns that rich assumes for it.
    return Console(width=None if sys.stdout.isatty() else 160, markup=False)
