"""Layer names as Keras gives them: the class in snake case, numbered from the second one on."""

import re
from collections import Counter

_given: Counter[str] = Counter()


def snake_case(class_name: str) -> str:
    """``TimeDistributed`` -> ``time_distributed``, ``LSTMCell`` -> ``lstm_cell``, ``ConvLSTM2D`` -> ``conv_lstm2d``."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def unique_name(class_name: str) -> str:
    """The next free name for a layer of this class in this process: ``lstm``, ``lstm_1``, ``lstm_2``, ..."""
    base = snake_case(class_name)
    number = _given[base]
    _given[base] += 1
    return f"{base}_{number}" if number else base


def clear_session() -> None:
    """``keras.utils.clear_session``: names of layers, losses and metrics are counted from the start again."""
    _given.clear()
