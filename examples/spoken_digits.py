"""Recognize spoken digits: a bidirectional LSTM reads spectrograms of voices that it has never heard.

The program `espeak-ng` says the digits in several accents, voices, speeds and pitches; noise is added. A spectrogram
has as many time steps as the word takes, so the shorter ones are padded with zeros, which `Masking` makes the LSTMs
skip. The held-out voices and accents all differ from those that are learned. Two naive listeners are there to compare
with: one knows the mean spectrum of each digit at this level of noise and takes the nearest, the other says always the
same digit.

    python examples/spoken_digits.py [--epochs 40] [--pictures pictures] [--recordings FILE]

Where `espeak-ng` is missing, `--recordings examples/recordings/spoken_digits.npz` is a small set to go on with: 80
clips at 8 kHz in the eight bits of the telephone (mu-law), which `--record FILE` wrote.
"""

import argparse
import itertools
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.signal import resample_poly

import torch_keras_lstm as keras
from torch_keras_lstm.callbacks import EarlyStopping, ReduceLROnPlateau
from torch_keras_lstm.layers import LSTM, Bidirectional, Dense, Dropout, Masking

RATE = 8000  # samples a second
FRAME, HOP, BANDS = 256, 100, 16  # samples in a frame and from one to the next; bands of 250 Hz
NOISE = (0, 30)  # dB that the speech is above the noise
REPORTED_NOISE = 10

Floats = NDArray[np.float32]


class Voices(NamedTuple):
    """Accents and voices of espeak-ng, each with each, and the slowest and fastest speed, in words a minute."""

    accents: str
    timbres: str
    speeds: tuple[int, int] = (150, 260)


VOICES = {
    "training": Voices(
        "en-us en-gb en-gb-x-rp",
        "adam Alex Alicia Andrea Andy antonio aunty benjamin boris caleb Denis edward f1 f2 f4 gustave iven linda "
        "m1 m2 m3 m4 marcelo max",
    ),
    "validation": Voices("en-029", "f5 m6 shelby victor"),
    "held out": Voices("en-gb-scotland en-gb-x-gbclan", "anika belinda Diogo f3 klatt2 m5 m7 m8 norbert steph2"),
}
FEW_VOICES = {
    "training": Voices("en-us", "Andrea f1 f2 m1 m3", (220, 260)),
    "validation": Voices("en-029", "m6", (220, 260)),
    "held out": Voices("en-gb-scotland", "f3 m7", (220, 260)),
}


class Clip(NamedTuple):
    """A digit, said once."""

    part: str  # a key of VOICES
    digit: int
    samples: Floats  # (time,) at RATE, the loudest at 1


# -- recordings -------------------------------------------------------------------------------------------------------


def speak(program: str, text: str, voice: str, speed: int, pitch: int) -> Floats:
    """What espeak-ng says, (time,) at RATE, without the silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run([program, "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", path, text], check=True)
        with wave.open(str(path)) as file:
            rate, frames = file.getframerate(), file.readframes(file.getnframes())
    samples: Floats = resample_poly(np.frombuffer(frames, "<i2").astype(np.float32), RATE, rate)
    samples /= np.abs(samples).max()
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[loud[0] : loud[-1] + 1]


def record(voices: dict[str, Voices]) -> list[Clip]:
    """All digits in all voices, at speeds and pitches drawn at random.

    Raises:
        FileNotFoundError: when there is no espeak-ng.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise FileNotFoundError(
            "espeak-ng is not on the PATH. Install it (`apt-get install espeak-ng`, `dnf install espeak-ng`, "
            "`brew install espeak-ng`; Windows: https://github.com/espeak-ng/espeak-ng/releases), or take the clips "
            "that come with this example: --recordings examples/recordings/spoken_digits.npz"
        )
    generator = np.random.default_rng(0)
    orders = [
        (part, digit, f"{accent}+{timbre}", int(generator.integers(*speeds)), int(generator.integers(25, 75)))
        for part, (accents, timbres, speeds) in voices.items()
        for accent, timbre, digit in itertools.product(accents.split(), timbres.split(), range(10))
    ]
    with ThreadPoolExecutor() as pool:
        spoken = pool.map(lambda order: speak(program, str(order[1]), *order[2:]), orders)
        return [Clip(part, digit, samples) for (part, digit, *_), samples in zip(orders, spoken, strict=True)]


