import pytest
import torch

from torch_keras_lstm.layers import Dense, EinsumDense

INPUTS = torch.randn(2, 5, 3)


def test_a_dense_layer_written_as_einsum() -> None:
    dense, einsum = Dense(4, activation="tanh"), EinsumDense("abc,cd->abd", [None, 4], "tanh", "d")
    for layer in (dense, einsum):
        layer.build((None, 5, 3))
    einsum.set_weights(dense.get_weights())
    torch.testing.assert_close(einsum(INPUTS), dense(INPUTS))


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes"), [("abc,cd->abd", [None, 4], "bd"), ("...c,cde->...de", [4, 6], "e")]
)
def test_a_layer_that_is_not_built_loads_a_state_dict(equation: str, output_shape: list[int], bias_axes: str) -> None:
    layers = [EinsumDense(equation, [5, 4] if bias_axes == "bd" else output_shape, None, bias_axes) for _ in range(2)]
    expected = layers[0](INPUTS)
    layers[1].load_state_dict(layers[0].state_dict())
    assert torch.equal(layers[1](INPUTS), expected)


def test_kernels_start_as_wide_as_their_inputs_and_outputs_are_many() -> None:
    layer = EinsumDense("abc,cde->abde", [None, 40, 50])
    layer.build((None, 5, 30))
    limit = (6 / (30 + 40 * 50)) ** 0.5
    assert 0.95 * limit < float(layer.kernel.detach().abs().max()) <= limit
    assert layer.get_config()["kernel_initializer"]["config"]["input_axes"] is None


@pytest.mark.parametrize("equation", ["ab,bc", "ab->b", "...ab,bc->ac", "a...,ab->b...", "ab,bc->ac,d"])
def test_equations_of_another_form_are_refused(equation: str) -> None:
    with pytest.raises(ValueError, match=r"`equation` must have the form 'ab,bc->ac', .* got '"):
        EinsumDense(equation, 4)


def test_errors_say_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="`equation` 'ab,bd->ac' has 'c' on one side only"):
        EinsumDense("ab,bd->ac", 4)
    with pytest.raises(ValueError, match="`bias_axes` must be letters of the output 'ac', got 'b'"):
        EinsumDense("ab,bc->ac", 4, bias_axes="b")
    with pytest.raises(ValueError, match=r"Layer `e` takes inputs with the axes of 'ab,bc->ac', got \(2, 5, 3\)"):
        EinsumDense("ab,bc->ac", 4, name="e")(INPUTS)
    with pytest.raises(ValueError, match=r"`output_shape` \(4,\), but its equation 'abc,cd->abd' needs 2 sizes"):
        EinsumDense("abc,cd->abd", 4)(INPUTS)
    with pytest.raises(ValueError, match=r"Layer `e` gives 6 along axis 'b' of 'abc,cd->abd', got .* with 5"):
        EinsumDense("abc,cd->abd", [6, 4], name="e")(INPUTS)
    with pytest.raises(ValueError, match="Layer `e` needs the sizes of its kernel's axes in 'abc,cd->abd' to be built"):
        EinsumDense("abc,cd->abd", [None, None], name="e")(INPUTS)
    layer = EinsumDense("abc,cd->abd", [None, 4], name="e")
    layer(INPUTS)
    with pytest.raises(ValueError, match="Layer `e` was built for 3 along axis 'c' of 'abc,cd->abd'"):
        layer(torch.ones(2, 5, 7))
