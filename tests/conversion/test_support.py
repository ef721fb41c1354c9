from pathlib import Path

from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.support import support_page

PAGE = Path(__file__).parents[2] / "docs" / "support.md"


def test_the_page_is_what_the_registries_say() -> None:
    command = "python -m torch_keras_lstm.conversion.support > docs/support.md"
    assert PAGE.read_text() == support_page(), f"the registries have changed: run `{command}`"


def test_every_layer_has_a_row_with_its_arguments_and_restrictions() -> None:
    rows = {
        line.split("|")[1].strip(): line.split("|")[2:] for line in support_page().splitlines() if line.count("|") == 5
    }
    assert {f"`{name}`" for name in LAYERS} <= rows.keys()
    also_read, arguments, restrictions = (cell.strip() for cell in rows["`LSTM`"][:3])
    assert also_read == "`CuDNNLSTM`"
    assert "`recurrent_activation`" in arguments
    assert restrictions == LAYERS["LSTM"].restrictions == "`time_major=True` is refused"


def test_operations_are_listed_by_the_name_that_a_file_gives_them() -> None:
    page = support_page()
    for name in ("`NotEqual`", "`math.reduce_mean`", "`StridedSlice`"):
        assert name in page
