import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from torch_keras_lstm.conversion import LayerComparison, OutputComparison, Verification
from torch_keras_lstm.conversion.plot import save_plot

VERIFICATION = Verification(
    [OutputComparison("y0", (4, 2), 1.0, 3e-7)],
    [
        LayerComparison("words", (4, 7, 3), 1.0, 0.0, "Embedding"),
        LayerComparison("far", (4, 7, 3), 1.0, 0.02, "Bidirectional(LSTM)"),
        LayerComparison("nowhere", (4, 3), 1.0, float("inf"), "Dense"),
    ],
)


def _drawn(verification: Verification, path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The axes of the picture."""
    figures: list[Figure] = []
    write = Figure.savefig

    def keep_and_write(figure: Figure, path: Path) -> None:
        figures.append(figure)
        write(figure, path)

    monkeypatch.setattr(Figure, "savefig", keep_and_write)
    save_plot(verification, 1e-5, path)
    (axes,) = figures[0].axes
    return axes


def test_each_layer_and_output_has_a_named_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    axes = _drawn(VERIFICATION, tmp_path / "p.png", monkeypatch)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "words (Embedding)",
        "far (Bidirectional(LSTM))",
        "nowhere (Dense)",
        "y0 (output)",
    ]
    assert [text.get_text() for text in axes.texts] == ["exact", "2.0e-02", "inf", "3.0e-07", "allowed 1e-05"]
    assert axes.yaxis_inverted(), "the first layer stands on top"
    assert axes.get_xscale() == "log"
    assert "first departs at far" in axes.get_title(loc="left")


def test_rows_beyond_the_tolerance_have_a_colour_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    axes = _drawn(VERIFICATION, tmp_path / "p.svg", monkeypatch)
    points = axes.collections[-1]
    errors = points.get_offsets()[:, 0]
    assert list(errors[1:2]) == [0.02]
    words, far, nowhere, output = (tuple(color) for color in points.get_facecolors())
    assert words == output != far == nowhere


def test_a_record_without_layers_is_drawn_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    axes = _drawn(Verification(VERIFICATION.outputs, []), tmp_path / "p.png", monkeypatch)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["y0 (output)"]
    assert "agrees everywhere" in axes.get_title(loc="left")


def test_without_matplotlib_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match=r"not installed: `pip install 'torch-keras-lstm\[plot\]'`"):
        save_plot(VERIFICATION, 1e-5, tmp_path / "p.png")


def test_a_format_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'xyz' is not supported"):
        save_plot(VERIFICATION, 1e-5, tmp_path / "p.xyz")
