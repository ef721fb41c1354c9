"""What a model written as plain PyTorch is made of: each class and function stands by itself, on torch alone.

:mod:`torch_keras_lstm.conversion.python_source` copies those that a model needs into its ``model.py``, with the ones
that they name. So everything here is written for the reader of that file, who need not know this package.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def loop(
    step: Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]],
    inputs: Tensor,
    states: tuple[Tensor, ...],
    mask: Tensor | None,
    first: Tensor,
    zeros: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run ``step`` over (batch, time, ...): the first states of all steps, and the states after the last.

    Where the mask, (batch, time) and perhaps axes of space, is False the states stay as they were, and the output is
    that of the step before (``first`` at the beginning), or 0 with ``zeros``.
    """
    outputs = []
    output = torch.zeros_like(first) if zeros else first
    for t in range(inputs.shape[1]):
        new = step(inputs[:, t], states)
        if mask is None:
            output, states = new[0], new
        else:
            counts = mask[:, t].unsqueeze(1)
            counts = counts.reshape(*counts.shape, *[1] * (first.dim() - counts.dim()))
            output = torch.where(counts, new[0], torch.zeros_like(first) if zeros else output)
            states = tuple(torch.where(counts, after, before) for after, before in zip(new, states, strict=True))
        outputs.append(output)
    return torch.stack(outputs, 1), states