def save(path: Path, clips: Sequence[Clip]) -> None:
    """Write clips, each sample in one byte: the logarithmic scale of the telephone (mu-law)."""
    samples = np.concatenate([clip.samples for clip in clips])
    compressed = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    np.savez_compressed(
        path,
        mu_law=np.round(127 * compressed).astype(np.int8),
        lengths=np.array([len(clip.samples) for clip in clips], np.int32),
        digits=np.array([clip.digit for clip in clips], np.int8),
        parts=np.array([clip.part for clip in clips]),
    )


def load(path: Path) -> list[Clip]:
    """Read what :func:`save` wrote."""
    with np.load(path) as file:
        compressed = file["mu_law"] / np.float32(127)
        samples = np.sign(compressed) * (256 ** np.abs(compressed) - 1) / 255
        pieces = np.split(samples.astype(np.float32), np.cumsum(file["lengths"])[:-1])
        labels = zip(file["parts"].tolist(), file["digits"].tolist(), pieces, strict=True)
        return [Clip(part, digit, samples) for part, digit, samples in labels]


# -- features ---------------------------------------------------------------------------------------------------------


def with_noise(samples: Floats, ratio: float, generator: np.random.Generator) -> Floats:
    """White noise added, so many dB below the speech."""
    power = np.mean(samples**2) / 10 ** (ratio / 10)
    noise = generator.standard_normal(len(samples), np.float32)
    return samples + np.float32(np.sqrt(power)) * noise


def spectrogram(samples: Floats) -> Floats:
    """The logarithm of the power in each band, (time, BANDS)."""
    padded = torch.from_numpy(np.pad(samples, (0, max(0, FRAME - len(samples)))))
    spectra = torch.stft(padded, FRAME, HOP, window=torch.hann_window(FRAME), center=False, return_complex=True)
    bands = spectra[1:].abs().square().reshape(BANDS, -1, spectra.shape[1]).mean(dim=1)
    logarithms: Floats = torch.log(bands + 1e-6).T.numpy()
    return logarithms


class Data(NamedTuple):
    """Spectrograms of clips, each of its own length, and digits."""

    spectra: list[Floats]  # (time, BANDS) each
    digits: NDArray[np.int64]  # (clips,)

    def centred(self) -> list[Floats]:
        """The spectrograms less their means over time, which are the voice's more than the word's."""
        return [one - one.mean(axis=0) for one in self.spectra]

    def padded(self, scale: Floats) -> Floats:
        """(clips, time, BANDS): centred, in units of ``scale`` (BANDS,), with zeros after the end."""
        return keras.utils.pad_sequences([one / scale for one in self.centred()], dtype="float32", padding="post")


def noisy(clips: Sequence[Clip], noise: tuple[float, float], copies: int, seed: int) -> Data:
    """Some copies of every clip, each with its own noise, the speech between so many and so many dB above it."""
    generator = np.random.default_rng(seed)
    heard = [with_noise(clip.samples, generator.uniform(*noise), generator) for clip in clips for _ in range(copies)]
    digits = np.repeat([clip.digit for clip in clips], copies)
    return Data([spectrogram(samples) for samples in heard], digits)


# -- listeners --------------------------------------------------------------------------------------------------------


