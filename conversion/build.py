"""From a description to layers: the registry of what can be built, one row a layer class."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from torch_keras_lstm import layers as keras_layers
from torch_keras_lstm.conversion.custom_layers import CustomObjects, for_layers, given_function
from torch_keras_lstm.conversion.refusals import what_to_do
from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription
from torch_keras_lstm.conversion.sources import brief
from torch_keras_lstm.conversion.unneeded import without_unneeded
from torch_keras_lstm.layers import InputLayer, Layer, deserialize, own_layer
from torch_keras_lstm.layers.rules_of_files import rules_of_3_16
from torch_keras_lstm.layers.weight import weights_are_given
from torch_keras_lstm.models import Functional, OperationLayer, Sequential
from torch_keras_lstm.operations import is_known, operation_name


@dataclass(frozen=True)
class LayerRow:
    """A layer class that can be built.

    Attributes:
        layer_class: ours, under Keras' name.
        variables: where, below the layer's own path, ``.keras`` files keep its variables. Keras' ``LSTM`` owns a cell
            that owns the weights.
        restrictions: what of it a file may not ask for, for the table of the documentation.
    """

    layer_class: type[Layer]
    variables: str = "vars"
    restrictions: str = ""


_NO_TIME_MAJOR = "`time_major=True` is refused"
_DENSE = "`sparse=True` is refused"


LAYERS: Mapping[str, LayerRow] = {
    row.layer_class.__name__: row
    for row in (
        LayerRow(keras_layers.Activation),
        LayerRow(keras_layers.ActivityRegularization),
        LayerRow(keras_layers.AdaptiveAveragePooling1D),
        LayerRow(keras_layers.AdaptiveAveragePooling2D),
        LayerRow(keras_layers.AdaptiveAveragePooling3D),
        LayerRow(keras_layers.AdaptiveMaxPooling1D),
        LayerRow(keras_layers.AdaptiveMaxPooling2D),
        LayerRow(keras_layers.AdaptiveMaxPooling3D),
        LayerRow(keras_layers.Add),
        LayerRow(keras_layers.AdditiveAttention),
        LayerRow(keras_layers.AlphaDropout),
        LayerRow(keras_layers.Attention),
        LayerRow(keras_layers.AugMix),
        LayerRow(keras_layers.AutoContrast),
        LayerRow(keras_layers.Average),
        LayerRow(keras_layers.AveragePooling1D),
        LayerRow(keras_layers.AveragePooling2D),
        LayerRow(keras_layers.AveragePooling3D),
        LayerRow(keras_layers.BatchNormalization),
        LayerRow(keras_layers.Bidirectional),
        LayerRow(keras_layers.CategoryEncoding, restrictions=_DENSE),
        LayerRow(keras_layers.CenterCrop),
        LayerRow(keras_layers.Concatenate),
        LayerRow(keras_layers.ContrastLimitedAdaptiveHistogramEqualization),
        LayerRow(keras_layers.Conv1D),
        LayerRow(keras_layers.Conv1DTranspose),
        LayerRow(keras_layers.Conv2D),
        LayerRow(keras_layers.Conv2DTranspose),
        LayerRow(keras_layers.Conv3D),
        LayerRow(keras_layers.Conv3DTranspose),
        LayerRow(keras_layers.ConvLSTM1D, variables="cell/vars"),
        LayerRow(keras_layers.ConvLSTM2D, variables="cell/vars"),
        LayerRow(keras_layers.ConvLSTM3D, variables="cell/vars"),
        LayerRow(keras_layers.Cropping1D),
        LayerRow(keras_layers.Cropping2D),
        LayerRow(keras_layers.Cropping3D),
        LayerRow(keras_layers.CutMix),
        LayerRow(keras_layers.Dense),
        LayerRow(keras_layers.DepthwiseConv1D),
        LayerRow(keras_layers.DepthwiseConv2D),
        LayerRow(keras_layers.Discretization, restrictions=_DENSE),
        LayerRow(keras_layers.Dot),
        LayerRow(keras_layers.Dropout),
        LayerRow(keras_layers.ELU),
        LayerRow(keras_layers.EinsumDense),
        LayerRow(keras_layers.Embedding, restrictions="Keras 1's `dropout` of whole embeddings is left out"),
        LayerRow(keras_layers.Equalization),
        LayerRow(keras_layers.Flatten),
        LayerRow(keras_layers.GRU, variables="cell/vars"),
        LayerRow(keras_layers.GRUCell),
        LayerRow(keras_layers.GaussianDropout),
        LayerRow(keras_layers.GaussianNoise),
        LayerRow(keras_layers.GlobalAveragePooling1D),
        LayerRow(keras_layers.GlobalAveragePooling2D),
        LayerRow(keras_layers.GlobalAveragePooling3D),
        LayerRow(keras_layers.GlobalMaxPooling1D),
        LayerRow(keras_layers.GlobalMaxPooling2D),
        LayerRow(keras_layers.GlobalMaxPooling3D),
        LayerRow(keras_layers.GroupNormalization),
        LayerRow(keras_layers.HashedCrossing, restrictions=_DENSE),
        LayerRow(keras_layers.Hashing, restrictions=_DENSE),
        LayerRow(keras_layers.GroupQueryAttention),
        LayerRow(keras_layers.Highway),
        LayerRow(keras_layers.Identity),
        LayerRow(keras_layers.IntegerLookup, restrictions=_DENSE),
        LayerRow(keras_layers.LSTM, variables="cell/vars", restrictions=_NO_TIME_MAJOR),
        LayerRow(keras_layers.LSTMCell),
        LayerRow(keras_layers.LayerNormalization),
        LayerRow(keras_layers.LeakyReLU),
        LayerRow(keras_layers.LocallyConnected1D),
        LayerRow(keras_layers.LocallyConnected2D),
        LayerRow(keras_layers.Masking),
        LayerRow(keras_layers.MaxNumBoundingBoxes),
        LayerRow(keras_layers.MaxPooling1D),
        LayerRow(keras_layers.MaxPooling2D),
        LayerRow(keras_layers.MaxPooling3D),
        LayerRow(keras_layers.Maximum),
        LayerRow(keras_layers.MaxoutDense),
        LayerRow(keras_layers.MelSpectrogram),
        LayerRow(keras_layers.Merge, restrictions="a `mode` that is Python code is refused"),
        LayerRow(keras_layers.Minimum),
        LayerRow(keras_layers.MixUp),
        LayerRow(keras_layers.Mosaic),
        LayerRow(keras_layers.MultiHeadAttention),
        LayerRow(keras_layers.Multiply),
        LayerRow(keras_layers.Normalization),
        LayerRow(keras_layers.PReLU),
        LayerRow(keras_layers.Pipeline),
        LayerRow(keras_layers.Permute),
        LayerRow(keras_layers.RMSNormalization),
        LayerRow(keras_layers.RNN, restrictions=f"of cells in this table; {_NO_TIME_MAJOR}"),
        LayerRow(keras_layers.RandAugment),
        LayerRow(keras_layers.RandomBrightness),
        LayerRow(keras_layers.RandomColorDegeneration),
        LayerRow(keras_layers.RandomColorJitter),
        LayerRow(keras_layers.RandomContrast),
        LayerRow(keras_layers.RandomCrop),
        LayerRow(keras_layers.RandomElasticTransform),
        LayerRow(keras_layers.RandomErasing),
        LayerRow(keras_layers.RandomFlip),
        LayerRow(keras_layers.RandomGaussianBlur),
        LayerRow(keras_layers.RandomGrayscale),
        LayerRow(keras_layers.RandomHeight),
        LayerRow(keras_layers.RandomHue),
        LayerRow(keras_layers.RandomInvert),
        LayerRow(keras_layers.RandomPerspective),
        LayerRow(keras_layers.RandomPosterization),
        LayerRow(keras_layers.RandomRotation),
        LayerRow(keras_layers.RandomSaturation),
        LayerRow(keras_layers.RandomSharpness),
        LayerRow(keras_layers.RandomShear),
        LayerRow(keras_layers.RandomTranslation),
        LayerRow(keras_layers.RandomWidth),
        LayerRow(keras_layers.RandomZoom),
        LayerRow(keras_layers.ReLU),
        LayerRow(keras_layers.RepeatVector),
        LayerRow(keras_layers.Rescaling),
        LayerRow(keras_layers.Reshape),
        LayerRow(keras_layers.Resizing),
        LayerRow(keras_layers.ReversibleEmbedding),
        LayerRow(keras_layers.STFTSpectrogram),
        LayerRow(keras_layers.SeparableConv1D),
        LayerRow(keras_layers.SeparableConv2D),
        LayerRow(keras_layers.SimpleRNN, variables="cell/vars"),
        LayerRow(keras_layers.SimpleRNNCell),
        LayerRow(keras_layers.Softmax),
        LayerRow(keras_layers.Solarization),
        LayerRow(keras_layers.SpatialDropout1D),
        LayerRow(keras_layers.SpatialDropout2D),
        LayerRow(keras_layers.SpatialDropout3D),
        LayerRow(keras_layers.SpectralNormalization),
        LayerRow(keras_layers.StackedRNNCells),
        LayerRow(keras_layers.StringLookup, restrictions=_DENSE),
        LayerRow(keras_layers.Subtract),
        LayerRow(keras_layers.TernaryDense),
        LayerRow(keras_layers.TextVectorization, restrictions="`sparse=True` and `ragged=True` are refused"),
        LayerRow(keras_layers.ThresholdedReLU),
        LayerRow(keras_layers.TimeDistributed),
        LayerRow(keras_layers.UnitNormalization),
        LayerRow(keras_layers.UpSampling1D),
        LayerRow(keras_layers.UpSampling2D),
        LayerRow(keras_layers.UpSampling3D),
        LayerRow(keras_layers.ZeroPadding1D),
        LayerRow(keras_layers.ZeroPadding2D),
        LayerRow(keras_layers.ZeroPadding3D),
    )
}

# How many layers that cannot be built an error lists.
_LISTED = 4

# What the reader of configurations makes itself, from parts that it has checked.
_STRUCTURE = frozenset(part.__name__ for part in (Functional, InputLayer, OperationLayer, Sequential))


def why_not(model: ModelDescription, custom_objects: CustomObjects, needs_shape: bool = True) -> str | None:
    """Why the model cannot be built, every layer that stands in the way named, or ``None``."""
    reasons = []
    unknown = unsupported(model, custom_objects)
    if unknown:
        listed = ", ".join(f"{_class_of(layer)} ({_in_sentence(layer.place)})" for layer in unknown[:_LISTED])
        listed += f" and {len(unknown) - _LISTED} more" if len(unknown) > _LISTED else ""
        reasons += [f"Layers that are not supported: {listed}.", *what_to_do(unknown)]
    if not reasons and not model.layers:
        reasons.append("The model has no layers.")
    if needs_shape and not reasons and model.graph is None and model.input_shape is None:
        reasons.append(
            "The configuration does not tell the shape of the model's input: save the model after building it."
        )
    return " ".join(reasons) or None


def unsupported(model: ModelDescription, custom_objects: CustomObjects) -> list[LayerDescription]:
    """The layers, wrapped ones included, whose class has no row, and the operations that are unknown."""
    return [layer for top in model.layers for layer in top.walk() if not _is_supported(layer, custom_objects)]


def _is_supported(layer: LayerDescription, custom_objects: CustomObjects) -> bool:
    if layer.class_name == OperationLayer.__name__:
        return is_known(layer.arguments["operation"], layer.arguments["arguments"])
    if layer.class_name == "Lambda" and given_function(layer, custom_objects) is not None:
        return True
    return layer.class_name in LAYERS.keys() | _STRUCTURE | custom_objects.keys()


def _class_of(layer: LayerDescription) -> str:
    if layer.class_name != OperationLayer.__name__:
        return layer.class_name
    name = operation_name(layer.arguments["operation"], layer.arguments["arguments"])
    return f"operation `{name}`"


def build_layers(model: ModelDescription, custom_objects: CustomObjects, needs_shape: bool = True) -> list[Layer]:
    """The model's layers, made but not built: but for embeddings, weights have neither shape nor memory yet.

    Args:
        model: what is to be made.
        custom_objects: what it names and only the user has.
        needs_shape: whether the shape of the model's input must be known.

    Raises:
        ValueError: naming every layer that cannot be built, or the layer whose arguments are refused.
    """
    reason = why_not(model, custom_objects, needs_shape)
    if reason is not None:
        raise ValueError(reason)
    own = for_layers(model, custom_objects)
    with rules_of_3_16(model.producer.has_rules_of_3_16):
        return [_build_layer(layer, own, custom_objects) for layer in model.layers]


def shaped_layers(model: ModelDescription, custom_objects: CustomObjects) -> list[Layer]:
    """The model's layers, built on torch's ``meta`` device: shapes without memory, however large a file claims them.

    Raises:
        ValueError: as :func:`build_layers`, and when a layer cannot take the output of the one before.
    """
    with without_memory():
        layers = build_layers(model, custom_objects)
        assemble(model, layers)
    return layers


@contextmanager
def without_memory() -> Iterator[None]:
    """Inside, layers are made on torch's ``meta`` device."""
    with torch.device("meta"), _MetaInPlaceOfCpu(), weights_are_given():
        yield


