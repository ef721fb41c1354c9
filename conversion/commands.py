"""What the commands do: over one file or over a folder of them, and how it ends."""

import importlib
import importlib.resources
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import typer

from torch_keras_lstm import conversion
from torch_keras_lstm._version import __version__
from torch_keras_lstm.conversion.converted_folder import is_converted
from torch_keras_lstm.conversion.hdf5_library import hdf5_by
from torch_keras_lstm.conversion.model_folder import (
    Converted,
    Done,
    ModelFile,
    convert_all,
    each,
    is_folder_of_models,
    models_in,
)
from torch_keras_lstm.conversion.plot import save_plot
from torch_keras_lstm.conversion.printing import (
    Shown,
    converted_row,
    inspected_row,
    report_facts,
    verification_facts,
    verified_row,
)
from torch_keras_lstm.conversion.verify import TOLERANCE, Verification, save_record
from torch_keras_lstm.conversion.verify import verify as compare_with_original
from torch_keras_lstm.recurrence.backends import c_kernels

__all__ = ["convert", "custom_objects", "hdf5_by", "inspect", "record_script", "verify", "version"]

_T = TypeVar("_T")
DtypePolicy = Literal["as saved", "float32"] | None
_INTERRUPTED = 130


def version() -> str:
    """The version, and whether the kernels in C are there."""
    return f"{__version__} ({c_kernels.description()})"


def record_script() -> str:
    """The text of the script that records a model's answers."""
    return importlib.resources.files(conversion).joinpath("record_script.py").read_text("utf-8")


def custom_objects(given: Sequence[str] | None) -> dict[str, Any]:
    """What ``--custom`` names: ``module:attribute``, by the attribute or by a key of its own.

    Raises:
        typer.BadParameter: when it is not of that form, or not to be had.
    """
    objects = {}
    sys.path.insert(0, "")  # as for `python -m`: what stands in this folder
    try:
        for text in given or ():
            key, _, place = text.rpartition("=")
            module, _, name = place.partition(":")
            if not module or not name.isidentifier():
                raise typer.BadParameter(f"`--custom` is MODULE:NAME or KEY=MODULE:NAME, got {text!r}.")
            try:
                objects[key or name] = getattr(importlib.import_module(module), name)
            except (Exception, SystemExit) as error:  # the author's module may raise whatever it likes
                told = str(error) if isinstance(error, ImportError | AttributeError) else f"{error!r:.200}"
                raise typer.BadParameter(f"`--custom {text}` is not to be had: {told}.") from None
    finally:
        sys.path.remove("")
    return objects


def inspect(path: Path, weights: Path | None, custom: dict[str, Any], shown: Shown) -> int:
    """Show a model, or a row for each below a folder; 1 when one cannot be converted."""
    if not is_folder_of_models(path):
        with _told(path, shown):
            report = conversion.inspect(path, weights, custom)
        shown.document(lambda: {"file": str(path), **report_facts(report)})
        shown.report(report)
        return int(report.problem is not None)
    files = _models_below(path, weights)
    done, code = _all(each(files, lambda file: conversion.inspect(file.path, file.weights, custom)), files, shown)
    shown.rows(("file", "written by", "layers", "parameters", "convertible", "time"), map(inspected_row(path), done))
    shown.document(
        lambda: {
            "folder": str(path),
            "files": [_facts(one, {} if one.result is None else report_facts(one.result)) for one in done],
        }
    )
    return code or int(any(one.result is None or one.result.problem is not None for one in done))


def convert(
    source: Path,
    output: Path,
    weights: Path | None,
    force: bool,
    skip_existing: bool,
    to_source: bool,
    custom: dict[str, Any],
    dtype_policy: DtypePolicy,
    shown: Shown,
) -> int:
    """Convert a model, or each below a folder; 1 when one was not."""
    if to_source and dtype_policy == "as saved":
        raise ValueError("`--source` writes models in float32: `--dtype-policy` is for the folders of `convert` alone.")
    if not is_folder_of_models(source):
        convert_here = partial(conversion.convert, dtype_policy=dtype_policy)
        make = conversion.convert_to_source if to_source else convert_here
        with _told(source, shown), shown.waiting(f"Converting {source}"):
            report = make(source, output, weights, force, custom)
        arrays = sum(layer.arrays for layer in report.layers)
        shown.report(report)
        shown.line(f"Wrote {output}: {report.parameters:,} parameters from {arrays} arrays.")
        shown.document(lambda: {"file": str(source), "directory": str(output), **report_facts(report)})
        return 0
    files = _models_below(source, weights)
    one_by_one = convert_all(source, files, output, force, custom, skip_existing, to_source, dtype_policy)
    done, code = _all(one_by_one, files, shown)
    shown.rows(("file", "written by", "parameters", "result", "time"), map(converted_row(source), done))
    made = [one.result for one in done if one.result is not None]
    skipped = sum(one.report is None for one in made)
    more = f", skipped {skipped} that were there" if skipped else ""
    shown.line(f"Converted {len(made) - skipped} of {len(files)} models into {output}{more}.")
    shown.document(
        lambda: {
            "folder": str(source),
            "files": [_facts(one, {} if one.result is None else _conversion_facts(one.result)) for one in done],
        }
    )
    return code or int(any(one.result is None for one in done))


