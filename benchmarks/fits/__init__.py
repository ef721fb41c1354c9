"""Who trains the tasks; as in ``benchmarks.peers``, each in a process of its own."""

from benchmarks.peers import Peer

BASELINE = "loop"
LOOPS = ("loop", "fused loop")
FITS = {
    "loop": Peer("PyTorch loop", "loop", ("torch",)),
    "fused loop": Peer("PyTorch loop, fused Adam", "fused_loop", ("torch",)),
    "ours": Peer("here", "ours", ("torch",)),
    "keras-torch": Peer("Keras, PyTorch", "keras", ("keras", "torch"), {"KERAS_BACKEND": "torch"}),
    "keras-tensorflow": Peer("Keras, TensorFlow", "keras", ("keras", "tensorflow"), {"KERAS_BACKEND": "tensorflow"}),
    "keras-jax": Peer("Keras, JAX", "keras", ("keras", "jax"), {"KERAS_BACKEND": "jax"}),
}