class StepByStep(nn.Module):
    """Base of the recurrent layers that run a step at a time: under a mask, or with activations of their own.

    ``layer(x, states, mask)`` takes (batch, time, features) and gives the outputs of all steps and the last states.
    """

    def __init__(self, input_size: int, units: int, gates: int, state_count: int, biases: int) -> None:
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.empty(gates * units, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(gates * units, units))
        self.bias_ih_l0 = nn.Parameter(torch.empty(gates * units)) if biases else None
        self.bias_hh_l0 = nn.Parameter(torch.empty(gates * units)) if biases == 2 else None
        for weight in self.parameters():
            nn.init.uniform_(weight, -(units**-0.5), units**-0.5)
        self.units, self.state_count = units, state_count
        self.zeros_where_masked = False  # what is put out at masked steps: zeros, or what came before
        self.keeps_first_state = False  # before the first step that counts: zeros, or the state that was given

    def forward(
        self, x: Tensor, states: tuple[Tensor, ...] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        projected = F.linear(x, self.weight_ih_l0, self.bias_ih_l0)
        if states is None:
            states = tuple(x.new_zeros(x.shape[0], self.units) for _ in range(self.state_count))
        first = states[0] if self.keeps_first_state else torch.zeros_like(states[0])
        return loop(self.step, projected, states, mask, first, self.zeros_where_masked)

    def step(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The states after a step, given those before and what the input adds to the gates."""
        raise NotImplementedError


class StepLSTM(StepByStep):
    """An LSTM, a step at a time."""

    def __init__(
        self,
        input_size: int,
        units: int,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        bias: bool = True,
    ) -> None:
        super().__init__(input_size, units, gates=4, state_count=2, biases=int(bias))
        self.activation, self.recurrent_activation = activation, recurrent_activation

    def step(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        h, c = states
        i, f, g, o = (x + F.linear(h, self.weight_hh_l0)).chunk(4, dim=-1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        return self.recurrent_activation(o) * self.activation(c), c


class StepGRU(StepByStep):
    """A GRU, a step at a time; ``reset_after`` says whether the reset gate comes after the recurrent product."""

    def __init__(
        self,
        input_size: int,
        units: int,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        bias: bool = True,
        reset_after: bool = True,
    ) -> None:
        super().__init__(input_size, units, gates=3, state_count=1, biases=2 if bias and reset_after else int(bias))
        self.activation, self.recurrent_activation = activation, recurrent_activation
        self.reset_after = reset_after

    def step(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (h,) = states
        gates, candidate = x.split([2 * self.units, self.units], dim=-1)
        if self.reset_after:
            recurrent = F.linear(h, self.weight_hh_l0, self.bias_hh_l0)
            of_gates, of_candidate = recurrent.split([2 * self.units, self.units], dim=-1)
            r, z = self.recurrent_activation(gates + of_gates).chunk(2, dim=-1)
            new = self.activation(candidate + r * of_candidate)
        else:
            for_gates, for_candidate = self.weight_hh_l0.split([2 * self.units, self.units])
            r, z = self.recurrent_activation(gates + F.linear(h, for_gates)).chunk(2, dim=-1)
            new = self.activation(candidate + F.linear(r * h, for_candidate))
        return (z * h + (1 - z) * new,)


class StepRNN(StepByStep):
    """A simple recurrent layer, a step at a time."""

    def __init__(
        self, input_size: int, units: int, activation: Callable[[Tensor], Tensor] = torch.tanh, bias: bool = True
    ) -> None:
        super().__init__(input_size, units, gates=1, state_count=1, biases=int(bias))
        self.activation = activation

    def step(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (self.activation(x + F.linear(states[0], self.weight_hh_l0)),)


class ConvLSTM(nn.Module):
    """A convolutional LSTM over (batch, time, channels, *space); the recurrent convolution keeps the sizes."""

    def __init__(
        self,
        channels: int,
        filters: int,
        window: tuple[int, ...],
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        recurrent_activation: Callable[[Tensor], Tensor] = torch.sigmoid,
        stride: tuple[int, ...] = (1,),
        dilation: tuple[int, ...] = (1,),
        same: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(4 * filters, channels, *window))
        self.weight_hh = nn.Parameter(torch.empty(4 * filters, filters, *window))
        self.bias = nn.Parameter(torch.empty(4 * filters)) if bias else None
        for weight in self.parameters():
            nn.init.uniform_(weight, -(filters**-0.5), filters**-0.5)
        self.convolve = (F.conv1d, F.conv2d, F.conv3d)[len(window) - 1]
        self.window, self.stride, self.dilation, self.same = window, stride, dilation, same
        self.activation, self.recurrent_activation = activation, recurrent_activation
        self.filters = filters
        self.zeros_where_masked = False
        self.keeps_first_state = False

    def forward(
        self, x: Tensor, states: tuple[Tensor, ...] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        steps = x.flatten(0, 1)
        if self.same:
            steps = pad_same(steps, self.window, self.stride, self.dilation)
        projected = self.convolve(steps, self.weight_ih, self.bias, self.stride, 0, self.dilation)
        projected = projected.unflatten(0, x.shape[:2])
        if states is None:
            zeros = projected.new_zeros(x.shape[0], self.filters, *projected.shape[3:])
            states = (zeros, zeros)
        first = states[0] if self.keeps_first_state else torch.zeros_like(states[0])
        return loop(self.step, projected, states, mask, first, self.zeros_where_masked)

    def step(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        h, c = states
        ones = (1,) * len(self.window)
        i, f, g, o = (x + self.convolve(pad_same(h, self.window, ones, ones), self.weight_hh)).chunk(4, dim=1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        return self.recurrent_activation(o) * self.activation(c), c


def pad_same(
    x: Tensor, window: Sequence[int], stride: Sequence[int], dilation: Sequence[int], value: float = 0.0
) -> Tensor:
    """Pad (batch, channels, *space) so that as many windows fit as there are strides; the odd one at the end."""
    amounts: list[int] = []
    for size, length, step, spread in zip(x.shape[2:], window, stride, dilation, strict=True):
        total = max((-(-size // step) - 1) * step + (length - 1) * spread + 1 - size, 0)
        amounts = [total // 2, total - total // 2, *amounts]
    return F.pad(x, amounts, value=value)


def hard_sigmoid(x: Tensor) -> Tensor:
    """Keras 3's: 0 below -3, 1 above 3, a line between."""
    return F.relu6(x + 3) / 6


def hard_sigmoid_of_old(x: Tensor) -> Tensor:
    """That of Keras 1 and 2: 0 below -2.5, 1 above 2.5, a line between."""
    return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


def softmax(x: Tensor) -> Tensor:
    """Over the last axis."""
    return torch.softmax(x, dim=-1)


def log_softmax(x: Tensor) -> Tensor:
    """Over the last axis."""
    return torch.log_softmax(x, dim=-1)


def selu(x: Tensor) -> Tensor:
    """``F.selu`` with the slope of its upper half at 0."""
    return torch.where(x < 0, F.selu(x), 1.0507009873554805 * x)


def softplus(x: Tensor) -> Tensor:
    """``log(1 + exp(x))``."""
    return F.softplus(x, threshold=40.0)


def hard_silu(x: Tensor) -> Tensor:
    """``x * hard_sigmoid(x)``."""
    return x * hard_sigmoid(x)


def linear(x: Tensor) -> Tensor:
    """As it is."""
    return x


def bounded_relu(x: Tensor, slope: float = 0.0, highest: float | None = None, threshold: float = 0.0) -> Tensor:
    """0 below the threshold, or a line of that slope that meets 0 there; at most ``highest``."""
    above = torch.where(x > threshold, x, 0.0)
    if highest is not None:
        above = torch.clamp(above, max=highest)
    return above - slope * torch.relu(threshold - x)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of (batch, time, features) over the steps that count."""
    counts = mask.unsqueeze(-1)
    return torch.where(counts, x, 0.0).sum(1) / counts.sum(1)


def masked_softmax(x: Tensor, mask: Tensor, dim: int) -> Tensor:
    """A softmax in which what does not count has no share."""
    return torch.softmax(x.masked_fill(~mask, -1e9), dim).masked_fill(~mask, 0.0)


def attend(
    scores: Tensor, value: Tensor, allowed: Tensor | None, unseen: str, query_mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The values weighted by the softmax of (batch, ..., queries, keys), and these weights; masked queries give 0.

    What is not allowed gets no weight. A query that sees no key has the weights that ``unseen`` says: "equal" ones,
    "zero", or "scores", those without a mask.
    """
    if allowed is None:
        weights = torch.softmax(scores, dim=-1)
    elif unseen == "scores":
        weights = torch.softmax(torch.where(allowed, scores, scores - 1e9), dim=-1)
    else:
        weights = torch.softmax(scores.masked_fill(~allowed, -1e9), dim=-1)
    if allowed is not None and unseen == "zero":
        weights = weights.masked_fill(~allowed, 0.0)
    outputs = weights @ value
    return outputs if query_mask is None else torch.where(query_mask.unsqueeze(-1), outputs, 0.0), weights


def band(scores: Tensor, causal: bool, window: int | None) -> Tensor:
    """(queries, keys): whether query i sees key j, which with ``causal`` is not behind it, and is in its window."""
    distance = torch.arange(scores.shape[-2], device=scores.device).unsqueeze(-1)
    distance = distance - torch.arange(scores.shape[-1], device=scores.device)
    seen = distance >= 0 if causal else torch.ones_like(distance, dtype=torch.bool)
    return seen if window is None else seen & (distance.abs() < window)


class Attention(nn.Module):
    """Attention with products as scores (Luong), or sums of hyperbolic tangents; it gives outputs and weights."""

    def __init__(self, scaled: bool = False, concat: bool = False, unseen: str = "scores") -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(())) if scaled else None
        self.concat_score_weight = nn.Parameter(torch.ones(())) if concat else None
        self.unseen = unseen

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        causal: bool = False,
    ) -> tuple[Tensor, Tensor]:
        scores = self.scores(query, value if key is None else key)
        allowed = None if value_mask is None else value_mask.unsqueeze(-2)
        if causal:
            seen = band(scores, causal=True, window=None)
            allowed = seen if allowed is None else allowed & seen
        return attend(scores, value, allowed, self.unseen, query_mask)

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """(batch, queries, keys): how well each query fits each key."""
        scale = 1.0 if self.scale is None else self.scale
        if self.concat_score_weight is None:
            return query @ key.mT * scale
        sums = query.unsqueeze(-2) + key.unsqueeze(-3)
        return self.concat_score_weight * torch.tanh(scale * sums).sum(-1)


