import matplotlib as mpl
import torch

from torch_keras_lstm.layers import Dense
from torch_keras_lstm.models import Sequential


def test_a_curve_for_each_value() -> None:
    mpl.use("agg")
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    history = model.fit(x, y, epochs=3, verbose=0, validation_data=(x, y))
    figure = history.plot()
    drawn = [list(line.get_ydata()) for axes in figure.axes for line in axes.get_lines()]
    assert sorted(drawn) == sorted(history.history.values())
