import runpy
from pathlib import Path

from tests.tolerances import TOLERANCES

SCRIPT = Path(__file__).parents[2] / "examples" / "convert_and_finetune.py"


def test_the_converted_model_is_keras_own_and_learns_the_changed_task() -> None:
    figures = runpy.run_path(str(SCRIPT))["main"](epochs=3)
    assert figures.difference_from_keras <= TOLERANCES["float32 model"]
    assert figures.trained_parameters == 16 * 10 + 10, "the last layer, and nothing else"
    assert figures.accuracy_before < 0.5
    assert figures.accuracy_after > figures.accuracy_before + 0.2
