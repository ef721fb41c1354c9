"""``torch-keras-lstm``: look into Keras model files, convert them to PyTorch, and check the result."""

import importlib.resources
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from torch_keras_lstm import conversion
from torch_keras_lstm._version import __version__
from torch_keras_lstm.conversion import saved_model
from torch_keras_lstm.conversion.model_folder import FileConversion, convert_all, model_files
from torch_keras_lstm.conversion.plot import save_plot
from torch_keras_lstm.conversion.report import Report
from torch_keras_lstm.conversion.verify import TOLERANCE, OutputComparison, Verification, departing, save_record
from torch_keras_lstm.conversion.verify import verify as compare_with_original

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Keras LSTM models in PyTorch, without TensorFlow: inspect, convert and verify model files.",
)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A whole model (.h5, .keras, SavedModel folder) or an architecture (.json, with --weights).",
    ),
]
Weights = Annotated[
    Path | None, typer.Option("--weights", "-w", metavar="FILE", help="The weights file that belongs to FILE.")
]


@app.command()
def inspect(file: File, weights: Weights = None) -> None:
    """Show what is in a model file: who wrote it, its layers, shapes and parameters, and what can be converted."""
    _show(conversion.inspect(file, weights))


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="A model as for `inspect`, or a folder: every model below it.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")],
    weights: Weights = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that was converted into DIR before.")] = False,
) -> None:
    """Convert a model into DIR/config.json and DIR/model.safetensors, which load_model(DIR) reads.

    From a folder, FILE/a/m.h5 goes into DIR/a/m. A model that cannot be converted does not stop the others; the exit
    code is 1 then.
    """
    if source.is_dir() and not (source / saved_model.GRAPH).exists() and (paths := model_files(source)):
        if weights is not None:
            raise ValueError("`--weights` belongs to one model, but a folder of them was given.")
        _convert_folder(source, paths, output, force)
        return
    report = conversion.convert(source, output, weights, force)
    _show(report)
    arrays = sum(layer.arrays for layer in report.layers)
    _console().print(f"Wrote {output}: {report.parameters:,} parameters from {arrays} arrays.", highlight=False)


@app.command()
def verify(
    file: File,
    weights: Weights = None,
    record: Annotated[
        Path | None, typer.Option(metavar="NPZ", help="Compare with the outputs recorded here; Keras is not needed.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save-record", metavar="NPZ", help="Run Keras, and keep its outputs here.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw each layer's error into this picture (needs matplotlib).")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="The largest error allowed, relative to the largest value of the output.")
    ] = TOLERANCE,
) -> None:
    """Compare the converted model with the original: run in Keras 3 or tf_keras now, or recorded before.

    Layer by layer, so that the first one that departs is seen. Ends with exit code 1 when an output of the model
    differs by more than the tolerance.
    """
    if record is not None and save is not None:
        raise ValueError("Pass `--record` to compare with a record or `--save-record` to make one, not both.")
    if save is not None:
        save_record(file, save, weights)
    verification = compare_with_original(file, record or save, weights)
    _show_verification(verification, tolerance)
    if plot is not None:
        save_plot(verification, tolerance, plot)
    if not verification.agrees(tolerance):
        raise typer.Exit(1)


@app.command("record-script")
def record_script() -> None:
    """Print a script that records a model's answers on the machine where it runs, for `verify --record`.

    One file that needs NumPy and that machine's Keras (1, 2, tf.keras or 3), on any Python from 2.7:
    torch-keras-lstm record-script > record.py; there: python record.py MODEL [WEIGHTS] RECORD.npz
    """
    typer.echo(importlib.resources.files(conversion).joinpath("record_script.py").read_text("utf-8"), nl=False)


@app.callback(invoke_without_command=True)
def options(version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False) -> None:
    """Options that stand before the command."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line. What is wrong with a file is one line on stderr and exit code 1."""
    try:
        app(prog_name="torch-keras-lstm")
    except (OSError, ValueError) as error:
        typer.echo("error: " + " ".join(str(error).split()), err=True)
        sys.exit(1)


def _show(report: Report) -> None:
    console = _console()
    model = f"; model `{report.model}`" if report.model else ""
    console.print(f"{report.container}, written by {report.written_by}{model}", highlight=False)
    table = Table("layer", "class", "output shape", "parameters", "arrays", "convertible")
    if report.model:
        table.add_row("input", "", _shape(report.input_shape), "", "", "")
    for layer in report.layers:
        table.add_row(
            layer.name,
            layer.kind,
            _shape(layer.output_shape),
            f"{layer.parameters:,}",
            str(layer.arrays),
            "yes" if layer.supported else "no",
        )
    for column in table.columns:
        column.overflow = "fold"
    console.print(table)
    left = "".join(f", {count} arrays of {kind} left" for kind, count in report.left.items())
    console.print(f"{report.parameters:,} parameters{left}", highlight=False)
    for note in report.notes:
        console.print(f"note: {note}", highlight=False)
    if report.problem is not None:
        console.print(f"not convertible: {report.problem}", highlight=False)


def _convert_folder(folder: Path, paths: Sequence[Path], output: Path, force: bool) -> None:
    progress = Console(stderr=True)
    conversions = [
        *track(
            convert_all(folder, paths, output, force),
            "Converting",
            len(paths),
            console=progress,
            transient=True,
            disable=not progress.is_terminal,
        )
    ]
    _show_conversions(folder, conversions)
    failed = sum(conversion.report is None for conversion in conversions)
    _console().print(
        f"Converted {len(conversions) - failed} of {len(conversions)} models into {output}.", highlight=False
    )
    if failed:
        raise typer.Exit(1)


def _show_conversions(folder: Path, conversions: Sequence[FileConversion]) -> None:
    table = Table("file", "written by", "parameters", "result")
    for made in conversions:
        known = ("", "") if made.report is None else (made.report.written_by, f"{made.report.parameters:,}")
        result = f"failed: {made.problem}" if made.report is None else str(made.directory)
        table.add_row(str(made.path.relative_to(folder)), *known, result)
    for column in table.columns:
        column.overflow = "fold"
    _console().print(table)


def _show_verification(verification: Verification, tolerance: float) -> None:
    if verification.layers:
        table = Table("layer", "class", "shape", "largest value", "largest error", "")
        for layer in verification.layers:
            table.add_row(layer.name, layer.kind, *_comparison(layer, tolerance))
        _console().print(table)
    table = Table("output", "shape", "largest value", "largest error", "allowed", "")
    for output in verification.outputs:
        *numbers, verdict = _comparison(output, tolerance)
        table.add_row(output.name, *numbers, f"{tolerance:.3g}", verdict)
    _console().print(table)
    if layers := departing(verification.layers, tolerance):
        _console().print(f"The first layer that departs from the original is `{layers[0]}`.", highlight=False)


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


if __name__ == "__main__":
    main()
