"""``keras.utils``: what scripts prepare data with, and seeds. Names, arguments and results are Keras'."""

from typing import TYPE_CHECKING

from torch_keras_lstm.console import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from torch_keras_lstm.layers.naming import clear_session
from torch_keras_lstm.lazily import lazily
from torch_keras_lstm.preprocessing.audio_directory import audio_dataset_from_directory
from torch_keras_lstm.preprocessing.text_directory import text_dataset_from_directory
from torch_keras_lstm.preprocessing.timeseries import timeseries_dataset_from_array
from torch_keras_lstm.training.py_dataset import PyDataset
from torch_keras_lstm.utils.config_values import Config
from torch_keras_lstm.utils.normalize import normalize
from torch_keras_lstm.utils.pack_x_y_sample_weight import pack_x_y_sample_weight, unpack_x_y_sample_weight
from torch_keras_lstm.utils.pad_sequences import pad_sequences
from torch_keras_lstm.utils.progbar import Progbar
from torch_keras_lstm.utils.random_seed import set_random_seed
from torch_keras_lstm.utils.registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from torch_keras_lstm.utils.split_dataset import split_dataset
from torch_keras_lstm.utils.symbolic import get_source_inputs, is_keras_tensor, standardize_dtype
from torch_keras_lstm.utils.to_categorical import to_categorical

if TYPE_CHECKING:
    from torch_keras_lstm.saving import deserialize_keras_object, serialize_keras_object
    from torch_keras_lstm.utils.file_cache import get_file
    from torch_keras_lstm.utils.model_plots import model_to_dot, plot_model

__all__ = [
    "Config",
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

#: Keras 2's name
Sequence = PyDataset

_LAZY = {
    "deserialize_keras_object": "torch_keras_lstm.saving.objects",
    "get_file": "torch_keras_lstm.utils.file_cache",
    "model_to_dot": "torch_keras_lstm.utils.model_plots",
    "plot_model": "torch_keras_lstm.utils.model_plots",
    "serialize_keras_object": "torch_keras_lstm.saving.objects",
}
_IMAGES = "`torchvision.io` and Pillow read, write and convert images"
_ABSENT = {
    **dict.fromkeys(("array_to_img", "img_to_array", "load_img", "save_img"), _IMAGES),
    "FeatureSpace": "join `layers.StringLookup`, `Hashing`, `Discretization` and `Normalization` by `Concatenate`",
    "bounding_boxes": "`torchvision.ops` and `torchvision.tv_tensors` have them",
    "image_dataset_from_directory": "`torchvision.datasets.ImageFolder` reads such folders, and `fit` takes it",
    "legacy": "its names stand in `saving`",
}

__getattr__ = lazily(__name__, _LAZY, _ABSENT)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
