"""One LSTM cell, forth and back, in Triton: what the kernels of a whole sequence and those of one step have in common.

All of it is computed in float32, whatever type the tensors have. Gates come in the order output, input, forget,
candidate. Importing this needs Triton, so ``gpu.py`` imports it when it is asked for.
"""

import triton
import triton.language as tl

_SELU_SCALE = tl.constexpr(1.0507009873554804934193349852946)
_SELU_SLOPE = tl.constexpr(1.7580993408473766)  # the scale times Klambauer's alpha
_SQRT_HALF = tl.constexpr(0.7071067690849304)  # in single precision, as in `activations.gelu`
_DENSITY_AT_0 = tl.constexpr(0.3989422804014327)  # of the normal distribution
_LEAKY_SLOPE = tl.constexpr(0.20000000298023224)  # Keras' 0.2 in single precision


@triton.constexpr_function
def keeps_value(name):
    """Whether of an activation its value is kept for the way back, and not what it was applied to.

    It is where the slope follows from the value and computing the value again would take an exponential. The argument
    keeps every kink exact.
    """
    return name in ("tanh", "sigmoid", "exponential", "elu", "selu", "softsign")


@triton.jit
def _tanh(x):
    # Below 0.6 a polynomial, where 1 - 2 / (exp(2x) + 1) would cancel; interpolated at Chebyshev's nodes of tanh(x) / x
    # in x * x, within 3e-9.
    square = x * x
    ratio = -0.00584964407607913 * square + 0.02075134962797165
    ratio = ratio * square - 0.05376798287034035
    ratio = ratio * square + 0.1333167999982834
    ratio = ratio * square - 0.3333328366279602
    size = tl.abs(x)
    far = 1.0 - 2.0 / (tl.exp(2.0 * size) + 1.0)
    return tl.where(size < 0.6, x + x * square * ratio, tl.where(x < 0, -far, far))


@triton.jit
def _sigmoid(x):
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def _clip(x, low, high):
    # not `tl.minimum`, which would make a number of nan
    return tl.where(x < low, low, tl.where(x > high, high, x))


@triton.jit
def activate(x, NAME: tl.constexpr):
    """The function of that name of :mod:`torch_keras_lstm.activations`."""
    if NAME == "linear":
        y = x
    elif NAME == "tanh":
        y = _tanh(x)
    elif NAME == "sigmoid":
        y = _sigmoid(x)
    elif NAME == "hard_sigmoid":
        y = _clip(x + 3.0, 0.0, 6.0) / 6.0
    elif NAME == "hard_sigmoid_keras2":
        y = _clip(0.2 * x + 0.5, 0.0, 1.0)
    elif NAME == "relu":
        y = tl.where(x < 0, 0.0, x)
    elif NAME == "relu6":
        y = _clip(x, 0.0, 6.0)
    elif NAME == "leaky_relu":
        y = tl.where(x > 0, x, _LEAKY_SLOPE * x)
    elif NAME == "hard_tanh":
        y = _clip(x, -1.0, 1.0)
    elif NAME == "elu":
        y = tl.where(x > 0, x, tl.exp(x) - 1.0)
    elif NAME == "selu":
        y = tl.where(x < 0, _SELU_SLOPE * (tl.exp(x) - 1.0), _SELU_SCALE * x)
    elif NAME == "exponential":
        y = tl.exp(x)
    elif NAME == "softplus":
        y = tl.where(x > 0, x, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(x)))
    elif NAME == "softsign":
        y = x / (1.0 + tl.abs(x))
    elif NAME == "silu":
        y = x * _sigmoid(x)
    else:
        tl.static_assert(NAME == "gelu", "no kernel has this activation")
        y = 0.5 * x * (1.0 + tl.erf(x * _SQRT_HALF))
    return y


