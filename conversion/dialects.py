"""What the generations of Keras call the same things, and where they mean different things by one name.

Every dialect ends here: what leaves :func:`translate` has Keras 3's class and argument names, and names of our own
where Keras 3 has none for the older meaning: the activation ``hard_sigmoid_keras2``, ``Bidirectional``'s
``zero_output_for_mask``, ``hold_initial_state`` and ``ends_mask`` of recurrent layers.

A difference is a row of ``_ROWS``: the classes that it is of, who wrote it so, and the rule that turns it into Keras
3's words, one of those below or a function that changes the layer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch_keras_lstm.conversion import keras_1, tfjs_dialect
from torch_keras_lstm.conversion.argument_kinds import is_serialized_object
from torch_keras_lstm.conversion.producer import Generation, Producer


@dataclass
class SavedLayer:
    """A layer on its way into Keras 3's words, which the rules change.

    Attributes:
        class_name: as in the file, until a rule changes it.
        arguments: as in the file, until rules change them.
        producer: who wrote it.
        place: the layer as an error names it.
        notes: what could not be said in Keras 3's terms.
    """

    class_name: str
    arguments: dict[str, Any]
    producer: Producer
    place: str
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.place} ({self.class_name})"


Rule = Callable[[SavedLayer], None]


class Row(NamedTuple):
    """Something that one Keras wrote otherwise.

    Attributes:
        classes: of which layers; ``None`` for all.
        written: whether a producer writes it so: :func:`by_all`, :func:`before` and their like.
        rule: makes of it what Keras 3 means by it.
    """

    classes: tuple[str, ...] | None
    written: Callable[[Producer], bool]
    rule: Rule


def translate(
    class_name: str, config: Mapping[str, Any], producer: Producer, place: str
) -> tuple[str, dict[str, Any], list[str]]:
    """A layer's class and arguments in Keras 3's names, without those that mean nothing.

    Args:
        class_name: as in the file.
        config: as in the file.
        producer: who wrote it.
        place: the layer as an error names it.

    Returns:
        The class, the arguments, and notes on what could not be said in Keras 3's terms.

    Raises:
        ValueError: naming the place, for arguments that ask for what is not supported.
    """
    layer = SavedLayer(class_name, dict(config), producer, place)
    for classes, written, rule in _ROWS:
        if (classes is None or layer.class_name in classes) and written(producer):
            rule(layer)
    return layer.class_name, layer.arguments, layer.notes


def older_names(class_name: str) -> list[str]:
    """The names under which other Kerases wrote what is ``class_name`` here."""
    renamed_classes = keras_1.CLASSES | _OTHER_CLASSES | {old: new for old, (new, _) in _CUDNN_CLASSES.items()}
    return sorted(old for old, new in renamed_classes.items() if new == class_name)


def function_name(identifier: object) -> str | None:
    """The name in a serialized function: ``"tanh"``, or Keras 3's ``{"class_name": "function", "config": "tanh"}``."""
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
        identifier = identifier.get("config")
    return identifier if isinstance(identifier, str) else None


def exchanged_tversky(losses: Any) -> Any:
    """The configurations of losses from the words of Keras 3.16 into those before it, and from those into these.

    The two call the weights of ``Tversky`` by each other's name: ``alpha`` is that of what is missed, and since 3.16
    that of what is added.
    """
    if isinstance(losses, list):
        return [exchanged_tversky(loss) for loss in losses]
    if not isinstance(losses, dict):
        return losses
    if losses.get("class_name") != "Tversky" or not isinstance(config := losses.get("config"), dict):
        return {name: exchanged_tversky(loss) for name, loss in losses.items()}
    exchanged = {"alpha": config.get("beta", 0.5), "beta": config.get("alpha", 0.5)}
    return {**losses, "config": {**config, **exchanged}}


# Who wrote it.


def by_all(producer: Producer) -> bool:
    """Every Keras, and who does not say."""
    return True


def by_keras_1(producer: Producer) -> bool:
    """Keras 1."""
    return producer.generation is Generation.KERAS_1


def for_tfjs(producer: Producer) -> bool:
    """TF.js, and the converter that wrote for it what a Keras before 3 had saved."""
    return producer.tfjs is not None


def since_3_16(producer: Producer) -> bool:
    """Keras 3.16 and later."""
    return producer.has_rules_of_3_16


def before(generation: Generation) -> Callable[[Producer], bool]:
    """The generations before this one; of versions within one, :meth:`.Producer.before` tells."""
    return lambda producer: producer.generation < generation


# Rules that several differences share.


def renamed(old: str, new: str) -> Rule:
    """An argument that has another name now."""

    def rule(layer: SavedLayer) -> None:
        if old in layer.arguments:
            layer.arguments[new] = layer.arguments.pop(old)

    return rule


