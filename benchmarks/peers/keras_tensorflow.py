"""Keras 3 on TensorFlow, which is what ``tf.keras`` is since TensorFlow 2.16."""

import keras

from benchmarks.cases import Case
from benchmarks.peers import tensorflow_job
from benchmarks.peers.job import Job
from benchmarks.peers.keras_layer import keras_layer

set_threads = tensorflow_job.set_threads


def prepare(case: Case) -> Job:
    """The layer inside tf.function."""
    return tensorflow_job.tensorflow_job(case, keras_layer(keras, case, stateful=case.mode == "stream", seed=0))
