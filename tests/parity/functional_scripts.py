"""Functional models as a Keras user writes them, in terms of a namespace: ``keras``, or this package."""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Script = Callable[[Any, np.random.Generator], tuple[Any, Any]]


def _padded(random: np.random.Generator, *shape: int) -> Array:
    values = random.normal(size=shape)
    values[0, -2:] = values[1, :1] = values[2] = 0.0
    return values


def _words(random: np.random.Generator, size: int, *shape: int) -> Array:
    words = random.integers(1, size, size=shape)
    words[0, -2:] = words[1, -1:] = 0
    return words


def encoder_decoder(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Masks of words on both sides; with an initial state the decoder gets none, what follows it does."""
    encoder_inputs, decoder_inputs = k.Input(shape=(None,)), k.Input(shape=(None,), name="target")
    embedded = k.layers.Embedding(13, 5, mask_zero=True)(encoder_inputs)
    encoder = k.layers.Bidirectional(k.layers.LSTM(3, return_state=True))
    _, forward_h, forward_c, backward_h, backward_c = encoder(embedded)
    state = [k.layers.Concatenate()([forward_h, backward_h]), k.layers.Concatenate()([forward_c, backward_c])]
    embedded = k.layers.Embedding(11, 4, mask_zero=True)(decoder_inputs)
    decoded = k.layers.LSTM(6, return_sequences=True)(embedded, initial_state=state)
    again = k.layers.LSTM(2, return_sequences=True)(decoded)
    model = k.Model([encoder_inputs, decoder_inputs], [k.layers.Dense(9, activation="softmax")(decoded), again])
    return model, [_words(random, 13, 4, 6), _words(random, 11, 4, 7)]


def shared_and_nested(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """A model of two branches called as a layer, twice, with layers shared inside and out."""
    x = k.Input((5,), name="inner")
    hidden = k.layers.Dense(4, activation="tanh", name="hidden")
    inner = k.Model(inputs=x, outputs=[hidden(x), k.layers.Dense(4, name="other")(hidden(x) + x[:, :1])[:, :4]])
    tail = k.Sequential([k.layers.Dense(3, activation="elu", name="tail"), k.layers.Dense(2)])
    left, right = k.Input((6, 5), name="left"), k.Input((6, 5), name="right")
    embed = k.layers.LSTM(5, name="embed")
    (a, b), (c, _) = inner(embed(left)), inner(embed(right))
    return k.Model({"left": left, "right": right}, {"sum": tail(a + c * 2.0), "b": b}, name="twins"), {
        "left": random.normal(size=(3, 6, 5)),
        "right": random.normal(size=(3, 6, 5)),
    }


def rewired(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Features of a model's middle, and a part of it that begins there."""
    first = k.Sequential([k.Input((7, 4)), k.layers.LSTM(5, return_sequences=True, name="low"), k.layers.LSTM(3)])
    x = first.inputs[0]
    whole = k.Model(x, k.layers.Dense(2, name="head")(first.outputs[0]))
    features = k.Model(whole.input, whole.get_layer("low").output, name="features")
    upper = k.Model(first.layers[0].output, first.outputs[0], name="upper")
    y = k.Input((7, 4), name="again")
    low = features(y, training=False)
    return k.Model(y, [upper(low), k.layers.GlobalAveragePooling1D()(low)], name="all"), random.normal(size=(3, 7, 4))


def operators(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """What the operators of symbolic tensors and `ops` compute."""
    x = k.Input((6, 4))
    sequence = k.layers.LSTM(4, return_sequences=True)(x)
    last, rest = sequence[:, -1, :], sequence[:, 1:4, ::2]
    scores = k.ops.softmax(sequence @ k.ops.transpose(sequence, axes=(0, 2, 1)), axis=-1)
    pooled = k.ops.concatenate([k.ops.mean(sequence, axis=1), k.ops.max(x, axis=1), 1.0 - last / 2.0], axis=-1)
    picked = k.ops.where(k.ops.abs(last) > 0.1, last**2, -last) % 3.0
    return k.Model(x, [rest * 3.0, scores, pooled, picked // 0.01 + 2.0]), random.normal(size=(3, 6, 4))


def unused_and_uneven(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Branches of different depth, an input that leads nowhere, a layer that is called at two depths."""
    x, y, z = k.Input((5, 4)), k.Input((4,)), k.Input((2,), name="unused")
    dense = k.layers.Dense(4, activation="tanh")
    deep = dense(k.layers.LSTM(4)(k.layers.LSTM(3, return_sequences=True)(x)))
    shallow = dense(y)
    joined = k.layers.Add()([deep, shallow, dense(deep)])
    repeated = k.layers.LSTM(3, return_sequences=True)(k.layers.RepeatVector(3)(joined))
    outputs = (k.layers.TimeDistributed(k.layers.Dense(2))(repeated), shallow)
    arrays = [random.normal(size=(3, 5, 4)), random.normal(size=(3, 4)), random.normal(size=(3, 2))]
    return k.Model([x, y, z], [*outputs]), arrays


def attention(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Layers that take several tensors, in a list or by name, and masks that meet."""
    x, y = k.Input((6, 4), name="queries"), k.Input((7, 4), name="memory")
    masked = k.layers.Masking()(x)
    first = k.layers.LSTM(4, return_sequences=True)(masked)
    added = k.layers.Add()([masked, first])
    # Without biases on the keys, the gradients of which are nothing but rounding.
    attend = k.layers.MultiHeadAttention(3, 4, use_bias=False)
    attended = attend(added, y, key=k.layers.Dense(4, use_bias=False)(y))
    mixed = k.layers.Attention(use_scale=True)([attended, y])
    summed = k.layers.LSTM(3)(added)
    return k.Model([x, y], [summed, k.layers.Concatenate()([mixed, first])]), [
        _padded(random, 4, 6, 4),
        random.normal(size=(4, 7, 4)),
    ]


SCRIPTS: tuple[Script, ...] = (
    encoder_decoder,
    shared_and_nested,
    rewired,
    operators,
    unused_and_uneven,
    attention,
)


def random_script(seed: int) -> Script:
    """A graph of layers that are called on whatever there is: several inputs and outputs, some layers shared."""

    def script(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
        draw = np.random.default_rng(seed)

        def size() -> int:
            return int(draw.integers(2, 6))

        inputs = [k.Input((5, size()), name=name) for name in ("x", "y", "z")[: draw.integers(1, 4)]]
        sequences, vectors, shared = list(inputs), [], []
        for _ in range(draw.integers(4, 10)):
            x = sequences[draw.integers(len(sequences))]
            kind = draw.choice(["lstm", "both", "states", "steps", "join", "last", "sum", "again", "arithmetic"])
            if kind == "lstm":
                sequences.append(k.layers.LSTM(size(), return_sequences=True, go_backwards=bool(draw.integers(2)))(x))
            elif kind == "both":
                sequences.append(k.layers.Bidirectional(k.layers.LSTM(size(), return_sequences=True))(x))
            elif kind == "states":
                units = size()
                _, hidden, cell = k.layers.LSTM(units, return_state=True)(x)
                y = sequences[draw.integers(len(sequences))]
                sequences.append(k.layers.LSTM(units, return_sequences=True)(y, initial_state=[hidden, cell]))
                vectors.append(cell)
            elif kind == "steps":
                layer = k.layers.TimeDistributed(k.layers.Dense(x.shape[-1], activation="tanh"))
                shared.append((layer, x.shape))
                sequences.append(layer(x))
            elif kind == "join":
                sequences.append(k.layers.Concatenate()([x, sequences[draw.integers(len(sequences))]]))
            elif kind == "last":
                vectors.append(k.layers.Dense(4)(x[:, -1]))
            elif kind == "sum" and len(vectors) > 1:
                alike = [vector for vector in vectors if vector.shape == vectors[0].shape]
                vectors.append(k.layers.Add()(alike) if len(alike) > 1 else k.layers.Dense(4)(vectors[-1]))
            elif kind == "again" and shared:
                layer, shape = shared[draw.integers(len(shared))]
                fitting = [sequence for sequence in sequences if sequence.shape == shape]
                sequences.append(layer(fitting[draw.integers(len(fitting))]))
            elif kind == "arithmetic":
                sequences.append(1.0 - x * x / 3.0)
        outputs = [k.layers.LSTM(2)(sequences[-1]), *vectors[-2:]]
        arrays = [random.normal(size=(3, *tensor.shape[1:])) for tensor in inputs]
        return k.Model(inputs, outputs), arrays

    script.__name__ = f"random {seed}"
    return script
