import copy
import pickle

import pytest
import torch

from torch_keras_lstm.layers.keras_mask import masked
from torch_keras_lstm.models import OperationLayer


def test_it_computes_its_function_of_tensors_and_constants() -> None:
    x = torch.randn(3, 4)
    assert torch.equal(OperationLayer("Multiply", {"name": "m"})(x, 2.0), 2 * x)
    assert torch.equal(OperationLayer("Mean", {"axis": -1, "keepdims": True})(x), x.mean(-1, keepdim=True))
    assert torch.equal(OperationLayer("TFOpLambda", {"function": "math.reduce_max"})(x, axis=0), x.amax(0))


def test_it_hands_on_no_mask_and_has_no_weights() -> None:
    layer = OperationLayer("Negative", {})
    inputs = torch.ones(2)
    inputs = masked(inputs, torch.ones(2, dtype=torch.bool))
    assert not hasattr(layer(inputs), "_keras_mask")
    assert (layer.built, layer.count_params()) == (True, 0)
    assert {"mask", "training"}.isdisjoint(layer.call_parameters)


def test_it_tells_the_shape_of_its_output() -> None:
    transposed = OperationLayer("TensorFlowOpLayer", {"node_def": {"op": "Transpose"}, "constants": {"1": [0, 2, 1]}})
    assert transposed.compute_output_shape((None, 3, 2)) == (None, 2, 3)
    assert OperationLayer("Mean", {"axis": 1}).compute_output_shape((None, None, 2)) == (None, 2)


def test_copies_compute_the_same() -> None:
    layer, x = OperationLayer("Sum", {"axis": 1}, name="total"), torch.randn(3, 4)
    config = layer.get_config()
    assert config == {"name": "total", "operation": "Sum", "arguments": {"axis": 1}}
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), OperationLayer.from_config(config)):
        assert torch.equal(again(x), x.sum(1))
        assert repr(again) == "OperationLayer(name='total', Sum)"


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown operation `Meann`"):
        OperationLayer("Meann", {})
