"""Random LSTM configurations and inputs, and what Keras makes of them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

MASKS = ("none", "right-padded", "left-padded", "gaps", "all-true", "empty-rows")
# every shape of derivative: saved from the output, from the input, constant, with corners, not monotonic
ACTIVATIONS = (
    "tanh", "sigmoid", "relu", "linear", "hard_sigmoid", "softsign", "elu", "selu", "swish", "gelu", "softplus",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One configuration of the layer, its weights, two batches of inputs and the factors of the loss."""

    seed: int
    config: dict[str, Any]
    sizes: tuple[int, int, int, int]  # batch, time, features, units: pairwise different
    mask_kind: str
    with_initial_state: bool
    training: bool

    def without(self, argument: str) -> "Case":
        """The case with Keras' default of an argument."""
        return replace(self, config={name: value for name, value in self.config.items() if name != argument})

    @property
    def label(self) -> str:
        """A readable test id."""
        batch, time, features, units = self.sizes
        flags = [name for name, value in self.config.items() if value is True and name not in ("use_bias",)]
        flags += [str(self.config[name]) for name in ("activation", "recurrent_activation")]
        flags += ["initial_state"] * self.with_initial_state + ["training"] * self.training
        return f"{self.seed}-B{batch}-T{time}-F{features}-U{units}-{self.mask_kind}-" + "-".join(flags)

    def arrays(self, halves: int = 1) -> dict[str, np.ndarray]:
        """Inputs, mask, states, weights and dropout masks, drawn anew but the same on every call.

        ``halves`` is 2 for a Bidirectional layer: twice the states, weights and dropout masks.
        """
        rng = np.random.default_rng(self.seed)
        batch, time, features, units = self.sizes
        scale = self.weight_scale
        arrays = {
            "inputs": rng.normal(size=(batch, time, features)),
            "more_inputs": rng.normal(size=(batch, time + 1, features)),
        }
        for prefix, steps in (("", time), ("more_", time + 1)):
            mask = draw_mask(rng, self.mask_kind, batch, steps)
            if mask is not None:
                arrays[prefix + "mask"] = mask
        for half in range(halves):
            for name in ("hidden", "cell"):
                arrays[f"{name}_{half}"] = rng.normal(size=(batch, units))
            arrays[f"kernel_{half}"] = rng.normal(scale=0.6 * scale, size=(features, 4 * units))
            arrays[f"recurrent_kernel_{half}"] = rng.normal(scale=0.4 * scale, size=(units, 4 * units))
            arrays[f"bias_{half}"] = rng.normal(scale=0.5 * scale, size=4 * units)
            for name, argument, width in (("input", "dropout", features), ("recurrent", "recurrent_dropout", units)):
                rate = self.config.get(argument, 0.0)
                arrays[f"{name}_dropout_{half}"] = _dropout_factors(rng, (4, batch, width), rate)
        return arrays

    def weights(self, arrays: dict[str, np.ndarray], half: int = 0) -> list[np.ndarray]:
        """The weights of one half in Keras' order."""
        names = ("kernel", "recurrent_kernel", "bias") if self.config["use_bias"] else ("kernel", "recurrent_kernel")
        return [arrays[f"{name}_{half}"] for name in names]

    @property
    def weight_scale(self) -> float:
        """Gates without a bound multiply values from step to step: small weights keep them within a float's range."""
        return 1.0 if self.config["recurrent_activation"] in ("sigmoid", "hard_sigmoid") else 0.3

    @property
    def masks_per_gate(self) -> bool:
        """Whether Keras draws a dropout mask for each gate."""
        return bool(self.config.get("recurrent_dropout")) or self.config.get("implementation") == 1


def draw_mask(rng: np.random.Generator, kind: str, batch: int, time: int) -> np.ndarray | None:
    """A boolean (batch, time) mask of a kind, every row another."""
    lengths = rng.integers(1, time + 1, size=(batch, 1))
    steps = np.arange(time)
    if kind == "right-padded":
        return steps < lengths
    if kind == "left-padded":
        return steps >= time - lengths
    if kind == "all-true":
        return np.ones((batch, time), bool)
    gaps = rng.random((batch, time)) < 0.5
    if kind == "gaps":
        gaps[np.arange(batch), rng.integers(0, time, size=batch)] = True
        return gaps
    if kind == "empty-rows":
        gaps[rng.integers(0, batch)] = False
        return gaps
    return None


def _dropout_factors(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    return (rng.random(shape) >= rate) / (1.0 - rate)


def draw_case(seed: int, *, fusable: bool) -> Case:
    """A configuration over every argument that changes a number; one that the fused kernels can compute if asked."""
    rng = np.random.default_rng(10_000 + seed)

    def flag(probability: float = 0.5) -> bool:
        return bool(rng.random() < probability)

    batch, time, features, units = (int(size) for size in rng.choice(np.arange(2, 9), size=4, replace=False))
    training = flag()
    config: dict[str, Any] = {
        "units": units,
        "activation": "tanh" if fusable else str(rng.choice(ACTIVATIONS)),
        "recurrent_activation": "sigmoid" if fusable else str(rng.choice(ACTIVATIONS)),
        "use_bias": flag(0.7),
        "return_sequences": flag(),
        "return_state": flag(),
        "go_backwards": flag(),
        "stateful": flag(0.3),
        "unroll": flag(0.2),
        "zero_output_for_mask": flag(),
    }
    if flag():
        config["dropout"] = 0.4
    if not fusable and flag():
        config["recurrent_dropout"] = 0.3
    if not fusable and flag(0.3):
        config["implementation"] = 1
    return Case(seed, config, (batch, time, features, units), str(rng.choice(MASKS)), flag(), training)


def name_outputs(outputs: Any) -> dict[str, Any]:
    """What a call returned, named by its place."""
    parts = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return dict(zip(("output", "state 0", "state 1", "state 2", "state 3", "state 4"), parts, strict=False))


def factors(case: Case, name: str, shape: Any) -> np.ndarray:
    """What the loss multiplies an output by: random, so that no two elements weigh the same."""
    return np.random.default_rng([case.seed, *name.encode()]).normal(size=tuple(shape))
