"""What scripts rely on around a layer's numbers, the same test on Keras and here."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm

LIBRARIES = pytest.mark.parametrize("library", [keras, torch_keras_lstm], ids=["keras", "ours"])
X = np.random.default_rng(3).normal(size=(2, 4, 3)).astype(np.float32)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@LIBRARIES
@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.layers.RepeatVector(n="3"),
        lambda k: k.layers.RepeatVector(n=3.5),
        lambda k: k.layers.UpSampling1D(size=2.5),
        lambda k: k.layers.LayerNormalization(axis={"axis": -1}),
        lambda k: k.layers.UnitNormalization(axis={"axis": -1}),
        lambda k: k.layers.Embedding.from_config({"input_dim": 3.7, "output_dim": 8}),
    ],
)
def test_an_argument_of_a_wrong_type_is_a_type_error(library: Any, make: Any) -> None:
    with pytest.raises(TypeError):
        make(library)


@LIBRARIES
def test_an_embedding_of_a_fraction_of_rows_is_a_value_error(library: Any) -> None:
    with pytest.raises(ValueError, match="`input_dim` must be a positive integer"):
        library.layers.Embedding(3.7, 8)


@LIBRARIES
@pytest.mark.parametrize("name", ["Dense", "EinsumDense", "Conv1D"])
def test_an_activation_is_taken_off(library: Any, name: str) -> None:
    arguments = {"Dense": (5,), "EinsumDense": ("abc,cd->abd", (None, 5)), "Conv1D": (5, 1)}[name]
    layer = getattr(library.layers, name)(*arguments, activation="relu")
    layer(X)
    layer.activation = None
    outputs = np.asarray(library.ops.convert_to_numpy(layer(X)))
    assert (outputs < 0).any()


@LIBRARIES
def test_training_of_a_signature_reaches_the_layers_inside(library: Any) -> None:
    class Inner(library.layers.Layer):  # type: ignore[misc]  # of either library
        def __init__(self) -> None:
            super().__init__()
            self.dropout = library.layers.Dropout(0.9)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.dropout(x)

    class Outer(library.layers.Layer):  # type: ignore[misc]  # of either library
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def call(self, x: Any, training: bool = False) -> Any:
            return self.inner(x)

    for layer in (Inner(), Outer()):
        ones = np.ones((8, 8), np.float32)
        assert float(library.ops.min(layer(ones))) == 1
        assert float(library.ops.min(layer(ones, training=True))) == 0


@LIBRARIES
def test_any_layer_may_be_told_to_train(library: Any) -> None:
    for layer in (library.layers.Dense(2), library.layers.Flatten(), library.layers.MaxPooling1D()):
        told, untold = (np.asarray(library.ops.convert_to_numpy(layer(X, **kw))) for kw in ({"training": True}, {}))
        assert np.array_equal(told, untold)
        assert tuple(layer(library.Input((4, 3)), training=True).shape)[1:] == told.shape[1:]


@LIBRARIES
def test_a_layer_of_ones_own_may_be_told_before_it_is_built(library: Any) -> None:
    class Scaled(library.layers.Layer):  # type: ignore[misc]  # of either library
        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")

        def call(self, x: Any) -> Any:
            return x * self.scale

    told = Scaled()(X, training=True)
    assert np.array_equal(np.asarray(library.ops.convert_to_numpy(told)), X)
    assert tuple(Scaled()(library.Input((4, 3)), training=True).shape)[1:] == (4, 3)


@LIBRARIES
def test_several_outputs_are_a_tuple_on_symbolic_tensors(library: Any) -> None:
    assert isinstance(library.layers.LSTM(2, return_state=True)(library.Input((4, 3))), tuple)

    class Twice(library.layers.Layer):  # type: ignore[misc]  # of either library
        structure: Any = tuple

        def compute_output_shape(self, input_shape: Any) -> Any:
            return self.structure((input_shape, input_shape))

        def call(self, x: Any) -> Any:
            raise RuntimeError("should not be called")

    class TwiceInAList(Twice):
        structure = list

    for kind, structure in ((Twice, tuple), (TwiceInAList, list)):
        outputs = kind().compute_output_spec(library.Input(batch_shape=(2, 3)))
        assert isinstance(outputs, structure)
        assert [tuple(one.shape) for one in outputs] == [(2, 3), (2, 3)]


@LIBRARIES
def test_metrics_of_a_layer_and_of_those_inside(library: Any) -> None:
    class Measured(library.layers.Layer):  # type: ignore[misc]  # of either library
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner
            self.metric = library.metrics.MeanSquaredError()

        def call(self, x: Any) -> Any:
            return self.inner(x)

    layer = Measured(Measured(library.layers.Dense(2)))
    layer(X)
    assert (len(layer.metrics), len(layer.metrics_variables)) == (2, 4)
    assert len(layer.trainable_variables) == 2


@LIBRARIES
def test_flash_attention_forbids_dropout(library: Any) -> None:
    with pytest.raises(ValueError, match="Dropout is not supported when flash attention is enabled"):
        library.layers.MultiHeadAttention(2, 2, flash_attention=True, dropout=0.1)
    layer = library.layers.MultiHeadAttention(2, 2, flash_attention=True)
    with pytest.raises(ValueError, match="Returning attention scores is not supported"):
        layer(X, X, return_attention_scores=True)


def test_a_joined_mask_needs_no_numbers_of_symbolic_inputs() -> None:
    masks = [torch.tensor([[[True, False]]]), torch.tensor([[[False, False, True]]])]
    inputs = [torch_keras_lstm.Input((1, 2)), torch_keras_lstm.Input((1, 3))]
    layer = torch_keras_lstm.layers.Concatenate()
    assert layer.compute_mask(inputs, masks).tolist() == [[True]]
    assert layer.compute_mask(inputs, [~masks[0] & False, ~masks[1] & False]).tolist() == [[False]]


def test_weights_files_hold_what_a_torch_module_counts(tmp_path: Path) -> None:
    layers, models = torch_keras_lstm.layers, torch_keras_lstm.models

    class Wrapped(models.Model):
        def __init__(self) -> None:
            super().__init__()
            module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
            self.wrapped = layers.TorchModuleWrapper(module)
            self.out = layers.Dense(1)

        def call(self, x: Any, training: Any = None) -> Any:
            return self.out(self.wrapped(x, training=training))

    first, second = Wrapped(), Wrapped()
    first(X[0], training=True)
    second(X[0], training=False)
    first.save_weights(tmp_path / "m.weights.h5")
    second.load_weights(tmp_path / "m.weights.h5")
    assert second.wrapped.module.state_dict()["1.num_batches_tracked"] == 1
    assert torch.equal(first(X[0], training=False), second(X[0], training=False))


def test_weights_of_bare_torch_modules_are_not_lost_in_silence(tmp_path: Path) -> None:
    class Bare(torch_keras_lstm.models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Linear(3, 2)
            self.out = torch_keras_lstm.layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.out(self.first(x))

    model = Bare()
    model(torch.from_numpy(X))
    with pytest.raises(ValueError, match="`first` is a module of torch's"):
        model.save_weights(tmp_path / "m.weights.h5")
