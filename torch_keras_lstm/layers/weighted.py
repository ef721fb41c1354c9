"""What follows from a layer's table of weights: lists, arrays, penalties, projections, counts."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.placed_module import parts_of
from torch_keras_lstm.layers.quantization_config import QuantizationConfig
from torch_keras_lstm.layers.variable import Variable
from torch_keras_lstm.layers.weight import WeightRow, as_keras_array, draw, unknown
from torch_keras_lstm.layers.weight_state import WeightState


class Weighted(WeightState):
    """The weights of a layer and of those inside it, as Keras lists, reads, writes, penalizes and counts them."""

    qconfig = QuantizationConfig()

    def weighted_layers(self) -> Iterator["Weighted"]:
        """This layer and those inside it that declare weights, in the order of Keras' ``get_weights``."""
        for module in parts_of(self):
            if isinstance(module, Weighted) and module._rows:
                yield module

    @property
    def weights(self) -> list[Variable]:
        """The weights of this layer and of those inside, as variables in Keras' layouts and order."""
        return [
            layer._as_variable(row) for layer in self.weighted_layers() for row in layer._rows if layer._is_made(row)
        ]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those of :attr:`weights` that get gradients."""
        return [one for one in self.weights if one.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Those of :attr:`weights` that get none."""
        return [one for one in self.weights if not one.trainable] if self.trainable else self.weights

    @property
    def variables(self) -> list[Variable]:
        """Keras' other name of :attr:`weights`; generators of random numbers are torch's and not among them."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """Keras' other name of :attr:`trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Keras' other name of :attr:`non_trainable_weights`."""
        return self.non_trainable_weights

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of the weights as NumPy arrays in Keras' layouts and order; empty when the layer is not built.

        bfloat16, which NumPy lacks, comes as float32.
        """
        arrays = []
        for layer in self.weighted_layers():
            rows = [row for row in layer._rows if layer._is_made(row)]
            for _, tensor in layer.own_weights(rows):
                tensor = tensor.detach().cpu()
                tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
                arrays.append(tensor.contiguous().numpy().copy())
        return arrays

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the weights from arrays in Keras' layouts and order, as ``get_weights`` gives them.

        Raises:
            ValueError: when the layer is not built, or the number or a shape does not fit; nothing is changed then.
        """
        slots = []
        for layer in self.weighted_layers():
            if not layer.has_weights():
                raise ValueError(
                    f"Layer `{layer.name}` has no weights to set yet: call it once, or `build(input_shape)`, first."
                )
            slots += [(layer, row, tuple(tensor.shape)) for row, tensor in layer.own_weights()]
        if len(weights) != len(slots):
            names = ", ".join(row.name for _, row, _ in slots) or "none"
            raise ValueError(f"Layer `{self.name}` has {len(slots)} weights ({names}), but {len(weights)} were given.")
        tensors = [
            as_keras_array(array, row, shape, layer.name)
            for array, (layer, row, shape) in zip(weights, slots, strict=True)
        ]
        for tensor, (layer, row, _) in zip(tensors, slots, strict=True):
            layer.assign(row, tensor)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw every weight anew, in place, with its initializer: of this layer and of the modules inside it.

        Statistics and the states of stateful layers begin anew, too. What is not built yet is left to be drawn.

        Raises:
            ValueError: for a variable that was made of values, which nothing can draw again.
        """
        for module in self.modules():
            own = getattr(type(module), "reset_parameters", None)
            if own is Weighted.reset_parameters:
                cast(Weighted, module)._begin_anew()
            elif own is not None and module is not self and not isinstance(module, nn.ModuleList):
                cast(Any, module).reset_parameters()

    def _begin_anew(self) -> None:
        """Draw the layer's own weights."""
        for row, tensor in [*self.own_weights(row for row in self._rows if self._is_made(row))]:
            if row.is_own and row.initializer is unknown:
                raise ValueError(
                    f"Weight `{row.name}` of layer `{self.name}` was made of values, which cannot be drawn again: "
                    f"define `reset_parameters` in {type(self).__name__}."
                )
            self.assign(row, draw(row.initializer, tuple(tensor.shape), tensor.dtype, tensor.device))

    def count_params(self) -> int:
        """The number of weight entries, counted as Keras counts them."""
        for layer in self.weighted_layers():
            if not layer.has_weights():
                raise ValueError(f"Layer `{layer.name}` is not built, so its parameters cannot be counted yet.")
        return sum(tensor.numel() for layer in self.weighted_layers() for _, tensor in layer.own_weights())

    # -- penalties and projections --------------------------------------------------------------------------------

    def _said_of(self, row: WeightRow, what: str) -> Any:
        """The regularizer or the constraint of a weight, which a variable may be given later."""
        held = self._held(row)
        is_plain = type(held) is nn.Parameter  # as most are, in each step of training
        return getattr(row, what) if is_plain or not isinstance(held, Variable) else getattr(held, what)

    def _penalties(self) -> list[Tensor]:
        """The regularization terms of the layer's own weights, of those that are trained."""
        rows = [row for row in self._rows if self._said_of(row, "regularizer") is not None]
        if not rows:
            return []
        trained = [row for row in rows if self._is_made(row) and self._is_trained(row)]
        return [self._said_of(row, "regularizer")(tensor) for row, tensor in self.own_weights(trained)]

    def _is_trained(self, row: WeightRow) -> bool:
        return all(self._tensor_at(attribute).requires_grad for attribute in row.parameters)

    @torch.no_grad()
    def apply_constraints(self) -> None:
        """Project the constrained weights, sublayers included: call it after each ``optimizer.step()``.

        Or once: ``optimizer.register_step_post_hook(lambda *_: model.apply_constraints())``.
        """
        for layer in self.weighted_layers():
            constrained = [row for row in layer._rows if layer._said_of(row, "constraint") is not None]
            if not constrained:
                continue
            made = [row for row in constrained if layer._is_made(row)]
            for row, tensor in layer.own_weights(made):
                layer.assign(row, layer._said_of(row, "constraint")(tensor))

    # -- files ----------------------------------------------------------------------------------------------------

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own weights, without those of layers inside, into ``store`` under "0", "1", ..., as Keras."""
        for index, (_, tensor) in enumerate(self.own_weights()):
            plain = tensor.detach().cpu()
            store[str(index)] = (plain.float() if plain.dtype is torch.bfloat16 else plain).contiguous().numpy().copy()

    def load_own_variables(self, store: Any) -> None:
        """Take the layer's own weights from ``store``, as :meth:`save_own_variables` left them.

        Raises:
            ValueError: when the layer is not built, or the number or a shape does not fit; nothing is changed then.
        """
        if not self.has_weights():
            raise ValueError(f"Layer `{self.name}` is not built, so it can take no weights: call it once first.")
        rows = [*self.own_weights()]
        if len(store.keys()) != len(rows):
            names = ", ".join(row.name for row, _ in rows) or "none"
            raise ValueError(
                f"Layer `{self.name}` has {len(rows)} weights of its own ({names}), but {len(store.keys())} were given."
            )
        tensors = [
            as_keras_array(np.asarray(store[str(index)]), row, tuple(tensor.shape), self.name)
            for index, (row, tensor) in enumerate(rows)
        ]
        for (row, _), tensor in zip(rows, tensors, strict=True):
            self.assign(row, tensor)
