from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.conversion.handmade import (
    Array,
    entry,
    hard_sigmoid_keras2,
    keras_2_lstm,
    lstm,
    lstm_weights,
    sequential,
    sigmoid,
    write_keras,
    write_legacy,
)
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert, inspect, load_model
from torch_keras_lstm.layers import LSTM, Dense, Layer

B, T, F, U = 3, 7, 5, 4


class Reversed(LSTM):
    """An LSTM whose outputs come last step first."""

    def forward(self, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
        return super().forward(inputs, *arguments, **keywords).flip(1)


CUSTOM: dict[str, type[Layer]] = {"Backwards": Reversed}


def test_a_layer_derived_from_ours_is_read_in_the_dialect_of_the_file(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    weights, x = lstm_weights(random, F, U), random.normal(size=(B, T, F))
    layer = keras_2_lstm("l", U, return_sequences=True, time_major=False, dtype="float64")
    layer["class_name"] = "Backwards"
    layer["config"]["batch_input_shape"] = [None, T, F]
    arrays = dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), weights, strict=True))
    path = write_legacy(tmp_path / "m.h5", {"l": arrays}, config=sequential(layer), keras_version="2.8.0")
    assert inspect(path, custom_objects=CUSTOM).problem is None
    convert(path, tmp_path / "out", custom_objects=CUSTOM)
    for source in (path, tmp_path / "out"):
        model = load_model(source, custom_objects=CUSTOM)
        with torch.no_grad():
            output = model(torch.from_numpy(x))
        assert_close(output, lstm(x, weights, hard_sigmoid_keras2)[:, ::-1], "float64")


def test_so_is_one_inside_a_wrapper(tmp_path: Path) -> None:
    class Doubled(Dense):
        def forward(self, inputs: Any) -> Any:
            return 2 * super().forward(inputs)

    random = np.random.default_rng(4)
    kernel, x = random.normal(size=(F, U)), random.normal(size=(B, T, F))
    inner = entry("Double", "d", units=U, activation="hard_sigmoid", use_bias=False, dtype="float64")
    wrapper = entry("TimeDistributed", "t", layer=inner, batch_input_shape=[None, T, F], dtype="float64")
    path = write_legacy(
        tmp_path / "m.h5", {"t": {"t/kernel:0": kernel}}, config=sequential(wrapper), keras_version="2.8.0"
    )
    with torch.no_grad():
        output = load_model(path, custom_objects={"Double": Doubled})(torch.from_numpy(x))
    assert_close(output, 2 * hard_sigmoid_keras2(x @ kernel), "float64")


def _model_of(tmp_path: Path, *layers: dict[str, Any], version: str = "2.8.0", **groups: dict[str, Array]) -> Path:
    """A file of layers on inputs (T, F), in float64."""
    for layer in layers:
        layer["config"].setdefault("dtype", "float64")
    layers[0]["config"]["batch_input_shape"] = [None, T, F]
    return write_legacy(tmp_path / "m.h5", groups, config=sequential(*layers), keras_version=version)


def _answer(path: Path, x: Array, **custom: Any) -> torch.Tensor:
    model = load_model(path, custom_objects=custom)
    assert inspect(path, custom_objects=custom).problem is None
    convert(path, path.with_name("out"), custom_objects=custom, force=True)
    with torch.no_grad():
        output: torch.Tensor = model(torch.from_numpy(x))
        assert torch.equal(load_model(path.with_name("out"), custom_objects=custom)(torch.from_numpy(x)), output)
    return output


class Halved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.5))

    def forward(self, inputs: Any) -> Any:
        return inputs * self.factor


class Last(Layer):
    """A layer in the place of a Lambda."""

    def __init__(self) -> None:
        super().__init__(dtype="float64")

    def forward(self, inputs: Any) -> Any:
        return self.prepare(inputs)[:, -1]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], input_shape[2])


LAMBDA: dict[str, Any] = {
    "function": ["4wEAAAA=", None, None],
    "function_type": "lambda",
    "output_shape": None,
    "dtype": "float64",
}


@pytest.mark.parametrize(
    ("given", "arguments", "expected"),
    [
        (lambda x: x[:, :2] ** 2, {}, lambda x: x[:, :2] ** 2),
        (lambda x, power: x**power, {"power": 3}, lambda x: x**3),
        (Halved(), {}, lambda x: x / 2),
        (Halved, {}, lambda x: x / 2),
        (Last(), {}, lambda x: x[:, -1]),
        (Last, {}, lambda x: x[:, -1]),
    ],
)
def test_a_lambda_is_given_by_its_layers_name(tmp_path: Path, given: Any, arguments: Any, expected: Any) -> None:
    x = np.random.default_rng(1).normal(size=(B, T, F))
    path = _model_of(tmp_path, entry("Lambda", "relu", arguments=arguments, **LAMBDA))
    assert_close(_answer(path, x, relu=given), expected(x), "float64")


