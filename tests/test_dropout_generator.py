import copy
import io
import pickle
from collections.abc import Callable

import pytest
import torch

from torch_keras_lstm.dropout_generator import DropoutGenerator

CPU = torch.device("cpu")


def draw(generator: DropoutGenerator, rate: float = 0.3) -> torch.Tensor:
    return generator.mask((40, 25), rate, dtype=torch.float64, device=CPU)


def through_torch_save(generator: DropoutGenerator) -> DropoutGenerator:
    file = io.BytesIO()
    torch.save(generator, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert isinstance(loaded, DropoutGenerator)
    return loaded


def through_pickle(generator: DropoutGenerator) -> DropoutGenerator:
    loaded = pickle.loads(pickle.dumps(generator))
    assert isinstance(loaded, DropoutGenerator)
    return loaded


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_entries_are_zero_or_scaled_up_by_what_is_kept(dtype: torch.dtype) -> None:
    mask = DropoutGenerator(3).mask((50, 80), 0.75, dtype=dtype, device=CPU)
    assert mask.dtype == dtype
    assert set(mask.flatten().tolist()) == {0.0, 4.0}
    assert 0.70 < float((mask == 0).double().mean()) < 0.80


@pytest.mark.parametrize(("rate", "value"), [(0.0, 1.0), (1.0, 0.0)])
def test_the_ends_of_the_range_keep_all_and_nothing(rate: float, value: float) -> None:
    assert torch.equal(draw(DropoutGenerator(3), rate), torch.full((40, 25), value, dtype=torch.float64))


def test_a_seed_repeats_and_moves_on_at_each_draw() -> None:
    generator = DropoutGenerator(7)
    first, second = draw(generator), draw(generator)
    assert not torch.equal(first, second)
    again = DropoutGenerator(7)
    assert torch.equal(draw(again), first)
    assert torch.equal(draw(again), second)
    assert not torch.equal(draw(DropoutGenerator(8)), first)


def test_a_seed_leaves_the_global_generator_alone_and_none_uses_it() -> None:
    before = torch.get_rng_state()
    draw(DropoutGenerator(7))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(11)
    first = draw(DropoutGenerator())
    torch.manual_seed(11)
    assert torch.equal(draw(DropoutGenerator()), first)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle, through_torch_save])
def test_a_copy_continues_where_the_original_stood(
    duplicate: Callable[[DropoutGenerator], DropoutGenerator],
) -> None:
    generator = DropoutGenerator(7)
    draw(generator)
    twice_removed = duplicate(duplicate(generator))
    expected = [draw(generator), draw(generator)]
    assert all(torch.equal(draw(twice_removed), mask) for mask in expected)


@pytest.mark.parametrize("seed", [-1, 2**70])
def test_any_integer_is_a_seed(seed: int) -> None:
    assert torch.equal(draw(DropoutGenerator(seed)), draw(DropoutGenerator(seed)))


@pytest.mark.parametrize("seed", [1.5, "7", True])
def test_another_seed_is_refused(seed: object) -> None:
    with pytest.raises(TypeError, match=rf"`seed` must be an integer or None, got {seed!r}\."):
        DropoutGenerator(seed)  # type: ignore[arg-type]


def test_its_representation_tells_the_seed() -> None:
    assert repr(DropoutGenerator(7)) == "DropoutGenerator(seed=7)"
