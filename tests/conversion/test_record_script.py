from types import SimpleNamespace

from torch_keras_lstm.conversion.record_script import node_inputs


def test_the_tensors_of_a_call_however_a_keras_keeps_them() -> None:
    first, second = object(), object()
    assert node_inputs(SimpleNamespace(input_tensors=[first, second])) == [first, second]
    assert node_inputs(SimpleNamespace(input_tensors=first)) == [first]  # tf.keras of TensorFlow 1.15
    assert node_inputs(SimpleNamespace(input_tensors=[], keras_inputs=(second,))) == [second]
