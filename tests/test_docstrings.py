"""How classes take over what their base says."""

import inspect

from torch_keras_lstm.docstrings import described_as, with_arguments_of


class Base:
    """The base.

    What holds for all.

    Args:
        size: how large.

    Attributes:
        kept: of the base alone.

    Raises:
        ValueError: for another size.

    Example:
        >>> Base()
    """


class Further:
    """One further.

    More of it.

    Args:
        depth: how deep.

    Example:
        >>> Further()
    """


def test_all_but_the_first_paragraph_and_the_example_is_taken_over() -> None:
    told = inspect.cleandoc(
        """One further.

        What holds for all.

        More of it.

        Args:
            size: how large.
            depth: how deep.

        Raises:
            ValueError: for another size.

        Example:
            >>> Further()
        """
    )
    assert described_as(Base)(type("Further", (), {"__doc__": Further.__doc__})).__doc__ == told
    without = told.replace("What holds for all.\n\n", "")
    assert with_arguments_of(Base)(type("Further", (), {"__doc__": Further.__doc__})).__doc__ == without


def test_where_docstrings_are_stripped_there_is_none() -> None:
    assert described_as(Base)(type("Bare", (), {})).__doc__ is None
