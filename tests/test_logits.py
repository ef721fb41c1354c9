import copy
import io

import torch
import torch.nn.functional as F

from torch_keras_lstm import activations, layers, logits, models


def test_the_activations_note_their_input() -> None:
    x = torch.randn(3, 4)
    assert logits.of(activations.sigmoid(x)) is x
    assert logits.of(activations.softmax(x)) is x
    assert logits.of(activations.tanh(x)) is None


def test_the_note_passes_through_a_model_and_layers_that_do_nothing() -> None:
    dense = layers.Dense(2, activation="softmax")
    model = models.Sequential([dense, layers.Dropout(0.5), layers.Activation("linear")]).eval()
    x = torch.randn(5, 3)
    y = model(x)
    torch.testing.assert_close(logits.of(y), F.linear(x, dense.weight, dense.bias))


def test_the_note_is_gone_after_any_operation() -> None:
    y = activations.sigmoid(torch.randn(3, 4))
    assert logits.of(y + 0) is None
    assert logits.of(y.reshape(4, 3)) is None


def test_the_note_is_void_once_the_probabilities_are_written_to() -> None:
    y = activations.sigmoid(torch.randn(3, 4))
    y.clamp_(0.2, 0.8)
    assert logits.of(y) is None


def test_inference_mode() -> None:
    x = torch.randn(3, 4)
    with torch.inference_mode():
        assert logits.of(activations.sigmoid(x)) is x


def test_predictions_are_copied_and_saved_as_other_tensors_are() -> None:
    y = activations.sigmoid(torch.randn(3, 4))
    file = io.BytesIO()
    torch.save(y, file)
    file.seek(0)
    for copied in (copy.deepcopy(y), torch.load(file, weights_only=True)):
        torch.testing.assert_close(copied, y, rtol=0, atol=0)


def test_a_compiled_model_notes_them_too() -> None:
    x = torch.randn(3, 4)
    y = torch.compile(activations.sigmoid, fullgraph=True, backend="aot_eager")(x * 1)
    torch.testing.assert_close(logits.of(y), x)
