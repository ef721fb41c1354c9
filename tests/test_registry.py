import re
from typing import Any

import pytest

from torch_keras_lstm.registry import Configured, Registry, both_spellings, close_match


class WindowSize(Configured):
    void_keys = frozenset({"dtype"})

    def __init__(self, width: int = 3, height: int = 4) -> None:
        self.width = width
        self.height = height


class Plain:
    def __init__(self, depth: int) -> None:
        self.depth = depth


def window() -> str:
    return "a function"


REGISTRY: Registry[Any] = Registry("window", __name__, both_spellings(WindowSize))


@pytest.mark.parametrize(
    "identifier",
    [
        {"class_name": "WindowSize", "config": {"height": 7}},
        {"class_name": "window_size", "config": {"height": 7, "dtype": "float32"}},
        {
            "module": "os.path",
            "class_name": "WindowSize",
            "config": {"height": 7},
            "registered_name": "Package>WindowSize",
            "shared_object_id": 12,
        },
    ],
)
def test_configurations(identifier: object) -> None:
    built = REGISTRY.get(identifier, "size")
    assert type(built) is WindowSize
    assert built.get_config() == {"width": 3, "height": 7}
    assert repr(built) == "WindowSize(width=3, height=7)"


@pytest.mark.parametrize("identifier", ["WindowSize", "window_size", WindowSize, {"class_name": "WindowSize"}])
def test_names_and_classes_stand_for_the_default_values(identifier: object) -> None:
    assert REGISTRY.get(identifier, "size").get_config() == {"width": 3, "height": 4}


def test_an_object_is_written_as_keras_3_writes_it_and_read_back() -> None:
    written = REGISTRY.serialize(WindowSize(5))
    assert written == {
        "module": "keras.windows",
        "class_name": "WindowSize",
        "config": {"width": 5, "height": 4},
        "registered_name": None,
    }
    assert REGISTRY.get(written, "size").get_config() == {"width": 5, "height": 4}
    assert REGISTRY.serialize(None) is None


def test_custom_objects_go_first() -> None:
    custom = {"WindowSize": Plain, "window": window}
    built = REGISTRY.deserialize({"class_name": "WindowSize", "config": {"depth": 2}}, custom, "size")
    assert type(built) is Plain
    assert built.depth == 2
    assert REGISTRY.deserialize("window", custom, "size") is window


def test_a_class_of_ones_own_keeps_its_name_unless_keras_has_it() -> None:
    same_name = type("WindowSize", (Configured,), {"__module__": "elsewhere"})
    other_name = type("Round", (Configured,), {"__module__": "elsewhere"})
    written = [REGISTRY.serialize(cls()) for cls in (same_name, other_name)]
    assert [config["class_name"] for config in written if isinstance(config, dict)] == ["elsewhere.WindowSize", "Round"]


def test_a_nameless_callable_is_written_under_its_class() -> None:
    class Nameless:
        def __call__(self) -> None: ...

    written = REGISTRY.serialize(Nameless())
    assert isinstance(written, dict)
    assert written["config"] == "Nameless"


def test_unknown_argument() -> None:
    message = "WindowSize has no argument `heigth`, which its config sets. Did you mean 'height'?"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        REGISTRY.get({"class_name": "WindowSize", "config": {"heigth": 7}}, "size")


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("heigth", "Did you mean 'Height'?"),
        ("HEIGHT", "Did you mean 'Height'?"),
        ("l1l2", "Did you mean 'L1L2'?"),
        ("x", "Known are: Height, L1L2, width."),
    ],
)
def test_close_match(name: str, ending: str) -> None:
    assert close_match(name, ["width", "Height", "L1L2"]) == ending
