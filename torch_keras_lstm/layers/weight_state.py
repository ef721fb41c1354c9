"""A layer's weights in a ``state_dict``, on another device and in another type: as torch keeps them."""

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from torch_keras_lstm.layers.variable import Variable
from torch_keras_lstm.layers.weight_table import WeightTable
from torch_keras_lstm.operations.tensor_spec import Shape


class WeightState(WeightTable):
    """What torch does with the weights of a table: layers that are not built are built for what is loaded."""

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        if self.has_weights():
            super()._save_to_state_dict(destination, prefix, keep_vars)
            return
        # As torch's lazy modules do: an unbuilt parameter goes in as it is, for it has no data that could be detached.
        for name, tensor in (*self._parameters.items(), *self._buffers.items()):
            if tensor is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for row in self._rows[:1]:
            saved = state_dict.get(prefix + row.parameter)
            if not self.has_weights() and saved is not None and not is_lazy(saved):
                # What is about to be loaded need not be drawn: an orthogonal matrix takes seconds.
                names = {name for own in self._rows for name in own.parameters}
                loaded = {name: state_dict.get(prefix + name) for name in names}
                given = {name: tensor for name, tensor in loaded.items() if tensor is not None and not is_lazy(tensor)}
                self._build_for_state_dict(self.input_shape_of(row.to_keras(saved)), given)
        before = self._variables()
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._keep_faces(before)
        if self._rows and self.has_weights():
            # `load_state_dict(assign=True)` keeps the type and the device of what it loads.
            held = self._held(self._rows[0])
            if held is not None and held.is_floating_point():
                self._placed_dtype, self._placed_device = held.dtype, held.device
        self.on_new_storage()

    def _build_for_state_dict(self, input_shape: Shape, given: Mapping[str, Tensor]) -> None:
        self._create_weights(input_shape, given)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        before = self._variables()
        super()._apply(fn, recurse)
        self._keep_faces(before)
        self.on_new_storage()
        return self

    def _variables(self) -> dict[str, Variable]:
        """The layer's own tensors that are variables, by the attributes that hold them."""
        held = {row.parameter: self._held(row) for row in self._rows}
        return {name: tensor for name, tensor in held.items() if isinstance(tensor, Variable)}

    def _keep_faces(self, before: Mapping[str, Variable]) -> None:
        """Make variables again of what torch put in their places."""
        for name, old in before.items():
            store: Any = self._parameters if name in self._parameters else self._buffers
            new = store.get(name)
            if new is None or new is old or isinstance(new, Variable):
                continue
            if new.device.type == "meta" or isinstance(new, nn.Parameter):
                again = Tensor._make_subclass(type(old), new.detach(), new.requires_grad)
                again.__dict__.update(old.__dict__)
                store[name] = again
            else:  # a buffer, which stays the object that the user may hold
                old.data = new
                store[name] = old
