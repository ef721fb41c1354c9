from pathlib import Path

import numpy as np
import pytest
import torch

from torch_keras_lstm.layers import Input, Mosaic, TernaryDense
from torch_keras_lstm.losses import SparseCategoricalFocalCrossentropy, sparse_categorical_focal_crossentropy
from torch_keras_lstm.models import Sequential, load_model


@pytest.mark.parametrize("threshold", [None, 0.0, 0.4, 1e9])
def test_the_kernel_counts_by_its_signs_and_learns_as_if_it_were_they(threshold: float | None) -> None:
    layer = TernaryDense(3, threshold, dtype="float64")
    layer.build((None, 4))
    rng = np.random.default_rng(1)
    kernel, bias, x = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal((2, 4))
    layer.set_weights([kernel, bias])
    mean = np.abs(kernel).mean()
    signs = np.sign(kernel) * (np.abs(kernel) > (mean / 2 if threshold is None else threshold))
    factor = mean if threshold is None else 1.0
    output = layer(torch.tensor(x))
    np.testing.assert_allclose(output.detach().numpy(), factor * x @ signs + bias, rtol=1e-12)
    output.sum().backward()
    assert layer.weight.grad is not None
    straight = factor * np.outer(x.sum(0), np.ones(3))
    of_mean = (x @ signs).sum() * np.sign(kernel) / kernel.size if threshold is None else 0.0
    np.testing.assert_allclose(layer.weight.grad.numpy().T, straight + of_mean, rtol=1e-12)


def test_its_files_are_those_of_keras_3_16(tmp_path: Path) -> None:
    model = Sequential([Input((4,)), TernaryDense(3, 0.2, activation="tanh"), TernaryDense(2)])
    model.save(tmp_path / "m.keras")
    x = torch.randn(2, 4)
    again = load_model(tmp_path / "m.keras")
    assert torch.equal(again(x), model.eval()(x))
    assert again.layers[0].threshold == 0.2
    assert b"3.16.0" in (tmp_path / "m.keras").read_bytes()
    with pytest.raises(ValueError, match="`threshold` must be a number of at least 0 or None, got -1"):
        TernaryDense(2, -1)


def test_a_mosaic() -> None:
    """Four images of one value each, which meet at a point."""
    images = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 4, 5, 2)
    given = {"permutation_order": torch.arange(4).expand(4, 4), "mosaic_centers": torch.tensor([[0.4, 0.25]] * 4)}
    mosaic = Mosaic().transform_images(images, given)[0, :, :, 0]
    assert torch.equal(mosaic, torch.tensor([[0.0, 0, 1, 1, 1], [2, 2, 3, 3, 3], [2, 2, 3, 3, 3], [2, 2, 3, 3, 3]]))
    labels = Mosaic().transform_labels(torch.eye(4), given)[0]
    torch.testing.assert_close(labels, torch.tensor([0.1, 0.15, 0.3, 0.45]))
    places = torch.arange(20.0).reshape(1, 4, 5, 1)
    alone = Mosaic().transform_images(
        places, {name: value[:1] * (name != "permutation_order") for name, value in given.items()}
    )
    # each shows the corner that is opposite of its own
    assert torch.equal(alone[0, 0, :, 0], torch.tensor([18.0, 19, 15, 16, 17]))
    assert torch.equal(alone[0, 1, :, 0], torch.tensor([3.0, 4, 0, 1, 2]))
    drawn = Mosaic((0.2, 0.6), seed=3).get_random_transformation(torch.zeros(200, 10, 10, 1))
    assert pytest.approx(drawn["mosaic_centers"].min().item()) == 0.2
    assert pytest.approx(drawn["mosaic_centers"].max().item()) == 0.6
    assert torch.equal(drawn["permutation_order"][:, 0], torch.arange(200))
    with pytest.raises(ValueError, match=r"mixes labels: they must be one number with fractions for each class"):
        Mosaic()({"images": images, "labels": torch.tensor([0, 1, 2, 3])}, training=True)


def test_the_focal_loss_of_class_numbers() -> None:
    y_pred = torch.tensor([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    p, weights = torch.tensor([0.5, 0.2, 0.8]), torch.tensor([0.6, 0.4, 0.6])
    y_true = torch.tensor([2, 1, 2])
    expected = -weights * (1 - p) ** 1.5 * p.log()
    got = sparse_categorical_focal_crossentropy(y_true, y_pred, alpha=[0.1, 0.4, 0.6], gamma=1.5)
    torch.testing.assert_close(got, expected)
    logits = sparse_categorical_focal_crossentropy(y_true, y_pred.log() + 3, [0.1, 0.4, 0.6], 1.5, from_logits=True)
    torch.testing.assert_close(logits, expected)
    loss = SparseCategoricalFocalCrossentropy([0.1, 0.4, 0.6], 1.5, ignore_class=1)
    torch.testing.assert_close(loss(y_true, y_pred), expected[[0, 2]].mean())
    assert sparse_categorical_focal_crossentropy([3, -1, 0], y_pred).isnan().tolist() == [True, True, False]
    with pytest.raises(ValueError, match=r"`alpha` must be one number, or one for each of 3 classes, got \[0.1, 0.2\]"):
        sparse_categorical_focal_crossentropy(y_true, y_pred, [0.1, 0.2])