def test_the_function_of_a_lambda_is_that_layers_alone(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    kernel, x = random.normal(size=(F, U)), random.normal(size=(B, T, F))
    dense = entry("Dense", "d", units=U, activation="relu", use_bias=False)
    wrapped = entry("TimeDistributed", "t", layer=entry("Lambda", "relu", **LAMBDA))
    path = _model_of(tmp_path, dense, wrapped, d={"d/kernel:0": kernel})
    assert_close(_answer(path, x, relu=lambda x: x + 1), np.maximum(x @ kernel, 0) + 1, "float64")


def test_a_lambda_without_a_function_says_how(tmp_path: Path) -> None:
    path = _model_of(tmp_path, entry("Lambda", "scale", **LAMBDA), entry("Caps", "c"))
    message = (
        r"Layers that are not supported: Lambda \(layer `scale`\), Caps \(layer `c`\)\. Classes of your own go into "
        r"`custom_objects`, .*`--custom MODULE:NAME`\. The code of a Lambda .* `custom_objects=\{'scale': function\}`, "
        r"on the command line `--custom scale=MODULE:NAME`\."
    )
    with pytest.raises(ValueError, match=message):
        load_model(path)
    with pytest.raises(ValueError, match=r"Layer `scale` \(Lambda\): .* must be a function or a module, got 5"):
        load_model(path, custom_objects={"scale": 5, "Caps": Dense})
    path = _model_of(tmp_path, entry("Lambda", "scale", mask=["4wE=", None, None], **LAMBDA))
    with pytest.raises(ValueError, match=r"a function for its mask, too: give a layer with a `compute_mask`"):
        load_model(path, custom_objects={"scale": abs})


@pytest.mark.parametrize("name", ["squash", {"class_name": "function", "config": "squash", "module": "builtins"}])
def test_functions_by_name(tmp_path: Path, name: Any) -> None:
    random = np.random.default_rng(1)
    weights, x = lstm_weights(random, F, U), random.normal(size=(B, T, F))
    layer = keras_2_lstm(
        "l", U, return_sequences=True, recurrent_activation=name, kernel_initializer="mine",
        kernel_regularizer={"class_name": "package>Weigh", "config": {"by": 0.5}}, bias_constraint="cut",
    )  # fmt: skip
    arrays = dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), weights, strict=True))
    path = _model_of(tmp_path, layer, l=arrays)

    class Weigh:
        def __init__(self, by: float) -> None:
            self.by = by

        def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
            return self.by * tensor.abs().sum()

        def get_config(self) -> dict[str, Any]:
            return {"by": self.by}

    def mine(shape: Any, dtype: Any = None, device: Any = None) -> torch.Tensor:
        return torch.zeros(shape, dtype=dtype, device=device)

    own = {"squash": torch.sigmoid, "mine": mine, "Weigh": Weigh, "cut": abs}
    assert_close(_answer(path, x, **own), lstm(x, weights, sigmoid), "float64")
    losses = load_model(path, custom_objects=own).get_layer("l").losses
    assert_close(torch.stack(losses).sum().detach(), 0.5 * abs(weights[0]).sum(), "float64")
    del own["squash"]
    with pytest.raises(
        ValueError, match=r"Layer `l` \(LSTM\): .*got 'squash'.* One of your own goes into `custom_objects`"
    ):
        load_model(path, custom_objects=own)


def test_a_factory_and_the_name_of_a_package(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    kernel, x = random.normal(size=(F, U)), random.normal(size=(B, T, F))
    path = _model_of(tmp_path, entry("mine>Linear", "d", size=U), d={"d/kernel:0": kernel})
    assert_close(
        _answer(path, x, Linear=lambda size, name, **rest: Dense(size, use_bias=False, dtype="float64")),
        x @ kernel,
        "float64",
    )
    with pytest.raises(
        ValueError, match=r"`custom_objects\['Linear'\]` must make a layer, derived from `torch_keras_l"
    ):
        load_model(path, custom_objects={"Linear": lambda **config: nn.Linear(F, U)})


def test_archives_name_groups_by_the_class_in_the_file(tmp_path: Path) -> None:
    """Not by the module's: ``Backwards`` is a ``Reversed`` here, and has Keras' cell inside as its base has."""
    random = np.random.default_rng(2)
    weights, others = lstm_weights(random, F, U), lstm_weights(random, U, U)
    start = entry("InputLayer", "i", batch_shape=[None, T, F], dtype="float64")
    arguments = {"units": U, "return_sequences": True, "dtype": "float64"}
    config = sequential(start, entry("Backwards", "a", **arguments), entry("LSTM", "b", **arguments))
    paths = {"backwards/cell/vars": weights, "lstm/cell/vars": others}
    arrays = {f"layers/{path}/{index}": array for path, own in paths.items() for index, array in enumerate(own)}
    path = write_keras(tmp_path / "m.keras", config, arrays)
    x = random.normal(size=(B, T, F))
    expected = lstm(lstm(x, weights, sigmoid)[:, ::-1], others, sigmoid)
    assert_close(_answer(path, x, Backwards=Reversed), expected, "float64")


def test_losses_and_metrics_of_ones_own_do_not_matter(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    start = entry("InputLayer", "i", batch_shape=[None, F], dtype="float64")
    config = sequential(start, entry("Dense", "d", units=U, use_bias=False, dtype="float64"))
    own = {"module": "os", "class_name": "system", "config": {"name": "true"}, "registered_name": "package>Mine"}
    config["compile_config"] = {"loss": own, "metrics": [own], "optimizer": own, "loss_weights": "mine"}
    kernel = random.normal(size=(F, U))
    path = write_keras(tmp_path / "m.keras", config, {"layers/dense/vars/0": kernel, "optimizer/vars/0": np.ones(3)})
    x = random.normal(size=(B, F))
    assert_close(_answer(path, x), x @ kernel, "float64")
