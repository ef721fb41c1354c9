"""The converter: Keras model files into PyTorch models, without Keras or TensorFlow."""

from torch_keras_lstm.conversion.loading import convert, inspect, load_model
from torch_keras_lstm.conversion.report import LayerReport, Report

__all__ = ["LayerReport", "Report", "convert", "inspect", "load_model"]
