"""Layers of one's own: what a user meets, beside the numbers that tests/parity compares with Keras."""

# Much here is written as no type checker would have it, to see what the user is told.
# mypy: disable-error-code="call-arg,arg-type,union-attr,misc,override,operator,index"

import copy
import io
import json
import sys
import types
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from torch_keras_lstm import Model, Sequential, Variable, initializers, ops, regularizers
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Bidirectional,
    Dense,
    Embedding,
    Input,
    InputSpec,
    Layer,
    SimpleRNN,
    TorchModuleWrapper,
    Wrapper,
    deserialize,
    serialize,
)

BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 2
INPUTS = torch.randn(BATCH, TIME, FEATURES)


class Gain(Layer):
    """A factor for each feature, as a Keras user writes it."""

    def __init__(self, start: str = "ones", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: Any) -> None:
        self.shapes = [*getattr(self, "shapes", ()), input_shape]
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer=self.start)

    def call(self, inputs: Any) -> Any:
        return inputs * self.gain


# -- building ---------------------------------------------------------------------------------------------------------


def test_build_runs_once_with_the_shape_of_the_first_call() -> None:
    layer = Gain(name="g")
    assert not layer.built
    assert layer.weights == []
    layer(INPUTS)
    layer(INPUTS[:1])
    layer.build((None, FEATURES))
    assert layer.shapes == [(BATCH, TIME, FEATURES)]
    assert layer.built
    assert layer.get_build_config() == {"input_shape": (BATCH, TIME, FEATURES)}
    again = Gain()
    again.build_from_config(layer.get_build_config() or {})
    assert again.gain.shape == (FEATURES,)


def test_a_weight_is_named_as_the_attribute_that_holds_it() -> None:
    layer = Gain()
    layer(INPUTS)
    assert list(layer.state_dict()) == ["gain"]
    assert [name for name, _ in layer.named_parameters()] == ["gain"]
    assert isinstance(layer.gain, nn.Parameter)
    assert isinstance(layer.gain, Variable)


def test_weights_in_a_list_are_registered_under_their_names() -> None:
    class Several(Layer):
        def build(self, input_shape: Any) -> None:
            self.all = [self.add_weight((2,), "ones", name="w"), self.add_weight((3,), "ones", name="w")]

        def call(self, inputs: Any) -> Any:
            return inputs * self.all[0].sum() + self.all[1].sum()

    layer = Several()
    layer(INPUTS).sum().backward()
    assert list(layer.state_dict()) == ["w", "w_1"]
    assert all(one.grad is not None for one in layer.all)


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [(((3,), "ones"), {}), (("w",), {"shape": (3,), "initializer": "ones"}), (("w", (3,), "float32", "ones"), {})],
    ids=["Keras 3", "name first", "Keras 2"],
)
def test_add_weight_takes_the_places_of_both_keras(arguments: Any, keywords: Any) -> None:
    weight = Layer().add_weight(*arguments, **keywords)
    assert weight.detach().tolist() == [1.0, 1.0, 1.0]


def test_add_weight_has_defaults_by_type() -> None:
    layer = Layer(dtype="float64")
    assert layer.add_weight().shape == ()
    count = layer.add_weight(shape=(2,), dtype="int64", name="count", trainable=False)
    assert count.dtype == torch.int64
    assert count.tolist() == [0, 0]
    assert [one.dtype for one in layer.weights] == [torch.float64, torch.int64]
    with pytest.raises(ValueError, match=r"A variable needs all its sizes, got shape \(None, 3\)"):
        layer.add_weight(shape=(None, 3))
    with pytest.raises(TypeError, match=r"add_weight\(\) got `shape` twice"):
        layer.add_weight((3,), shape=(3,))


def test_an_initializer_of_ones_own_gets_a_shape_and_the_name_of_a_type() -> None:
    def drawn(shape: Any, dtype: Any = None) -> Any:
        return np.full(shape, 2.0).astype(dtype)

    weight = Layer(dtype="float64").add_weight(shape=(3,), initializer=drawn)
    assert weight.dtype == torch.float64
    layer = LSTM(UNITS, input_size=FEATURES, kernel_initializer=drawn, bias_initializer=drawn)
    assert layer.get_weights()[0].min() == 2.0


