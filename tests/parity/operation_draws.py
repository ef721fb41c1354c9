"""Arguments of every operation of ``keras.ops``, several draws each: NumPy arrays and numbers, for both sides."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
_RNG = np.random.default_rng(7)


def call(*args: Any, **kwargs: Any) -> Arguments:
    return args, kwargs


def f(*shape: int) -> Any:
    """Normally distributed, float64."""
    return _RNG.normal(size=shape)


def s(*shape: int) -> Any:
    """The same, float32."""
    return f(*shape).astype("float32")


def u(*shape: int) -> Any:
    """Between 0.05 and 0.95, float64."""
    return _RNG.uniform(0.05, 0.95, shape)


def i(*shape: int, low: int = -5, high: int = 6) -> Any:
    """Integers, int32."""
    return _RNG.integers(low, high, shape).astype("int32")


def b(*shape: int) -> Any:
    """Booleans."""
    return _RNG.random(shape) < 0.5


def holes(*shape: int) -> Any:
    """Numbers, some of them nan."""
    return np.where(_RNG.random(shape) < 0.3, np.nan, f(*shape))


def definite(n: int) -> Any:
    matrix = f(2, n, n)
    return matrix @ matrix.swapaxes(-1, -2) + n * np.eye(n)


REAL = (call(f(3, 4)), call(s(3)), call(i(2, 3)), call(2))
POSITIVE = (call(u(3, 4)), call(u(3).astype("float32")), call(i(2, 3, low=1)), call(0.5))
LOGICAL = (call(b(3, 4)), call(i(3)), call(f(2)))
PAIR = (
    *(call(f(3, 4), f(4)), call(f(2, 3), 0.1), call(0.1, s(3)), call(s(3), f(3)), call(i(3), 2), call(i(3), 0.5)),
    call(i(3), s(3)),
)
WHOLE_PAIR = (call(i(3, 4, low=1), i(4, low=1)), call(i(3, low=1), 3))
COMPARED = (*PAIR, call(i(5, low=0, high=3), i(5, low=0, high=3)))
REDUCED = (
    call(f(3, 4)),
    call(f(2, 3, 4), axis=1),
    call(s(3, 4), axis=-1, keepdims=True),
    call(i(3, 4), axis=0),
    call(f(2, 3, 4), axis=(0, 2)),
)
NAN = (call(holes(3, 4)), call(holes(2, 3, 4), axis=1), call(holes(3, 4), axis=-1, keepdims=True))
IMAGE = (4, 6, 5, 3)

DRAWS: Mapping[str, tuple[Arguments, ...]] = {
    **dict.fromkeys(
        ["abs", "absolute", "ceil", "floor", "negative", "round", "sign", "square", "trunc", "copy", "ravel"], REAL
    ),
    **dict.fromkeys(
        [
            "angle",
            "arcsinh",
            "arctan",
            "cbrt",
            "cos",
            "cosh",
            "deg2rad",
            "erf",
            "erfc",
            "exp",
            "exp2",
            "expm1",
            "fabs",
            "i0",
            "rad2deg",
            "sigmoid",
            "sin",
            "sinc",
            "sinh",
            "tan",
            "tanh",
            "celu",
            "elu",
            "gelu",
            "hard_shrink",
            "hard_sigmoid",
            "hard_silu",
            "hard_swish",
            "hard_tanh",
            "leaky_relu",
            "log_sigmoid",
            "relu",
            "relu6",
            "selu",
            "silu",
            "swish",
            "soft_shrink",
            "softplus",
            "softsign",
            "sparse_plus",
            "sparse_sigmoid",
            "squareplus",
        ],
        (call(f(3, 4)), call(s(3))),
    ),
    **dict.fromkeys(
        [
            "isfinite",
            "isinf",
            "isnan",
            "isneginf",
            "isposinf",
            "isreal",
            "signbit",
            "real",
            "imag",
            "conj",
            "conjugate",
        ],
        (call(holes(3, 4)), call(s(3))),
    ),
    **dict.fromkeys(["cos", "exp", "sin", "tanh", "arctan", "sinh"], REAL),
    **dict.fromkeys(["log", "log10", "log1p", "log2", "sqrt"], POSITIVE),
    **dict.fromkeys(["rsqrt", "reciprocal"], POSITIVE[:2]),
    **dict.fromkeys(["arccos", "arcsin", "arctanh", "erfinv"], (call(u(3, 4)), call(u(3).astype("float32")))),
    "arccosh": (call(1 + u(3, 4)), call(i(3, low=1))),
    **dict.fromkeys(["add", "subtract", "multiply", "maximum", "minimum"], PAIR),
    **dict.fromkeys(
        ["divide", "true_divide"], (call(f(3, 4), u(4)), call(i(3), 2), call(i(3), i(3, low=1)), call(2.5, u(3)))
    ),
    **dict.fromkeys(["floor_divide", "mod", "fmod"], (call(f(3, 4), u(4)), call(i(3), 2), call(i(3), i(3, low=1)))),
    "divide_no_nan": (call(f(3, 4), f(3, 4) * b(3, 4)), call(i(4), i(4))),
    "power": (call(u(3, 4), f(4)), call(f(3), 2), call(i(3), 2), call(2.0, f(3)), call(u(3), 0.5)),
    "arctan2": (call(f(3), f(3)), call(i(3), i(3, low=1))),
    **dict.fromkeys(["logaddexp", "logaddexp2", "hypot"], (call(f(3, 4), f(4)), call(s(3), 0.5))),
    **dict.fromkeys(["fmax", "fmin"], (call(holes(3, 4), f(4)), call(i(3), i(3)))),
    "nextafter": (call(f(3), f(3)),),
    "heaviside": (call(np.array([-1.0, 0.0, 2.0]), 0.5), call(i(5, low=-1, high=2), f(5))),
    "ldexp": (call(f(3), i(3)),),
    **dict.fromkeys(["gcd", "lcm"], WHOLE_PAIR),
    **dict.fromkeys(["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"], COMPARED),
    **dict.fromkeys(
        ["logical_and", "logical_or", "logical_xor"], (call(b(3, 4), b(4)), call(f(3), b(3)), call(i(3, low=0), True))
    ),
    "logical_not": LOGICAL,
    **dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor"], WHOLE_PAIR),
    **dict.fromkeys(["bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift"], WHOLE_PAIR),
    **dict.fromkeys(["bitwise_invert", "bitwise_not"], (call(i(4)),)),
    "isclose": (call(f(3), f(3)), call(np.array([1.0, 2.0]), np.array([1.0 + 1e-7, 2.1]))),
    "allclose": (call(np.array([1.0, 2.0]), np.array([1.0 + 1e-7, 2.1])),),
    "isin": (call(i(3, 4), i(3)), call(i(3), [1, 2], invert=True)),
    "clip": (call(f(3, 4), -0.4, 0.6), call(i(5), -2, 3), call(s(3), -0.5, 0.5)),
    "nan_to_num": (call(holes(3, 4)), call(np.array([np.inf, -np.inf, np.nan]), nan=1.0, posinf=2.0, neginf=3.0)),
    "where": (call(b(3, 4), f(3, 4), f(4)), call(b(3), f(3), 0.5), call(b(3), i(3), s(3)), call(b(3, 2))),
    "select": (call([b(4), b(4)], [f(4), f(4)], 0.5),),
    "tanh_shrink": (call(f(3, 4)),),
    "threshold": (call(f(3, 4), 0.2, -1.0),),
    "glu": (call(f(3, 4)), call(f(4, 3), axis=0)),
    **dict.fromkeys(["softmax", "log_softmax", "sparsemax"], (call(f(3, 4)), call(f(4, 3), axis=0))),
    # types
    "cast": (call(f(3) * 3, "int32"), call(i(3), "float64"), call(f(3), "bool")),
    "saturate_cast": (
        call(f(5) * 200, "uint8"),
        call(i(5), "uint8"),
        call(f(3) * 1e12, "int32"),
        call(f(3) * 1e6, "float16"),
    ),
    "convert_to_tensor": (call(f(3)), call([1, 2]), call([0.5, 2]), call(i(2), "float64"), call(3)),
    "array": (call([1, 2]), call(f(2), "float32")),
    "stop_gradient": (call(f(3)),),
    "view": (call(s(4), "int32"), call(i(4), "float32")),
    # creation
    **dict.fromkeys(["zeros", "ones", "empty"], (call((2, 3)), call((2,), "int32"), call([2, 1], dtype="float64"))),
    **dict.fromkeys(["zeros_like", "ones_like", "empty_like"], (call(f(2, 3)), call(i(2), "float64"))),
    "full": (call((2, 3), 0.5), call((2, 2), f(2), "float64"), call((2,), 3, "int32")),
    "full_like": (call(f(2, 3), 0.5), call(i(2), 3.7), call(f(2), 1, "int32")),
    "eye": (call(3), call(3, 4, 1), call(2, k=-1, dtype="int32")),
    "identity": (call(3), call(2, "int32")),
    "tri": (call(3), call(3, 4, 1), call(3, k=-1, dtype="float64")),
    "arange": (call(5), call(2, 7), call(0.0, 1.0, 0.25), call(7, 1, -2), call(3, dtype="float64"), call(1, 2.5)),
    "linspace": (
        call(0.0, 1.0, 5),
        call(f(2), f(2), 4, axis=-1),
        call(0, 10, 4, endpoint=False),
        call(0, 9, 4, dtype="int32"),
        call(0.0, 1.0, 3, retstep=True),
    ),
    "logspace": (call(0.0, 2.0, 5), call(f(2), f(2), 4, base=2, axis=-1), call(0, 2, 3, endpoint=False)),
    "geomspace": (call(1.0, 16.0, 5), call(u(2), 1 + u(2), 4), call(1, 8, 3, endpoint=False)),
    "meshgrid": (call(f(3), f(2)), call(f(3), f(2), indexing="ij")),
    "vander": (call(f(3)), call(f(3), 2, increasing=True), call(i(3))),
    **dict.fromkeys(["bartlett", "blackman", "hamming", "hanning"], (call(7), call(4))),
    "kaiser": (call(7, 3.0),),
    "polar": (call(u(3), f(3)),),
    "view_as_real": (call(f(3) + 1j * f(3)),),
    "view_as_complex": (call(f(3, 2)),),
    # reductions
    **dict.fromkeys(["sum", "mean", "prod", "max", "min", "amax", "amin"], REDUCED),
    **dict.fromkeys(["std", "var", "logsumexp", "ptp", "median"], REDUCED[:3]),
    **dict.fromkeys(
        ["any", "all"], (call(b(3, 4)), call(i(3, 4, low=0, high=2), axis=1), call(b(2, 3), axis=0, keepdims=True))
    ),
    **dict.fromkeys(
        ["argmax", "argmin"],
        (call(f(3, 4)), call(f(3, 4), axis=1), call(i(3, 4), axis=0), call(f(3, 4), axis=1, keepdims=True)),
    ),
    "argsort": (call(f(3, 4)), call(f(3, 4), axis=0), call(f(3, 4), axis=None)),
    "count_nonzero": (call(i(3, 4)), call(i(3, 4), axis=1), call(b(3, 4), axis=0)),
    "average": (
        call(f(3, 4)),
        call(f(3, 4), axis=1, weights=u(4)),
        call(f(3, 4), weights=u(3, 4)),
        call(i(3, 4), axis=0),
    ),
    **dict.fromkeys(
        ["quantile", "nanquantile"],
        (
            call(f(3, 4), 0.3),
            call(f(3, 4), np.array([0.1, 0.7]), axis=1),
            call(f(3, 4), 0.4, axis=0, method="lower"),
            call(f(3, 4), 0.4, method="nearest", keepdims=True),
            call(f(5), 0.4, method="midpoint"),
            call(f(5), 0.4, method="higher"),
        ),
    ),
    **dict.fromkeys(
        ["percentile", "nanpercentile"], (call(f(3, 4), 30.0), call(f(3, 4), np.array([10.0, 70.0]), axis=1))
    ),
    **dict.fromkeys(["nanmax", "nanmin", "nanmean", "nanmedian", "nanprod", "nanstd", "nansum", "nanvar"], NAN),
    **dict.fromkeys(["nanargmax", "nanargmin"], (call(holes(3, 4)), call(holes(3, 4), axis=1))),
    **dict.fromkeys(["nancumprod", "nancumsum"], (call(holes(3, 4)), call(holes(3, 4), axis=1))),
    **dict.fromkeys(["cumsum", "cumprod"], (call(f(3, 4)), call(f(3, 4), axis=1), call(i(3, 4), axis=0))),
    "moments": (call(f(3, 4), [0]), call(f(2, 3, 4), (0, 2), keepdims=True)),
    "norm": (
        call(f(3, 4)),
        call(f(3, 4), axis=1),
        call(f(3, 4), ord=1, axis=0),
        call(f(3, 4), ord="fro", axis=(0, 1)),
        call(f(3, 4), ord=np.inf, axis=1),
    ),
    "normalize": (call(f(3, 4)), call(f(3, 4), axis=0), call(f(3, 4), order=3)),
    "histogram": (call(f(20), 5), call(f(20), 4, range=(-1.0, 1.0))),
    "bincount": (
        call(i(9, low=0)),
        call(i(9, low=0), minlength=8),
        call(i(9, low=0), weights=f(9)),
        call(i(2, 5, low=0)),
    ),
    "digitize": (call(f(5), np.array([-1.0, 0.0, 1.0])), call(i(5), np.array([0, 2]))),
    "searchsorted": (
        call(np.array([-1.0, 0.0, 1.0]), f(5)),
        call(np.array([1, 2, 2, 3], "int32"), i(5, low=0)),
    ),
    "corrcoef": (call(f(3, 5)),),
    "correlate": (call(f(5), f(3)), call(f(5), f(3), mode="full"), call(f(5), f(3), mode="same")),
    "diff": (call(f(3, 4)), call(f(5), n=2), call(i(3, 4), axis=0)),
    "trapezoid": (call(f(3, 4)), call(f(4), dx=0.5), call(f(4), x=np.sort(f(4)))),
    "unique": (call(i(9)), call(i(9), return_inverse=True, return_counts=True)),
    "top_k": (call(f(3, 5), 2), call(i(9), 3)),
    "in_top_k": (call(i(4, low=0, high=5), s(4, 5), 2),),
    "unravel_index": (call(i(5, low=0, high=12), (3, 4)),),
    # shapes
    "append": (call(f(3), f(2)), call(f(2, 3), f(2, 2), axis=1), call(f(3), i(2))),
    "array_split": (call(f(7), 3), call(f(2, 7), 3, axis=1)),
    "split": (call(f(6), 3), call(f(2, 6), [2, 3], axis=1)),
    "hsplit": (call(f(2, 6), 3),),
    "vsplit": (call(f(6, 2), 3),),
    "dsplit": (call(f(2, 2, 4), 2),),
    **dict.fromkeys(["hstack", "vstack", "dstack"], (call([f(2, 3), f(2, 3)]), call([f(3), i(3)]))),
    "stack": (call([f(2, 3), f(2, 3)]), call([f(3), f(3)], axis=1), call([f(2), s(2)])),
    "concatenate": (call([f(2, 3), f(2, 1)], axis=1), call([f(3), i(2)]), call([s(2), f(1)])),
    "unstack": (call(f(3, 2)), call(f(3, 2), axis=1)),
    "broadcast_to": (call(f(3), (2, 3)),),
    "expand_dims": (call(f(3), 0), call(f(2, 3), (0, -1))),
    "squeeze": (call(f(1, 3, 1)), call(f(1, 3, 1), axis=0)),
    "reshape": (call(f(2, 6), (3, -1)), call(i(4), (2, 2))),
    "transpose": (call(f(2, 3, 4)), call(f(2, 3, 4), (1, 2, 0))),
    "swapaxes": (call(f(2, 3, 4), 0, 2),),
    "moveaxis": (call(f(2, 3, 4), 0, -1), call(f(2, 3, 4), (0, 1), (2, 0))),
    "flip": (call(f(2, 3)), call(f(2, 3), axis=1)),
    "fliplr": (call(f(2, 3)),),
    "flipud": (call(f(2, 3)),),
    "rot90": (call(f(2, 3)), call(f(2, 3, 4), k=3, axes=(1, 2))),
    "roll": (call(f(2, 3), 1), call(f(2, 3), 2, axis=1)),
    "repeat": (call(f(2, 3), 2), call(f(2, 3), 2, axis=1), call(f(3), np.array([1, 0, 2], "int32"), axis=0)),
    "tile": (call(f(2, 3), (2, 1)), call(f(3), 2)),
    "pad": (
        call(f(2, 3), ((1, 0), (0, 2))),
        call(f(3), 1, constant_values=2.0),
        call(f(4, 3), ((1, 1), (1, 0)), mode="reflect"),
        call(f(3), ((1, 2),), mode="symmetric"),
    ),
    "take": (call(f(3, 4), i(2, low=0, high=3), axis=0), call(f(3, 4), 5), call(f(3, 4), np.array([[0, 1]]), axis=1)),
    "take_along_axis": (call(f(3, 4), i(3, 2, low=0, high=4), axis=1),),
    "get_item": (call(f(3, 4), 1), call(f(3, 4), (slice(None), 2))),
    "sort": (call(f(3, 4)), call(f(3, 4), axis=0), call(i(5))),
    "diag": (call(f(3)), call(f(3, 4), k=1)),
    "diagflat": (call(f(2, 2)), call(f(2), k=-1)),
    "diagonal": (call(f(3, 4)), call(f(2, 3, 4), offset=1, axis1=1, axis2=2)),
    "trace": (call(f(3, 4)), call(f(2, 3, 4), axis1=1, axis2=2), call(i(3, 3))),
    **dict.fromkeys(["tril", "triu"], (call(f(3, 4)), call(f(2, 3, 3), k=1))),
    "nonzero": (call(i(3, 4)), call(b(4))),
    "size": (call(f(2, 3)),),
    "slice": (call(f(3, 4), (1, 0), (2, 3)), call(f(3, 4), np.array([0, 1]), (3, 2))),
    "slice_update": (call(f(3, 4), (1, 0), f(2, 3)),),
    "scatter": (call(np.array([[0], [2], [0]]), f(3, 2), (4, 2)), call(np.array([[0, 1], [1, 0]]), f(2), (2, 2))),
    "scatter_update": (
        call(f(4, 2), np.array([[0], [2]]), f(2, 2)),
        call(f(4), np.array([[0], [0]]), f(2), reduction="add"),
        call(f(4), np.array([[1], [3]]), f(2), reduction="max"),
        call(f(4), np.array([[1], [1]]), f(2), reduction="mul"),
    ),
    "extract_sequences": (call(f(2, 9), 4, 2),),
    **dict.fromkeys(
        ["segment_sum", "segment_max", "segment_min", "segment_prod"],
        (
            call(f(5, 2), np.array([0, 2, 0, 1, 2], "int32"), num_segments=3),
            call(f(4), np.array([0, 1, 1, 0], "int32")),
        ),
    ),
    # products
    "matmul": (call(f(2, 3), f(3, 4)), call(f(5, 2, 3), f(3)), call(i(2, 3), i(3, 2)), call(s(2, 3), f(3, 2))),
    "dot": (call(f(2, 3), f(3)), call(f(3), f(3)), call(f(2, 3), f(4, 3, 2)), call(f(2), 0.5)),
    "tensordot": (
        call(f(2, 3, 4), f(3, 4, 5)),
        call(f(2, 3), f(3, 2), axes=[[0, 1], [1, 0]]),
        call(f(2), f(3), axes=0),
    ),
    "inner": (call(f(2, 3), f(4, 3)), call(f(3), f(3))),
    "outer": (call(f(3), f(2)), call(i(2, 2), f(3))),
    "vdot": (call(f(2, 3), f(2, 3)), call(i(3), f(3))),
    "kron": (call(f(2, 2), f(2, 3)),),
    "cross": (call(f(2, 3), f(2, 3)), call(f(3, 2), f(3, 2), axis=0)),
    "cdist": (call(f(4, 3), f(5, 3)),),
    # equations
    "cholesky": (call(definite(3)), call(definite(3), upper=True)),
    "cholesky_inverse": (call(np.linalg.cholesky(definite(3))[0]),),
    "det": (call(f(2, 3, 3)),),
    "logdet": (call(definite(3)),),
    "slogdet": (call(f(2, 3, 3)),),
    "inv": (call(definite(3)),),
    "pinv": (call(f(4, 3)),),
    "matrix_rank": (call(f(4, 3)), call(np.ones((3, 3)))),
    "solve": (call(definite(3), f(2, 3, 2)),),
    "solve_triangular": (
        call(np.triu(f(3, 3)) + 3 * np.eye(3), f(3, 2)),
        call(np.tril(f(3, 3)) + 3 * np.eye(3), f(3, 2), lower=True),
    ),
    "lstsq": (call(f(5, 3), f(5)), call(f(5, 3), f(5, 2))),
    "eigh": (),
    "eig": (),
    "qr": (),
    "svd": (call(f(3, 4), compute_uv=False),),
    "lu_factor": (call(f(3, 3)),),
    # signals
    "fft": (call((f(2, 5), f(2, 5))),),
    "fft2": (call((f(4, 5), f(4, 5))),),
    "ifft2": (call((f(4, 5), f(4, 5))),),
    "rfft": (call(f(2, 6)), call(f(2, 6), fft_length=8)),
    "irfft": (call((f(2, 4), f(2, 4))), call((f(2, 4), f(2, 4)), fft_length=6)),
    "stft": (
        call(f(2, 40), 8, 4, 10),
        call(f(40), 8, 3, 8, window="hamming", center=False),
        call(f(40), 8, 4, 8, window=None),
    ),
    "istft": (
        call((f(2, 11, 6), f(2, 11, 6)), 10, 4, 10),
        call((f(11, 5), f(11, 5)), 8, 2, 8, window="hamming", center=False),
        call((f(11, 5), f(11, 5)), 8, 4, 8, length=30),
    ),
    # networks
    **dict.fromkeys(["max_pool", "average_pool"], (call(f(*IMAGE), 2), call(f(2, 9, 3), 3, strides=2, padding="same"))),
    **dict.fromkeys(
        ["adaptive_max_pool", "adaptive_average_pool"],
        (call(f(*IMAGE), (3, 2)), call(f(2, 3, 9), 4, data_format="channels_first")),
    ),
    "conv": (
        call(f(*IMAGE), f(3, 2, 3, 4)),
        call(f(2, 9, 4), f(3, 2, 4), strides=2, padding="same"),
        call(f(2, 9, 4), f(3, 4, 2), dilation_rate=2),
    ),
    "depthwise_conv": (call(f(*IMAGE), f(3, 2, 3, 2)), call(f(2, 9, 4), f(3, 4, 2), padding="same")),
    "separable_conv": (call(f(*IMAGE), f(3, 2, 3, 2), f(1, 1, 6, 4)),),
    "conv_transpose": (
        call(f(*IMAGE), f(3, 2, 4, 3), strides=2),
        call(f(2, 9, 4), f(3, 2, 4), strides=2, padding="same"),
    ),
    "unfold": (call(f(2, 3, 6, 5), (2, 3)),),
    "fold": (call(f(2, 12, 4), (3, 3), 2),),
    **dict.fromkeys(
        ["depth_to_space", "space_to_depth"],
        (call(f(2, 4, 6, 8), 2), call(f(2, 8, 4, 6), 2, data_format="channels_first")),
    ),
    "batch_normalization": (call(f(3, 4), f(4), u(4), -1, offset=f(4), scale=f(4)), call(f(3, 4, 2), f(4), u(4), 1)),
    "layer_normalization": (call(f(3, 4), f(4), f(4)), call(f(2, 3, 4), axis=(1, 2))),
    "rms_normalization": (call(f(3, 4), f(4)), call(f(2, 3, 4), axis=(1, 2), epsilon=1e-3)),
    "dot_product_attention": (
        call(f(2, 5, 4, 3), f(2, 6, 4, 3), f(2, 6, 4, 3), scale=0.5),
        call(f(2, 5, 4, 3), f(2, 5, 2, 3), f(2, 5, 2, 3), is_causal=True, scale=0.7),
        call(f(2, 5, 4, 3), f(2, 6, 4, 3), f(2, 6, 4, 3), mask=b(2, 1, 5, 6), bias=f(2, 4, 5, 6), scale=1.0),
    ),
    "binary_crossentropy": (call(u(3, 4), u(3, 4)), call(u(3, 4), f(3, 4), from_logits=True)),
    "categorical_crossentropy": (
        call(u(3, 4), u(3, 4)),
        call(u(3, 4), f(3, 4), from_logits=True),
        call(u(4, 3), u(4, 3), axis=0),
    ),
    "sparse_categorical_crossentropy": (
        call(i(3, low=0, high=4), u(3, 4)),
        call(i(3, 1, low=0, high=4), f(3, 4), from_logits=True),
    ),
    "ctc_loss": (call(i(2, 3, low=1, high=5), s(2, 9, 5), np.array([3, 2], "int32"), np.array([9, 7], "int32")),),
    "ctc_decode": (
        call(s(3, 9, 5), np.array([9, 7, 5], "int32")),
        call(s(3, 9, 5), np.array([9, 7, 5], "int32"), merge_repeated=False, mask_index=4),
    ),
    "psnr": (call(f(3, 4), f(3, 4), 2.0),),
    "one_hot": (call(i(5, low=-1, high=4), 4), call(i(2, 3, low=0), 6, axis=1, dtype="int32")),
    "multi_hot": (call(i(2, 3, low=0), 6), call(i(3, low=0), 6, dtype="int32")),
}

# Images stand in a namespace of their own.
IMAGE_DRAWS: Mapping[str, tuple[Arguments, ...]] = {
    "rgb_to_grayscale": (
        call(u(*IMAGE)),
        call(u(3, 4, 5), data_format="channels_first"),
        call(i(*IMAGE, low=0, high=255).astype("uint8")),
    ),
    "rgb_to_hsv": (call(u(*IMAGE)),),
    "hsv_to_rgb": (call(u(*IMAGE)),),
    "crop_images": (call(u(*IMAGE), top_cropping=1, left_cropping=1, target_height=3, target_width=2),),
    "pad_images": (call(u(*IMAGE), top_padding=1, left_padding=2, target_height=9, target_width=8),),
    "resize": (
        call(i(*IMAGE, low=0, high=255).astype("uint8"), (3, 8)),
        call(s(*IMAGE), (3, 8)),
        call(s(*IMAGE), (3, 8), interpolation="nearest"),
        call(s(6, 5, 3), (4, 4), crop_to_aspect_ratio=True),
        call(s(*IMAGE), (8, 4), pad_to_aspect_ratio=True, fill_value=0.5),
        call(s(*IMAGE), (3, 3), antialias=True),
        call(s(*IMAGE), (9, 2), interpolation="bicubic", antialias=True),
        call(s(*IMAGE), (3, 7), interpolation="bicubic"),
        call(s(*IMAGE), (4, 7), interpolation="lanczos3", antialias=True),
        call(s(*IMAGE), (9, 2), interpolation="lanczos5"),
        call(s(6, 5, 3), (5, 6), pad_to_aspect_ratio=True),
    ),
    "gaussian_blur": (
        call(s(*IMAGE)),
        call(f(3, 4, 5), kernel_size=(3, 5), sigma=(0.7, 1.4), data_format="channels_first"),
    ),
    "sobel_edges": (call(s(*IMAGE)),),
    "ssim": (
        call(u(2, 12, 13, 3), u(2, 12, 13, 3)),
        call(u(8, 9, 3), u(8, 9, 3), max_val=2.0, filter_size=5, filter_sigma=0.8, k1=0.1, k2=0.2),
    ),
    "map_coordinates": tuple(
        call(values, s(2, 4, 3) * 5, order=order, fill_mode=mode, fill_value=2)
        for values, order, mode in (
            (s(6, 7), 1, "constant"),
            (s(6, 7), 0, "nearest"),
            (s(6, 7), 1, "wrap"),
            (s(6, 7), 1, "reflect"),
            (i(6, 7, low=0, high=99), 1, "nearest"),
        )
    ),
    "perspective_transform": (
        call(
            s(*IMAGE),
            np.array([[0, 0], [4, 0], [0, 5], [4, 5]], "float32"),
            np.array([[0.2, 0.4], [3.7, -0.3], [0.3, 5.2], [4.4, 4.1]], "float32"),
            fill_value=0.5,
        ),
    ),
    "scale_and_translate": tuple(
        call(
            s(*IMAGE),
            (*IMAGE[:1], 4, 7, IMAGE[3]),
            np.array(scale),
            np.array(shift),
            spatial_dims=(1, 2),
            method=method,
            antialias=alias,
        )
        for scale, shift, method, alias in (
            ([0.7, 1.3], [0.4, -0.6], "linear", True),
            ([0.7, 1.3], [0.4, -0.6], "cubic", False),
            ([1.4, 0.8], [-2.4, 0.6], "lanczos3", True),
            ([1.4, 0.8], [0.4, 0.6], "lanczos5", False),
        )
    ),
    "elastic_transform": (),
    "extract_patches": (call(f(*IMAGE), (3, 2)), call(f(*IMAGE), 2, strides=1, padding="same")),
    "affine_transform": (
        call(s(*IMAGE), np.array([0.93, 0.11, 0.31, -0.13, 1.07, -0.2, 0.0, 0.0], "float32")),
        call(
            s(*IMAGE),
            np.array([0.93, 0.11, 0.31, -0.13, 1.07, -0.2, 0.0, 0.0], "float32"),
            interpolation="nearest",
            fill_mode="reflect",
        ),
    ),
}

# How each function with a function among its arguments is called, for both sides.
CONTROL: Mapping[str, Callable[[Any, Any], Any]] = {
    "cond": lambda o, x: o.cond(o.sum(x) > 0, lambda: x + 1, lambda: x - 1),
    "switch": lambda o, x: o.switch(1, [lambda a: a, lambda a: a * 2, lambda a: a * 3], x),
    "while_loop": lambda o, x: o.while_loop(lambda n, a: n < 3, lambda n, a: (n + 1, a * 1.5), (0, x)),
    "fori_loop": lambda o, x: o.fori_loop(0, 3, lambda n, a: a * 1.5, x),
    "scan": lambda o, x: o.scan(lambda c, one: (c + one, c * one), x[0], x),
    "map": lambda o, x: o.map(lambda one: one * 2 + o.sum(one), x),
    "vectorized_map": lambda o, x: o.vectorized_map(lambda one: o.sum(one * one), x),
    "associative_scan": lambda o, x: o.associative_scan(lambda one, other: one * other, x, axis=0),
    "einsum": lambda o, x: o.einsum("ij,kj->ik", x, x),
    "custom_gradient": lambda o, x: o.custom_gradient(
        lambda a: (a * 2, lambda *args, upstream=None: (args[0] if upstream is None else upstream) * 5)
    )(x),
}