@triton.jit
def _slope(kept, NAME: tl.constexpr):
    """The derivative, given what is kept; at kinks TensorFlow's."""
    if NAME == "linear":
        slope = kept * 0.0 + 1.0
    elif NAME == "tanh":
        slope = 1.0 - kept * kept
    elif NAME == "sigmoid":
        slope = kept * (1.0 - kept)
    elif NAME == "hard_sigmoid":
        slope = tl.where((kept + 3.0 > 0.0) & (kept + 3.0 < 6.0), 1.0 / 6.0, 0.0)
    elif NAME == "hard_sigmoid_keras2":
        line = 0.2 * kept + 0.5
        slope = tl.where((line >= 0.0) & (line <= 1.0), 0.2, 0.0)
    elif NAME == "relu":
        slope = tl.where(kept > 0, 1.0, 0.0)
    elif NAME == "relu6":
        slope = tl.where((kept > 0) & (kept < 6.0), 1.0, 0.0)
    elif NAME == "leaky_relu":
        slope = tl.where(kept > 0, 1.0, _LEAKY_SLOPE)
    elif NAME == "hard_tanh":
        slope = tl.where((kept >= -1.0) & (kept <= 1.0), 1.0, 0.0)
    elif NAME == "elu":
        slope = tl.where(kept > 0, 1.0, kept + 1.0)
    elif NAME == "selu":
        slope = tl.where(kept < 0, kept + _SELU_SLOPE, _SELU_SCALE)
    elif NAME == "exponential":
        slope = kept
    elif NAME == "softplus":
        slope = _sigmoid(kept)
    elif NAME == "softsign":
        shrunk = 1.0 - tl.abs(kept)
        slope = shrunk * shrunk
    elif NAME == "silu":
        gate = _sigmoid(kept)
        slope = gate * (1.0 + kept * (1.0 - gate))
    else:
        tl.static_assert(NAME == "gelu", "no kernel has this activation")
        slope = 0.5 * (1.0 + tl.erf(kept * _SQRT_HALF)) + kept * _DENSITY_AT_0 * tl.exp(-0.5 * kept * kept)
    return slope


@triton.jit
def _keep(x, NAME: tl.constexpr):
    """The value at ``x``, and what of both is to be kept."""
    y = activate(x, NAME)
    return y, y if keeps_value(NAME) else x


@triton.jit
def _value_and_slope(kept, NAME: tl.constexpr):
    return kept if keeps_value(NAME) else activate(kept, NAME), _slope(kept, NAME)


@triton.jit
def _value_and_slope_at(x, NAME: tl.constexpr):
    y, kept = _keep(x, NAME)
    return y, _slope(kept, NAME)


@triton.jit
def forward_cell(z_o, z_i, z_f, z_g, cell, ACTIVATION: tl.constexpr, GATE: tl.constexpr):
    """From the pre-activations and the cell state before: hidden and cell state, and what to keep of each gate."""
    o, kept_o = _keep(z_o, GATE)
    i, kept_i = _keep(z_i, GATE)
    f, kept_f = _keep(z_f, GATE)
    g, kept_g = _keep(z_g, ACTIVATION)
    cell = f * cell + i * g
    return o * activate(cell, ACTIVATION), cell, kept_o, kept_i, kept_f, kept_g


@triton.jit
def backward_cell(
    kept_o, kept_i, kept_f, kept_g, cell, cell_before, dh, dc, ACTIVATION: tl.constexpr, GATE: tl.constexpr
):
    """From the gradients of the state after the step: those of the pre-activations and of the cell state before it."""
    o, slope_o = _value_and_slope(kept_o, GATE)
    i, slope_i = _value_and_slope(kept_i, GATE)
    f, slope_f = _value_and_slope(kept_f, GATE)
    g, slope_g = _value_and_slope(kept_g, ACTIVATION)
    output, slope_output = _value_and_slope_at(cell, ACTIVATION)
    dc += dh * o * slope_output
    return dh * output * slope_o, dc * g * slope_i, dc * cell_before * slope_f, dc * i * slope_g, dc * f