def test_layers_inside_are_built_by_build() -> None:
    class Block(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(7)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    layer = Block()
    assert not layer.built
    assert layer.compute_output_shape((None, TIME, FEATURES)) == (None, TIME, 7)
    layer = Block()
    layer.build((None, FEATURES))
    assert layer.built
    assert layer.dense.kernel.shape == (FEATURES, 7)
    model = Sequential([Input((TIME, FEATURES)), Block(), LSTM(UNITS)])
    assert model.output_shape == (None, UNITS)
    assert model.layers[1].kernel.shape == (7, 4 * UNITS)


def test_looking_for_the_output_shape_changes_nothing() -> None:
    class Counting(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.lstm = BatchNormalization(), LSTM(UNITS, stateful=True)
            self.calls = self.add_weight(initializer="zeros", trainable=False)

        def call(self, inputs: Any) -> Any:
            self.calls.assign_add(1.0)
            return self.lstm(self.norm(inputs)) * torch.rand(())

    layer = Counting()
    layer(INPUTS)
    states, state = [one.clone() for one in layer.lstm.states or ()], copy.deepcopy(layer.state_dict())
    before = torch.get_rng_state()
    assert layer.compute_output_shape((None, TIME, FEATURES)) == (None, UNITS)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(*pair) for pair in zip(layer.lstm.states or (), states, strict=True))
    assert all(torch.equal(layer.state_dict()[name], value) for name, value in state.items())
    assert layer.training
    assert layer.norm.training


def test_attributes_may_be_set_before_the_base_class_is_called() -> None:
    class Early(Layer):
        def __init__(self) -> None:
            self.size = 7
            self.dense = Dense(UNITS)
            super().__init__(name="early")

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    layer = Early()
    assert layer(INPUTS).shape == (BATCH, TIME, UNITS)
    assert len(layer.weights) == 2


# -- variables --------------------------------------------------------------------------------------------------------


def test_a_variable_does_what_keras_variables_do() -> None:
    variable = Variable(np.arange(3.0), name="v")
    assert variable.dtype == torch.float64
    assert variable.assign([1, 2, 4]) is variable
    variable.assign_add(1.0)
    variable.assign_sub(np.array([0.0, 1.0, 0.0]))
    assert variable.numpy().tolist() == np.asarray(variable).tolist() == [2.0, 2.0, 5.0]
    assert type(variable + 1) is torch.Tensor
    assert type(ops.sum(variable)) is torch.Tensor
    with pytest.raises(ValueError, match=r"Variable `v` has shape \(3,\), but values of shape \(2,\) were given"):
        variable.assign([1.0, 2.0])
    variable.trainable = False
    assert not variable.requires_grad
    fixed = Variable(initializers.Ones(), shape=(2,), dtype="int32", trainable=False)
    assert not isinstance(fixed, nn.Parameter)
    with pytest.raises(ValueError, match="cannot be trained: make it with `trainable=True`"):
        fixed.trainable = True
    assert Variable(1).dtype == torch.int32
    assert Variable([1.0]).dtype == torch.float32
    with pytest.raises(ValueError, match="needs its `shape`"):
        Variable("ones")


def test_a_variable_that_moves_stays_the_object_that_it_is() -> None:
    layer = Gain()
    layer.count = Variable(0.0, trainable=False, name="count")
    layer(INPUTS)
    gain, count = layer.gain, layer.count
    layer.double()
    assert layer.gain is gain
    assert layer.count is count
    assert count.dtype == torch.float64
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    buffer.seek(0)
    assert {type(one) for one in torch.load(buffer, weights_only=True).values()} == {torch.Tensor}


def test_a_weight_that_is_replaced_or_deleted_leaves_the_table() -> None:
    layer = Gain()
    layer(INPUTS)
    layer.gain = Variable(np.zeros(FEATURES, np.float32), name="other")
    assert [one.name for one in layer.weights] == ["other"]
    del layer.gain
    assert layer.weights == []


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (lambda: Dense(UNITS), ["kernel", "bias"]),
        (lambda: LSTM(UNITS), ["kernel", "recurrent_kernel", "bias"]),
        (lambda: GRU(UNITS), ["kernel", "recurrent_kernel", "bias"]),
        (lambda: SimpleRNN(UNITS), ["kernel", "recurrent_kernel", "bias"]),
        (BatchNormalization, ["gamma", "beta", "moving_mean", "moving_variance"]),
    ],
)
def test_weights_are_attributes_by_keras_names(layer: Any, names: list[str]) -> None:
    layer = layer()
    assert not hasattr(layer, names[0])
    layer(INPUTS)
    random = np.random.default_rng(0)
    for name, array in zip(names, layer.get_weights(), strict=True):
        weight = getattr(layer, name)
        assert isinstance(weight, Variable)
        assert np.array_equal(weight, array)
        new = random.normal(size=array.shape).astype(np.float32)
        weight.assign(new)
        assert np.array_equal(weight.numpy(), new)
        assert np.array_equal(getattr(layer, name).detach(), new)
        newer = random.normal(size=array.shape).astype(np.float32)
        if name != "bias" or not isinstance(layer, Dense):
            setattr(layer, name, newer)
            assert np.array_equal(getattr(layer, name).numpy(), newer)
            assert np.array_equal(weight.numpy(), newer)  # a weight that was asked for before shows what is now
    assert [one.name for one in layer.weights] == names
    if getattr(layer, "cell", None) is not None:
        assert np.array_equal(layer.cell.kernel, layer.kernel.numpy())
        assert layer.cell.units == UNITS
        assert layer.kernel.path == f"{layer.name}/{layer.cell.name}/kernel"


