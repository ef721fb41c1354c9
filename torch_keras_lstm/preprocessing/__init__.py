"""``keras.preprocessing``: the place where older Keras scripts look for ``pad_sequences``."""

from torch_keras_lstm.preprocessing import sequence

__all__ = ["sequence"]
