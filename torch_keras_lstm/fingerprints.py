"""The hash functions that Keras' layers use through TensorFlow: FarmHash and SipHash, of 64 bits.

They decide which bin a string falls into, so models in files depend on every bit of them. Both are written from their
published definitions (FarmHash's ``farmhashna``, whose values TensorFlow calls fingerprints, and SipHash-2-4).
"""

from collections.abc import Sequence

_MASK = 2**64 - 1
_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F
_CAT = 0xC6A4A7935BD1E995


def fingerprint(data: bytes) -> int:
    """FarmHash's 64-bit fingerprint of ``data``: ``tf.strings.to_hash_bucket_fast`` before the division."""
    size = len(data)
    if size <= 16:
        return _up_to_16(data, size)
    if size <= 32:
        return _up_to_32(data, size)
    if size <= 64:
        return _up_to_64(data, size)
    return _longer(data, size)


def keyed_hash(data: bytes, key: Sequence[int]) -> int:
    """SipHash-2-4 of ``data`` under two numbers: ``tf.strings.to_hash_bucket_strong`` before the division."""
    first, second = (number & _MASK for number in key)
    state = (
        first ^ 0x736F6D6570736575,
        second ^ 0x646F72616E646F6D,
        first ^ 0x6C7967656E657261,
        second ^ 0x7465646279746573,
    )
    whole = len(data) - len(data) % 8
    last = int.from_bytes(data[whole:], "little") | (len(data) & 255) << 56
    for word in (*(_word(data, start) for start in range(0, whole, 8)), last):
        a, b, c, d = state
        a, b, c, d = _sip_rounds(a, b, c, d ^ word, 2)
        state = (a ^ word, b, c, d)
    a, b, c, d = state
    a, b, c, d = _sip_rounds(a, b, c ^ 0xFF, d, 4)
    return a ^ b ^ c ^ d


def joined(first: int, second: int) -> int:
    """One fingerprint of two in their order, as TensorFlow crosses features."""
    result = first ^ _CAT
    result ^= _shift_mix(second * _CAT & _MASK) * _CAT & _MASK
    result = result * _CAT & _MASK
    result = _shift_mix(result) * _CAT & _MASK
    return _shift_mix(result)


def _word(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 8], "little")


def _half_word(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 4], "little")


def _right(value: int, bits: int) -> int:
    return (value >> bits | value << 64 - bits) & _MASK


def _shift_mix(value: int) -> int:
    return value ^ value >> 47


def _of_two(first: int, second: int, factor: int) -> int:
    a = _shift_mix((first ^ second) * factor & _MASK)
    b = _shift_mix((second ^ a) * factor & _MASK)
    return b * factor & _MASK


def _up_to_16(data: bytes, size: int) -> int:
    factor = _K2 + size * 2
    if size >= 8:
        a = (_word(data, 0) + _K2) & _MASK
        b = _word(data, size - 8)
        c = (_right(b, 37) * factor + a) & _MASK
        d = (_right(a, 25) + b) * factor & _MASK
        return _of_two(c, d, factor)
    if size >= 4:
        return _of_two(size + (_half_word(data, 0) << 3), _half_word(data, size - 4), factor)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[size - 1] << 2)
        return _shift_mix((y * _K2 ^ z * _K0) & _MASK) * _K2 & _MASK
    return _K2


def _up_to_32(data: bytes, size: int) -> int:
    factor = _K2 + size * 2
    a = _word(data, 0) * _K1 & _MASK
    b = _word(data, 8)
    c = _word(data, size - 8) * factor & _MASK
    d = _word(data, size - 16) * _K2 & _MASK
    first = (_right((a + b) & _MASK, 43) + _right(c, 30) + d) & _MASK
    return _of_two(first, (a + _right((b + _K2) & _MASK, 18) + c) & _MASK, factor)


