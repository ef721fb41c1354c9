"""Seconds of a word through a model that keeps its states, beside the same by hand with torch's cells."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.agreement import ALLOWED, DisagreementError
from benchmarks.ratios import significant
from benchmarks.worker import Worker, limit_threads

WORDS, WIDTH, UNITS = 50, 64, 128
COMPARED = 20
"""How many words are compared."""
CALLS, ROUNDS = 300, 15
WAYS = {"ours": "here", "long way": "here, each call the long way", "by hand": "by hand, nn.LSTMCell"}


class StreamDesk:
    """A process with the model and what a user of torch would write instead."""

    def __init__(self, threads: int) -> None:
        limit_threads(threads)
        import torch
        from torch import nn

        from torch_keras_lstm.layers import LSTM, Dense, Embedding, Input
        from torch_keras_lstm.layers.planned_call import use_plans
        from torch_keras_lstm.models import Sequential

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        layers = [
            Embedding(WORDS, WIDTH),
            LSTM(UNITS, return_sequences=True, stateful=True),
            LSTM(UNITS, stateful=True),
            Dense(WORDS, activation="softmax"),
        ]
        self.model = Sequential([Input(batch_shape=(1, 1)), *layers])
        table, first, second = nn.Embedding(WORDS, WIDTH), nn.LSTMCell(WIDTH, UNITS), nn.LSTMCell(UNITS, UNITS)
        head = nn.Linear(UNITS, WORDS)
        for mine, theirs in zip(layers, (table, first, second, head), strict=True):
            states = {name.removesuffix("_l0"): weight for name, weight in mine.state_dict().items()}
            theirs.load_state_dict(states)
        of_first: Any = None
        of_second: Any = None

        def by_hand(word: torch.Tensor) -> torch.Tensor:
            nonlocal of_first, of_second
            of_first = first(table(word[0]), of_first)
            of_second = second(of_first[0], of_second)
            return torch.softmax(head(of_second[0]), -1)

        def long_way(word: torch.Tensor) -> Any:
            with use_plans(False):
                return self.model(word)

        self.torch = torch
        self.word = torch.tensor([[3]])
        self.calls: dict[str, Callable[[torch.Tensor], Any]] = {
            "ours": self.model,
            "long way": long_way,
            "by hand": by_hand,
        }

    def ready(self) -> float:
        """How far the answers are apart, relative to the largest."""
        error = 0.0
        with self.torch.no_grad():
            for number in range(COMPARED):
                word = self.torch.tensor([[number * 7 % WORDS]])
                mine, theirs = self.calls["ours"](word), self.calls["by hand"](word)
                error = max(error, float((mine - theirs).abs().max() / theirs.max()))
        return error

    def run(self, way: str) -> float:
        """Seconds of one call."""
        call, word = self.calls[way], self.word
        with self.torch.no_grad():
            call(word)
            start = time.perf_counter()
            for _ in range(CALLS):
                call(word)
            return (time.perf_counter() - start) / CALLS


def run(threads: Sequence[int], rounds: int | None = None) -> Iterator[dict[str, Any]]:
    """A record for each number of threads: ``error``, and ``seconds`` by way, a number for each round.

    Raises:
        DisagreementError: when the model and what is written by hand give other answers.
    """
    for number in threads:
        with Worker("a stream", StreamDesk, number) as worker:
            error = worker.ask("ready")
            if not error <= ALLOWED:
                raise DisagreementError(f"The model and nn.LSTMCell are {error:.1e} apart; allowed are {ALLOWED:.0e}.")
            seconds: dict[str, list[float]] = {way: [] for way in WAYS}
            for index in range(rounds or ROUNDS):
                for way in list(WAYS) if index % 2 == 0 else reversed(list(WAYS)):
                    seconds[way].append(significant(worker.ask("run", way)))
        yield {"threads": number, "error": significant(error, 2), "seconds": seconds}
