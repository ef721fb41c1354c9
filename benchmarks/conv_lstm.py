"""A convolutional LSTM beside Keras' on TensorFlow: ``python -m benchmarks.conv_lstm [--threads 2] [--rounds 15]``.

Outputs and gradients are compared first. Then both take turns in one process, each with as many threads; printed are
the medians of milliseconds and the median of the ratios within a round. ``--cpu-time`` counts the processor's seconds
and not the clock's, for a machine that others use: with one thread only, TensorFlow's held to one processor too.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

SHAPE, FILTERS, WINDOW = (4, 10, 24, 24, 3), 16, 3
"""(batch, time, height, width, channels), of a small film."""


def sides(threads: int) -> tuple[Callable[[bool], list[Any]], Callable[[bool], list[Any]]]:
    """Ours and Keras', each for training or not: gives the output or, in training, the gradients."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    from torch_keras_lstm.layers import ConvLSTM2D

    torch.set_num_threads(threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal(SHAPE).astype(np.float32)
    layer = ConvLSTM2D(FILTERS, WINDOW, padding="same", return_sequences=True)
    theirs = keras.layers.ConvLSTM2D(FILTERS, WINDOW, padding="same", return_sequences=True)
    layer.build(SHAPE)
    theirs.build(SHAPE)
    weights = [rng.normal(0, 0.1, array.shape).astype(np.float32) for array in layer.get_weights()]
    layer.set_weights(weights)
    theirs.set_weights(weights)
    given = rng.standard_normal((*SHAPE[:4], FILTERS)).astype(np.float32)
    of_output, for_torch = torch.from_numpy(given), torch.from_numpy(inputs).requires_grad_()
    for_keras, of_theirs = tf.constant(inputs), tf.constant(given)

    def ours(training: bool) -> list[Any]:
        if not training:
            with torch.inference_mode():
                return [layer(for_torch)]
        parts = [for_torch, *layer.parameters()]
        found = torch.autograd.grad(layer(for_torch), parts, of_output)
        return [one.movedim((0, 1), (-1, -2)) if one.dim() == 4 else one for one in found]  # as Keras lays out kernels

    forward = tf.function(lambda values: theirs(values))

    def recorded(values: Any, arriving: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(values)
            output = theirs(values)
        return tape.gradient(output, [values, *theirs.trainable_variables], output_gradients=arriving)

    gradients = tf.function(recorded)

    def keras_on_tensorflow(training: bool) -> list[Any]:
        return list(gradients(for_keras, of_theirs)) if training else [forward(for_keras)]

    return ours, keras_on_tensorflow


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cpu-time", action="store_true")
    arguments = parser.parse_args()
    if arguments.cpu_time:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    clock = time.process_time if arguments.cpu_time else time.perf_counter
    both = sides(1 if arguments.cpu_time else arguments.threads)
    for training, mode in ((False, "forward"), (True, "training")):
        for one, other in zip(both[0](training), both[1](training), strict=True):
            other = np.asarray(other)
            error = np.abs(np.asarray(one.detach()) - other).max() / np.abs(other).max()
            if error > 1e-4:
                raise SystemExit(f"{mode}: the two differ by {error:.2g} of the largest value")
        rounds = []
        for _ in range(arguments.rounds + 2):
            seconds = []
            for side in both:
                start = clock()
                side(training)
                side(training)
                seconds.append((clock() - start) / 2)
            rounds.append(seconds)
        rounds = rounds[2:]  # the first ones make graphs
        ours, theirs = (1e3 * statistics.median(one[side] for one in rounds) for side in (0, 1))
        ratio = statistics.median(one / other for one, other in rounds)
        print(f"{mode}: {ours:.1f} ms, Keras on TensorFlow {theirs:.1f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
