"""Keras 2 on TensorFlow, as the package tf_keras keeps it."""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from benchmarks.cases import Case
from benchmarks.peers import tensorflow_job
from benchmarks.peers.job import Job
from benchmarks.peers.keras_layer import keras_layer

set_threads = tensorflow_job.set_threads


def hard_sigmoid(x: Any) -> Any:
    """Keras 3's; Keras 2 has another formula under this name."""
    return tf.nn.relu6(x + 3.0) / 6.0


def prepare(case: Case) -> Job:
    """The layer inside tf.function."""
    others: dict[str, Any] = {"stateful": case.mode == "stream"}
    if case.configuration.recurrent_activation == "hard_sigmoid":
        others["recurrent_activation"] = hard_sigmoid
    keras.utils.set_random_seed(0)
    return tensorflow_job.tensorflow_job(case, keras_layer(keras, case, **others))
