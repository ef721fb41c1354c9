"""``keras.utils.audio_dataset_from_directory``."""

import wave
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.preprocessing.dataset import Dataset
from torch_keras_lstm.preprocessing.directories import SHUFFLED, DirectoryArguments, labelled, listings
from torch_keras_lstm.strings import Strings


def audio_dataset_from_directory(
    directory: str | Path,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of sounds, and of the classes that they are of, from ``.wav`` files of 16 bits.

    Args:
        directory: holds a folder for each class.
        labels: "inferred" from the folders, a list with one for each file in their order, or ``None`` for none.
        label_mode: "int" gives int32 numbers (batch,), "binary" float32 (batch, 1), "categorical" one-hot vectors.
        class_names: the folders in the order of the classes, by default sorted.
        batch_size: sounds in a batch; ``None`` for one sound at a time.
        sampling_rate: must be ``None``: resampling takes a library, such as torchaudio.
        output_sequence_length: steps of every sound, which is cut or filled up with zeros; by default those of the
            longest in a batch.
        ragged: must be ``False``: there are no ragged tensors here.
        shuffle: list the files in an order drawn from ``seed``, and draw from the next ones at each pass.
        seed: of the orders.
        validation_split: the part of the files that is kept for validation.
        subset: "training", "validation", or "both" for a list of the two data sets.
        follow_links: look into folders that are links.
        verbose: print how many files there are.

    Returns:
        A :class:`Dataset` of sounds (batch, steps, channels), from -1 to 1, or of pairs of sounds and labels.

    Raises:
        ValueError: when the arguments do not go together, there is no such file, or one is of another kind.
    """
    if sampling_rate is not None:
        raise ValueError("`sampling_rate` is not supported: resample with `torchaudio.functional.resample` in a `map`.")
    if ragged:
        raise ValueError("`ragged=True` gives TensorFlow's ragged tensors; here sounds are filled up with zeros.")
    given = DirectoryArguments(
        directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links, verbose
    )
    parts, seed = listings(given, (".wav",))
    found: list[Dataset] = []
    for index, part in enumerate(parts):
        buffer_size = batch_size * 8 if batch_size else SHUFFLED
        dataset = labelled(part, label_mode, shuffle and index == 0, seed, buffer_size)
        dataset = dataset.map(partial(_with_sound, output_sequence_length))
        found.append(dataset if batch_size is None else dataset.padded_batch(batch_size))
    return tuple(found) if subset == "both" else found[0]


def _with_sound(length: int | None, path: Strings, *label: Any) -> Any:
    sound = _sound(Path(path.tolist()))
    if length is not None:
        sound = torch.nn.functional.pad(sound[:length], (0, 0, 0, max(length - len(sound), 0)))
    return (sound, *label) if label else sound


def _sound(path: Path) -> Tensor:
    try:
        with wave.open(str(path)) as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path}: is no sound in WAV format ({error}).") from None
    if width != 2:
        raise ValueError(f"{path}: has {8 * width} bits; sounds of 16 bits are read.")
    return torch.from_numpy(np.frombuffer(content, "<i2").reshape(-1, channels) / np.float32(2**15))
