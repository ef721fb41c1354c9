import pytest
import torch

from torch_keras_lstm.layers import Add, Maximum, Minimum, Multiply, Subtract

FIRST, SECOND = torch.randn(3, 5, 2), torch.randn(3, 5, 2)
MASK, OTHER = torch.rand(3, 5) < 0.5, torch.rand(3, 5) < 0.5


def test_lower_ranks_get_axes_behind_the_batch_axis() -> None:
    row = torch.randn(3, 2)
    assert torch.equal(Add()([FIRST, row]), FIRST + row[:, None])
    assert Add().compute_output_shape([(None, 5, 1), (None, 2), (None, None, 2)]) == (None, None, 2)


@pytest.mark.parametrize(
    ("combine_masks", "expected"), [("any", None), ("all", MASK)], ids=["of Keras 3", "of Keras 1 and 2"]
)
def test_one_mask_of_two(combine_masks: str, expected: torch.Tensor | None) -> None:
    got = Add(combine_masks=combine_masks).compute_mask([FIRST, SECOND], [MASK, None])  # type: ignore[arg-type]
    assert got is expected or (expected is not None and torch.equal(got, expected))


def test_both_masks() -> None:
    assert torch.equal(Add().compute_mask([FIRST, SECOND], [MASK, OTHER]), MASK | OTHER)
    assert torch.equal(Add(combine_masks="all").compute_mask([FIRST, SECOND], [MASK, OTHER]), MASK & OTHER)
    assert Add().compute_mask([FIRST, SECOND], None) is None


@pytest.mark.parametrize("layer_class", [Multiply, Maximum, Minimum])
def test_values_depend_on_masks_by_the_rule_of_keras_3_alone(layer_class: type[Multiply]) -> None:
    alone = layer_class()([FIRST, SECOND])
    assert torch.equal(layer_class(combine_masks="all")([FIRST, SECOND], mask=[MASK, OTHER]), alone)
    hidden = layer_class()([FIRST, SECOND], mask=[MASK, ~MASK])
    assert torch.equal(hidden, torch.where(MASK[..., None], FIRST, SECOND))


def test_equal_entries_leave_the_gradient_to_the_first() -> None:
    first, second = torch.zeros(1, 2, requires_grad=True), torch.zeros(1, 2, requires_grad=True)
    Minimum()([first, second]).sum().backward()
    assert first.grad is not None
    assert first.grad.tolist() == [[1, 1]]
    assert Maximum()([torch.tensor([[float("nan")]]), torch.ones(1, 1)]).isnan().all()


def test_integers_stay_integers() -> None:
    assert Add()([torch.tensor([[1, 2]]), torch.tensor([[3, 4]])]).tolist() == [[4, 6]]


def test_the_rule_of_older_keras_is_part_of_the_configuration() -> None:
    layer = Add(combine_masks="all", name="a")
    assert Add.from_config(layer.get_config()).combine_masks == "all"
    assert "combine_masks" not in Add().get_config()


def test_errors_say_what_the_layer_takes() -> None:
    with pytest.raises(ValueError, match="Layer `a` takes a list of inputs, got Tensor"):
        Add(name="a")(FIRST)
    with pytest.raises(
        ValueError, match=r"Layer `a` takes inputs whose shapes broadcast, got \(3, 5, 2\), \(3, 4, 2\)"
    ):
        Add(name="a")([FIRST, FIRST[:, :4]])
    with pytest.raises(ValueError, match="Layer `s` takes a list of 2 inputs, got 3"):
        Subtract(name="s")([FIRST, FIRST, FIRST])
    with pytest.raises(ValueError, match="Layer `a` takes a list of at least 1 inputs, got 0"):
        Add(name="a")([])
    with pytest.raises(ValueError, match="should have the same length, got 2 inputs and 1 masks"):
        Add(name="a")([FIRST, SECOND], mask=[MASK])
    with pytest.raises(ValueError, match="`mask` should be a list"):
        Add(name="a").compute_mask([FIRST, SECOND], MASK)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`inputs` should be a list"):
        Add(name="a").compute_mask(FIRST, [None, None])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`combine_masks`: expected one of 'any', 'all', got 'or'"):
        Add(combine_masks="or")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Layer `a` takes the shapes of its inputs in a list"):
        Add(name="a").build((None, 5, 2))
