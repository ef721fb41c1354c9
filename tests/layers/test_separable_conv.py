import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Conv1D, DepthwiseConv1D, SeparableConv1D


def test_it_is_a_depthwise_convolution_and_one_over_channels() -> None:
    layer = SeparableConv1D(4, 3, depth_multiplier=2, padding="causal", dilation_rate=2, input_shape=(None, 5))
    depthwise, pointwise, bias = layer.get_weights()
    first = DepthwiseConv1D(3, depth_multiplier=2, dilation_rate=2, use_bias=False, input_shape=(None, 5))
    second = Conv1D(4, 1, input_shape=(None, 10))
    first.set_weights([depthwise])
    second.set_weights([pointwise, bias + 1])
    layer.set_weights([depthwise, pointwise, bias + 1])
    inputs = torch.randn(2, 9, 5)
    behind = torch.cat((torch.zeros(2, 4, 5), inputs), dim=1)
    assert_close(layer(inputs).detach(), second(first(behind)).detach(), "float32 elementwise")
