"""A call as Keras makes it: ``training`` as the calls around have it, masks from the inputs and for the outputs."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.layers.call_context import CALL_CONTEXT
from torch_keras_lstm.layers.keras_mask import any_masked, are_masked, mask_of, with_masks
from torch_keras_lstm.layers.symbolic_call import named_arguments
from torch_keras_lstm.structure import leaves


class MaskedCall(BaseLayer):
    """What a layer does around its ``forward``."""

    _warned_of_mask: bool

    def _call_as_keras(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call ``forward`` with the masks of the inputs and the ``training`` of the calls around; mask its outputs."""
        around = CALL_CONTEXT.training
        training = kwargs.get("training") if around is None else self._training_of(args, kwargs)
        if "training" in self.call_parameters:
            if training is not None:
                kwargs["training"] = training
        elif "training" in kwargs:
            del kwargs["training"]
        first = args[0] if args else next(iter(kwargs.values()), None)
        if isinstance(first, PackedSequence):
            return self._call_on_packed(first, args, kwargs)
        if any_masked(args) or any_masked(kwargs.values()):
            args, kwargs = self._with_masks(args, kwargs)
        # Read before the call, which may change its arguments.
        given = kwargs.get("mask")
        previous = mask_of(first) if given is None else given
        if not self._is_own:
            outputs = super().__call__(*args, **kwargs)
        else:
            CALL_CONTEXT.training = self._default_training if training is None else training
            try:
                outputs = super().__call__(*args, **kwargs)
            finally:
                CALL_CONTEXT.training = around
        return outputs if previous is None and not self.makes_mask else self.mask_outputs(outputs, first, previous)

    def _call_on_packed(self, packed: PackedSequence, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """What the layer gives for packed inputs; recurrent layers define it.

        Raises:
            TypeError: for all others.
        """
        raise TypeError(
            f"Layer `{self.name}` ({type(self).__name__}) takes no packed sequence, as only recurrent layers do: pad "
            "it with `torch.nn.utils.rnn.pad_packed_sequence(inputs, batch_first=True)`, or call the layer on `data`."
        )

    def _training_of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool | None:
        """Whether the call is for training: as its caller says, else as the calls around it; ``None`` says nothing."""
        given: bool | None = kwargs.get("training")
        if given is not None or len(args) < 2:
            return CALL_CONTEXT.training if given is None else given
        return None if "training" in named_arguments(self, args, {}) else CALL_CONTEXT.training

    def _with_masks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with the masks of the tensors among them, where the call takes masks that it was not given.

        As in Keras 3 ``mask`` is for the only tensor; among several, such as states, each has its ``..._mask`` alone.
        """
        named = named_arguments(self, args, kwargs)
        tensors = {name: value for name, value in named.items() if any(True for _ in leaves(Tensor, value))}
        if len(tensors) == 1 and "mask" in self.call_arguments and named.get("mask") is None:
            (only,) = tensors.values()
            masks = {"mask": mask_of(only)}
        else:
            masks = {
                f"{name}_mask": mask_of(value)
                for name, value in tensors.items()
                if f"{name}_mask" in self.call_arguments and named.get(f"{name}_mask") is None
            }
        given = {name: mask for name, mask in masks.items() if mask is not None}
        if not given:
            return args, kwargs
        if "ft_compute_sample_grad" in self.__dict__ and torch.is_grad_enabled():
            raise RuntimeError(
                f"Layer `{self.name}` has a mask, without which Opacus would compute the gradients of each sample: "
                "make them with `torch.func.vmap(torch.func.grad(...))`, and give Opacus "
                '`grad_sample_mode="no_op"`.'
            )
        by_name = dict([*named.items()][1 : len(args)])  # a mask may stand by its place, as ``None``
        return args[:1], {**by_name, **kwargs, **given}

    def mask_outputs(self, outputs: Any, inputs: Any, mask: Any) -> Any:
        """``outputs`` with the masks that belong to the tensors in it.

        Args:
            outputs: what the layer gave.
            inputs: the first argument of the call.
            mask: the mask of that, or the masks in its structure.
        """
        if self.supports_masking:
            return outputs if are_masked(outputs) else with_masks(outputs, self.compute_mask(inputs, mask))
        self.warn_of_lost_mask()
        return outputs

    def warn_of_lost_mask(self) -> None:
        """Warn, once, that a mask ends at this layer; not for layers of a file, whose saver did as they do."""
        if not (self._warned_of_mask or self.saved_class or torch.compiler.is_compiling()):
            self._warned_of_mask = True
            warnings.warn(
                f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a mask attached to it. "
                "However, this layer does not support masking and will therefore destroy the mask information. "
                "Downstream layers will not see the mask. Set `supports_masking = True` to hand it on.",
                stacklevel=4,
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask that belongs to the output, given that of the input: passed on by a layer that supports masks.

        A call heeds it where ``supports_masking`` is ``True``, as it is of a class that defines this method.
        """
        return mask

    def symbolic_mask(self, inputs: Any, mask: Any) -> Any:
        """What :meth:`compute_mask` means for symbolic tensors; ``None`` for layers that compute it from several."""
        return mask if self.supports_masking and type(self).compute_mask is MaskedCall.compute_mask else None
