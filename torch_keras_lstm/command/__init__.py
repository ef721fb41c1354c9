"""The command ``torch-keras-lstm``: look into Keras model files, convert them to PyTorch, and check the result.

It is installed as ``torch_keras_lstm_command``, beside the package, whose import brings torch: so the help and an error
of usage come at once.
"""

import importlib
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

_EXIT_CODES = (
    "Exit codes: 0 when all is well; 1 when a file could not be read, a model cannot be converted or an output "
    "differs; 2 for a wrong use of the command; 130, 143 and 129 when it was interrupted, terminated or its terminal "
    "closed."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Keras LSTM models in PyTorch, without TensorFlow: inspect, convert and verify model files.",
    epilog=_EXIT_CODES,
)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A whole model (.h5, .keras, SavedModel folder, TF.js' model.json), an architecture (.json, with "
        "--weights), or a folder: every model below it.",
        readable=False,  # what cannot be read is told as what is wrong with a file
        show_default=False,
    ),
]
Weights = Annotated[
    Path | None, typer.Option("--weights", "-w", metavar="FILE", help="The weights file that belongs to FILE.")
]
Custom = Annotated[
    list[str] | None,
    typer.Option(
        "--custom",
        metavar="MODULE:NAME",
        help="A layer, function or the like of the model's author, which the file names and does not hold; the module "
        "is imported from here. KEY=MODULE:NAME where the file has it under another name. Can be repeated.",
    ),
]
DtypePolicy = Annotated[
    Literal["as saved", "float32"] | None,
    typer.Option(
        help="What a model computes in that was saved under a policy of mixed precision; by default float32, unless "
        "this package saved it.",
    ),
]
Hdf5 = Annotated[
    Literal["h5py"] | None,
    typer.Option(
        "--hdf5",
        help="Have the HDF5 library read HDF5 files, which knows filters that nothing else here does, and is native "
        "code: for files that you trust.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document in place of tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


@app.command()
def inspect(
    file: File,
    weights: Weights = None,
    custom: Custom = None,
    hdf5: Hdf5 = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what is in a model file: who wrote it, its layers, shapes and parameters, and what can be converted.

    Of a folder a row for each model. The exit code is 1 when one cannot be converted.
    """
    commands = _commands()
    with commands.hdf5_by(hdf5):
        _end(commands.inspect(file, weights, commands.custom_objects(custom), commands.Shown(as_json, quiet)))


@app.command()
def convert(
    source: File,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")],
    weights: Weights = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that was converted into DIR before.")] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Of a folder, leave what was converted before as it is.")
    ] = False,
    source_code: Annotated[
        bool,
        typer.Option(
            "--source", help="Write DIR/model.py and DIR/model.pt in their place: plain PyTorch that needs torch alone."
        ),
    ] = False,
    custom: Custom = None,
    dtype_policy: DtypePolicy = None,
    hdf5: Hdf5 = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Convert a model into DIR/config.json and DIR/model.safetensors, which load_model(DIR) reads.

    How the model was compiled and its optimizer's state are kept, in DIR/optimizer.safetensors. From a folder,
    FILE/a/m.h5 goes into DIR/a/m. A model that cannot be converted does not stop the others; the exit code is 1 then.
    """
    commands = _commands()
    given, shown = commands.custom_objects(custom), commands.Shown(as_json, quiet)
    with commands.hdf5_by(hdf5):
        _end(commands.convert(source, output, weights, force, skip_existing, source_code, given, dtype_policy, shown))


@app.command()
def verify(
    file: File,
    weights: Weights = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="NPZ",
            help="Compare with the outputs recorded here; Keras is not needed. For a folder of models a folder, with "
            "NPZ/a/m.npz for FILE/a/m.h5.",
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save-record", metavar="NPZ", help="Run Keras, and keep its outputs here.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw each layer's error into this picture (needs matplotlib).")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="The largest error allowed, relative to the largest value of the output; 1e-05.",
            callback=lambda value: _tolerance(value),
        ),
    ] = None,
    custom: Custom = None,
    dtype_policy: DtypePolicy = None,
    hdf5: Hdf5 = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare the converted model with the original: run in Keras 3 or tf_keras now, or recorded before.

    Layer by layer, so that the first one that departs is seen. Ends with exit code 1 when an output of the model
    differs by more than the tolerance.
    """
    commands = _commands()
    given, shown = commands.custom_objects(custom), commands.Shown(as_json, quiet)
    with commands.hdf5_by(hdf5):
        _end(commands.verify(file, weights, record, save, plot, tolerance, given, dtype_policy, shown))


@app.command("record-script")
def record_script() -> None:
    """Print a script that records a model's answers on the machine where it runs, for `verify --record`.

    One file that needs NumPy and that machine's Keras (1, 2, tf.keras or 3), on any Python from 2.7:
    torch-keras-lstm record-script > record.py; there: python record.py MODEL [WEIGHTS] RECORD.npz
    """
    typer.echo(_commands().record_script(), nl=False)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and whether the kernels in C are there, and end.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    if version:
        typer.echo(_commands().version())
        raise typer.Exit


def main() -> None:
    """Run the command line. What is wrong with a file is one line on stderr and exit code 1."""
    # So that what was begun is cleared away, as it is after Ctrl-C; but what runs under `nohup` goes on.
    ends = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.getsignal(number) for number in ends}
    for number in ends:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        app(prog_name="torch-keras-lstm")
    except (OSError, ValueError) as error:
        typer.echo("error: " + " ".join(str(error).split()), err=True)
        sys.exit(1)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tolerance(value: float | None) -> float | None:
    if value is not None and not value >= 0:
        raise typer.BadParameter(f"a number of at least 0 is expected, got {value}.")
    return value


def _commands() -> Any:
    return importlib.import_module("torch_keras_lstm.conversion.commands")


def _end(code: int) -> NoReturn:
    raise typer.Exit(code)
