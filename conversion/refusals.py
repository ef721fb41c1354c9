"""What to do about layers that are not known, which depends on whose they are: Keras', or the model's author's."""

from collections.abc import Sequence

from torch_keras_lstm.conversion.saved_config import LayerDescription

# Layers of some Keras that are not built here, by the names that files have.
_KERAS_OWN = frozenset(
    [
        *("AbstractRNNCell", "AtrousConv1D", "AtrousConv2D"),
        *("ConvRNN2D", "DenseFeatures", "DynamicEmbedding", "DynamicLookup", "FeatureSpace", "FlaxLayer"),
        *("JaxLayer", "ParametricSoftplus"),
        *("RandomFourierFeatures", "SReLU", "TFSMLayer"),
        *("TorchModuleWrapper",),
    ]
)


def what_to_do(unknown: Sequence[LayerDescription]) -> list[str]:
    """A sentence for each kind among layers that cannot be built: Keras', Lambdas, and classes of the author's own."""
    sentences = []
    named = dict.fromkeys(layer.class_name for layer in unknown if layer.class_name != "OperationLayer")
    own = [name for name in named if name not in _KERAS_OWN and name != "Lambda"]
    theirs = [name for name in named if name in _KERAS_OWN]
    if theirs:
        kept = f"{', '.join(theirs)} {'is' if len(theirs) == 1 else 'are'} Keras' own"
        sentences.append(
            f"{kept}: a layer that you write can stand in, `custom_objects={{{theirs[0]!r}: YourLayer}}`, on the "
            f"command line `--custom {theirs[0]}=MODULE:NAME`."
        )
    if own:
        sentences.append("Classes of your own go into `custom_objects`, on the command line `--custom MODULE:NAME`.")
    lambdas = [layer for layer in unknown if layer.class_name == "Lambda"]
    if lambdas:
        name = lambdas[0].name
        sentences.append(
            "The code of a Lambda in a file is never run: give the function under the layer's name, "
            f"`custom_objects={{{name!r}: function}}`, on the command line `--custom {name}=MODULE:NAME`."
        )
    return sentences
