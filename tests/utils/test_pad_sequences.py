import numpy as np
import pytest

from torch_keras_lstm.preprocessing import sequence
from torch_keras_lstm.utils import pad_sequences


def test_it_is_found_where_older_scripts_look() -> None:
    assert sequence.pad_sequences is pad_sequences


def test_no_sequences_of_a_known_length() -> None:
    assert pad_sequences([], maxlen=3).shape == (0, 3)


@pytest.mark.parametrize(
    ("sequences", "arguments", "message"),
    [
        ([], {}, "`maxlen` must be given"),
        ([[1], 2], {}, "got 2 at place 1"),
        ([[[1, 2]], [[3]]], {}, r"there are \(2,\) and, at place 1, \(1,\)"),
        ([[1]], {"padding": "before"}, "`padding` is .* got 'before'"),
        ([[1]], {"truncating": "after"}, "`truncating` is .* got 'after'"),
    ],
)
def test_bad_input(sequences: list[object], arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pad_sequences(sequences, **arguments)  # type: ignore[arg-type]


def test_what_is_padded_is_not_changed() -> None:
    rows = [np.arange(3), np.arange(5)]
    pad_sequences(rows, maxlen=4)
    assert [len(row) for row in rows] == [3, 5]
