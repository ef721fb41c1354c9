"""What to do about layers that are not known, which depends on whose they are: Keras', or the model's author's."""

from collections.abc import Mapping, Sequence

from torch_keras_lstm.conversion.saved_config import LayerDescription

_JAX = "code of JAX, which the file holds as a name alone"
_KERAS_1 = "of Keras 1 and its `keras.layers.advanced_activations`: a layer of one's own of a few lines"
_TABLES = "feature columns of TensorFlow: `StringLookup`, `CategoryEncoding` and the like on each column"
_SERVERS = "a table that grows on parameter servers"

# Layers of some Keras that are not built here, by the names that files have, and why.
NOT_HERE: Mapping[str, str] = {
    "AbstractRNNCell": "a base for cells of one's own: derive them from `Layer`",
    "AtrousConv1D": "a name that no Keras writes: `Conv1D` with a `dilation_rate`",
    "AtrousConv2D": "a name that no Keras writes: `Conv2D` with a `dilation_rate`",
    "ConvRNN2D": "a base for cells of one's own",
    "DenseFeatures": _TABLES,
    "DynamicEmbedding": _SERVERS,
    "DynamicLookup": _SERVERS,
    "FeatureSpace": _TABLES,
    "FlaxLayer": _JAX,
    "JaxLayer": _JAX,
    "ParametricSoftplus": _KERAS_1,
    "RandomFourierFeatures": "of tf.keras' experiments: `Dense` with fixed weights and a cosine",
    "SReLU": _KERAS_1,
    "TFSMLayer": "a program of TensorFlow in a folder of its own",
    "TorchModuleWrapper": "a pickle of a module, which is never read: `TorchModuleWrapper(module)` around it",
}


def what_to_do(unknown: Sequence[LayerDescription]) -> list[str]:
    """A sentence for each kind among layers that cannot be built: Keras', Lambdas, and classes of the author's own."""
    sentences = []
    named = dict.fromkeys(layer.class_name for layer in unknown if layer.class_name != "OperationLayer")
    own = [name for name in named if name not in NOT_HERE and name != "Lambda"]
    theirs = [name for name in named if name in NOT_HERE]
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
