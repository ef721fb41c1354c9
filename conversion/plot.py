"""The picture of a verification: how far each layer is from the original's, and where it first departs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch_keras_lstm.conversion.verify import OutputComparison, Verification

_AGREES, _DEPARTS, _MUTED = "#2a6f97", "#c1121f", "#6c757d"
_LONGEST_NAME = 32

# Errors below float64's resolution, zero among them, stand at the left edge; infinite ones at the right.
_SMALLEST, _BEYOND_LARGEST = 1e-17, 10.0


def save_plot(verification: Verification, tolerance: float, path: str | Path) -> None:
    """Draw the largest error of each layer and output on a logarithmic scale.

    Args:
        verification: what :func:`torch_keras_lstm.conversion.verify` returned.
        tolerance: drawn as a line; what lies beyond it is marked.
        path: the picture to write; its suffix names the format, ``.png``, ``.svg`` or ``.pdf``.

    Raises:
        ValueError: when matplotlib is not installed, or does not write that format.
        OSError: when the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError(
            "`--plot` draws with matplotlib, which is not installed: `pip install 'torch-keras-lstm[plot]'`."
        ) from None
    rows = [*verification.layers, *verification.outputs]
    figure = Figure(figsize=(8.5, 1.6 + 0.28 * len(rows)), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    _draw(axes, rows, tolerance)
    _label(axes, rows, len(verification.layers), tolerance)
    figure.savefig(path)


def _draw(axes: Any, rows: Sequence[OutputComparison], tolerance: float) -> None:
    places = range(len(rows))
    errors = [_shown(row.largest_error) for row in rows]
    colors = [_AGREES if row.largest_error <= tolerance else _DEPARTS for row in rows]
    left = min(*errors, tolerance) / 10
    axes.hlines(places, left, errors, colors=colors, linewidth=1.5, alpha=0.45)
    axes.scatter(errors, places, c=colors, s=26, zorder=3)
    axes.axvline(tolerance, color=_MUTED, linewidth=1, linestyle="--", zorder=1)
    axes.set_xscale("log")
    axes.set_xlim(left, max(*errors, tolerance) * 30)
    for place, row, error, color in zip(places, rows, errors, colors, strict=True):
        words = "exact" if row.largest_error == 0 else f"{row.largest_error:.1e}"
        axes.annotate(
            words,
            (error, place),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=color,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )


def _label(axes: Any, rows: Sequence[OutputComparison], layers: int, tolerance: float) -> None:
    axes.set_yticks(range(len(rows)), [_name(row) for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first layer on top
    if 0 < layers < len(rows):
        axes.axhline(layers - 0.5, color=_MUTED, linewidth=0.6)
    axes.set_xlabel("largest error, relative to the largest value", fontsize=8.5)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.4, alpha=0.5)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.annotate(
        f"allowed {tolerance:.0e}",
        (tolerance, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=7.5,
        color=_MUTED,
    )
    departs = next((row.name for row in rows if not row.largest_error <= tolerance), None)
    verdict = f"first departs at {departs}" if departs else "agrees everywhere"
    axes.set_title(f"Converted model against the original: {verdict}", fontsize=10, loc="left", pad=16)


def _name(row: OutputComparison) -> str:
    kind = getattr(row, "kind", "output")
    name = row.name if len(row.name) <= _LONGEST_NAME else f"{row.name[: _LONGEST_NAME - 1]}…"
    return f"{name} ({kind})" if len(kind) <= _LONGEST_NAME else name


def _shown(error: float) -> float:
    return max(min(error, _BEYOND_LARGEST), _SMALLEST) if math.isfinite(error) else _BEYOND_LARGEST