def verify(
    path: Path,
    weights: Path | None,
    record: Path | None,
    save: Path | None,
    plot: Path | None,
    tolerance: float | None,
    custom: dict[str, Any],
    dtype_policy: DtypePolicy,
    shown: Shown,
) -> int:
    """Compare a model, or each below a folder, with its original; 1 when one differs or could not be compared."""
    allowed = TOLERANCE if tolerance is None else tolerance
    if record is not None and save is not None:
        raise ValueError("Pass `--record` to compare with a record or `--save-record` to make one, not both.")
    if not is_folder_of_models(path):
        with _told(path, shown):
            if save is not None:
                save_record(path, save, weights)
            verification = compare_with_original(path, record or save, weights, custom, dtype_policy)
        shown.verification(verification, allowed)
        shown.document(lambda: {"file": str(path), **verification_facts(verification, allowed)})
        if plot is not None:
            save_plot(verification, allowed, plot)
        return int(not verification.agrees(allowed))
    for option, value in (("--save-record", save), ("--plot", plot)):
        if value is not None:
            raise ValueError(f"`{option}` belongs to one model, but a folder of them was given.")
    files = _models_below(path, weights)

    def compare(file: ModelFile) -> Verification:
        place = None if record is None else record / file.path.relative_to(path).with_suffix(".npz")
        return compare_with_original(file.path, place, file.weights, custom, dtype_policy)

    done, code = _all(each(files, compare), files, shown)
    shown.rows(("file", "largest error", "allowed", "result", "time"), map(verified_row(path, allowed), done))
    shown.document(
        lambda: {
            "folder": str(path),
            "files": [
                _facts(one, {} if one.result is None else verification_facts(one.result, allowed)) for one in done
            ],
        }
    )
    return code or int(any(one.result is None or not one.result.agrees(allowed) for one in done))


def _facts(done: Done[Any], more: dict[str, Any]) -> dict[str, Any]:
    weights = {} if done.file.weights is None else {"weights": str(done.file.weights)}
    facts = {"file": str(done.file.path), **weights, "seconds": round(done.seconds, 3), **more}
    return facts if done.problem is None else {**facts, "problem": done.problem}


def _conversion_facts(made: Converted) -> dict[str, Any]:
    known = {"skipped": True} if made.report is None else report_facts(made.report)
    return {"directory": str(made.directory), **known}


def _models_below(folder: Path, weights: Path | None) -> list[ModelFile]:
    if weights is not None:
        raise ValueError("`--weights` belongs to one model, but a folder of them was given.")
    files = models_in(folder)
    if not files:
        if any(is_converted(file.parent) for file in folder.rglob("config.json")):
            raise ValueError(f"{folder}: its models were converted already: `load_model` reads each of their folders.")
        raise ValueError(f"{folder}: there is no Keras model in the folder or below it.")
    return files


def _all(done: Iterable[Done[_T]], files: Sequence[ModelFile], shown: Shown) -> tuple[list[Done[_T]], int]:
    """What became of the models, as far as it came, and the exit code if it was interrupted."""
    so_far: list[Done[_T]] = []
    try:
        for one in shown.progress(done, len(files)):
            so_far.append(one)
    except KeyboardInterrupt:
        shown.line(f"Interrupted after {len(so_far)} of {len(files)} models.")
        return so_far, _INTERRUPTED
    return so_far, 0


@contextmanager
def _told(path: Path, shown: Shown) -> Iterator[None]:
    """A JSON document about what stops a command, beside the line on stderr."""
    try:
        yield
    except (OSError, ValueError) as error:
        problem = " ".join(str(error).split())
        shown.document(lambda: {"file": str(path), "problem": problem})
        raise