def dropped(*names: str) -> Rule:
    """Arguments that say nothing."""

    def rule(layer: SavedLayer) -> None:
        for name in names:
            layer.arguments.pop(name, None)

    return rule


def default(name: str, value: Any) -> Rule:
    """An argument that, where it is not written, had a value that it has not now."""

    def rule(layer: SavedLayer) -> None:
        layer.arguments.setdefault(name, value)

    return rule


def fixed(name: str, value: Any) -> Rule:
    """What was always computed so, whatever is written."""
    return lambda layer: layer.arguments.update({name: value})


# Rules of one difference each.


def _in_words_of_keras_2(layer: SavedLayer) -> None:
    layer.class_name, layer.arguments, notes = keras_1.from_keras_1(layer.class_name, layer.arguments, layer.place)
    layer.notes += notes


def _as_tfjs_reads_it(layer: SavedLayer) -> None:
    layer.arguments = tfjs_dialect.from_tfjs(layer.class_name, layer.arguments, layer.place)


def _without_unknown(layer: SavedLayer) -> None:
    layer.arguments = tfjs_dialect.without_void(layer.class_name, layer.arguments)


# What only a `Merge` by a function of the user's own had a use for.
_OF_MERGE_FUNCTIONS = ("output_shape", "output_shape_type", "output_mask", "output_mask_type", "arguments")


def _without_merge_functions(layer: SavedLayer) -> None:
    if layer.arguments.pop("mode_type", "raw") != "raw":
        raise ValueError(f"{layer} merges by Python code of its author, which is never run.")
    dropped(*_OF_MERGE_FUNCTIONS)(layer)


# cuDNN's layers of Keras 2 computed one configuration only, which their files leave out.
_CUDNN_GATES = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}
_CUDNN_CLASSES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "CuDNNGRU": ("GRU", _CUDNN_GATES | {"reset_after": True}),
    "CuDNNLSTM": ("LSTM", _CUDNN_GATES),
}


def _from_cudnn(layer: SavedLayer) -> None:
    layer.class_name, arguments = _CUDNN_CLASSES[layer.class_name]
    layer.arguments |= arguments


# Keras 3.16's name of the one class, and tf.keras' of the other where it is about the batches of all devices.
_OTHER_CLASSES = {"GroupedQueryAttention": "GroupQueryAttention", "SyncBatchNormalization": "BatchNormalization"}


def _of_another_class(layer: SavedLayer) -> None:
    if layer.class_name == "SyncBatchNormalization":
        layer.arguments["synchronized"] = True
    layer.class_name = _OTHER_CLASSES[layer.class_name]


# Arguments without a meaning for what a layer computes, and the values that may be dropped (None: any).
_VOID: Mapping[str, tuple[Any, ...] | None] = {
    "input_dtype": None,
    "input_length": None,
    "key_shape": None,
    # The kernel comes with its update of low rank added, by whoever wrote the file or by `quantized.py`.
    "lora_alpha": None,
    "lora_rank": None,
    "gptq_unpacked_column_size": None,
    "batch_input_shape": None,
    "batch_shape": None,
    "enable_caching_device": None,
    "fused": None,
    "num_constants": (None, 0),
    "quantization_config": None,  # the arrays tell more
    "query_shape": None,
    "ragged": (False,),
    "reverse_state_order": (False,),
    "rng_type": None,
    "sparse": (False,),
    "time_major": (False,),
    "transform_bias": None,
    "value_shape": None,
}


def _without_void(layer: SavedLayer) -> None:
    for name, values in _VOID.items():
        if name in layer.arguments and (values is None or layer.arguments[name] in values):
            del layer.arguments[name]


def _refuse_time_major(layer: SavedLayer) -> None:
    if "time_major" in layer.arguments:
        raise ValueError(f"{layer} has `time_major=True`, which is not supported: batch comes first here.")


def _refuse_constants(layer: SavedLayer) -> None:
    if "num_constants" in layer.arguments:
        raise ValueError(
            f"{layer} is called with `constants` (`num_constants` = {layer.arguments['num_constants']!r}): no cell of "
            "Keras' own takes them, and here none can."
        )


def _second_implementation(layer: SavedLayer) -> None:
    if layer.arguments.get("implementation") == 0:
        layer.arguments["implementation"] = 1


def _hard_sigmoid_of_keras_2(layer: SavedLayer) -> None:
    for name in ("activation", "recurrent_activation"):
        if function_name(layer.arguments.get(name)) == "hard_sigmoid":
            layer.arguments[name] = "hard_sigmoid_keras2"


def _contrast_on_both_sides(layer: SavedLayer) -> None:
    factor = layer.arguments.get("factor")
    if isinstance(factor, int | float):
        layer.arguments["factor"] = [factor, factor]


