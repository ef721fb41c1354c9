"""``keras.layers.TimeDistributed``."""

from collections.abc import Mapping
from typing import Any, Self, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.layers import rules_of_files
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.mixed import under_policy_of
from torch_keras_lstm.layers.serialization import deserialize, register, serialize


@register("keras.layers")
class TimeDistributed(Layer):
    """Applies ``layer`` to every step of (batch, time, ...) with the same weights.

    Keras calls the layer once a step. Here all steps are one batch of batch * time samples, which gives the same
    numbers because a layer treats the samples of a batch apart from each other. Batch normalization does not in
    training, and a layer of one's own or a ``Lambda`` may not: those are called once a step there, and the moving
    averages take a step each time. A stateful layer, whose state would pass from step to step, is refused. An activity
    regularizer belongs on the wrapper: Keras 3 leaves that of the inner layer out of the losses, and so does this.

    Args:
        layer: a layer that returns one tensor.
        all_steps_at_once: be as before Keras 3, where statistics were those of all steps together, the averages of a
            model's batch normalization moved twice a step, and an inner activity regularizer counted. Models that older
            Kerases saved say so.
        ends_mask: the rule from Keras 3.16 on: the mask ends here. Models that such a Keras saved say so.

    Raises:
        TypeError: when ``layer`` is not a layer of this package.
        ValueError: when it is stateful or returns states; for inputs of fewer than three axes; for a mask that is not
            (batch, time, ...).

    Example:
        >>> TimeDistributed(Conv2D(8, kernel_size=3))(torch.randn(2, 10, 7, 9, 3)).shape
        torch.Size([2, 10, 5, 7, 8])
    """

    supports_masking = True

    layer: Layer

    def __init__(
        self,
        layer: Layer,
        all_steps_at_once: bool = False,
        ends_mask: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise TypeError(f"`layer` must be a torch_keras_lstm layer, got {type(layer).__name__}.")
        for argument in ("stateful", "return_state"):
            if any(getattr(module, argument, False) for module in layer.modules()):
                raise ValueError(
                    f"`TimeDistributed` applies layer `{layer.name}` to all steps at once, "
                    f"which `{argument}=True` rules out."
                )
        self.layer = layer
        self.all_steps_at_once = all_steps_at_once
        self.ends_mask = ends_mask or rules_of_files.hold_here()
        if self.ends_mask:
            self.supports_masking = False
        layer._warned_of_mask = True  # Keras calls it past what would warn that a mask ends there
        if not self.trainable:
            self.requires_grad_(False)
        self.build_if_shape_is_known()

    @property
    def built(self) -> bool:
        """Whether the inner layer is."""
        return self.layer.built

    def build(self, input_shape: Any) -> None:
        """Build the inner layer for one step of ``input_shape``, (batch, time, ...)."""
        self.check_input_shape(tuple(input_shape))
        with self.building():
            self.layer.build(_one_step(input_shape))

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, time, ...) with at least three axes."""
        if len(shape) < 3:
            raise ValueError(
                f"Layer `{self.name}` takes inputs of shape (batch, time, ...) with three axes or more, "
                f"got shape {tuple(shape)}."
            )

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Tensor:
        """Map (batch, time, ...) to (batch, time, ...) step by step.

        Args:
            inputs: (batch, time, ...)
            mask: (batch, time) or (batch, time, ...); the inner layer gets each step's part if its call takes a mask.
            training: for the inner layer, if its call takes it; ``None`` means its own ``training``.
        """
        inputs = self.prepare(inputs)
        mask = self._checked_mask(mask, inputs)
        if not self.all_steps_at_once and self._is_training(training) and _mixes_samples(self.layer):
            masks = [None] * inputs.shape[1] if mask is None else mask.unbind(1)
            steps = zip(inputs.unbind(1), masks, strict=True)
            outputs = torch.stack([self._call_layer(step, part, training) for step, part in steps], 1)
        else:
            folded, samples = None if mask is None else mask.flatten(0, 1), inputs.flatten(0, 1)
            if self.all_steps_at_once and self._is_training(training) and _runs_for_its_mask(self.layer):
                with torch.no_grad():
                    self._call_layer(samples, folded, training)
            outputs = self._call_layer(samples, folded, training).unflatten(0, inputs.shape[:2])
        if not self.all_steps_at_once:
            self.layer._activity_loss = None  # Keras 3 calls the inner layer past its own activity regularizer
        return self.finish(outputs)

    def _call_layer(self, inputs: Tensor, mask: Tensor | None, training: bool | None) -> Tensor:
        if (self._policy.is_mixed or self.layer._policy.is_mixed) and self.layer._policy != self._policy:
            with under_policy_of(self, self.layer):
                return self._call_layer(inputs, mask, training)
        given = {"mask": mask, "training": training}
        outputs: Tensor = self.layer(
            inputs, **{name: given[name] for name in given if name in self.layer.call_arguments}
        )
        return outputs

    def _is_training(self, training: bool | None) -> bool:
        return self.layer.training if training is None else bool(training)

    def _checked_mask(self, mask: Any, inputs: Tensor) -> Tensor | None:
        if mask is None:
            return None
        steps = mask if isinstance(mask, Tensor) else torch.as_tensor(mask, device=inputs.device)
        if steps.shape[:2] != inputs.shape[:2]:
            raise ValueError(
                f"`mask` of layer `{self.name}` must have a shape that begins with (batch, time) = "
                f"{tuple(inputs.shape[:2])}, got {tuple(steps.shape)}."
            )
        return steps

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, time, ...), the rest as the inner layer gives it."""
        batch, *rest = self.layer.compute_output_shape(_one_step(input_shape))
        return (batch, input_shape[1], *rest)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        rules = {"all_steps_at_once": self.all_steps_at_once, "ends_mask": self.ends_mask}
        own = {name: True for name, holds in rules.items() if holds}
        return {**super().get_config(), "layer": serialize(self.layer), **own}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer around a new inner layer."""
        return super().from_config({**config, "layer": deserialize(config["layer"])})


def _mixes_samples(layer: Layer) -> bool:
    """Whether a layer, or one in it, lets the samples of a batch meet in training, or may do so."""
    return any(
        getattr(inner, "mixes_samples", False) or not type(inner).__module__.startswith("torch_keras_lstm.")
        for inner in layer.modules()
        if isinstance(inner, Layer)
    )


def _runs_for_its_mask(layer: Layer) -> bool:
    """Whether Keras 2 ran a layer once more to ask for its mask, and averages in it moved twice: a model with some."""
    return layer.masks_inside and _mixes_samples(layer)


def _one_step(shape: Shape) -> Shape:
    return (shape[0], *shape[2:])
