"""What ``torch.ao.quantization`` sets on each module, and here says that it does nothing."""

import warnings
from typing import Any


class QuantizationConfig:
    """The attribute ``qconfig`` of layers: ``quantize_dynamic`` and its like set it before they look at a module.

    They know torch's own modules, and leave all others as they are without a word.
    """

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None or "qconfig" not in vars(layer):
            raise AttributeError("qconfig")
        return vars(layer)["qconfig"]

    def __set__(self, layer: Any, value: Any) -> None:
        vars(layer)["qconfig"] = value
        if layer._parameters:
            # The same words for every layer, so that one call says them once.
            warnings.warn(
                "torch.ao.quantization quantizes torch's own modules, and leaves the layers of torch_keras_lstm in "
                'floating point. `model.export("model.onnx", format="onnx-int8")` writes eight bits.',
                stacklevel=3,
            )

    def __delete__(self, layer: Any) -> None:
        del vars(layer)["qconfig"]