def _up_to_64(data: bytes, size: int) -> int:
    factor = _K2 + size * 2
    a = _word(data, 0) * _K2 & _MASK
    b = _word(data, 8)
    c = _word(data, size - 8) * factor & _MASK
    d = _word(data, size - 16) * _K2 & _MASK
    y = (_right((a + b) & _MASK, 43) + _right(c, 30) + d) & _MASK
    z = _of_two(y, (a + _right((b + _K2) & _MASK, 18) + c) & _MASK, factor)
    e = _word(data, 16) * factor & _MASK
    f = _word(data, 24)
    g = (y + _word(data, size - 32)) * factor & _MASK
    h = (z + _word(data, size - 24)) * factor & _MASK
    first = (_right((e + f) & _MASK, 43) + _right(g, 30) + h) & _MASK
    return _of_two(first, (e + _right((f + a) & _MASK, 18) + g) & _MASK, factor)


def _weak_32(data: bytes, start: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(data, start + offset) for offset in (0, 8, 16, 24))
    a = (a + w) & _MASK
    b = _right((b + a + z) & _MASK, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _right(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def _longer(data: bytes, size: int) -> int:
    seed = 81
    x = seed
    y = (seed * _K1 + 113) & _MASK
    z = _shift_mix((y * _K2 + 113) & _MASK) * _K2 & _MASK
    v = w = (0, 0)
    x = (x * _K2 + _word(data, 0)) & _MASK
    end = (size - 1) // 64 * 64
    for start in range(0, end, 64):
        x = _right((x + y + v[0] + _word(data, start + 8)) & _MASK, 37) * _K1 & _MASK
        y = _right((y + v[1] + _word(data, start + 48)) & _MASK, 42) * _K1 & _MASK
        x ^= w[1]
        y = (y + v[0] + _word(data, start + 40)) & _MASK
        z = _right((z + w[0]) & _MASK, 33) * _K1 & _MASK
        v = _weak_32(data, start, v[1] * _K1 & _MASK, (x + w[0]) & _MASK)
        w = _weak_32(data, start + 32, (z + w[1]) & _MASK, (y + _word(data, start + 16)) & _MASK)
        z, x = x, z
    factor = (_K1 + ((z & 0xFF) << 1)) & _MASK
    start = size - 64  # the last 64 bytes, some of which the loop has seen
    w = ((w[0] + ((size - 1) & 63)) & _MASK, w[1])
    v = ((v[0] + w[0]) & _MASK, v[1])
    w = ((w[0] + v[0]) & _MASK, w[1])
    x = _right((x + y + v[0] + _word(data, start + 8)) & _MASK, 37) * factor & _MASK
    y = _right((y + v[1] + _word(data, start + 48)) & _MASK, 42) * factor & _MASK
    x ^= w[1] * 9 & _MASK
    y = (y + v[0] * 9 + _word(data, start + 40)) & _MASK
    z = _right((z + w[0]) & _MASK, 33) * factor & _MASK
    v = _weak_32(data, start, v[1] * factor & _MASK, (x + w[0]) & _MASK)
    w = _weak_32(data, start + 32, (z + w[1]) & _MASK, (y + _word(data, start + 16)) & _MASK)
    z, x = x, z
    first = (_of_two(v[0], w[0], factor) + _shift_mix(y) * _K0 + z) & _MASK
    return _of_two(first, (_of_two(v[1], w[1], factor) + x) & _MASK, factor)


def _left(value: int, bits: int) -> int:
    return (value << bits | value >> 64 - bits) & _MASK


def _sip_rounds(a: int, b: int, c: int, d: int, rounds: int) -> tuple[int, int, int, int]:
    for _ in range(rounds):
        a, c = (a + b) & _MASK, (c + d) & _MASK
        b, d = _left(b, 13) ^ a, _left(d, 16) ^ c
        a, c = (_left(a, 32) + d) & _MASK, (c + b) & _MASK
        d, b = _left(d, 21) ^ a, _left(b, 17) ^ c
        c = _left(c, 32)
    return a, b, c, d
