import pytest

from torch_keras_lstm import callbacks, layers, losses, metrics, models, optimizers


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [
        (layers, "LSTMM", "LSTM"),
        (losses, "MeanSquareError", "MeanSquaredError"),
        (metrics, "BinaryAccurracy", "BinaryAccuracy"),
        (optimizers, "Adamm", "Adam"),
        (callbacks, "EarlyStoping", "EarlyStopping"),
        (models, "Sequentiel", "Sequential"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_name_that_is_not_there_names_what_was_meant(module: object, name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=f"has no '{name}'. Did you mean '{meant}'"):
        getattr(module, name)


def test_words_of_torch_in_the_place_of_a_required_argument() -> None:
    with pytest.raises(
        ValueError, match=r"^LSTM has no argument `hidden_size`\. torch's `hidden_size` is here: `units`\.$"
    ):
        layers.LSTM(hidden_size=4)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"^Dense has no argument `in_features`\. .* the first input tells it\.$"):
        layers.Dense(in_features=3, out_features=4)  # type: ignore[call-arg]
    assert layers.LSTM(4, input_size=3).built
