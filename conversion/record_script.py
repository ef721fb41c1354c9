"""Run a Keras model on seeded inputs, and record what the model and each of its layers answer.

    python record.py MODEL [WEIGHTS] RECORD.npz

For the machine where the model runs: any Python from 2.7, NumPy, and that machine's Keras (1, 2, tf.keras or 3). Where
torch_keras_lstm is, `torch-keras-lstm verify MODEL --record RECORD.npz` then compares the converted model.

MODEL is what this Keras' `load_model` reads, or the JSON or YAML of an architecture, which needs WEIGHTS. The record
holds the inputs x0, x1, ..., the outputs y0, y1, ..., and under layer/NAME what the first call of that layer gives;
layer/NAME:1, ... when it gives more tensors. Keras runs the code that a model may hold: record what you trust.
"""

import argparse
import collections
import importlib
import io
import os

import numpy as np

# Classes and functions of your own that the model needs, by the names that the file gives them.
CUSTOM_OBJECTS = {}

# The sizes of what the model leaves open: how many samples, and how many steps (or rows, or columns).
SAMPLES = 4
STEPS = 7

SEED = 20240607


def record(keras, model):
    """The inputs and outputs of a Keras model, and what its layers give: two lists, and a list of (name, array).

    Everything comes from one pass, so that the state of a stateful layer is the same in all of it.
    """
    ends = input_tensors(model)
    calls = calls_before(ends, model.outputs)
    random = np.random.RandomState(SEED)
    inputs = [sample(random, end, readers(calls, end)) for end in ends]
    outputs = list(model.outputs)
    named = list(layer_outputs(calls))
    wanted = unique(outputs + [tensor for _, tensor in named])
    arrays = keras.models.Model(ends, wanted).predict_on_batch(inputs)
    arrays = dict(zip([id(tensor) for tensor in wanted], flatten(arrays)))
    of_layers = [(name, np.asarray(arrays[id(tensor)])) for name, tensor in named]
    return inputs, [np.asarray(arrays[id(tensor)]) for tensor in outputs], of_layers


def load_model(keras, path, weights=None):
    """The model of a file that this Keras reads; weights, if given, take the place of its own."""
    text = ""
    if not os.path.isdir(path):
        with io.open(path, encoding="latin-1") as file:
            text = file.read(64)
    if text.lstrip().startswith("{") or path.endswith((".yaml", ".yml")):
        with io.open(path, encoding="utf-8-sig") as file:
            text = file.read()
        read = keras.models.model_from_json if text.lstrip().startswith("{") else keras.models.model_from_yaml
        model = read(text, custom_objects=CUSTOM_OBJECTS)
    else:
        try:
            model = keras.models.load_model(path, custom_objects=CUSTOM_OBJECTS, compile=False)
        except TypeError:  # Keras 1 has no such argument
            model = keras.models.load_model(path, custom_objects=CUSTOM_OBJECTS)
    if weights is not None:
        model.load_weights(weights)
    return model


def flatten(value):
    """The tensors or arrays in lists, tuples and dictionaries; those of a dictionary by sorted name, as Keras."""
    if isinstance(value, dict):
        value = [value[name] for name in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flatten(item)]
    return [value]


def unique(tensors):
    """The tensors, each once. They are told apart by identity: to Keras, == is an operation."""
    return list({id(tensor): tensor for tensor in tensors}.values())


def input_tensors(model):
    """The model's inputs in the order in which it was made; Keras itself sorts those of a dictionary by name."""
    made_of = getattr(model, "input", None)
    return list(made_of.values()) if isinstance(made_of, dict) else list(model.inputs)


def calls_before(ends, outputs):
    """The calls between the inputs and the outputs, each after those that it needs: (layer, number, node)."""
    known = set(id(end) for end in ends)
    calls = []
    pending = [(tensor, False) for tensor in reversed(outputs)]
    while pending:
        tensor, is_ready = pending.pop()
        if id(tensor) in known:
            continue
        layer, number = tensor._keras_history[:2]
        node = (getattr(layer, "_inbound_nodes", None) or layer.inbound_nodes)[number]
        if is_ready:
            calls.append((layer, number, node))
        elif (id(layer), number) not in known:
            known.add((id(layer), number))
            pending.append((tensor, True))
            pending.extend((before, False) for before in reversed(node_inputs(node)))
    return calls