class AdditiveAttention(Attention):
    """Bahdanau's attention: the score is a sum of hyperbolic tangents, which with ``features`` has weights."""

    def __init__(self, features: int | None = None, unseen: str = "scores") -> None:
        super().__init__(unseen=unseen)
        self.scale = None if features is None else nn.Parameter(torch.ones(features))

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        fits = torch.tanh(query.unsqueeze(-2) + key.unsqueeze(-3))
        return (fits if self.scale is None else fits * self.scale).sum(-1)


class MultiHeadAttention(nn.Module):
    """Attention of several heads on projections of their own; it gives outputs and (batch, heads, queries, keys).

    With fewer ``key_heads`` each of them is there for several heads of the queries. ``gate`` is a projection of the
    queries, through a sigmoid, that multiplies what the heads give.
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        value_size: int,
        output_size: int,
        heads: int,
        key_dim: int,
        value_dim: int,
        key_heads: int | None = None,
        bias: bool = True,
        gate: bool = False,
        window: int | None = None,
        unseen: str = "equal",
    ) -> None:
        super().__init__()
        self.heads, self.key_heads, self.window, self.unseen = heads, key_heads or heads, window, unseen
        self.query = nn.Linear(query_size, heads * key_dim, bias)
        self.key = nn.Linear(key_size, self.key_heads * key_dim, bias)
        self.value = nn.Linear(value_size, self.key_heads * value_dim, bias)
        self.output = nn.Linear(heads * value_dim, output_size, bias)
        self.gate = nn.Linear(query_size, heads * value_dim, bias) if gate else None

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        causal: bool = False,
    ) -> tuple[Tensor, Tensor]:
        queries = self.query(query).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        keys = self.key(value if key is None else key).unflatten(-1, (self.key_heads, -1)).transpose(1, 2)
        values = self.value(value).unflatten(-1, (self.key_heads, -1)).transpose(1, 2)
        if self.key_heads < self.heads:
            keys, values = (one.repeat_interleave(self.heads // self.key_heads, dim=1) for one in (keys, values))
        scores = queries @ keys.mT / queries.shape[-1] ** 0.5
        allowed: Tensor | None = None
        for seen in (
            None if query_mask is None else query_mask.unsqueeze(-1),
            None if value_mask is None else value_mask.unsqueeze(-2),
            None if key_mask is None else key_mask.unsqueeze(-2),
            attention_mask,
            band(scores, causal, self.window) if causal or self.window is not None else None,
        ):
            if seen is not None:
                allowed = seen if allowed is None else allowed & seen
        if allowed is not None and allowed.dim() == 3:
            allowed = allowed.unsqueeze(1)  # for all heads
        outputs, weights = attend(scores, values, allowed, self.unseen)
        outputs = outputs.transpose(1, 2).flatten(2)
        if self.gate is not None:
            outputs = outputs * torch.sigmoid(self.gate(query))
        return self.output(outputs), weights
