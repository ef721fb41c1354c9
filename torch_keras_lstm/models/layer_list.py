"""The list of a model's layers."""

from torch import nn


class LayerList(nn.ModuleList):
    """A ``torch.nn.ModuleList`` that can be told to draw the weights of its layers anew.

    So code that calls ``reset_parameters`` of a model's children where they have it, as for cross-validation is usual,
    finds all layers.
    """

    def reset_parameters(self) -> None:
        """Draw every weight of every layer anew."""
        for layer in self:
            reset = getattr(layer, "reset_parameters", None)
            if reset is not None:
                reset()