def build_model() -> keras.Sequential:
    """(batch, time, BANDS), zero where a word is over -> (batch, 10) probabilities."""
    model = keras.Sequential(
        [
            keras.Input((None, BANDS)),
            Masking(0.0),
            Bidirectional(LSTM(32, return_sequences=True)),
            Bidirectional(LSTM(32)),
            Dropout(0.3),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def nearest_mean(training: Data, heard: Data) -> NDArray[np.int64]:
    """The digit whose mean spectrum, over time and all clips, is nearest to that of each clip."""
    means = np.array([one.mean(axis=0) for one in training.spectra])
    centres = np.array([means[training.digits == digit].mean(axis=0) for digit in range(10)])
    each = np.array([one.mean(axis=0) for one in heard.spectra])
    nearest: NDArray[np.int64] = np.linalg.norm(each[:, None] - centres, axis=-1).argmin(axis=1)
    return nearest


class Figures(NamedTuple):
    """Shares of clips that are recognized, at REPORTED_NOISE and by noise in dB, of those who listen."""

    accuracy: dict[str, float]
    by_noise: dict[str, dict[int, float]]


def draw(path: Path, figures: Figures, held_out: Data, heard: NDArray[np.int64]) -> None:
    """The longest spectrogram, which digits are taken for which, and the accuracy by noise."""
    figure = Figure(figsize=(13, 4), layout="constrained")
    sound, confusion, curve = figure.subplots(1, 3)
    longest, digit = max(zip(held_out.spectra, held_out.digits, strict=True), key=lambda clip: len(clip[0]))
    sound.imshow(longest.T, origin="lower", aspect="auto", extent=(0, len(longest) * HOP / RATE, 0, RATE / 2000))
    sound.set(title=f"“{digit}”, {REPORTED_NOISE} dB above the noise", xlabel="seconds", ylabel="kHz")
    table = np.zeros((10, 10), int)
    np.add.at(table, (held_out.digits, heard), 1)
    confusion.imshow(table, cmap="Blues")
    for row, column in zip(*np.nonzero(table), strict=True):
        colour = "white" if table[row, column] > table.max() / 2 else "black"
        confusion.text(column, row, table[row, column], ha="center", va="center", color=colour)
    confusion.set(title="held-out voices", xlabel="heard", ylabel="said", xticks=range(10), yticks=range(10))
    for listener, shares in figures.by_noise.items():
        curve.plot(list(shares), list(shares.values()), marker=".", label=listener)
    curve.set(title="share recognized", xlabel="signal to noise, dB", ylim=(0, 1.02))
    curve.legend(loc="center right", bbox_to_anchor=(1, 0.27))
    figure.savefig(path)


def main(epochs: int = 40, recordings: Path | None = None, copies: int = 2, pictures: Path | None = None) -> Figures:
    """Train on so many noisy copies of the clips, of ``recordings`` or espeak-ng, and return the accuracies."""
    keras.utils.set_random_seed(0)
    clips = record(VOICES) if recordings is None else load(recordings)
    by_part = {part: [clip for clip in clips if clip.part == part] for part in VOICES}
    print(", ".join(f"{len(some)} clips {part}" for part, some in by_part.items()))
    training = noisy(by_part["training"], NOISE, copies, seed=1)
    validation = noisy(by_part["validation"], NOISE, copies=4, seed=2)
    scale = np.concatenate(training.centred()).std(axis=0)

    model = build_model()
    model.summary()
    history = model.fit(
        training.padded(scale),
        training.digits,
        batch_size=32,
        epochs=epochs,
        verbose=2,
        validation_data=(validation.padded(scale), validation.digits),
        callbacks=[ReduceLROnPlateau(patience=2), EarlyStopping(patience=5, restore_best_weights=True)],
    )

    most_common = np.bincount(training.digits).argmax()
    by_noise: dict[str, dict[int, float]] = {"LSTM": {}, "nearest mean spectrum": {}, "always the same": {}}
    for ratio in range(NOISE[0], NOISE[1] + 1, 5):
        held_out = noisy(by_part["held out"], (ratio, ratio), copies=1, seed=3)
        heard = model.predict(held_out.padded(scale), verbose=0).argmax(axis=1)
        as_noisy = noisy(by_part["training"], (ratio, ratio), copies=1, seed=1)
        by_noise["LSTM"][ratio] = float(np.mean(heard == held_out.digits))
        by_noise["nearest mean spectrum"][ratio] = float(np.mean(nearest_mean(as_noisy, held_out) == held_out.digits))
        by_noise["always the same"][ratio] = float(np.mean(most_common == held_out.digits))
        if ratio == REPORTED_NOISE:
            shown = held_out, heard
    figures = Figures({listener: shares[REPORTED_NOISE] for listener, shares in by_noise.items()}, by_noise)
    print(f"recognized of {len(held_out.digits)} clips in held-out voices, {REPORTED_NOISE} dB above the noise:")
    for listener, share in figures.accuracy.items():
        print(f"  {listener:22} {share:6.1%}")

    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        draw(pictures / "spoken_digits.png", figures, *shown)
        history.plot("accuracy", "loss").savefig(pictures / "spoken_digits_training.png")
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=40, help="at most so many")
    parser.add_argument("--pictures", type=Path, default=Path("pictures"), help="the folder to write pictures to")
    parser.add_argument("--recordings", type=Path, help="clips to take in the place of espeak-ng's")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write a small set of such clips, and nothing else")
    arguments = parser.parse_args()
    try:
        if arguments.record:
            save(arguments.record, record(FEW_VOICES))
        else:
            main(arguments.epochs, arguments.recordings, pictures=arguments.pictures)
    except FileNotFoundError as error:
        parser.exit(1, f"{error}\n")
