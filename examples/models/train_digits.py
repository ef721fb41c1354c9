"""Train the Keras model that stands beside this script: handwritten digits read by a stacked bidirectional LSTM.

A digit of scikit-learn's ``load_digits`` becomes a sequence of eight columns of eight pixels, read from left to right.
All but 4 of the 1797 images have blank columns at the left or the right: ``Masking`` skips them, and what is left is
two to eight columns wide.

    python examples/models/train_digits.py [--epochs 30] [--folder examples/models]
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 7
RECORDED_IMAGES = 64


def build_model() -> keras.Sequential:
    """(batch, 8 columns, 8 pixels) -> (batch, 10) probabilities."""
    model = keras.Sequential(
        [
            keras.Input((8, 8)),
            keras.layers.Masking(0.0),
            keras.layers.Bidirectional(keras.layers.LSTM(24, return_sequences=True)),
            keras.layers.LSTM(16),
            keras.layers.Dense(10, activation="softmax"),
        ],
        name="digits_bilstm",
    )
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main(epochs: int, folder: Path) -> tuple[float, float]:
    """Train and write the three files to ``folder``; the held-out accuracies of the model and of the majority class."""
    keras.utils.set_random_seed(SEED)
    digits = load_digits()
    columns = np.ascontiguousarray(digits.images.transpose(0, 2, 1) / 16, np.float32)
    # Unshuffled: images of one writer stand close together, and a writer in both parts would flatter the model.
    x_train, x_test, y_train, y_test = train_test_split(columns, digits.target, test_size=1 / 3, shuffle=False)

    model = build_model()
    model.fit(x_train, y_train, batch_size=32, epochs=epochs, verbose=2)
    accuracy = float(model.evaluate(x_test, y_test, verbose=0)[1])
    majority = float(np.mean(y_test == np.bincount(y_train).argmax()))
    print(f"held-out accuracy {accuracy:.3f}, of the majority class {majority:.3f} ({len(y_test)} images)")

    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "digits_bilstm.keras")
    model.save(folder / "digits_bilstm.h5")
    recorded = x_test[:RECORDED_IMAGES]
    np.savez_compressed(folder / "digits_bilstm.record.npz", x0=recorded, y0=model.predict(recorded, verbose=0))
    return accuracy, majority


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where the three files are written")
    arguments = parser.parse_args()
    main(arguments.epochs, arguments.folder)
