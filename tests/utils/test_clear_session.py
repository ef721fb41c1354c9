from torch_keras_lstm.layers import LSTM
from torch_keras_lstm.models import Sequential
from torch_keras_lstm.utils import clear_session


def test_names_are_counted_from_the_start_again() -> None:
    for _ in range(2):
        clear_session()
        assert [LSTM(2).name, LSTM(2).name, Sequential().name] == ["lstm", "lstm_1", "sequential"]