def build_as(shaped: Sequence[Layer], layers: Sequence[Layer]) -> None:
    """Build those of ``layers`` whose class is the user's own and defines ``build``, for the shapes of their twins.

    All others take their shapes from the weights that they are given.
    """
    for twin, layer in zip(shaped, layers, strict=True):
        for path, module in [*twin.named_modules()]:
            if isinstance(module, Layer) and module._is_own and (config := module.get_build_config()) is not None:
                own = layer.get_submodule(path)
                if isinstance(own, Layer) and own_layer.has_own_build(type(own)):
                    own.build_from_config(config)


class _MetaInPlaceOfCpu(TorchFunctionMode):
    """Makes tensors on ``meta`` also where a function asks for the CPU by name, as initializers do for their draws."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in (torch.empty, torch.zeros, torch.ones, torch.full, torch.eye):
            options["device"] = "meta"
        return func(*args, **options)


def assemble(model: ModelDescription, layers: Sequence[Layer]) -> Sequential | Functional:
    """The model of these layers, which are built for the model's input shapes unless they are already.

    Raises:
        ValueError: naming the layer that cannot take its input.
    """
    if model.graph is not None:
        functional = Functional.from_graph(layers, model.graph, name=model.name)
        with _of_our_own_kind("The model's graph"):
            functional.build()
        return functional
    sequential = Sequential(name=model.name)
    if model.input_shape is not None:
        sequential.add(InputLayer(batch_shape=model.input_shape, dtype=model.input_dtype))
    for layer, description in zip(layers, model.layers, strict=True):
        with _naming_layer(description):
            sequential.add(layer)
    return sequential


def _build_layer(description: LayerDescription, makers: CustomObjects, custom_objects: CustomObjects) -> Layer:
    with _naming_layer(description):
        return deserialize(without_unneeded(description.to_config(), custom_objects), makers)


def _naming_layer(description: LayerDescription) -> AbstractContextManager[None]:
    return _of_our_own_kind(f"{description.place} ({description.class_name})", always=True)


@contextmanager
def _of_our_own_kind(place: str, always: bool = False) -> Iterator[None]:
    """Put ``place`` in front of an error, and make any a ``ValueError``.

    What a layer of somebody's own, or torch, raises for sizes that cannot be, is any exception, and long.

    Args:
        always: name the place in a ``ValueError`` too, which may do so itself.
    """
    try:
        yield
    except ValueError as error:
        if not always:
            raise
        raise ValueError(f"{place}: {_first_line(error)}") from None
    except Exception as error:
        raise ValueError(f"{place}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    text = str(error) if isinstance(error, ValueError | TypeError) else f"{type(error).__name__}: {error}"
    return brief((text.strip().splitlines() or [type(error).__name__])[0])


def _in_sentence(place: str) -> str:
    return place[0].lower() + place[1:]