def _seed_of_generator(layer: SavedLayer) -> None:
    seed = layer.arguments.get("seed")
    if is_serialized_object(seed) and isinstance(seed["config"], dict):
        layer.arguments["seed"] = seed["config"].get("seed")


def _held_initial_state(layer: SavedLayer) -> None:
    if not layer.arguments.get("unroll"):
        layer.arguments["hold_initial_state"] = True


def _single_axis(layer: SavedLayer) -> None:
    axis = layer.arguments.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        layer.arguments["axis"] = axis[0]


def _all_steps_at_once(layer: SavedLayer) -> None:
    if _told_apart_by_step(layer.arguments.get("layer")):
        layer.arguments["all_steps_at_once"] = True


def _told_apart_by_step(layer: object) -> bool:
    """Whether it shows in training if the layer's configuration is called for each step by itself."""
    if isinstance(layer, list | tuple):
        return any(map(_told_apart_by_step, layer))
    if not isinstance(layer, Mapping):
        return False
    shows = layer.get("class_name") == "BatchNormalization" or layer.get("activity_regularizer") is not None
    return shows or any(map(_told_apart_by_step, layer.values()))


_before_keras_3 = before(Generation.KERAS_3)
_RECURRENT = ("GRU", "LSTM", "RNN", "SimpleRNN")
# Layers that hand tensors which are the same at every step to their cell, if it is one that takes such `constants`.
_WITH_CONSTANTS = ("Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", *_RECURRENT)
# Layers that give their output another mask, or other values at masked steps, since Keras 3.
_MERGING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
# Layers that hand no mask on since Keras 3.16.
OVER_TIME = ("Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "TimeDistributed", *_RECURRENT)
_OF_SEPARABLE = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")

# Read from the top, so that a row sees what those above it made of the layer.
_ROWS = (
    Row(None, by_keras_1, _in_words_of_keras_2),
    Row(None, for_tfjs, _as_tfjs_reads_it),
    Row(("Merge",), by_all, _without_merge_functions),
    Row(tuple(_CUDNN_CLASSES), by_all, _from_cudnn),
    Row(tuple(_OTHER_CLASSES), by_all, _of_another_class),
    Row(None, by_all, _without_void),
    Row(None, by_all, _refuse_time_major),
    Row(_WITH_CONSTANTS, by_all, _refuse_constants),
    Row(None, by_all, _second_implementation),  # 0 has been an alias of 1 since Keras 2
    # what they wrote of the class from which they derive a layer, and the layer does not use
    Row(("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), _before_keras_3, dropped("implementation")),
    Row(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _before_keras_3, dropped("groups")),
    Row(("DepthwiseConv1D", "DepthwiseConv2D"), _before_keras_3, dropped("groups")),
    Row(("SeparableConv1D", "SeparableConv2D"), _before_keras_3, dropped(*_OF_SEPARABLE)),
    Row(None, _before_keras_3, _hard_sigmoid_of_keras_2),
    Row(None, by_all, _seed_of_generator),  # Keras 3 writes a whole SeedGenerator
    Row(_RECURRENT, lambda producer: producer.holds_initial_states, _held_initial_state),
    Row(("BatchNormalization",), by_all, _single_axis),  # tf.keras until 2.9
    Row(("CategoryEncoding",), by_all, renamed("max_tokens", "num_tokens")),  # its name until TensorFlow 2.5
    Row(("LeakyReLU",), by_all, renamed("alpha", "negative_slope")),  # its name before Keras 3
    # Keras 2 wrote it and used its own
    Row(("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"), by_all, dropped("noise_shape")),
    Row(("GRU", "GRUCell"), _before_keras_3, default("reset_after", False)),  # unknown before 2.1.3, written since
    # Keras 1 and 2 wrote it; one way to compute it draws the same masks
    Row(("SimpleRNN", "SimpleRNNCell"), by_all, dropped("implementation")),
    Row(("Bidirectional",), before(Generation.TF_KERAS), fixed("zero_output_for_mask", False)),
    Row(_MERGING, _before_keras_3, fixed("combine_masks", "all")),
    Row(("TimeDistributed",), lambda one: _before_keras_3(one) and not for_tfjs(one), _all_steps_at_once),
    # older tf.keras did not write it
    Row(("MultiHeadAttention",), _before_keras_3, default("softmax_robust_masking", False)),
    Row(("RandomCrop",), _before_keras_3, fixed("resizes_in_inference", True)),
    Row(("RandomContrast",), _before_keras_3, _contrast_on_both_sides),
    Row(OVER_TIME, since_3_16, fixed("ends_mask", True)),
    Row(("AdditiveAttention", "Attention"), since_3_16, fixed("unseen_gives_zeros", True)),
    Row(None, for_tfjs, _without_unknown),
)
