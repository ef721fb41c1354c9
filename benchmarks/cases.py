"""What is run: shapes, configurations and modes, and the numbers that go in, the same ones in every process."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Mode = Literal["forward", "training", "stream"]


class Shape(NamedTuple):
    """Sizes of one workload."""

    batch: int
    time: int
    features: int
    units: int

    def __str__(self) -> str:
        return ", ".join(str(size) for size in self)


SHAPES = {
    "step": Shape(1, 1, 128, 128),
    "tiny": Shape(16, 10, 5, 50),
    "single": Shape(1, 100, 128, 128),
    "small": Shape(32, 50, 32, 64),
    "medium": Shape(64, 100, 128, 256),
    "large": Shape(32, 100, 256, 512),
}


class Configuration(NamedTuple):
    """What differs from the default layer; every output of the sequence is returned."""

    mask: Literal["right", "left", "gaps"] | None = None
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    recurrent_dropout: float = 0.0
    use_bias: bool = True
    go_backwards: bool = False
    bidirectional: bool = False
    layers: int = 1
    cell: Literal["LSTM", "GRU", "SimpleRNN"] = "LSTM"
    reset_after: bool = True
    recompute: bool = False

    @property
    def gates(self) -> int:
        """How many blocks the kernels have side by side."""
        return {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[self.cell]

    @property
    def bias_rows(self) -> int:
        """How many rows Keras' bias has."""
        return 2 if self.cell == "GRU" and self.reset_after else 1

    @property
    def plain(self) -> "Configuration":
        """The default layer of the same cell."""
        return Configuration(cell=self.cell)


CONFIGURATIONS = {
    "plain": Configuration(),
    "right-padded": Configuration(mask="right"),
    "left-padded": Configuration(mask="left"),
    "random gaps": Configuration(mask="gaps"),
    "recurrent dropout": Configuration(recurrent_dropout=0.2),
    "hard_sigmoid": Configuration(recurrent_activation="hard_sigmoid"),
    "relu": Configuration(activation="relu"),
    "no bias": Configuration(use_bias=False),
    "go_backwards": Configuration(go_backwards=True),
    "bidirectional": Configuration(bidirectional=True),
    "two layers": Configuration(layers=2),
    "recompute": Configuration(recompute=True),
    "GRU": Configuration(cell="GRU"),
    "GRU random gaps": Configuration(cell="GRU", mask="gaps"),
    "GRU reset before": Configuration(cell="GRU", reset_after=False),
    "GRU relu": Configuration(cell="GRU", activation="relu", recurrent_activation="hard_sigmoid"),
    "GRU recurrent dropout": Configuration(cell="GRU", recurrent_dropout=0.2),
    "SimpleRNN": Configuration(cell="SimpleRNN"),
    "SimpleRNN random gaps": Configuration(cell="SimpleRNN", mask="gaps"),
}
MASKED = tuple(name for name, one in CONFIGURATIONS.items() if one.mask and one.cell == "LSTM")
LOOPED = ("recurrent dropout", "hard_sigmoid", "relu")
"""The configurations that no fused kernel of torch computes."""
MODES: tuple[Mode, ...] = ("forward", "training", "stream")
STREAMED_STEPS = 5
"""How many steps of a stream are compared."""


@dataclass(frozen=True)
class Case:
    """One workload: what one call of a peer computes.

    The modes: ``forward`` is inference; ``training`` is a forward pass and the gradients of all weights and of the
    inputs for given gradients of the outputs; ``stream`` is one step of a layer that keeps its state from call to call.
    """

    shape: Shape
    configuration: Configuration = CONFIGURATIONS["plain"]
    mode: Mode = "forward"

    def __post_init__(self) -> None:
        if (self.mode == "stream") != (self.shape.time == 1):
            raise ValueError(
                "The mode 'stream' goes with the shape of one step, the other modes with the other shapes."
            )

    def with_recurrent_dropout(self, rate: float) -> "Case":
        """This case at another rate."""
        return replace(self, configuration=self.configuration._replace(recurrent_dropout=rate))

    @property
    def compared(self) -> "Case":
        """What is run to compare results: recurrent dropout at a rate at which it drops nothing."""
        return self.with_recurrent_dropout(1e-9) if self.configuration.recurrent_dropout else self

    @property
    def right_padded(self) -> "Case":
        """This case with as many steps that count, all before the padding."""
        return replace(self, configuration=self.configuration._replace(mask="right"))

    @property
    def directions(self) -> int:
        """1, or 2 when it is bidirectional."""
        return 2 if self.configuration.bidirectional else 1

    @cached_property
    def weights(self) -> list[list[Array]]:
        """Kernel, recurrent kernel and bias in Keras' layouts: a list for each layer, or for each direction."""
        _, _, features, units = self.shape
        random, bound = np.random.default_rng(1), units**-0.5
        lists = []
        for index in range(self.configuration.layers * self.directions):
            rows = features if index == 0 or self.configuration.bidirectional else units
            width = self.configuration.gates * units
            bias = (2, width) if self.configuration.bias_rows == 2 else (width,)
            shapes: list[tuple[int, ...]] = [(rows, width), (units, width), bias]
            lists.append([random.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes])
        return [arrays if self.configuration.use_bias else arrays[:2] for arrays in lists]

    @cached_property
    def inputs(self) -> Array:
        """(batch, time, features); of a stream, as many steps as are compared."""
        batch, time, features, _ = self.shape
        steps = STREAMED_STEPS if self.mode == "stream" else time
        return np.random.default_rng(2).standard_normal((batch, steps, features)).astype(np.float32)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """How many steps of each row count under a mask of any kind: half of them to all."""
        batch, time = self.shape[:2]
        lengths = np.random.default_rng(3).integers(time - time // 2, time, batch, endpoint=True)
        lengths[0] = time
        return lengths

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        """(batch, time), ``True`` where a step counts."""
        time = self.shape.time
        steps, lengths = np.arange(time), self.lengths[:, None]
        match self.configuration.mask:
            case None:
                return None
            case "right":
                return steps < lengths
            case "left":
                return steps >= time - lengths
            case "gaps":
                ranks = np.random.default_rng(4).random((self.shape.batch, time)).argsort(axis=1).argsort(axis=1)
                return ranks < lengths

    @cached_property
    def output_gradient(self) -> Array:
        """(batch, time, units * directions), zero at masked steps: packed sequences have no outputs there."""
        batch, time, _, units = self.shape
        values = np.random.default_rng(5).standard_normal((batch, time, units * self.directions)).astype(np.float32)
        return values if self.mask is None else values * self.mask[:, :, None].astype(np.float32)

    @property
    def flops(self) -> float:
        """Floating-point operations of the matrix products; a training step has three of each product."""
        batch, time, features, units = self.shape
        rows = features + units if self.configuration.layers == 1 else features + 3 * units
        forward = 2.0 * self.configuration.gates * batch * time * units * rows * self.directions
        return 3 * forward if self.mode == "training" else forward


def threads_in_words(threads: int) -> str:
    """Such as "2 threads"."""
    return "1 thread" if threads == 1 else f"{threads} threads"
