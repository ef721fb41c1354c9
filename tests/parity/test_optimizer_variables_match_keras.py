"""What an optimizer keeps and how it is asked and told, against Keras 3: variables, rates, gradients handed over."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm import optimizers

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPES = [(3, 4), (4,), (2, 3, 5)]
NAMES = [
    "SGD", "Adam", "AdamW", "Adamax", "Adadelta", "Adafactor", "Adagrad", "Ftrl", "Lamb", "Lion", "Muon", "Nadam",
    "RMSprop", "ScheduleFreeAdamW",
]  # fmt: skip
COMMON: list[dict[str, Any]] = [{}, {"use_ema": True, "gradient_accumulation_steps": 2}]


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    with float64(keras, torch_keras_lstm):
        yield


def _values() -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [rng.normal(size=shape) for shape in SHAPES]


def _gradients(step: int) -> list[np.ndarray]:
    rng = np.random.default_rng(step)
    return [rng.normal(size=shape) for shape in SHAPES]


def _pair(name: str, arguments: dict[str, Any]) -> tuple[Any, list[Any], Any, list[torch.nn.Parameter]]:
    theirs, ours = getattr(keras.optimizers, name)(**arguments), getattr(optimizers, name)(**arguments)
    variables = [keras.Variable(value, name=f"v{index}") for index, value in enumerate(_values())]
    parameters = [torch.nn.Parameter(torch.tensor(value)) for value in _values()]
    theirs.build(variables)
    ours.build([(f"v{index}", parameter) for index, parameter in enumerate(parameters)])
    return theirs, variables, ours, parameters


def test_every_name_is_here() -> None:
    public = {name for name in dir(keras.optimizers) if not name.startswith("_")}
    assert public <= set(dir(optimizers))
    for name in ("Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD"):
        with pytest.raises(ImportError, match=f"write `optimizers.{name}`"):
            getattr(optimizers.legacy, name)(0.1)


@pytest.mark.parametrize("common", COMMON, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_variables(name: str, common: dict[str, Any]) -> None:
    """Their order, names, shapes and types; what is in them after three steps; and set in the other library."""
    theirs, variables, ours, parameters = _pair(name, {"learning_rate": 0.125, **common})
    for step in range(3):
        theirs.apply(_gradients(step), variables)
        ours.apply(_gradients(step), parameters)
    expected = [(one.name if one.name != "variable" else "u_product", one.dtype) for one in theirs.variables]
    got = [(one.name, str(one.dtype).removeprefix("torch.")) for one in ours.variables]
    for mine, wanted in zip(got, expected, strict=True):
        assert mine == wanted or (mine[0] == "u_product" and wanted[0].startswith("variable"))
    for mine, wanted in zip(ours.variables, theirs.variables, strict=True):
        assert_close(mine.numpy(), wanted.numpy(), "float64", wanted.name)
    theirs_again, variables_again, ours_again, parameters_again = _pair(name, {"learning_rate": 0.25, **common})
    ours_again.set_weights(theirs.variables)
    theirs_again.set_weights([variable.numpy() for variable in ours.variables])
    for step in range(3, 5):
        theirs_again.apply(_gradients(step), variables_again)
        ours_again.apply(_gradients(step))
    for parameter, variable in zip(parameters_again, variables_again, strict=True):
        assert_close(parameter.detach(), variable.numpy(), "float64", variable.name)


@pytest.mark.parametrize("name", ["SGD", "Nadam", "Adafactor"])
def test_a_step_without_a_state(name: str) -> None:
    theirs, variables, ours, parameters = _pair(name, {"learning_rate": 0.125})
    theirs.apply(_gradients(0), variables)
    ours.apply(_gradients(0))
    start = [one + 0.5 for one in _values()]
    before = [parameter.detach().clone() for parameter in parameters]
    got = ours.stateless_apply(ours.variables, _gradients(1), start)
    assert all(torch.equal(one, parameter) for one, parameter in zip(before, parameters, strict=True))
    assert int(ours.iterations) == 1
    for mine, wanted in zip(ours.variables, theirs.variables, strict=True):
        assert_close(mine.numpy(), wanted.numpy(), "float64", wanted.name)
    for variable, value in zip(variables, start, strict=True):  # on TensorFlow Keras has a state in any case
        variable.assign(value)
    theirs.apply(_gradients(1), variables)
    for mine, wanted in zip([*got[0], *got[1]], [*variables, *theirs.variables], strict=True):
        assert_close(mine, wanted.numpy(), "float64", wanted.name)
    with pytest.raises(ValueError, match=r"keeps .* variables of 3 weights, got 1 and 3 values"):
        ours.stateless_apply([0], _gradients(1), start)


def _asked(library: Any) -> list[Any]:
    """The same text for both: a rate that is asked and set, a counter that is read."""
    found: list[Any] = []
    optimizer = library.optimizers.SGD(learning_rate=0.5)
    found += [float(optimizer.learning_rate), optimizer.learning_rate.numpy(), optimizer.learning_rate.value.numpy()]
    optimizer.learning_rate.assign(0.25)
    found += [float(optimizer.learning_rate), bool(optimizer.learning_rate == 0.25), bool(optimizer.learning_rate < 1)]
    optimizer.learning_rate = optimizer.learning_rate * 0.5
    found += [float(optimizer.learning_rate), int(optimizer.iterations), optimizer.iterations.numpy()]
    held = optimizer.learning_rate
    optimizer.learning_rate = 0.75
    found += [held.numpy(), optimizer.get_config()["learning_rate"]]
    scheduled = library.optimizers.Adam(library.optimizers.schedules.ExponentialDecay(0.5, 2, 0.5))
    found += [float(scheduled.learning_rate)]
    scheduled.learning_rate = lambda: 0.125
    found += [float(scheduled.learning_rate), len(scheduled.variables)]
    scheduled.iterations.assign(6)
    found += [int(scheduled.iterations)]
    return found


def test_rates_and_counts() -> None:
    expected, got = _asked(keras), _asked(torch_keras_lstm)
    assert [float(one) for one in got] == [float(one) for one in expected]


def test_gradients_by_pairs() -> None:
    theirs, variables, ours, parameters = _pair("Adam", {"learning_rate": 0.125, "clipnorm": 0.5})
    for step in range(3):
        expected = theirs.apply_gradients(zip(_gradients(step), variables, strict=True))
        got = ours.apply_gradients(zip(_gradients(step), parameters, strict=True))
    assert int(got) == int(expected) == 3
    for mine, wanted in zip(parameters, variables, strict=True):
        assert_close(mine.detach(), wanted.numpy(), "float64", wanted.name)


def test_what_does_not_fit() -> None:
    theirs, variables, ours, parameters = _pair("SGD", {})
    with pytest.raises(ValueError, match=r"is not built: call `build\(parameters\)` before `apply\(grads\)`"):
        optimizers.SGD().apply(_gradients(0))
    with pytest.raises(ValueError, match="2 gradients for the 3 weights"):
        ours.apply(_gradients(0)[:2])
    with pytest.raises(ValueError, match="was not built with"):
        ours.apply(_gradients(0)[:1], [torch.nn.Parameter(torch.zeros(3, 4))])
    with pytest.raises(ValueError, match="No parameter has a gradient"):
        ours.apply([None, None, None])
    with pytest.warns(UserWarning, match="Gradients do not exist for v1"):
        ours.apply([_gradients(0)[0], None, _gradients(0)[2]])
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        theirs.apply([_gradients(0)[0], None, _gradients(0)[2]])
    for mine, wanted in zip(parameters, variables, strict=True):
        assert_close(mine.detach(), wanted.numpy(), "float64")
    ours.apply([])
    with pytest.raises(ValueError, match="has no weights to set yet"):
        optimizers.Adam().set_weights([])


def _own(library: Any) -> Any:
    ops = library.ops

    class Heavy(library.optimizers.Optimizer):  # type: ignore[misc]
        """Momentum with a decay by the norm of the weight, written as in Keras."""

        def __init__(self, learning_rate: float = 0.125, momentum: float = 0.75, **kwargs: Any) -> None:
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.momentum = momentum

        def build(self, variables: Any) -> None:
            super().build(variables)
            self.momentums = [
                self.add_variable_from_reference(reference_variable=variable, name="momentum") for variable in variables
            ]
            self.largest = self.add_variable(shape=(), initializer="ones", name="largest")

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            learning_rate = ops.cast(learning_rate, variable.dtype)
            momentum = self.momentums[self._get_variable_index(variable)]
            self.assign(momentum, momentum * self.momentum - gradient * learning_rate)
            self.assign_add(variable, momentum)
            self.assign_sub(variable, learning_rate * 0.25 * variable / ops.sqrt(ops.sum(ops.square(variable))))
            self.assign(self.largest, ops.maximum(self.largest, ops.max(ops.abs(gradient))))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "momentum": self.momentum}

    return Heavy


def test_an_optimizer_of_ones_own() -> None:
    """In `fit` of weights that torch keeps in another layout, by its configuration, and gradient by gradient."""
    histories, weights = [], []
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(8, 5, 3)), rng.normal(size=(8, 2))
    for library in (keras, torch_keras_lstm):
        layers = library.layers
        model = library.models.Sequential([layers.Input((5, 3)), layers.LSTM(4), layers.Dense(2)])
        draw = np.random.default_rng(4)
        model.set_weights([draw.normal(scale=0.5, size=weight.shape) for weight in model.get_weights()])
        cls = _own(library)
        optimizer = cls.from_config(cls(momentum=0.5, clipnorm=0.7, weight_decay=0.25).get_config())
        model.compile(optimizer, "mse")
        histories.append(model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"])
        weights.append([*model.get_weights(), *(np.asarray(one.numpy()) for one in optimizer.variables)])
    assert_close(histories[1], histories[0], "float64 curve")
    for mine, wanted in zip(weights[1], weights[0], strict=True):
        assert_close(mine, wanted, "float64 curve")


def test_a_scale_that_finds_itself() -> None:
    """Steps that are left out, a scale that is halved and doubled."""
    runs = []
    for library in (keras, torch_keras_lstm):
        inner = library.optimizers.Adam(0.125, use_ema=True)
        optimizer = library.optimizers.LossScaleOptimizer(inner, initial_scale=8.0, dynamic_growth_steps=2)
        trained: Any = (
            [keras.Variable(value) for value in _values()]
            if library is keras
            else [torch.nn.Parameter(torch.tensor(value)) for value in _values()]
        )
        found = [float(optimizer.scale_loss(library.ops.convert_to_tensor(np.float64(3.0))))]
        for step in range(7):
            gradients = [gradient * 8 for gradient in _gradients(step)]
            if step in (2, 3):
                gradients[1][0] = np.inf if step == 2 else np.nan
            optimizer.apply([library.ops.convert_to_tensor(one) for one in gradients], trained)
            found += [float(optimizer.dynamic_scale), float(optimizer.step_counter), float(optimizer.iterations)]
        optimizer.learning_rate = 0.5
        optimizer.finalize_variable_values(trained)
        runs.append((found, trained, [np.asarray(one.numpy()) for one in optimizer.variables]))
    (expected, variables, kept), (got, parameters, mine) = runs
    assert got == expected
    for one, wanted in zip(parameters, variables, strict=True):
        assert_close(one.detach(), wanted.numpy(), "float64")
    for one, wanted in zip(mine, kept, strict=True):
        assert_close(one, wanted, "float64")


def test_what_a_scaled_optimizer_does_not_take() -> None:
    with pytest.raises(ValueError, match="takes no `clipnorm`: give it to the inner optimizer"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0)
    with pytest.raises(ValueError, match="has no `dynamic=False`"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), dynamic=False)
    with pytest.raises(ValueError, match="has no argument `growth`"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), growth=3)


def test_several_optimizers() -> None:
    runs = []
    for library in (keras, torch_keras_lstm):
        layers, rules = library.layers, library.optimizers
        model = library.models.Sequential(
            [layers.Input((5, 3)), layers.GRU(4, name="first"), layers.Dense(2, name="second")]
        )
        draw = np.random.default_rng(4)
        model.set_weights([draw.normal(scale=0.5, size=weight.shape) for weight in model.get_weights()])
        by_path = rules.OptimizerMap(rules.Adam(0.125), {".*/second/kernel": rules.SGD(0.25, momentum=0.5)})
        by_path[".*/second/bias"] = rules.Lamb(0.5)
        optimizer = rules.MultiOptimizer.from_config(rules.MultiOptimizer(by_path).get_config())
        model.compile(optimizer, "mse")
        rng = np.random.default_rng(3)
        x, y = rng.normal(size=(8, 5, 3)), rng.normal(size=(8, 2))
        reduce = library.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10)
        rate = library.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
        history = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0, callbacks=[reduce, rate]).history
        runs.append((history, model.get_weights(), [np.asarray(one.numpy()) for one in optimizer.variables]))
    (expected, weights, kept), (got, mine, found) = runs
    assert len(got) == len(expected) == 4
    for values, wanted in zip(got.values(), expected.values(), strict=True):
        assert_close(values, wanted, "float64 curve")
    for one, other in zip([*mine, *found], [*weights, *kept], strict=True):
        assert_close(one, other, "float64 curve")


def test_what_several_optimizers_do_not_take() -> None:
    by_path = optimizers.OptimizerMap(optimizers.SGD(), {"a.*": optimizers.SGD(), ".*b": optimizers.Adam()})
    with pytest.raises(ValueError, match=r"Several patterns match the weight `ab`: a\.\*, \.\*b"):
        by_path["ab"]
    with pytest.raises(ValueError, match=r"There is an optimizer for .* already"):
        by_path["a.*"] = optimizers.SGD()
    with pytest.raises(ValueError, match="A LossScaleOptimizer cannot be one of several"):
        by_path["c"] = optimizers.LossScaleOptimizer(optimizers.SGD())
    with pytest.raises(TypeError, match="`default_optimizer` must be an optimizer"):
        optimizers.OptimizerMap("sgd")  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="has no learning rate"):
        optimizers.MultiOptimizer(by_path).learning_rate  # noqa: B018
