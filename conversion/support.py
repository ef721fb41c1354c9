"""The table of what can be converted, from the registries that the converter itself goes by.

``python -m torch_keras_lstm.conversion.support > docs/support.md`` writes it.
"""

import sys
from collections.abc import Iterable, Iterator

from torch_keras_lstm.conversion.argument_kinds import ARGUMENTS
from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.dialects import older_names
from torch_keras_lstm.conversion.refusals import NOT_HERE
from torch_keras_lstm.operations.node_def import NODES
from torch_keras_lstm.operations.table import OPERATIONS
from torch_keras_lstm.operations.tensorflow_names import TENSORFLOW_FUNCTIONS

_INTRODUCTION = """\
# What is converted

This page is printed by `python -m torch_keras_lstm.conversion.support`. `torch-keras-lstm inspect FILE` tells of a file
what in it cannot be converted, layer by layer.

Models are Sequential or Functional, nested in each other, with shared layers, several inputs and several outputs.
Layers that Keras 3 quantized (int8, int4, float8, GPTQ, AWQ), or updated by factors of low rank (LoRA), are read as the
float numbers that they stand for; policies of mixed precision as float32, or with Keras' numbers in half precision
when asked for as saved ([numerics](numerics.md#half-precision)).

They stand in whole-model `.h5` files of Keras 1, 2, tf.keras and Keras 3, in `.keras` files of tf.keras and Keras 3, in
SavedModel folders of tf.keras, in layers models of TF.js (`model.json` beside its shards, converted from Keras or of
TF.js' own, quantized ones too; graph models have no layers), in checkpoints of Keras 3's `OrbaxCheckpoint` (with the
extra `orbax`), and as JSON or YAML with a file of weights.

## Layers

Arguments have Keras 3's names; those of Keras 1 and 2 are translated. Every layer has `name`, `trainable`, `dtype` and
`activity_regularizer` as well. An argument that is not listed is an error, unless it means nothing.
"""

_OPERATIONS = """\
## Operations in the graph of a Functional model

Operation nodes of Keras 3 (`keras.ops`), by class:
"""

_NOT_HERE = """\
## Layers that are not here

A file with one is refused by its name, unless `custom_objects` has a layer for it.
"""

_TENSORFLOW = """\
Functions of TensorFlow in `TFOpLambda` and `SlicingOpLambda` nodes of tf.keras, by name:
"""

_NODES = """\
Operations of TensorFlow's graph in `TensorFlowOpLayer` nodes of older tf.keras:
"""


def support_page() -> str:
    """The page in Markdown."""
    parts = [_INTRODUCTION, "\n".join(_layers()) + "\n", _NOT_HERE, "\n".join(_not_here()) + "\n"]
    for heading, names in ((_OPERATIONS, OPERATIONS), (_TENSORFLOW, TENSORFLOW_FUNCTIONS), (_NODES, NODES)):
        parts += [heading, _listed(names) + "\n"]
    return "\n".join(parts)


def _layers() -> Iterator[str]:
    yield "| layer | also read | arguments | restrictions |"
    yield "|---|---|---|---|"
    for name, row in sorted(LAYERS.items(), key=lambda item: item[0].lower()):
        arguments = _listed(ARGUMENTS.get(name, ()))
        yield f"| `{name}` | {_listed(older_names(name))} | {arguments} | {row.restrictions} |"


def _not_here() -> Iterator[str]:
    yield "| layer | what it is, or what to use |"
    yield "|---|---|"
    for name, reason in sorted(NOT_HERE.items(), key=lambda item: item[0].lower()):
        yield f"| `{name}` | {reason} |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


if __name__ == "__main__":
    sys.stdout.write(support_page())