def test_gradients_pass_to_and_from_weights_in_keras_layout() -> None:
    layer = GRU(UNITS)
    layer(INPUTS)
    (layer.kernel * torch.arange(6.0)).sum().backward()
    assert layer.kernel.grad is not None
    assert layer.kernel.grad[0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_weight_that_is_not_there_is_none() -> None:
    assert LSTM(UNITS, use_bias=False, input_size=FEATURES).bias is None
    assert BatchNormalization(scale=False).gamma is None
    embedding = Embedding(7, UNITS)
    assert embedding.embeddings.shape == (7, UNITS)


def test_lists_of_weights_are_in_keras_order() -> None:
    model = Sequential([Input((TIME, FEATURES)), BatchNormalization(), LSTM(UNITS), Gain()])
    assert [one.name for one in model.trainable_weights] == [
        "gamma",
        "beta",
        "kernel",
        "recurrent_kernel",
        "bias",
        "gain",
    ]
    assert [one.name for one in model.non_trainable_weights] == ["moving_mean", "moving_variance"]
    model.trainable = False
    assert model.trainable_variables == []
    assert len(model.non_trainable_variables) == 8


def test_a_regularizer_or_constraint_may_be_given_later() -> None:
    layer = Dense(UNITS, input_dim=FEATURES)
    layer.kernel.regularizer = regularizers.L2(0.5)
    layer.bias.regularizer = regularizers.L1(2.0)
    layer.bias.assign([1.0, -1.0])
    assert len(layer.losses) == 2
    assert layer.losses[1].item() == 4.0
    layer.bias.constraint = torch.relu
    layer.apply_constraints()
    assert layer.bias.tolist() == [1.0, 0.0]


def test_the_type_of_a_layer_is_a_name() -> None:
    layer = Dense(UNITS)
    assert layer.dtype == layer.compute_dtype == layer.variable_dtype == layer.dtype_policy.name == "float32"
    assert layer.dtype == torch.float32
    assert layer.dtype != torch.float64
    assert layer.dtype.torch is torch.float32
    assert json.dumps({"dtype": layer.dtype}) == '{"dtype": "float32"}'
    layer.dtype_policy = "float64"
    assert layer(INPUTS).dtype == torch.float64


def test_a_stateless_call_leaves_the_layer_as_it_is() -> None:
    model = Sequential([Input((TIME, FEATURES)), BatchNormalization(), LSTM(UNITS), Gain()])
    model.train()
    before = model.get_weights()
    random = np.random.default_rng(0)
    values = [[random.uniform(0.5, 1.5, one.shape).astype(np.float32) for one in which] for which in (
        model.trainable_variables, model.non_trainable_variables)]  # fmt: skip
    outputs, others = model.stateless_call(*values, INPUTS, training=True)
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), before, strict=True))
    twin = copy.deepcopy(model)
    for variables, given in zip((twin.trainable_variables, twin.non_trainable_variables), values, strict=True):
        for variable, value in zip(variables, given, strict=True):
            variable.assign(value)
    assert torch.allclose(twin(INPUTS, training=True), outputs)
    assert all(
        np.allclose(*pair) for pair in zip(others, [*map(np.asarray, twin.non_trainable_variables)], strict=True)
    )
    with pytest.raises(ValueError, match="has 6 trainable variables, but 1 values were given"):
        model.stateless_call(values[0][:1], values[1], INPUTS)


