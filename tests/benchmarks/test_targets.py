"""What is met and what is missed."""

from typing import Any

import pytest

from benchmarks.targets import Target, of_lengths, of_memory, of_speed, of_streams, of_training


def record(mode: str, ours: float, threads: int = 2, **others: Any) -> dict[str, Any]:
    """Of a case in which every peer takes a second and we take ``ours``."""
    peers = ("torch", "keras-torch", "keras-tensorflow", "keras-jax", "packed")
    seconds = {peer: [1.0, 1.0, 1.0] for peer in peers} | {"ours": [ours] * 3}
    return {"shape": "medium", "configuration": "plain", "mode": mode, "threads": threads, "seconds": seconds, **others}


def named(targets: list[Target], text: str) -> Target:
    """The first one whose text begins so."""
    return next(target for target in targets if target.text.startswith(text))


def test_verdicts() -> None:
    assert Target("a / b", 1.0, {}).verdict == "not run"
    assert Target("a / b", 1.0, {"here": 1.0}).verdict == "met"
    target = Target("a / b", 1.0, {"here": 1.1, "there": 0.9, "elsewhere": float("nan")})
    assert target.verdict == "missed (1 of 3 met)"
    assert target.missed == ["here", "elsewhere"]


def test_default_layer_and_masks() -> None:
    records = [record("forward", 1.02), record("training", 1.04), record("training", 9.0, threads=1)]
    records.append(record("forward", 0.3, configuration="left-padded"))
    found = of_speed(records)
    assert named(found, "default layer / nn.LSTM, medium").missed == ["medium, plain, training"]
    assert named(found, "default layer / Keras on PyTorch").limit == 0.5
    assert named(found, "default layer / tf_keras").verdict == "not run"
    assert named(found, "any mask / unmasked nn.LSTM").verdict == "met"
    assert named(found, "any mask / packing").verdict == "met"
    assert named(found, "any mask / Keras on PyTorch").missed == ["medium, left-padded, forward"]


def test_loop_path_is_held_to_its_width() -> None:
    records = [
        record("training", 1.6, configuration="relu"),
        record("training", 1.6, configuration="relu", shape="small"),
    ]
    found = of_speed(records)
    assert named(found, "recurrent dropout, hard_sigmoid, relu: training step").missed == ["medium, relu, training"]
    assert named(found, "the same at 64 units").figures == {"small, relu, training": pytest.approx(1.6)}


def test_streams_count_with_any_number_of_threads() -> None:
    records = [record("stream", 0.3, shape="step"), record("stream", 0.1, threads=1, shape="step")]
    assert named(of_speed(records), "one step of a stream / nn.LSTM").missed == ["2 threads"]


def test_memory_of_either_path() -> None:
    fused = {"configuration": "plain", "needed": 10, "bytes": {"ours": 22, "torch": 20}}
    looped = {"configuration": "relu", "needed": 10, "bytes": {"ours": 12, "torch": 20}}
    again = {"configuration": "recompute", "needed": 10, "bytes": {"ours": 4, "torch": 20}}
    of_fused, of_default, of_large, of_again, of_looped = of_memory([fused, looped, again])
    assert of_fused.figures == {"plain": 1.1} == of_default.figures
    assert of_large.figures == {}
    assert of_again.figures == {"recompute": 0.2}
    assert of_looped.missed == ["relu"]
    *_, of_large, _, _ = of_memory([{**fused, "shape": "large"}])
    assert of_large.missed == ["plain"]


def test_lengths() -> None:
    records = [{"configuration": "plain", "mode": "forward", "exponent": 1.2, "finite": False}]
    assert [target.verdict for target in of_lengths(records)] == ["missed (0 of 1 met)"] * 2


def test_training() -> None:
    later = {"ours": [1.2, 1.2], "loop": [1.0, 1.0], "keras-jax": [2.0, 2.0]}
    found = of_training([{"task": "script", "later": later}, {"task": "large", "later": later}])
    assert named(found, "fit / PyTorch loop, script").verdict == "met"
    assert named(found, "fit / PyTorch loop, large").missed == ["large"]
    assert named(found, "fit / Keras on JAX").figures == {"script": pytest.approx(0.6), "large": pytest.approx(0.6)}
    assert named(found, "fit / Keras on TensorFlow").verdict == "not run"


def test_words_through_a_model() -> None:
    records = [{"threads": 1, "seconds": {"ours": [1.0, 2.0, 3.0], "long way": [3.0] * 3, "by hand": [10.0] * 3}}]
    (found,) = of_streams(records)
    assert found.figures == {"1 thread": pytest.approx(0.2)}
