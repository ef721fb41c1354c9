"""The bins that strings fall into, against live TensorFlow."""

import random

import tensorflow as tf

from torch_keras_lstm.fingerprints import fingerprint, joined, keyed_hash

BINS = 2**61 - 1
_DRAWN = random.Random(7)
STRINGS = [
    *(
        bytes(_DRAWN.randrange(256) for _ in range(size))
        for size in (*range(140), 191, 192, 193, 1000, 4096)
        for _ in "ab"
    ),
    *(str(number).encode() for number in range(-50, 50)),
    "grüße aus 東京".encode(),
]
KEYS = [(0, 0), (133, 137), (2**62 + 5, 2**63 - 1)]


def test_fingerprints() -> None:
    expected = tf.strings.to_hash_bucket_fast(tf.constant(STRINGS), BINS).numpy()
    assert [fingerprint(one) % BINS for one in STRINGS] == expected.tolist()


def test_keyed_hashes() -> None:
    for key in KEYS:
        expected = tf.strings.to_hash_bucket_strong(tf.constant(STRINGS), BINS, key=key).numpy()
        assert [keyed_hash(one, key) % BINS for one in STRINGS] == expected.tolist()


def test_crossed_features() -> None:
    numbers = [0, 1, -7, 2**40, -(2**62)] * 60
    expected = tf.sparse.to_dense(
        tf.sparse.cross_hashed([tf.constant(STRINGS[:300])[:, None], tf.constant(numbers)[:, None]], BINS)
    ).numpy()
    key = 0xDECAFCAFFE  # TensorFlow's own
    got = [
        joined(joined(key, fingerprint(one)), number % 2**64) % BINS
        for one, number in zip(STRINGS, numbers, strict=False)
    ]
    assert got == expected[:, 0].tolist()
