"""The area under a curve of right decisions, as a sum over thresholds."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.reduction import divide_no_nan
from torch_keras_lstm.losses.targets import EPSILON
from torch_keras_lstm.metrics.confusion import Confusion, ConfusionMetric, Thresholds
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.metrics.operating_point import evenly_spaced

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMMATIONS = ("interpolation", "majoring", "minoring")


@with_arguments_of(Metric)
class AUC(ConfusionMetric):
    """The area under the ROC, precision-recall or precision-recall-gain curve.

    It is Keras' sum over thresholds; the exact area, which needs all predictions at once, is another number.

    Args:
        num_thresholds: how many thresholds divide 0 to 1.
        curve: "ROC", "PR" or "PRGAIN", in large or small letters.
        summation_method: between two thresholds the curve is taken at their mean ("interpolation", for which a PR curve
            follows Davis and Goadrich, 2006), at the higher ("majoring") or the lower of the two ("minoring").
        thresholds: those between 0 and 1, instead of ``num_thresholds`` even ones.
        multi_label: the mean of one area for each label of predictions (batch, labels), instead of one for all.
        num_labels: how many labels there are; by default what the first batch has.
        label_weights: weights (labels,) of the labels: of their areas, or without ``multi_label`` of their decisions.
        from_logits: the predictions are logits.

    Raises:
        ValueError: for another curve or summation method, for fewer than two thresholds, for ``num_labels`` without
            ``multi_label``; in a call, when the shapes do not fit.

    Example:
        >>> metric = AUC(num_thresholds=3)  # 0, 0.5 and 1
        >>> metric([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        tensor(0.7500)
        >>> AUC(curve="PR")([0, 0, 1, 1], [0.0, 0.7, 0.6, 0.9]).round(decimals=3)
        tensor(0.7970)
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: object = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        self.curve = curve.upper() if isinstance(curve, str) else curve
        self.summation_method = summation_method.lower() if isinstance(summation_method, str) else summation_method
        check_choice("curve", self.curve, _CURVES)
        check_choice("summation_method", self.summation_method, _SUMMATIONS)
        if num_labels is not None and not multi_label:
            raise ValueError("`num_labels` is for `multi_label=True`: pass both, or neither.")
        self.num_thresholds = num_thresholds if thresholds is None else len(thresholds) + 2
        if not isinstance(self.num_thresholds, int) or self.num_thresholds < 2:
            raise ValueError(f"`num_thresholds` must be an integer of at least 2, got {num_thresholds!r}.")
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        self._given = None if thresholds is None else sorted(thresholds)
        super().__init__(Confusion._fields, self._make_thresholds(), name, dtype)
        if num_labels is not None:
            self._start((self.num_thresholds, num_labels))

    def _make_thresholds(self) -> Thresholds:
        """The first and the last lie a little outside: every prediction is above the one and below the other."""
        if self._given is None:
            return Thresholds(evenly_spaced(self.num_thresholds, EPSILON), evenly=True)
        evenly = Thresholds([0.0, *self._given, 1.0]).evenly
        return Thresholds([-EPSILON, *self._given, 1.0 + EPSILON], evenly)

    def _how_to_count(self) -> dict[str, Any]:
        return {"by_label": True} if self.multi_label else {"label_weights": self.label_weights}

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch; arguments and errors as those of the other metrics of decisions."""
        y_pred = self.floating(y_pred)
        if self.from_logits:
            y_pred = torch.sigmoid(y_pred)
        if self.multi_label and y_pred.dim() != 2:
            raise ValueError(
                f"`{self.name}` with `multi_label=True` expects predictions (batch, labels), got shape "
                f"{tuple(y_pred.shape)}."
            )
        if self.multi_label and self.true_positives.dim() == 1:
            self._start((self.num_thresholds, y_pred.shape[1]))
        super().update_state(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        """The area so far: a scalar."""
        pieces = self._interpolated_pieces() if self._is_interpolated() else self._pieces(*self._axes())
        areas = pieces.sum(0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return areas.mean()
        weights = areas.new_tensor(self.label_weights)
        return divide_no_nan((areas * weights).sum(), weights.sum())

    def _is_interpolated(self) -> bool:
        return self.curve == "PR" and self.summation_method == "interpolation"

    def _axes(self) -> tuple[Tensor, Tensor]:
        """The curve: x and y at each threshold."""
        right, missed = self.true_positives, self.false_negatives
        wrong, refused = self.false_positives, self.true_negatives
        recall = divide_no_nan(right, right + missed)
        if self.curve == "ROC":
            return divide_no_nan(wrong, wrong + refused), recall
        if self.curve == "PR":
            return recall, divide_no_nan(right, right + wrong)
        # Flach and Kull, 2015; the gains have no value without true positives, where Keras takes 0 and 1
        scale = divide_no_nan(right + missed, refused + wrong)
        recall_gain = torch.where(right == 0, 0.0, 1.0 - scale * divide_no_nan(missed, right))
        return recall_gain.clamp(min=0.0), torch.where(right == 0, 1.0, 1.0 - scale * divide_no_nan(wrong, right))

    def _pieces(self, x: Tensor, y: Tensor) -> Tensor:
        """The area between each two neighbouring thresholds."""
        heights = {"interpolation": (y[:-1] + y[1:]) / 2, "minoring": torch.minimum(y[:-1], y[1:])}
        return (x[:-1] - x[1:]) * heights.get(self.summation_method, torch.maximum(y[:-1], y[1:]))

    def _interpolated_pieces(self) -> Tensor:
        """The same under a PR curve, the true positives taken as linear in the positives between two thresholds."""
        right = self.true_positives
        positive = right + self.false_positives
        gained_right, gained = right[:-1] - right[1:], positive[:-1] - positive[1:]
        slope = divide_no_nan(gained_right, gained.clamp(min=0.0))
        intercept = right[1:] - slope * positive[1:]
        both = (positive[:-1] > 0) & (positive[1:] > 0)
        ratio = torch.where(both, divide_no_nan(positive[:-1], positive[1:].clamp(min=0.0)), 1.0)
        area = slope * (gained_right + intercept * torch.log(ratio))
        return divide_no_nan(area, (right[1:] + self.false_negatives[1:]).clamp(min=0.0))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments under Keras 3's names."""
        names = ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels", "label_weights")
        config = {"name": self.name, "dtype": self._dtype_name, **{name: getattr(self, name) for name in names}}
        return {**config, "from_logits": self.from_logits, **({"thresholds": self._given} if self._given else {})}
