import builtins
import sys
from types import ModuleType
from typing import Any

import pytest
import yaml

from torch_keras_lstm.conversion import strict_yaml
from torch_keras_lstm.conversion.strict_yaml import parse_object

CONFIG: dict[str, Any] = {
    "class_name": "Sequential",
    "config": [{"units": 3, "p": 0.5, "mask": True, "name": "ä"}, None, []],
}


def test_what_to_yaml_writes_comes_back() -> None:
    assert parse_object(yaml.safe_dump(CONFIG), "`x.yaml`") == CONFIG
    assert parse_object(yaml.dump(CONFIG, default_flow_style=True), "`x.yaml`") == CONFIG


def test_tuples_and_strings_of_python_2() -> None:
    text = "shape: !!python/tuple [null, 5, !!python/long 3]\nname: !!python/unicode 'l'\nclass: !!python/str 'LSTM'"
    assert parse_object(text, "x") == {"shape": [None, 5, 3], "name": "l", "class": "LSTM"}
    assert parse_object(yaml.dump({"shape": (None, 5)}), "x") == {"shape": [None, 5]}


FLOAT_OF_NUMPY = "!!python/object/apply:numpy.dtype {args: [f4, 0, 1], state: [3, <, null, null, null, -1, -1, 0]}"


def test_numbers_of_numpy() -> None:
    """As PyYAML writes them: Keras 1's ``input_dim`` after a Flatten, Keras 2's ``ReLU(max_value=6.0)``."""
    array = "!!python/object/apply:numpy.core.multiarray._reconstruct"
    text = (
        "a: !!python/object/apply:numpy.core.multiarray.scalar\n"
        "- !!python/object/apply:numpy.dtype\n"
        "  args: [i8, 0, 1]\n"
        "  state: !!python/tuple [3, <, null, null, null, -1, -1, 0]\n"
        "- !!binary GAAAAAAAAAA=\n"
        f"b: {array}\n"
        "  args: [!!python/name:numpy.ndarray '', !!python/tuple [0], !!binary Yg==]\n"
        f"  state: !!python/tuple [1, !!python/tuple [], {FLOAT_OF_NUMPY}, false, !!binary AADAQA==]\n"
    )
    assert parse_object(text, "x") == {"a": 24, "b": 6.0}


def test_yaml_inside_of_a_string() -> None:
    assert parse_object(yaml.dump(yaml.dump(CONFIG)), "x") == CONFIG


def test_of_models_appended_to_one_file_the_last_is_read() -> None:
    texts = [yaml.dump({"class_name": name, "config": {"name": name}}) for name in ("Sequential", "Model")]
    assert parse_object("".join(texts), "x") == {"class_name": "Model", "config": {"name": "Model"}}
    with pytest.raises(ValueError, match="key 'class_name' stands twice"):
        parse_object(texts[0] + "class_name: Model", "x")


def test_aliases_are_what_they_stand_for() -> None:
    assert parse_object("a: &x {k: [1, 2]}\nb: *x", "x") == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:nowhere.function ['x']", "could not determine a constructor for the tag"),
        ("a: !!python/name:nowhere.function ''", "could not determine a constructor"),
        ("a: !!python/module:nowhere ''", "could not determine a constructor"),
        ("!!python/object/new:tuple [[1]]", "could not determine a constructor"),
        ("a: !!python/object/apply:numpy.sqrt [4.0]", "could not determine a constructor"),
        ("a: !!python/object/apply:numpy.dtype {args: [O8, 0, 1], state: [3, '|']}", "NumPy's type 'O8' is not one of"),
        (f"a: {FLOAT_OF_NUMPY}", "holds a Float32DType, which"),
        (f"a: !!python/object/apply:numpy.core.multiarray.scalar [{FLOAT_OF_NUMPY}, !!binary aGk=]", "as many bytes"),
        (
            f"a: !!python/object/apply:numpy.core.multiarray._reconstruct {{args: [], state: [1, [2], {FLOAT_OF_NUMPY},"
            " false, !!binary AADAQAAAwEA=]}",
            "is no number",
        ),
        ("a: {<<: {b: 1}}", "could not determine a constructor"),
        ("a: &x [*x]", "recursive"),
        ("a: &x {b: *x}", "recursive"),
        ("a: " + "[" * 120 + "]" * 120, "nested too deeply; at most 100 levels"),
        ("a: " + "[" * 1000, "nested too deeply"),
        ("a: 1\nb: 2\na: 3", "key 'a' stands twice in one mapping"),
        ("1: a", "has a key that is no string, 1"),
        ("? [a]\n: b", "unhashable"),
        ("a: .nan", "holds nan, which is not a number that a configuration may hold"),
        ("a: -.inf", "holds -inf"),
        ("a: 2017-03-01", "holds a date, which"),
        ("a: !!binary aGk=", "holds a bytes, which"),
        ("- a", "must hold a YAML mapping, got list"),
        ("just text", "must hold a YAML mapping, got str"),
        ("", "must hold a YAML mapping, got NoneType"),
        ("a: [1", "is not YAML that describes a model"),
        ("a: \x00", "is not YAML that describes a model"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("# " + "x" * 5_000_000, "has 5000002 characters; a model's YAML has at most 4194304"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_all_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^`x.yaml` .*{message}"):
        parse_object(text, "`x.yaml`")


def test_what_aliases_stand_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_yaml, "MAX_VALUES", 50)
    assert len(parse_object("a: &a [x, x, x]\nb: [*a, *a, *a]", "x")["b"]) == 3
    with pytest.raises(ValueError, match=r"^x stands for more than 50 values; at most that many are read"):
        parse_object("a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]", "x")


def test_nothing_of_a_tag_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    module, calls = ModuleType("named_by_a_file"), list[Any]()
    monkeypatch.setattr(module, "function", calls.append, raising=False)
    monkeypatch.setitem(sys.modules, "named_by_a_file", module)
    text = "a: !!python/object/apply:named_by_a_file.function [x]"
    with pytest.raises(ValueError, match="could not determine a constructor"):
        parse_object(text, "x")
    assert not calls
    yaml.unsafe_load(text)  # a reader that calls would have
    assert calls == ["x"]


def test_without_pyyaml_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_yaml(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    with pytest.raises(ValueError, match=r"needs PyYAML: `pip install 'torch-keras-lstm\[yaml\]'`\. Or .*to_json"):
        parse_object("a: 1", "x")
