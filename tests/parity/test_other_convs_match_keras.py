"""Transposed, depthwise and separable convolutions against Keras 3 on TensorFlow."""

from typing import Any

import numpy as np
import pytest

from tests.parity.spatial_cases import Case, compare_outputs_and_gradients, compare_shapes_and_configurations

SIZES = {1: [9], 2: [8, 7], 3: [5, 4, 6]}


def common(rng: np.random.Generator, rank: int) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "kernel_size": rng.integers(1, 5 if rank < 3 else 4, rank).tolist(),
        "padding": str(rng.choice(["valid", "same"])),
        "data_format": str(rng.choice(["channels_last", "channels_last", "channels_first"])),
        "activation": str(rng.choice(["linear", "tanh"])),
        "use_bias": bool(rng.random() < 0.7),
    }
    return arguments


def shaped(class_name: str, arguments: dict[str, Any], rank: int) -> Case:
    first = arguments["data_format"] == "channels_first"
    return Case(class_name, arguments, (2, 3, *SIZES[rank]) if first else (2, *SIZES[rank], 3))


def transposed(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    rank = int(rng.choice([1, 2, 2, 3]))
    arguments = {"filters": 4, **common(rng, rank)}
    if rng.random() < 0.3:
        arguments["dilation_rate"] = rng.integers(1, 3, rank).tolist()
    else:
        strides = rng.integers(1, 4, rank)
        arguments["strides"] = strides.tolist()
        # TensorFlow cannot make what the formula for "same" with an even window gives
        if rng.random() < 0.5 and (arguments["padding"] == "valid" or all(k % 2 for k in arguments["kernel_size"])):
            arguments["output_padding"] = [int(rng.integers(0, stride)) for stride in strides]
    return shaped(f"Conv{rank}DTranspose", arguments, rank)


def by_depth(kind: str, seed: int) -> Case:
    rng = np.random.default_rng([seed, *kind.encode()])
    rank = int(rng.choice([1, 2]))
    arguments = {**common(rng, rank), "depth_multiplier": int(rng.integers(1, 4))}
    arguments["strides" if rng.random() < 0.6 else "dilation_rate"] = int(rng.integers(1, 3))  # TensorFlow: one for all
    if kind == "Separable":
        arguments |= {"filters": 4, "pointwise_regularizer": "l2"}
    return shaped(f"{kind}Conv{rank}D", arguments | {"depthwise_regularizer": "l1"}, rank)


CASES = [
    *(transposed(seed) for seed in range(16)),
    *(by_depth(kind, seed) for kind in ("Depthwise", "Separable") for seed in range(8)),
    shaped("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "dilation_rate": 2, "data_format": "channels_last"}, 2),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
def test_outputs_and_gradients(case: Case) -> None:
    compare_outputs_and_gradients(case)


@every_case
def test_shapes_and_configurations(case: Case) -> None:
    compare_shapes_and_configurations(case)
