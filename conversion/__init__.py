"""The converter: Keras model files into PyTorch models, without Keras or TensorFlow."""

from torch_keras_lstm.conversion.hdf5_library import hdf5_by
from torch_keras_lstm.conversion.keras_3_config import KERAS_VERSION, keras_version, model_config
from torch_keras_lstm.conversion.loading import convert, inspect, load_model, model_from_config
from torch_keras_lstm.conversion.model_weights import load_weights
from torch_keras_lstm.conversion.python_source import convert_to_source
from torch_keras_lstm.conversion.report import LayerReport, Report
from torch_keras_lstm.conversion.saved_training import SavedTraining, compile_as_saved, load_training
from torch_keras_lstm.conversion.training_description import Training, describe_training
from torch_keras_lstm.conversion.verify import LayerComparison, OutputComparison, Verification, save_record, verify
from torch_keras_lstm.conversion.writing import save_model, save_weights

__all__ = [
    "KERAS_VERSION",
    "LayerComparison",
    "LayerReport",
    "OutputComparison",
    "Report",
    "SavedTraining",
    "Training",
    "Verification",
    "compile_as_saved",
    "convert",
    "convert_to_source",
    "describe_training",
    "hdf5_by",
    "inspect",
    "keras_version",
    "load_model",
    "load_training",
    "load_weights",
    "model_config",
    "model_from_config",
    "save_model",
    "save_record",
    "save_weights",
    "verify",
]