def node_inputs(node):
    """The tensors that a call takes."""
    given = getattr(node, "keras_inputs", None)  # tf.keras: keyword arguments too
    # tf.keras 1 keeps the one tensor of a call bare.
    return flatten(node.input_tensors if given is None else given)


def layer_outputs(calls):
    """(name, tensor) for what the first call of each layer gives."""
    first = {}
    for layer, number, _ in calls:
        first[layer.name] = min(number, first.get(layer.name, number))
    for layer, number, node in calls:
        if number == first[layer.name]:
            for index, tensor in enumerate(flatten(node.output_tensors)):
                yield layer.name + (":%d" % index if index else ""), tensor


def readers(calls, end):
    """The layers that an input reaches first, wrapped and nested ones included."""
    found = []
    for layer, _, node in calls:
        for place, tensor in enumerate(node_inputs(node)):
            if tensor is end:
                found.extend(inside(layer, place))
    return found


def inside(layer, place):
    """The layers that the input at this place reaches first inside of a layer, which may be a model or a wrapper."""
    if hasattr(layer, "layers") and hasattr(layer, "inputs"):
        ends = input_tensors(layer)
        return readers(calls_before(ends, layer.outputs), ends[place])
    return inside(layer.layer, place) if hasattr(layer, "layer") else [layer]


def sample(random, end, layers):
    """Indices for an Embedding, else normal numbers; the last two steps masked in front of a Masking."""
    sizes = [getattr(size, "value", size) for size in getattr(end, "_keras_shape", None) or end.shape]
    shape = [sizes[0] or SAMPLES] + [size or STEPS for size in sizes[1:]]
    dtype = getattr(end.dtype, "name", end.dtype)
    for layer in layers:
        if type(layer).__name__ == "Embedding":
            return random.randint(0, layer.input_dim, shape).astype(dtype)
    values = random.normal(size=shape)
    for layer in layers:
        if type(layer).__name__ == "Masking" and len(shape) > 2:
            values[:, -2:] = layer.mask_value
    return values.astype(dtype)


def save(path, inputs, outputs, layers):
    """Write what `record` gave."""
    arrays = [("x%d" % index, values) for index, values in enumerate(inputs)]
    arrays += [("y%d" % index, values) for index, values in enumerate(outputs)]
    arrays += [("layer/" + name, values) for name, values in layers]
    with open(path, "wb") as file:
        np.savez(file, **collections.OrderedDict(arrays))


def import_keras(names):
    """The first of these modules that is installed."""
    for name in names:
        try:
            keras = importlib.import_module(name.split(".")[0])
            for part in name.split(".")[1:]:
                keras = getattr(keras, part)
            if not hasattr(keras, "models"):  # the oldest releases import nothing by themselves
                importlib.import_module(name + ".models")
            return keras
        except ImportError:
            pass
    raise SystemExit("error: there is no Keras here: none of %s can be imported." % ", ".join(names))


def main():
    """Read the command line, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?")
    parser.add_argument("record", metavar="RECORD.npz")
    parser.add_argument("--keras", metavar="MODULE", help="keras, tensorflow.keras or tf_keras; by default the first")
    given = parser.parse_args()
    keras = import_keras([given.keras] if given.keras else ["keras", "tensorflow.keras", "tf_keras"])
    inputs, outputs, layers = record(keras, load_model(keras, given.model, given.weights))
    save(given.record, inputs, outputs, layers)
    parts = (given.record, len(inputs), len(outputs), len(layers), keras.__name__, keras.__version__)
    print("Wrote %s: %d inputs, %d outputs and %d tensors of layers, by %s %s." % parts)


if __name__ == "__main__":
    main()
