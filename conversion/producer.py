"""Who wrote a file: the generation of Keras and its version, and what is known of files by that alone."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from torch_keras_lstm.conversion.tfjs_dialect import version_of_tfjs


class Generation(IntEnum):
    """Which code base wrote a file; comparable by age."""

    KERAS_1 = 1
    KERAS_2 = 2
    TF_KERAS = 3
    KERAS_3 = 4


@dataclass(frozen=True)
class Producer:
    """Who wrote a file.

    Attributes:
        generation: the code base.
        version: as the file gives it, such as "2.2.4-tf"; ``None`` when it gives none.
        tfjs: for a file that means what TF.js means by it, the TF.js that saved it: "4.22.0", or "" for a file that was
            converted from Keras'. ``None`` for a file of Keras'.
    """

    generation: Generation
    version: str | None
    tfjs: str | None = None

    def __str__(self) -> str:
        if self.tfjs:
            return f"TF.js ({self.tfjs})"
        name = {"KERAS_1": "Keras 1", "KERAS_2": "Keras 2", "TF_KERAS": "tf.keras", "KERAS_3": "Keras 3"}
        return name[self.generation.name] + (f" ({self.version})" if self.version else "")

    def before(self, *version: int) -> bool:
        """Whether the file says that it is of an earlier version, ``before(3, 16)``; false when it gives none."""
        return self.version is not None and _numbers(self.version) < version

    @property
    def counts_weighted_layers_twice(self) -> bool:
        """Whether ``.keras`` archives of this version number siblings 0, 2, 4: tf.keras 2.12 and 2.13 did."""
        return self.before(2, 14) and not self.before(2, 12)

    @property
    def keeps_standard_deviations(self) -> bool:
        """Whether ``BatchNormalization`` divided by ``running_std + epsilon``; from 1.0.6 on it held the variance."""
        return self.before(1, 0, 6)

    @property
    def sorts_trained_weights(self) -> bool:
        """Whether optimizers had the weights sorted by name, as they had in Keras 1 and the first releases of 2."""
        return self.generation is Generation.KERAS_1 or self.before(2, 1, 6)

    @property
    def has_rules_of_3_16(self) -> bool:
        """Whether it was Keras 3.16 or later, or a preview of it (3.16.0.dev...): masks end at layers over time."""
        return self.generation is Generation.KERAS_3 and self.version is not None and not self.before(3, 16)

    @property
    def holds_initial_states(self) -> bool:
        """Whether masked steps before the first other one gave the initial state, as they did up to Keras 2.2."""
        return self.generation is Generation.KERAS_1 or (self.generation is Generation.KERAS_2 and self.before(2, 3))


def identify(
    version: str | None, root: Mapping[str, Any], layers: Iterable[object], for_tfjs: bool = False
) -> Producer:
    """Who wrote a model, by the version in the file, or by its spelling where there is none.

    Args:
        version: the file's ``keras_version``.
        root: the model's ``{"class_name": ..., "config": ...}``.
        layers: the entries of its layers.
        for_tfjs: whether it was converted for TF.js, which runs no file of Keras 3's.
    """
    if (tfjs := version_of_tfjs(version)) is not None:
        return Producer(Generation.KERAS_2, None, tfjs)
    producer = _identified(version, root, layers)
    return replace(producer, tfjs="") if for_tfjs and producer.generation < Generation.KERAS_3 else producer


def _identified(version: str | None, root: Mapping[str, Any], layers: Iterable[object]) -> Producer:
    if version is None:
        layers = [*layers]
        generation = _spelled_by(root, layers)
        newer = generation is Generation.KERAS_3 and _spelled_by_3_16(layers)
        return Producer(generation, "3.16" if newer else None)
    major, minor, patch = _numbers(version)
    if not 1 <= major <= 3:
        raise ValueError(f"`keras_version` {version!r} is no version of Keras 1, 2 or 3.")
    if major != 2:
        return Producer(Generation.KERAS_1 if major == 1 else Generation.KERAS_3, version)
    # The keras package of 2.4 and later is tf.keras under its old name. tf.keras before TensorFlow 1.13 ("2.2.4-tf")
    # did not zero masked steps in Bidirectional yet, so that it reads as Keras 2.
    is_tf = minor >= 4 or ("-tf" in version and (minor, patch) >= (2, 4))
    return Producer(Generation.TF_KERAS if is_tf else Generation.KERAS_2, version)


def _numbers(version: str) -> tuple[int, int, int]:
    """``"2.2.4-tf"`` as numbers, to compare; zeros for what is no version."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def _spelled_by(root: Mapping[str, Any], layers: Iterable[object]) -> Generation:
    if "module" in root:
        return Generation.KERAS_3
    configs = [entry["config"] for entry in layers if isinstance(entry, dict) and isinstance(entry.get("config"), dict)]
    if any({"inner_activation", "W_regularizer", "input_dtype", "p", "init"} & config.keys() for config in configs):
        return Generation.KERAS_1
    return Generation.KERAS_2


_RECURRENT = frozenset(["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN"])


def _spelled_by_3_16(entries: Any) -> bool:
    """Whether layers that a Keras 3 wrote, who says its build, are told in the way that 3.16 has and none before.

    Until 3.15 a recurrent layer's call in a graph says ``training``; until 3.15 a ``SimpleRNN`` does not say its seed.
    """
    if isinstance(entries, list):
        return any(map(_spelled_by_3_16, entries))
    if not isinstance(entries, dict):
        return False
    config, nodes = entries.get("config"), entries.get("inbound_nodes")
    if "build_config" in entries and isinstance(config, dict):
        if entries.get("class_name") == "SimpleRNN" and "seed" in config:
            return True
        calls = nodes if isinstance(nodes, list) and entries.get("class_name") in _RECURRENT else []
        if any(isinstance(call, dict) and call.get("kwargs", {"training": None}) == {} for call in calls):
            return True
    return any(map(_spelled_by_3_16, config.values())) if isinstance(config, dict) else False
