"""``keras.layers.TorchModuleWrapper``: a torch module as a layer."""

import base64
import io
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

from torch_keras_lstm import initializers
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight import WeightRow


@register("keras.layers")
class TorchModuleWrapper(Layer):
    """A torch module as a layer, whose parameters are the layer's weights.

    A module needs no wrapper to be trained inside a layer or model of one's own. With it the parameters, and behind
    them the buffers that the module saves, are among ``weights`` and ``get_weights``, in torch's layouts, and in files;
    and the module takes ``training=``.

    Args:
        module: the module; a lazy one must have been called before.
        name: as of every layer.
        output_shape: the shape that it gives, batch axis included; by default it is found by running the module.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when the module is lazy and has no parameters yet.
        TypeError: when it is no module.

    Example:
        >>> layer = TorchModuleWrapper(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3)))
        >>> model = Sequential([Input((4,)), layer])
        >>> [weight.shape for weight in layer.get_weights()]  # parameters, then buffers
        [(3, 4), (3,), (3,), (3,), (3,), (3,), ()]
    """

    module: nn.Module

    def __init__(self, module: nn.Module, name: str | None = None, output_shape: Any = None, **kwargs: Any) -> None:
        if not isinstance(module, nn.Module):
            raise TypeError(f"`module` of a TorchModuleWrapper must be a torch.nn.Module, got {module!r:.200}.")
        if isinstance(module, LazyModuleMixin) and module.has_uninitialized_params():
            raise ValueError(f"`module` is lazy and has no parameters yet: call it once before. Got {module!r:.200}.")
        super().__init__(name=name, **{"dtype": _dtype_of(module), **kwargs})
        self.module = module
        self.output_shape = output_shape
        parameters = sorted(module.named_parameters(), key=lambda pair: not pair[1].requires_grad)
        paths = [path for path, _ in parameters]
        counted = [path for path in module.state_dict() if path not in paths]  # buffers, such as moving averages
        self._rows = tuple(
            WeightRow(
                path,
                (f"module.{path}",),
                None,
                initializers.get("zeros"),
                trainable=path in paths,
                dtype=None if path in paths else self._tensor_at(f"module.{path}").dtype,
                is_own=True,
            )
            for path in [*paths, *counted]
        )
        if not self.trainable:
            self.requires_grad_(False)

    def _begin_anew(self) -> None:
        """Nothing: the modules inside draw their parameters themselves."""

    def _tensor_at(self, attribute: str) -> Tensor:
        path, _, name = attribute.rpartition(".")
        found: Tensor = getattr(self.get_submodule(path), name)
        return found

    def forward(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Call the module.

        Args:
            inputs, *args, **kwargs: of the module.
            training: whether the module is in training mode for this call; ``None`` leaves it as it is.
        """
        values = [self.as_input(one) if isinstance(one, np.ndarray) else one for one in (inputs, *args)]
        modes = [(one, one.training) for one in self.module.modules()]
        self.module.train(self.module.training if training is None else training)
        try:
            outputs = self.module(*values, **kwargs)
        finally:
            for one, mode in modes:
                one.training = mode
        return self.finish(outputs) if isinstance(outputs, Tensor) else outputs

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What the module gives, found by running it unless the shape is told."""
        from torch_keras_lstm.layers import own_layer

        if self.output_shape is not None:
            return super().output_specs(args, kwargs, build)
        return own_layer.traced_specs(self, args, kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """``output_shape``, or what a run of the module on zeros gives."""
        from torch_keras_lstm.layers import own_layer

        return self.output_shape or own_layer.traced_shapes(self, input_shape)

    def save_own_variables(self, store: Any) -> None:
        """Put the module's ``state_dict`` into ``store``, by torch's names, as Keras does."""
        for name, tensor in self.module.state_dict().items():
            store[name] = tensor.detach().cpu().numpy().copy()

    def load_own_variables(self, store: Any) -> None:
        """Take the module's ``state_dict`` from ``store``."""
        names = [key.decode() if isinstance(key, bytes) else key for key in [*store]]
        self.module.load_state_dict({name: torch.as_tensor(store[name][()]) for name in names})

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments; the module as ``torch.save`` writes it, in base64, as Keras has it."""
        buffer = io.BytesIO()
        torch.save(self.module, buffer)
        module = base64.b64encode(buffer.getvalue()).decode("ascii")
        return {**super().get_config(), "module": module, "output_shape": self.output_shape}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None, safe_mode: bool | None = None) -> Self:
        """A new layer around the module in a configuration.

        Args:
            config: as :meth:`get_config` gives it, or with a module in it.
            custom_objects: not used.
            safe_mode: ``False`` allows that the module is unpickled, which runs whatever code it holds.

        Raises:
            ValueError: when a module would have to be unpickled, and that is not allowed.
        """
        module = config["module"]
        if isinstance(module, str):
            if safe_mode is not False:
                raise ValueError(
                    "The configuration of a TorchModuleWrapper holds a pickled module, and unpickling runs whatever "
                    "code is in it. Give `safe_mode=False` if you trust it, or make the layer from the module yourself."
                )
            module = torch.load(io.BytesIO(base64.b64decode(module)), weights_only=False)
        return super().from_config({**config, "module": module})


def _dtype_of(module: nn.Module) -> torch.dtype | None:
    """The type of the module's first floating parameter."""
    return next((one.dtype for one in module.parameters() if one.is_floating_point()), None)
