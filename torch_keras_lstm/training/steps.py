"""What is done with one batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.training.batch import unpack
from torch_keras_lstm.training.compilation import Compilable
from torch_keras_lstm.training.nested import first_tensor
from torch_keras_lstm.training.outputs import Output, names_of, pair
from torch_keras_lstm.training.strategy import SingleProcess
from torch_keras_lstm.training.trainable_weights import trainable_weights


class Steps(Compilable):
    """A compiled layer that is trained, measured and run batch by batch.

    A subclass may define ``train_step``, ``test_step``, ``predict_step``, ``compute_loss`` and ``compute_metrics`` of
    its own.
    """

    def train_step(self, data: Any) -> Mapping[str, Any] | None:
        """Train on one batch: ``(x, y, sample_weight)``, tensors where the model is.

        Returns:
            Values for the logs, by name; ``None`` stands for those of :meth:`get_metrics_result`, which are computed
            when somebody reads them.
        """
        compiled = self._check_compiled("train_step")
        (x, y, sample_weight), samples, is_empty = compiled.strategy.share(unpack(data))
        y_pred, mask = self._call(x, training=True)
        loss = self._compute_loss(x, y, y_pred, sample_weight, mask, training=True)
        compiled.loss_mean.update_state(loss, samples)
        self._apply_gradients(loss)
        if not is_empty:
            self.compute_metrics(x, y, y_pred, sample_weight, mask)
        return None

    def _apply_gradients(self, loss: Tensor) -> None:
        compiled = self._check_compiled("fit")
        optimizer = compiled.optimizer
        if optimizer is None:
            why = f" What is missing of its file's: {self.compile_error}" if self.compile_error else ""
            raise ValueError(f"The model was compiled without an optimizer, so it cannot be trained.{why}")
        if not optimizer.built:
            self._prepare_optimizer()
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

    def test_step(self, data: Any) -> Mapping[str, Any] | None:
        """Measure one batch; arguments and result as those of :meth:`train_step`."""
        compiled = self._check_compiled("test_step")
        x, y, sample_weight = unpack(data)
        y_pred, mask = self._call(x, training=False)
        loss = self._compute_loss(x, y, y_pred, sample_weight, mask, training=False)
        compiled.loss_mean.update_state(loss, len(first_tensor(x)))
        self.compute_metrics(x, y, y_pred, sample_weight, mask)
        return None

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
            mask: that of the outputs; given when there is one.

        Raises:
            ValueError: when there is neither a compiled loss nor one of the layers, or something does not fit the loss.
        """
        compiled = self._check_compiled("compute_loss")
        terms = []
        if compiled.loss is not None:
            names = names_of(y_pred, self.output_names)
            strategy = compiled.strategy if training else SingleProcess()
            loss = compiled.loss(self._outputs(names, y, y_pred, sample_weight, mask), names, strategy)
            terms += [] if loss is None else [loss]
        terms += self.losses
        if not terms:
            raise ValueError("There is no loss: give `compile()` a `loss`, or a layer a regularizer.")
        return sum(terms[1:], start=terms[0])

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None
    ) -> Mapping[str, Any] | None:
        """Add a batch to the compiled metrics; arguments as those of :meth:`compute_loss`."""
        compiled = self._check_compiled("compute_metrics")
        if compiled.metrics:
            names = names_of(y_pred, self.output_names)
            with torch.no_grad():
                compiled.metrics.update(self._outputs(names, y, y_pred, sample_weight, mask), names)
        return None

    @property
    def output_names(self) -> list[str] | None:
        """The names of the outputs, in their order; ``None`` when only their values tell how many there are."""
        return None

    def _call(self, x: Any, training: bool) -> tuple[Any, Any]:
        """The model's outputs and their masks."""
        x = x[0] if isinstance(x, list | tuple) and len(x) == 1 else x
        strategy = SingleProcess() if self._compiled is None else self._compiled.strategy
        arguments = {"training": training} if "training" in self.call_arguments else {}
        if "return_mask" not in self.call_arguments:
            return strategy.call(self, x, **arguments), None
        outputs, mask = strategy.call(self, x, **arguments, return_mask=True)
        return outputs, mask

    def _outputs(self, names: Sequence[str], y: Any, y_pred: Any, sample_weight: Any, mask: Any) -> list[Output]:
        compiled = self._check_compiled("fit")
        trained = compiled.loss.is_trained(names) if compiled.loss else [True] * len(names)
        return pair(names, y, y_pred, sample_weight, mask, trained)

    def _compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, mask: Any, training: bool) -> Tensor:
        """:meth:`compute_loss`, which in a subclass written for Keras knows of no masks."""
        masked = {} if mask is None else {"mask": mask}
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training, **masked)
