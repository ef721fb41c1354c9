"""``python -m benchmarks``: measure, compare with the targets, and write figures, picture and page."""

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.agreement import DisagreementError
from benchmarks.cases import CONFIGURATIONS, MODES, SHAPES, Mode
from benchmarks.environment import environment
from benchmarks.fits import FITS
from benchmarks.page import measured_on, page, targets_table
from benchmarks.peers import PEERS, Peer
from benchmarks.picture import save_picture
from benchmarks.sections import SECTIONS, Selection
from benchmarks.speed import Effort
from benchmarks.targets import targets
from benchmarks.tasks import TASKS

FIGURES, PICTURE, PAGE = "performance.json", "performance.png", "performance.md"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Part(StrEnum):
    """What can be measured; ``page`` measures nothing."""

    SPEED = "speed"
    MEMORY = "memory"
    LENGTHS = "lengths"
    TRAINING = "training"
    STREAMS = "streams"
    PAGE = "page"


@app.command()
def benchmark(
    parts: Annotated[
        list[Part] | None,
        typer.Argument(help="What to measure; all of it by default. `page` writes picture and page anew."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for figures, picture and page. Parts not run are kept.")
    ] = Path("build/benchmarks"),
    shapes: Annotated[
        str | None, typer.Option(help=f"Of {', '.join(SHAPES)}; memory takes the last from small on.")
    ] = None,
    configurations: Annotated[str | None, typer.Option(help=f"Of {', '.join(CONFIGURATIONS)}.")] = None,
    modes: Annotated[str | None, typer.Option(help=f"Of {', '.join(MODES)}.")] = None,
    peers: Annotated[str | None, typer.Option(help=f"Of {', '.join(PEERS)}; in training of {', '.join(FITS)}.")] = None,
    threads: Annotated[
        str | None, typer.Option(help="How many; of several numbers all but the largest run plain cases alone.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Of each case, instead of what fits the time.")] = None,
    seconds: Annotated[float, typer.Option(help="For the rounds of each case; at least five are run.")] = 4.0,
    epochs: Annotated[int | None, typer.Option(min=2, help="Of training, instead of each task's own number.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small shapes, a second for each case.")] = False,
    full: Annotated[bool, typer.Option("--full", help="The large shape too; all cases with all threads.")] = False,
) -> None:
    """Measure this package beside its peers, and say which targets are met.

    Lists are written with commas: --shapes small,medium --peers ours,torch.
    """
    if quick and full:
        raise ValueError("Pass `--quick` or `--full`, not both.")
    processors = len(os.sched_getaffinity(0))
    configurations_chosen = chosen("configurations", configurations, CONFIGURATIONS, tuple(CONFIGURATIONS))
    shapes_chosen = chosen("shapes", shapes, SHAPES, [name for name in SHAPES if name in shapes_of(quick, full)])
    selection = Selection(
        shapes=shapes_chosen,
        modes=modes_of(chosen("modes", modes, MODES, MODES)),
        configurations=configurations_chosen,
        configurations_of_fewer_threads=configurations_chosen if full or configurations else ["plain"],
        peers=installed(PEERS, peers),
        fits=installed(FITS, peers),
        threads=numbers(threads) if threads else sorted({1, min(2, processors)})[-1 if quick else 0 :],
        effort=Effort(1.0 if quick else seconds, rounds),
        memory_shape=memory_shape_of(shapes_chosen if shapes else [], quick),
        length_rounds=1 if quick else 3,
        tasks={
            name: replace(task, epochs=epochs or task.epochs)
            for name, task in TASKS.items()
            if name == "script" or not quick
        },
    )
    results = read(output)
    typer.echo(measured_on(environment(())))
    for part in parts or [part for part in Part if part is not Part.PAGE]:
        if part is not Part.PAGE:
            start = time.perf_counter()
            results[part.value] = SECTIONS[part.value](selection, typer.echo)
            typer.echo(f"{part.value}: {time.perf_counter() - start:.0f} s")
            write(output, results)
    write(output, results)
    typer.echo(f"\n{targets_table(targets(results))}\n\nWrote {FIGURES}, {PICTURE} and {PAGE} in {output}.")


def shapes_of(quick: bool, full: bool) -> Sequence[str]:
    """The names of those that are run when none are named."""
    if quick:
        return "step", "tiny", "single", "small"
    return [name for name in SHAPES if full or name != "large"]


def memory_shape_of(chosen: Sequence[str], quick: bool) -> str:
    """The largest of those that were chosen, if its memory can be seen beside that of a process."""
    large_enough = [name for name in chosen if name in ("small", "medium", "large")]
    return large_enough[-1] if large_enough else "small" if quick else "medium"


def chosen(option: str, text: str | None, known: Iterable[str], default: Sequence[str]) -> Sequence[str]:
    """The names of a list with commas, in the order of those that are known.

    Raises:
        ValueError: when one is not known.
    """
    if text is None:
        return default
    names, known = [name.strip() for name in text.split(",")], list(known)
    for name in names:
        if name not in known:
            raise ValueError(f"`--{option}` knows no {name!r}; there are {', '.join(known)}.")
    return [name for name in known if name in names]


def modes_of(names: Sequence[str]) -> list[Mode]:
    """The same, as what they are."""
    return [mode for mode in MODES if mode in names]


def numbers(text: str) -> list[int]:
    """Positive ones, ascending.

    Raises:
        ValueError: when one is not.
    """
    found = sorted({int(number) for number in text.split(",")})
    if found[0] < 1:
        raise ValueError(f"`--threads` takes positive numbers, got {text!r}.")
    return found


def installed(table: Mapping[str, Peer], peers: str | None) -> list[str]:
    """The names of ``table`` that were chosen; by default those whose packages are there.

    Raises:
        ValueError: when one that was asked for has packages that are not.
    """
    names = [name for name in chosen("peers", peers, PEERS | FITS, [*table]) if name in table]
    absent = [name for name in names if not table[name].installed]
    if absent and peers is not None:
        raise ValueError(f"Not installed: what {', '.join(absent)} needs. The extra `benchmarks` has it all.")
    return [name for name in names if name not in absent]


def read(folder: Path) -> dict[str, Any]:
    """The figures of the runs before, by part."""
    path = folder / FIGURES
    results: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return results


def write(folder: Path, results: Mapping[str, Any]) -> None:
    """Write figures, page and, of a run that measured speed, picture."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(part)}: {section_text(section)}" for part, section in results.items()]
    (folder / FIGURES).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    if "speed" in results:
        save_picture(results["speed"]["records"], folder / PICTURE)
    (folder / PAGE).write_text(page(results), "utf-8")


def section_text(section: Mapping[str, Any]) -> str:
    """JSON with a record a line."""
    others = json.dumps({name: value for name, value in section.items() if name != "records"})
    records = ",\n".join(json.dumps(record) for record in section["records"])
    return f'{others[:-1]}, "records": [\n{records}\n]}}'


def main() -> None:
    """Run the command line. What is wrong with an option, and results that differ, are one line and exit code 1."""
    try:
        app(prog_name="python -m benchmarks")
    except (DisagreementError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