def test_own_variables_are_stored_by_number() -> None:
    store: dict[str, Any] = {}
    layer = Dense(UNITS, input_dim=FEATURES)
    layer.save_own_variables(store)
    assert [*store] == ["0", "1"]
    other = Dense(UNITS, input_dim=FEATURES)
    other.load_own_variables(store)
    assert np.array_equal(other.kernel, layer.kernel.numpy())
    with pytest.raises(ValueError, match=r"has 2 weights of its own \(kernel, bias\), but 1 were given"):
        other.load_own_variables({"0": store["0"]})


def test_keras_2_weights_and_input_dim() -> None:
    arrays = Dense(UNITS, input_dim=FEATURES).get_weights()
    assert np.array_equal(Dense(UNITS, weights=arrays, input_dim=FEATURES).get_weights()[0], arrays[0])
    rnn = LSTM(UNITS, input_dim=FEATURES)
    assert LSTM(UNITS, weights=rnn.get_weights(), input_dim=FEATURES).kernel.shape == (FEATURES, 4 * UNITS)


# -- containers -------------------------------------------------------------------------------------------------------


class Stack(Model):
    """Layers in containers of Python's and torch's."""

    def __init__(self) -> None:
        super().__init__()
        self.rnns: list[Any] = []
        self.rnns.append(LSTM(UNITS, return_sequences=True, name="first"))
        self.rnns += [LSTM(UNITS, name="second")]
        self.heads = {"a": [Dense(3, name="third")], "none": None}
        self.torchs = nn.ModuleList([Dense(4, name="fourth")])
        self.named = nn.ModuleDict({"x": Dense(5, name="fifth")})

    def call(self, x: Any) -> Any:
        for rnn in self.rnns:
            x = rnn(x)
        return self.named["x"](self.torchs[0](self.heads["a"][0](x)))


def test_layers_in_containers_are_layers_of_the_model() -> None:
    model = Stack()
    model(INPUTS)
    assert [layer.name for layer in model.layers] == ["first", "second", "third", "fourth", "fifth"]
    assert model.get_layer("third").kernel.shape == (UNITS, 3)
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert all(name in lines[0] for name in ("first", "second", "third", "fourth", "fifth"))
    assert isinstance(model.rnns, list)
    assert isinstance(model.heads, dict)
    names = [name for name, _ in model.named_parameters()]
    assert "rnns[1].weight_ih_l0" in names
    assert "heads['a'][0].weight" in names
    assert model.get_submodule("rnns[1]") is model.rnns[1]


def test_containers_are_copied_with_their_layer() -> None:
    model = Stack()
    outputs = model(INPUTS)
    twin = copy.deepcopy(model)
    assert twin.rnns[0] is not model.rnns[0]
    assert twin.rnns[0] is twin._modules["rnns[0]"]
    assert torch.equal(twin(INPUTS), outputs)
    twin.rnns.append(Dense(2))
    assert len([*twin.layers]) == 6
    assert len([*model.layers]) == 5


def test_what_is_taken_out_of_a_container_is_forgotten() -> None:
    model = Stack()
    model.rnns.pop()
    del model.heads["a"]
    assert [layer.name for layer in model.layers] == ["fourth", "fifth", "first"]
    model.rnns = [Dense(1, name="new")]
    assert "first" not in [layer.name for layer in model.layers]
    model.rnns.insert(0, Dense(1, name="newer"))
    assert [layer.name for layer in model.layers][-2:] == ["newer", "new"]


def test_a_layer_of_ones_own_compiles_without_a_graph_break() -> None:
    model = Stack()
    expected = model(INPUTS)
    torch._dynamo.reset()
    assert torch.allclose(torch.compile(model, fullgraph=True, backend="eager")(INPUTS), expected)
    layer = Gain(activity_regularizer="l2")
    expected = layer(INPUTS)
    assert torch.allclose(torch.compile(layer, fullgraph=True, backend="eager")(INPUTS), expected)


# -- configurations ---------------------------------------------------------------------------------------------------


def test_a_configuration_is_what_the_layer_was_made_with() -> None:
    layer = Gain("zeros", name="g", trainable=False, dtype="float64")
    config = layer.get_config()
    assert config == {"start": "zeros", "name": "g", "trainable": False, "dtype": "float64"}
    again = deserialize(serialize(layer), custom_objects={"Gain": Gain})
    assert again.get_config() == config


