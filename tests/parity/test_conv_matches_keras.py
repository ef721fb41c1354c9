"""Conv1D, Conv2D and Conv3D against Keras 3 on TensorFlow: outputs, gradients, shapes, configurations."""

import numpy as np
import pytest

from tests.parity.spatial_cases import Case, compare_outputs_and_gradients, compare_shapes_and_configurations

REGULARIZED = {
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "activity_regularizer": "l2",
}


def draw(seed: int) -> Case:
    """A configuration over every argument that changes a number, sizes of axes pairwise different."""
    rng = np.random.default_rng(seed)
    rank = int(rng.choice([1, 1, 2, 2, 3]))
    groups = int(rng.choice([1, 1, 2, 3]))
    channels, filters = groups * int(rng.integers(1, 4)), groups * int(rng.integers(2, 4))
    arguments = {
        "filters": filters,
        "kernel_size": rng.integers(1, 5 if rank < 3 else 3, rank).tolist(),
        "padding": str(rng.choice(["valid", "same", "causal"][: 3 if rank == 1 else 2])),
        "data_format": str(rng.choice(["channels_last", "channels_first"])),
        "groups": groups,
        "activation": str(rng.choice(["linear", "tanh", "softmax"])),
        "use_bias": bool(rng.random() < 0.7),
    }
    arguments[str(rng.choice(["strides", "dilation_rate"]))] = rng.integers(1, 4, rank).tolist()
    if arguments["activation"] == "softmax":
        arguments["use_bias"] = False  # along any other axis than the channels it takes no notice of a bias
    sizes = [[13], [12, 11], [7, 9, 8]][rank - 1]
    first = arguments["data_format"] == "channels_first"
    return Case(f"Conv{rank}D", arguments, (2, channels, *sizes) if first else (2, *sizes, channels))


CASES = [
    Case("Conv1D", {"filters": 4, "kernel_size": 3, **REGULARIZED}, (2, 7, 5)),
    Case("Conv2D", {"filters": 4, "kernel_size": 2, "strides": 2, "padding": "SAME"}, (2, 7, 6, 3)),
    *(draw(seed) for seed in range(20)),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
def test_outputs_and_gradients(case: Case) -> None:
    compare_outputs_and_gradients(case)


@every_case
def test_shapes_and_configurations(case: Case) -> None:
    compare_shapes_and_configurations(case)
