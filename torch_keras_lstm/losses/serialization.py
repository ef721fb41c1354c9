"""From Keras' name, configuration or torch's loss to a loss, and back."""

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor

from torch_keras_lstm.losses import alignment, crossentropy, divergence, focal, margin, overlap, pairs, regression
from torch_keras_lstm.losses.classes import kind_of_classes
from torch_keras_lstm.losses.function_loss import FunctionLoss, LossFunction
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.reported_name import name_of
from torch_keras_lstm.losses.torch_loss import TorchLoss, is_torch_loss
from torch_keras_lstm.registry import Builder, Config, Registry


class LossFunctionWrapper(FunctionLoss):
    """The loss that any function ``fn(y_true, y_pred, **kwargs)`` makes.

    Args:
        fn: of tensors; gives the loss of each sample.
        reduction: "sum_over_batch_size" or its other name "mean", "sum", "mean_with_sample_weight", or ``None`` or
            "none".
        name: by default that of the function.
        dtype: what the loss is computed in; ``None`` is torch's default type, and float64 for predictions that are so.
        kwargs: more arguments of ``fn``; attributes of the loss too.

    Example:
        >>> def power_error(y_true, y_pred, power):
        ...     return (y_true - y_pred).abs().pow(power).mean(dim=-1)
        >>> LossFunctionWrapper(power_error, power=3)([[2.0], [0.0]], [[0.0], [1.0]])
        tensor(4.5000)
    """

    def __init__(
        self,
        fn: LossFunction,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: object = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fn, reduction, name, dtype, **kwargs)

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        return {**super().get_config(), "fn": serialize(self.fn)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The loss that :meth:`get_config` described; ``fn`` may be a function too."""
        return cls(**{**config, "fn": get(config.get("fn"), "fn")})


_CLASSES: tuple[type[Loss], ...] = (
    regression.MeanSquaredError, regression.MeanAbsoluteError, regression.MeanAbsolutePercentageError,
    regression.MeanSquaredLogarithmicError, regression.Huber, regression.LogCosh, regression.CosineSimilarity,
    margin.Hinge, margin.SquaredHinge, margin.CategoricalHinge, divergence.KLDivergence, divergence.Poisson,
    overlap.Dice, overlap.Tversky, crossentropy.BinaryCrossentropy, crossentropy.CategoricalCrossentropy,
    crossentropy.SparseCategoricalCrossentropy, focal.BinaryFocalCrossentropy, focal.CategoricalFocalCrossentropy,
    focal.SparseCategoricalFocalCrossentropy, alignment.CTC, pairs.Circle,
    crossentropy.CategoricalGeneralizedCrossEntropy, LossFunctionWrapper,
)  # fmt: skip
_FUNCTIONS: tuple[LossFunction, ...] = (
    regression.mean_squared_error, regression.mean_absolute_error, regression.mean_absolute_percentage_error,
    regression.mean_squared_logarithmic_error, regression.huber, regression.log_cosh, regression.cosine_similarity,
    margin.hinge, margin.squared_hinge, margin.categorical_hinge, divergence.kl_divergence, divergence.poisson,
    overlap.dice, overlap.tversky, crossentropy.binary_crossentropy, crossentropy.categorical_crossentropy,
    crossentropy.sparse_categorical_crossentropy, focal.binary_focal_crossentropy,
    focal.categorical_focal_crossentropy, focal.sparse_categorical_focal_crossentropy, alignment.ctc, pairs.circle,
    crossentropy.categorical_generalized_cross_entropy,
)  # fmt: skip
_ABBREVIATIONS: dict[str, LossFunction] = {
    "bce": crossentropy.binary_crossentropy,
    "kld": divergence.kl_divergence,
    "mae": regression.mean_absolute_error,
    "mape": regression.mean_absolute_percentage_error,
    "mse": regression.mean_squared_error,
    "msle": regression.mean_squared_logarithmic_error,
}
# what Keras 1 and 2 knew beside
_FORMER_NAMES: dict[str, LossFunction] = {
    "huber_loss": regression.huber,
    "kullback_leibler_divergence": divergence.kl_divergence,
    "logcosh": regression.log_cosh,
}
_NAMES = (
    {function.__name__: function for function in _FUNCTIONS}
    | _ABBREVIATIONS
    | {name.upper(): function for name, function in _ABBREVIATIONS.items()}
    | _FORMER_NAMES
)
_CROSSENTROPIES: dict[str, LossFunction] = {
    "binary": crossentropy.binary_crossentropy,
    "categorical": crossentropy.categorical_crossentropy,
    "sparse_categorical": crossentropy.sparse_categorical_crossentropy,
}


def _named(function: LossFunction) -> Builder[LossFunction]:
    def build(arguments: Mapping[str, Any]) -> LossFunction:
        if arguments:
            raise ValueError(f"Loss '{function.__name__}' takes no 'config', got {arguments!r:.200}.")
        return function

    return build


_REGISTRY: Registry[Loss | LossFunction] = Registry(
    "loss",
    "torch_keras_lstm.losses",
    {cls.__name__: cls.from_config for cls in _CLASSES} | {name: _named(function) for name, function in _NAMES.items()},
    plural="losses",
)


def get(identifier: object, argument: str = "loss") -> Loss | LossFunction | None:
    """The loss that ``identifier`` means: a Keras name or configuration, a loss, a function, a torch loss or ``None``.

    As in Keras, a name in snake case means the function, the name of a class an object of it.

    Args:
        argument: the name that an error gives to ``identifier``.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its loss.
        TypeError: for an identifier of any other type.

    Example:
        >>> get("mse")([[2.0]], [[0.0]]), get("MeanSquaredError").reduction
        (tensor([4.]), 'sum_over_batch_size')
    """
    if identifier is None:
        return None
    return TorchLoss(identifier) if is_torch_loss(identifier) else _REGISTRY.get(identifier, argument)


def serialize(loss: object) -> Config | str | None:
    """The configuration of ``loss`` as Keras 3 writes it; the name alone of a function, also of torch's.

    Example:
        >>> serialize(Huber(delta=2.0))["config"]["delta"], serialize(huber)
        (2.0, 'huber')
    """
    return _REGISTRY.serialize(loss.criterion if isinstance(loss, TorchLoss) else loss)


def deserialize(
    config: str | Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None
) -> Loss | LossFunction | None:
    """The loss that :func:`serialize` described as ``config``.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit.

    Example:
        >>> deserialize({"class_name": "Huber", "config": {"delta": 2.0}}).delta
        2.0
    """
    return None if config is None else _REGISTRY.deserialize(config, custom_objects, "loss")


def resolve(identifier: object, y_true: Tensor, y_pred: Tensor) -> Loss | None:
    """The loss object for ``identifier`` as ``compile`` takes it.

    Beside what :func:`get` knows there is "crossentropy", or "ce", which is binary, sparse or categorical by the shapes
    of a batch of targets ``y_true`` and predictions ``y_pred``. A loss given as a string has that string for its name.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its loss.
        TypeError: for an identifier of any other type.

    Example:
        >>> resolve("crossentropy", torch.tensor([[1], [2]]), torch.rand(2, 3)).name
        'crossentropy'
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        loss: Loss | LossFunction | None = _CROSSENTROPIES[kind_of_classes(y_true, y_pred)]
    else:
        loss = get(identifier)
    if loss is None or isinstance(loss, Loss):
        return loss
    return LossFunctionWrapper(loss, name=identifier if isinstance(identifier, str) else name_of(loss))
