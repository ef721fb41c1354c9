"""Whom we run against. What stands here imports none of them; each is imported in its own process."""

import importlib.util
from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.cases import CONFIGURATIONS, LOOPED, Case

BASELINE = "torch"


class Peer(NamedTuple):
    """A way to compute an LSTM.

    Attributes:
        label: its name in tables and pictures.
        module: the file of this folder that runs it.
        needs: the packages that it imports.
        environment: variables that are set before those are imported.
    """

    label: str
    module: str
    needs: tuple[str, ...]
    environment: Mapping[str, str] = {}

    @property
    def installed(self) -> bool:
        """Whether all that it needs is there."""
        return all(importlib.util.find_spec(name) for name in self.needs)


PEERS = {
    "torch": Peer("nn.LSTM", "torch_lstm", ("torch",)),
    "ours": Peer("here", "ours", ("torch",)),
    "without-c": Peer("here, without C", "ours", ("torch",), {"TORCH_KERAS_LSTM_COMPILED": "0"}),
    "packed": Peer("packed nn.LSTM", "packed", ("torch",)),
    "keras-torch": Peer("Keras, PyTorch", "keras_torch", ("keras", "torch"), {"KERAS_BACKEND": "torch"}),
    "keras-tensorflow": Peer(
        "Keras, TensorFlow", "keras_tensorflow", ("keras", "tensorflow"), {"KERAS_BACKEND": "tensorflow"}
    ),
    "keras-jax": Peer("Keras, JAX", "keras_jax", ("keras", "jax"), {"KERAS_BACKEND": "jax"}),
    "tf_keras": Peer("tf_keras", "tf_keras", ("tf_keras", "tensorflow")),
    "onnxruntime": Peer("onnxruntime", "onnx_runtime", ("onnx", "onnxruntime")),
}


def what_it_runs(peer: str, case: Case) -> Case | None:
    """The case that a peer runs where ``case`` is timed; ``None`` when it takes no part.

    Where torch.nn.LSTM cannot compute a configuration, it runs the plain one as what to compare with. Sequences can be
    packed when they are padded on the right; for other masks the packed ones stand in, with as many steps that count.
    """
    configuration = case.configuration
    if peer == "torch":
        looped = any(configuration == CONFIGURATIONS[name] for name in LOOPED)
        if configuration.cell != "LSTM" or configuration.mask or configuration.recompute or looped:
            return Case(case.shape, configuration.plain, case.mode)
        return case
    if peer == "packed":
        return case.right_padded if configuration.mask else None
    if peer == "onnxruntime":
        possible = case.mode != "training" and configuration.mask in (None, "right") and configuration.cell == "LSTM"
        return case if possible and not configuration.recurrent_dropout else None
    return case