def test_what_every_configuration_holds_reaches_classes_that_take_it_alone() -> None:
    class Plain(Layer):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.size = size

        def call(self, inputs: Any) -> Any:
            return inputs

    config = {"name": "p", "trainable": False, "dtype": {"class_name": "DTypePolicy", "config": {"name": "float64"}}}
    layer = Plain.from_config({**config, "autocast": False, "size": 3})
    assert (layer.name, layer.trainable, layer.dtype, layer.size) == ("p", False, "float64", 3)
    with pytest.raises(TypeError, match=r"Class Plain cannot be made from its configuration .*colour"):
        Plain.from_config({"size": 3, "colour": "red"})


def test_arguments_that_no_configuration_can_hold_need_get_config() -> None:
    class Around(Layer):
        def __init__(self, inner: Layer) -> None:
            super().__init__()
            self.inner = inner

    with pytest.raises(NotImplementedError, match=r"Class Around was made with arguments .* define `get_config`"):
        Around(Dense(2)).get_config()


# -- wrappers ---------------------------------------------------------------------------------------------------------


def test_a_wrapper_has_a_layer_inside() -> None:
    class Twice(Wrapper):
        def call(self, inputs: Any) -> Any:
            return 2 * self.layer(inputs)

    layer = Twice(Dense(UNITS))
    layer.build((None, FEATURES))
    assert layer.layer.built
    inputs = INPUTS[:, 0]
    assert torch.equal(layer(inputs), 2 * layer.layer(inputs))
    again = Twice.from_config(layer.get_config())
    assert again.layer.get_config() == layer.layer.get_config()
    with pytest.raises(ValueError, match="`layer` of a Twice must be a layer, got 3"):
        Twice(3)


def test_a_torch_module_becomes_a_layer() -> None:
    module = nn.Sequential(nn.Linear(FEATURES, 6), nn.BatchNorm1d(6), nn.Dropout(0.5))
    model = Sequential([Input((FEATURES,)), TorchModuleWrapper(module), Dense(UNITS)])
    assert model.output_shape == (None, UNITS)
    assert model.layers[0].count_params() == 6 * FEATURES + 18 + 13  # with what the batch normalization counts
    inputs = torch.randn(8, FEATURES)
    mean = module[1].running_mean.clone()
    model.eval()
    assert torch.equal(model(inputs, training=False), model(inputs, training=False))
    assert torch.equal(module[1].running_mean, mean)
    model(inputs, training=True)
    assert not torch.equal(module[1].running_mean, mean)
    assert not module.training
    model.compile(optimizer="sgd", loss="mse")
    before = module[0].weight.detach().clone()
    model.fit(inputs, torch.randn(8, UNITS), verbose=0)
    assert not torch.equal(module[0].weight, before)
    with pytest.raises(ValueError, match="holds a pickled module"):
        TorchModuleWrapper.from_config(model.layers[0].get_config())
    with pytest.raises(ValueError, match="is lazy and has no parameters yet"):
        TorchModuleWrapper(nn.LazyLinear(3))


# -- errors -----------------------------------------------------------------------------------------------------------


def test_a_call_that_returns_nothing() -> None:
    class Silent(Layer):
        def call(self, inputs: Any) -> Any:
            inputs * 2

    with pytest.raises(ValueError, match=r"Layer `s` \(Silent\) returned nothing: end its `call` with `return"):
        Silent(name="s")(INPUTS)


def test_a_build_that_makes_no_weight_that_call_uses() -> None:
    class Forgetful(Gain):
        def build(self, input_shape: Any) -> None:
            self.gian = self.add_weight(shape=(input_shape[-1],))

    with pytest.raises(AttributeError, match=r"`call` of layer `f` \(Forgetful\) uses `self.gain`.*mean 'gian'\?"):
        Forgetful(name="f")(INPUTS)


