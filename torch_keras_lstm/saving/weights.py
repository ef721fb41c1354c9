"""``keras.saving.load_weights`` and ``save_weights``."""

from pathlib import Path
from typing import Any

from torch_keras_lstm.models import Model


def save_weights(model: Model, filepath: str | Path, overwrite: bool = True, **kwargs: Any) -> None:
    """``model.save_weights(filepath, overwrite)``; other arguments go there as well."""
    model.save_weights(filepath, overwrite, **kwargs)


def load_weights(model: Model, filepath: str | Path, **kwargs: Any) -> None:
    """``model.load_weights(filepath)``; other arguments go there as well."""
    model.load_weights(filepath, **kwargs)
