"""What is done with one batch."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.layers.keras_mask import mask_of
from torch_keras_lstm.structure import first_tensor
from torch_keras_lstm.training.answers import Answers
from torch_keras_lstm.training.batch import Batch, pack, unpack
from torch_keras_lstm.training.compilation import Compilable
from torch_keras_lstm.training.strategy import SingleProcess
from torch_keras_lstm.training.trainable_weights import trainable_weights


class Steps(Compilable):
    """A compiled layer that is trained, measured and run batch by batch.

    A subclass may define ``train_step``, ``test_step``, ``predict_step``, ``compute_loss`` and ``compute_metrics`` of
    its own, with Keras' arguments and results.
    """

    def train_step(self, data: Any) -> Mapping[str, Any]:
        """Train on one batch of tensors where the model is.

        Args:
            data: ``(x, y)``, or ``(x, y, sample_weight)`` when there are weights; ``x`` alone, or ``(x,)`` when that is
                a list, when there are no targets.

        Returns:
            Values for the logs, by name: those of :meth:`get_metrics_result` unless ``compute_metrics`` gives others.
        """
        own = self._train(unpack(data))
        return self.get_metrics_result() if own is None else own

    def train_batch(self, batch: Batch) -> Mapping[str, Any] | None:
        """One step of training, by the subclass' ``train_step`` if it has one.

        Returns:
            Values for the logs; ``None`` stands for those of :meth:`get_metrics_result`, which are computed when
            somebody reads them.

        Raises:
            TypeError: when a ``train_step`` of one's own returns no dictionary.
        """
        if not self._has_own("train_step"):
            return self._train(batch)
        return _logs_of("train_step", self.train_step(pack(batch)))

    def test_batch(self, batch: Batch) -> Mapping[str, Any] | None:
        """One step of evaluation, by the subclass' ``test_step`` if it has one; as :meth:`train_batch`."""
        if not self._has_own("test_step"):
            return self._test(batch)
        return _logs_of("test_step", self.test_step(pack(batch)))

    def predict_batch(self, batch: Batch) -> Any:
        """What the model gives for a batch, by the subclass' ``predict_step`` if it has one."""
        return self.predict_step(pack(batch) if self._has_own("predict_step") else batch)

    def _has_own(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(Steps, method) or method in vars(self)

    def _train(self, batch: Batch) -> Mapping[str, Any] | None:
        compiled = self._check_compiled("train_step")
        (x, y, sample_weight), samples, is_empty = compiled.strategy.share(batch)
        answers = self._answers(x, y, *self._call(x, training=True), sample_weight)
        loss = self._loss_of(answers, training=True)
        compiled.loss_mean.update_state(loss, samples)
        self._apply_gradients(loss)
        return None if is_empty else self._measure(answers)

    def _apply_gradients(self, loss: Tensor) -> None:
        compiled = self._check_compiled("fit")
        optimizer = compiled.optimizer
        if optimizer is None:
            why = f" What is missing of its file's: {self.compile_error}" if self.compile_error else ""
            raise ValueError(f"The model was compiled without an optimizer, so it cannot be trained.{why}")
        if not optimizer.built:
            self._prepare_optimizer()
        if not (optimizer.built and loss.requires_grad) and not trainable_weights(self):
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
            return
        optimizer.zero_grad()
        compiled.strategy.backward(optimizer.scale_loss(loss if loss.ndim == 0 else loss.sum()))
        optimizer.step()
        self.apply_constraints()

    def _prepare_optimizer(self) -> None:
        """Give the optimizer the weights, as soon as there are any."""
        optimizer = self.optimizer
        if optimizer is not None and self.built:
            weights = trainable_weights(self)
            if weights:
                optimizer.build(weights)

    def test_step(self, data: Any) -> Mapping[str, Any]:
        """Measure one batch; arguments and result as those of :meth:`train_step`."""
        own = self._test(unpack(data))
        return self.get_metrics_result() if own is None else own

    def _test(self, batch: Batch) -> Mapping[str, Any] | None:
        compiled = self._check_compiled("test_step")
        x, y, sample_weight = batch
        answers = self._answers(x, y, *self._call(x, training=False), sample_weight)
        loss = self._loss_of(answers, training=False)
        compiled.loss_mean.update_state(loss, len(first_tensor(x)))
        return self._measure(answers)

    def predict_step(self, data: Any) -> Any:
        """What the model gives for the inputs of one batch."""
        return self._call(unpack(data).x, training=False)[0]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
        mask: Any = None,
    ) -> Tensor:
        """The loss of a batch: that of ``compile``, and the regularization of the layers.

        Args:
            x: the inputs.
            y: the targets.
            y_pred: what the model gave.
            sample_weight: weights, or ``None``.
            training: whether the model is trained or evaluated.
            mask: that of the outputs; by default the one that they bring.

        Raises:
            ValueError: when there is neither a compiled loss nor one of the layers, or something does not fit the loss.
        """
        mask = mask_of(y_pred) if mask is None else mask
        return self._compiled_loss(self._answers(x, y, y_pred, mask, sample_weight), training)

    def _compiled_loss(self, answers: Answers, training: bool) -> Tensor:
        compiled = self._check_compiled("compute_loss")
        terms = []
        if compiled.loss is not None:
            strategy = compiled.strategy if training else SingleProcess()
            loss = compiled.loss(answers.outputs, answers.names, strategy, answers.y_pred)
            terms += [] if loss is None else [loss]
        terms += self.losses
        if not terms:
            raise ValueError("There is no loss: give `compile()` a `loss`, or a layer a regularizer.")
        return sum(terms[1:], start=terms[0])

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> Mapping[str, Any]:
        """Add a batch to the compiled metrics; arguments as those of :meth:`compute_loss`.

        Returns:
            Values for the logs, by name.
        """
        mask = mask_of(y_pred) if mask is None else mask
        self._add_to_metrics(self._answers(x, y, y_pred, mask, sample_weight))
        return self.get_metrics_result()

    def _measure(self, answers: Answers) -> Mapping[str, Any] | None:
        """Add a batch to the metrics; what a ``compute_metrics`` of the subclass' own gives for the logs."""
        if not self._has_own("compute_metrics"):
            self._add_to_metrics(answers)
            return None
        given = _taken(self.compute_metrics, mask=answers.mask)
        with torch.no_grad():
            logs = self.compute_metrics(
                x=answers.x, y=answers.y, y_pred=answers.y_pred, sample_weight=answers.sample_weight, **given
            )
        return _logs_of("compute_metrics", logs)

    def _add_to_metrics(self, answers: Answers) -> None:
        compiled = self._check_compiled("compute_metrics")
        if compiled.metrics:
            with torch.no_grad():
                compiled.metrics.update(answers.outputs, answers.names)

    def _call(self, x: Any, training: bool) -> tuple[Any, Any]:
        """The model's outputs and their masks."""
        x = x[0] if isinstance(x, list | tuple) and len(x) == 1 else x
        strategy = SingleProcess() if self._compiled is None else self._compiled.strategy
        outputs = strategy.call(self, x, training=training and not self._keeps_inference())
        return outputs, mask_of(outputs)

    def _keeps_inference(self) -> bool:
        """Whether the layers inside are never told to train: in Keras a ``call`` without ``training`` tells them not.

        A ``forward`` is torch's, whose layers follow the mode of their modules.
        """
        own = type(self)
        return "training" not in self.call_parameters and getattr(own, "call", None) is own.forward

    def _answers(self, x: Any, y: Any, y_pred: Any, mask: Any, sample_weight: Any) -> Answers:
        loss = None if self._compiled is None else self._compiled.loss
        return Answers(x, y, y_pred, sample_weight, mask, self.output_names, loss)

    def _loss_of(self, answers: Answers, training: bool) -> Tensor:
        """:meth:`compute_loss`, which in a subclass written for Keras knows of no masks, nor of training before 3.3."""
        if not self._has_own("compute_loss"):
            return self._compiled_loss(answers, training)
        given = _taken(self.compute_loss, mask=answers.mask, training=training)
        return self.compute_loss(
            x=answers.x, y=answers.y, y_pred=answers.y_pred, sample_weight=answers.sample_weight, **given
        )


def _logs_of(step: str, logs: Any) -> Mapping[str, Any]:
    if not isinstance(logs, Mapping):
        raise TypeError(
            f"`{step}` must return a dictionary of values for the logs, got {type(logs).__name__}. End it with "
            "`return self.get_metrics_result()` or `return {metric.name: metric.result() for metric in self.metrics}`."
        )
    return logs


def _taken(method: Callable[..., Any], **given: Any) -> dict[str, Any]:
    """Those of ``given`` that are not ``None`` and that the method takes."""
    names, takes_all = _parameters(getattr(method, "__func__", method))
    return {name: value for name, value in given.items() if value is not None and (takes_all or name in names)}


@cache
def _parameters(method: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    parameters = inspect.signature(method).parameters
    return frozenset(parameters), any(one.kind is one.VAR_KEYWORD for one in parameters.values())