def test_a_missing_super_init() -> None:
    class Orphan(Layer):
        def __init__(self) -> None:
            self.units = 3

        def call(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(RuntimeError, match=r"Class Orphan does not call `super\(\).__init__\(\)`"):
        Orphan()(INPUTS)
    with pytest.raises(RuntimeError, match="Class Orphan does not call"):
        Orphan().add_weight(shape=(2,))


def test_a_layer_without_call() -> None:
    class Empty(Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Layer `e` \(Empty\) defines no `call`"):
        Empty(name="e")(INPUTS)


def test_a_build_whose_arguments_name_none_of_calls() -> None:
    class Odd(Layer):
        def build(self, left_shape: Any, wrong_shape: Any) -> None:
            pass

        def call(self, left: Any, right: Any) -> Any:
            return left

    with pytest.raises(ValueError, match=r"`build` of layer `o` \(Odd\) takes `wrong_shape`"):
        Odd(name="o")(INPUTS, INPUTS)


def test_what_is_no_tensor_is_given_by_name() -> None:
    class Scaled(Layer):
        def call(self, inputs: Any, factor: float = 1.0) -> Any:
            return factor * inputs

    assert torch.equal(Scaled()(INPUTS, factor=2.0), 2 * INPUTS)
    with pytest.raises(ValueError, match=r"Only tensors and arrays are given to layer `s` \(Scaled\) by their places"):
        Scaled(name="s")(INPUTS, 2.0)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (InputSpec(ndim=2), r"expected 2 axes, got 3: shape \(4, 5, 3\)"),
        (InputSpec(min_ndim=4), "expected at least 4 axes"),
        (InputSpec(max_ndim=2), "expected at most 2 axes"),
        (InputSpec(axes={-1: 7}), "expected size 7 along axis -1"),
        (InputSpec(shape=(None, 5, 2)), r"expected shape \(None, 5, 2\), got \(4, 5, 3\)"),
        (InputSpec(dtype="int32"), "expected type int32, got float32"),
        ([InputSpec(), InputSpec()], "takes 2 inputs, got 1"),
    ],
)
def test_inputs_that_do_not_fit_the_input_spec(spec: Any, words: str) -> None:
    layer = Gain(name="g")
    layer.input_spec = spec
    with pytest.raises(ValueError, match=words):
        layer(INPUTS)
    with pytest.raises(ValueError, match="`g`"):
        layer(Input(batch_shape=INPUTS.shape))
    layer.input_spec = InputSpec(ndim=3, axes={-1: FEATURES})
    assert layer(INPUTS).shape == INPUTS.shape


def test_add_loss_takes_tensors() -> None:
    with pytest.raises(ValueError, match="`add_loss` of layer `l` takes tensors"):
        Layer(name="l").add_loss("mse")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LSTM(UNITS, batch_first=True), r"LSTM has no argument `batch_first`\. torch's .* left out"),
        (lambda: LSTM(hidden_size=4, units=2), r"LSTM has no argument `hidden_size`.*: `units`\."),
        (lambda: Dense(2, in_features=3), r"Dense has no argument `in_features`.* the first input tells it"),
        (lambda: GRU(2, num_layers=2), r"GRU has no argument `num_layers`.* one layer behind the other"),
        (
            lambda: LSTM(UNITS, retrun_sequences=True),
            r"LSTM has no argument `retrun_sequences`\. Did you mean 'return_s",
        ),
        (lambda: Gain(strat="ones"), r"Gain has no argument `strat`\. Did you mean 'start'\?"),
        (lambda: Dense(2, trainable="no"), "`trainable` of a Dense is True or False, got 'no'"),
    ],
)
def test_keywords_that_do_not_exist(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_the_number_of_features_is_no_argument() -> None:
    with pytest.raises(TypeError, match=r"torch's `LSTM\(input_size, hidden_size\)` is `LSTM\(hidden_size\)` here"):
        LSTM(4, 6)


def test_functions_of_tensorflow_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # What stands for TensorFlow here fails as it does; it must not be installed to run this test.
    fake = types.ModuleType("tensorflow")
    exec("def matmul(a, b):\n    raise ValueError('Attempt to convert a value with an unsupported type')", vars(fake))
    monkeypatch.setitem(sys.modules, "tensorflow", fake)

    class Old(Gain):
        def call(self, inputs: Any) -> Any:
            return fake.matmul(inputs, self.gain)

    with pytest.raises(TypeError, match=r"Layer `o` \(Old\) calls a function of TensorFlow's.*`keras.ops`"):
        Old(name="o")(INPUTS)


def test_built_in_layers_take_built_as_keras_sets_it() -> None:
    for layer in (Dense(2), Bidirectional(LSTM(2))):
        layer.built = True
        assert not layer.built
