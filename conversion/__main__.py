"""``torch-keras-lstm``: look into Keras model files, convert them to PyTorch, and check the result."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from torch_keras_lstm import conversion
from torch_keras_lstm._version import __version__
from torch_keras_lstm.conversion.report import Report
from torch_keras_lstm.conversion.verify import TOLERANCE, OutputComparison, save_record
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
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")],
    weights: Weights = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that was converted into DIR before.")] = False,
) -> None:
    """Convert a model into DIR/config.json and DIR/model.safetensors, which load_model(DIR) reads."""
    report = conversion.convert(file, output, weights, force)
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
    tolerance: Annotated[
        float, typer.Option(help="The largest error allowed, relative to the largest value of the output.")
    ] = TOLERANCE,
) -> None:
    """Compare the converted model with the original: run in Keras 3 or tf_keras now, or recorded before.

    Ends with exit code 1 when an output differs by more than the tolerance.
    """
    if record is not None and save is not None:
        raise ValueError("Pass `--record` to compare with a record or `--save-record` to make one, not both.")
    if save is not None:
        save_record(file, save, weights)
    comparisons = compare_with_original(file, record or save, weights)
    _show_comparisons(comparisons, tolerance)
    # Not `error > tolerance`: that is false for an error that is no number.
    if not all(comparison.largest_error <= tolerance for comparison in comparisons):
        raise typer.Exit(1)


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


def _show_comparisons(comparisons: list[OutputComparison], tolerance: float) -> None:
    table = Table("output", "shape", "largest value", "largest error", "allowed", "")
    for comparison in comparisons:
        table.add_row(
            comparison.name,
            _shape(comparison.shape),
            f"{comparison.largest_value:.6g}",
            f"{comparison.largest_error:.3g}",
            f"{tolerance:.3g}",
            "ok" if comparison.largest_error <= tolerance else "DIFFERS",
        )
    _console().print(table)


def _shape(shape: Any) -> str:
    return "?" if shape is None else str(tuple(shape))


def _console() -> Console:
    # Output that goes to a file or a pipe is not folded to the 80 columns that rich assumes for it.
    return Console(width=None if sys.stdout.isatty() else 160, markup=False)


if __name__ == "__main__":
    main()
