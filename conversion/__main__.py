"""``python -m torch_keras_lstm.conversion`` is the command ``torch-keras-lstm``."""

from torch_keras_lstm_command import main

if __name__ == "__main__":
    main()
