#!/usr/bin/env bash
# tensorflow 2.21.0 on a CPU: of float16 `tf.matmul` sums in float32 and rounds once; `tf.einsum`, of the same two matrices
# too, sums in float16, where 2048 + 1 is 2048, and stops growing. Keras' EinsumDense and MultiHeadAttention go by einsum.
# Seen:  4096 products of 1 by 1: matmul 4096, einsum "ij,jk->ik" 2048, einsum "bij,bjk->bik" 2048
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow==2.21.0 2>/dev/null
cat >"$folder/run.py" <<'PY'
import tensorflow as tf

count = 4096
left, right = tf.ones((2, 1, count), "float16"), tf.ones((2, count, 1), "float16")
one = float(tf.matmul(left[0], right[0])[0, 0])
two = float(tf.einsum("ij,jk->ik", left[0], right[0])[0, 0])
three = float(tf.einsum("bij,bjk->bik", left, right)[0, 0, 0])
print(f'4096 products of 1 by 1: matmul {one:.0f}, einsum "ij,jk->ik" {two:.0f}, einsum "bij,bjk->bik" {three:.0f}')
assert tf.__version__ == "2.21.0"
assert (one, two, three) == (4096, 2048, 2048), "they sum alike now"
PY
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/run.py" 2>/dev/null
