"""Files saved under policies of mixed precision: Keras' numbers when they are asked for, float32 otherwise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch

import torch_keras_lstm
from tests.tolerances import largest_error
from torch_keras_lstm.conversion import convert, inspect, load_model

TIME, TOKENS = 5, 20
# the last digit of a number next to 1
ROUNDING = {"mixed_float16": 2.0**-10, "mixed_bfloat16": 2.0**-7, "float16": 2.0**-10}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")
    tf_keras.mixed_precision.set_global_policy(None)  # as it was: by the default type of the moment


def _model(library: Any, policy: str) -> Any:
    """Layers of one policy, some of float32 between them, and one that has such a one inside."""
    layers = library.layers
    given = {"dtype": policy}
    return library.Sequential(
        [
            layers.Input((TIME,), dtype="int32"),
            layers.Embedding(TOKENS, 6, mask_zero=True, **given),
            layers.Bidirectional(layers.LSTM(5, return_sequences=True, **given), **given),
            layers.GRU(4, return_sequences=True, **given),
            layers.LayerNormalization(**given),
            layers.BatchNormalization(**given),
            layers.TimeDistributed(layers.Dense(3, dtype="float32"), **given),
            layers.LSTM(4, dtype="float32"),
            layers.Dense(2, activation="softmax", **given),
        ]
    )


def _policies(model: Any) -> list[str]:
    inside = [getattr(layer, name, layer) for layer in model.layers for name in ("layer", "forward_layer")]
    policies = (getattr(layer, "dtype_policy", None) or getattr(layer, "_dtype_policy", None) for layer in inside)
    return [policy.name for policy in policies if policy is not None]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize(
    ("library", "container", "policy"),
    [
        (keras, ".keras", "mixed_float16"),
        (keras, ".h5", "mixed_bfloat16"),
        (keras, ".keras", "float16"),
        (tf_keras, ".h5", "mixed_float16"),
        (tf_keras, ".keras", "mixed_bfloat16"),
    ],
)
def test_as_saved(library: Any, container: str, policy: str, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    model = _model(library, policy)
    weights = [random.uniform(0.2, 1.2, size=one.shape) * random.choice([-1, 1]) for one in model.get_weights()]
    model.set_weights(
        [abs(one) if "variance" in v.name else one for one, v in zip(weights, model.weights, strict=True)]
    )
    path = tmp_path / f"m{container}"
    model.save(path)
    tokens = torch.from_numpy(random.integers(0, TOKENS, size=(6, TIME)))
    expected = np.asarray(model(tokens.numpy())).astype("f4")
    asked, by_default = load_model(path, dtype_policy="as saved"), load_model(path)
    mixed = policy.startswith("mixed")
    assert _policies(asked) == _policies(model)
    assert _policies(by_default) == [one.replace(policy, "float32") if mixed else one for one in _policies(model)]
    got, single = asked(tokens).detach(), by_default(tokens).detach()
    assert str(got.dtype).removeprefix("torch.") == policy.removeprefix("mixed_")
    # Each rounds where its products end: no further from what is true than twice what Keras is.
    assert largest_error(got.float(), single) <= max(2 * largest_error(expected, single), ROUNDING[policy])
    assert largest_error(got.float(), expected) <= 2 * ROUNDING[policy]
    if library is keras and policy == "mixed_float16":  # which TensorFlow's kernels for any processor compute alike
        assert (got.float().numpy() != expected).mean() <= 0.1
    notes = inspect(path).notes
    assert [f"The policy `{policy}` is read as float32" in note for note in notes] == [True] * mixed
    for choice, first in (("as saved", asked), (None, by_default)):
        notes = convert(path, tmp_path / "out", dtype_policy=choice, force=True).notes  # type: ignore[arg-type]
        assert [policy in note for note in notes] == [True] * mixed
        again = load_model(tmp_path / "out")
        assert _policies(again) == _policies(first)
        assert torch.equal(again(tokens), first(tokens))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize(("container", "choice"), [(".keras", "as saved"), (".h5", "as saved"), (".keras", None)])
def test_training_goes_on(container: str, choice: Any, tmp_path: Path) -> None:
    """The optimizer inside one that scales the loss, and the scale; ``.keras`` notes the former alone."""
    random = np.random.default_rng(3)
    keras.config.set_dtype_policy("mixed_float16")
    layers = keras.layers
    model = keras.Sequential([layers.Input((TIME, 3)), layers.LSTM(4), layers.Dense(2, dtype="float32")])
    model.compile("adam", "mse")
    keras.config.set_dtype_policy("float32")
    x, y = random.normal(size=(8, TIME, 3)).astype("f4"), random.normal(size=(8, 2)).astype("f4")
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / f"m{container}")
    ours = torch_keras_lstm.models.load_model(tmp_path / f"m{container}", dtype_policy=choice)
    assert type(ours.optimizer).__name__ == type(model.optimizer).__name__ == "LossScaleOptimizer"
    assert float(ours.optimizer.dynamic_scale) == float(model.optimizer.dynamic_scale) == 2.0**15
    losses = [[one.train_on_batch(x, y) for _ in range(3)] for one in (model, ours)]
    bound = 1e-6 if choice else 1e-3
    assert largest_error(losses[1], losses[0]) <= bound
    if choice:
        for got, expected in zip(ours.get_weights(), model.get_weights(), strict=True):
            assert largest_error(got, expected) <= 1e-5
        ours.save(tmp_path / "back.keras")
        back = keras.models.load_model(tmp_path / "back.keras")
        assert [layer.dtype_policy.name for layer in back.layers] == ["mixed_float16", "float32"]
        assert back.optimizer.iterations == model.optimizer.iterations


def test_another_word() -> None:
    with pytest.raises(ValueError, match=r"`dtype_policy` must be 'as saved', .* or 'float32', .* got 'half'"):
        load_model("m.keras", dtype_policy="half")  # type: ignore[arg-type]


def _own_class(library: Any) -> Any:
    @library.saving.register_keras_serializable(package=f"mixed_{library.__name__}")
    class Own(library.Model):  # type: ignore[misc]
        def __init__(self, inner: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = inner

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "inner": library.saving.serialize_keras_object(self.inner)}

        @classmethod
        def from_config(cls, config: Any) -> Any:
            return cls(library.saving.deserialize_keras_object(config["inner"]))

    return Own


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_model_class_of_ones_own(tmp_path: Path) -> None:
    """Its layers have the types that are asked for, and are dequantized, as those of Keras' classes."""
    theirs, ours = _own_class(keras), _own_class(torch_keras_lstm)
    x = np.random.default_rng(2).normal(size=(4, 5)).astype("f4")
    dense = keras.layers.Dense(3, dtype="mixed_bfloat16")
    model = theirs(dense)
    expected = np.asarray(keras.ops.cast(model(x), "float32"))
    model.save(tmp_path / "m.keras")
    for choice, policy in (("as saved", "mixed_bfloat16"), (None, "float32")):
        read: Any = load_model(tmp_path / "m.keras", custom_objects={"Own": ours}, dtype_policy=choice)  # type: ignore[arg-type]
        assert read.inner.dtype_policy.name == policy
        assert largest_error(read(torch.from_numpy(x)).detach().float(), expected) <= 2.0**-6
    read.inner.dtype_policy = "mixed_bfloat16"
    read.save(tmp_path / "ours.keras")
    again: Any = load_model(tmp_path / "ours.keras", custom_objects={"Own": ours})
    assert again.inner.dtype_policy.name == "mixed_bfloat16"
    quantized = theirs(keras.layers.Dense(3))
    quantized(x)
    quantized.inner.quantize("int4")
    quantized.save(tmp_path / "q.keras")
    read = load_model(tmp_path / "q.keras", custom_objects={"Own": ours})
    assert largest_error(read(torch.from_numpy(x)).detach(), np.asarray(quantized(x))) <= 3e-6
