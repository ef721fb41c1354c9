"""A model whose stateful layers are handed their states and hand them back: what a file or a trace can hold."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.recurrent import RecurrentLayer
from torch_keras_lstm.torch_internals import is_jit_traced


class StatesAsArguments(nn.Module):
    """Wraps a model with stateful layers: each call takes their states, and returns the new ones.

    A graph that ``torch.onnx.export`` or ``torch.jit.trace`` writes starts each call anew, so that a stateful layer in
    it would start from the same states for ever. This module is exported in the model's place:

        wrapped = StatesAsArguments(model.eval())
        states = wrapped.states_of(inputs)
        torch.onnx.export(wrapped, (inputs, states), "model.onnx", dynamo=True)

    and whoever runs the file begins with zeros of those shapes and hands the states that come out to the next call.

    Args:
        model: a module with stateful recurrent layers in it, or such a layer.

    Raises:
        ValueError: when there are none.

    Example:
        >>> model = LSTM(4, input_size=3, stateful=True)
        >>> wrapped = StatesAsArguments(model.eval())
        >>> x = torch.randn(2, 5, 3)
        >>> output, states = wrapped(x, wrapped.states_of(x))
        >>> output.shape, [state.shape for state in states]
        (torch.Size([2, 4]), [torch.Size([2, 4]), torch.Size([2, 4])])
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        if not any(True for _ in self._layers()):
            raise ValueError("The model has no layer with `stateful=True`, so there are no states to hand over.")

    def _layers(self) -> Iterator[RecurrentLayer]:
        for module in self.model.modules():
            if isinstance(module, RecurrentLayer) and module.stateful:
                yield module

    def states_of(self, *inputs: Any) -> list[Tensor]:
        """The states to begin with, zeros for most layers, for the batch size of ``inputs``; the model is called."""
        kept = [layer.kept_states() for layer in self._layers()]
        with torch.no_grad():
            for layer in self._layers():
                layer.reset_state()
            self.model(*inputs)
            states = [torch.zeros_like(state) for layer in self._layers() for state in layer.kept_states() or ()]
        for layer, before in zip(self._layers(), kept, strict=True):
            layer.reset_state()
            if before is not None:
                layer.keep_states(before)
        return states

    def forward(self, inputs: Any, states: Sequence[Tensor]) -> tuple[Any, Sequence[Tensor]]:
        """Run the model.

        Args:
            inputs: what the model takes: one argument, or a list of them where it takes a list.
            states: those before the call, those of one layer after those of the one before it, in the order of
                ``model.modules()``; (batch, units) each.

        Returns:
            The model's output and the states after the call, in the same order.

        Raises:
            ValueError: when the number of states is not that of the model's.
        """
        rest = iter(states)
        layers = list(self._layers())
        wanted = sum(len(layer.state_sizes) for layer in layers)
        if len(states) != wanted:
            raise ValueError(f"The model keeps {wanted} states, got {len(states)}: `states_of(inputs)` makes them.")
        before = [layer.hand_over([next(rest) for _ in layer.state_sizes]) for layer in layers]
        try:
            output = self.model(inputs)
            after = [state for layer in layers for state in layer.handed_over()]
        finally:
            for layer, kept in zip(layers, before, strict=True):
                layer.take_back(kept)
        # Of a trace's results torch warns where they stand in a list.
        return output, tuple(after) if not torch.compiler.is_compiling() and is_jit_traced() else after
