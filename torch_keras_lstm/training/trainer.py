"""``compile``, ``fit``, ``evaluate``, ``predict`` and the like, as a base class of the models."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import optimizers
from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.callbacks import Callback, CallbackList, History
from torch_keras_lstm.callbacks.callback import Logs
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.metrics import Metric
from torch_keras_lstm.training.batch import Batch, unpack
from torch_keras_lstm.training.compiled import Compiled
from torch_keras_lstm.training.compiled_loss import CompiledLoss
from torch_keras_lstm.training.compiled_metrics import CompiledMetrics
from torch_keras_lstm.training.data_source import Placement, batches_of
from torch_keras_lstm.training.epochs import Epochs
from torch_keras_lstm.training.logs import as_array, as_numbers, in_order
from torch_keras_lstm.training.modes import evaluation_mode, training_mode
from torch_keras_lstm.training.nested import first_tensor
from torch_keras_lstm.training.outputs import Output, names_of, pair
from torch_keras_lstm.training.predictions import Predictions
from torch_keras_lstm.training.stream_batches import StreamBatches
from torch_keras_lstm.training.strategy import SingleProcess
from torch_keras_lstm.training.trainable_weights import trainable_weights
from torch_keras_lstm.training.validation_split import split


class Trainer(Layer):
    """A layer that can be trained as Keras trains a model.

    ``fit`` runs it with ``training=True`` and in ``train()`` mode, ``evaluate`` and ``predict`` with ``training=False``,
    in ``eval()`` mode and without gradients. Afterwards every module has the mode again that it had before, whatever
    happened. A subclass may define ``train_step``, ``test_step``, ``predict_step`` and ``compute_loss`` of its own.

    Attributes:
        stop_training: set it to end ``fit`` after the present batch.
        history: what the last ``fit`` returned.
    """

    stop_training = False
    history: History | None = None

    _compiled: Compiled | None = None
    _initial_epoch: int | None = None

    # -- compile ----------------------------------------------------------------------------------------------------

    def compile(  # type: ignore[override]  # torch's own `Module.compile` is `torch.compile` in place
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is to be trained and what is to be measured.

        Args:
            optimizer: a Keras name or configuration, an object of ``torch_keras_lstm.optimizers``, or an optimizer or
                optimizer class of ``torch.optim``; ``None`` for a model that is only evaluated.
            loss: a Keras name, an object of ``torch_keras_lstm.losses``, a function of targets and predictions, or a
                loss of ``torch.nn``; for several outputs also a list, or a dictionary by the outputs' names, of them.
            loss_weights: how much the loss of each output counts: a list or dictionary of numbers.
            metrics: a list of Keras names, objects of ``torch_keras_lstm.metrics`` or functions; for several outputs a
                list with a metric or a list of metrics for each, or a dictionary of such by name. "accuracy" is binary,
                sparse or categorical accuracy by the shapes of targets and predictions.
            weighted_metrics: metrics that sample weights apply to; ``metrics`` ignore them.
            run_eagerly: taken for Keras' sake; everything runs eagerly.
            steps_per_execution: callbacks are called after so many batches.
            jit_compile: taken for Keras' sake; there is no XLA here.
            auto_scale_loss: taken for Keras' sake; Fabric's precision scales the loss where that is needed.

        Raises:
            ValueError: for an unknown name, or an argument of a wrong form.
            TypeError: for an object that is none of these.
        """
        arguments = {name: value for name, value in locals().items() if name in _COMPILE_ARGUMENTS}
        self._compiled = Compiled(
            optimizers.get(optimizer),
            None if loss is None else CompiledLoss(loss, loss_weights),
            CompiledMetrics(metrics, weighted_metrics),
            SingleProcess(),
            {**arguments, "steps_per_execution": positive_integer("steps_per_execution", steps_per_execution)},
        )
        self.stop_training = False

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self._compiled is not None

    @property
    def optimizer(self) -> Any:
        """The optimizer that the model was compiled with."""
        return None if self._compiled is None else self._compiled.optimizer

    @property
    def loss(self) -> Any:
        """The loss that the model was compiled with, as it was given."""
        return None if self._compiled is None else self._compiled.arguments["loss"]

    @property
    def metrics(self) -> list[Metric]:
        """All that is measured: the mean loss, the compiled metrics, the means of the outputs' losses, own metrics."""
        own = [value for value in vars(self).values() if isinstance(value, Metric)]
        compiled = self._compiled
        if compiled is None:
            return own
        outputs = compiled.loss.means if compiled.loss else []
        return [compiled.loss_mean, *compiled.metrics.metrics, *outputs, *own]

    @property
    def metrics_names(self) -> list[str]:
        """Their names."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Begin to measure anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """What was measured since the metrics were reset, by the names that logs have."""
        compiled = self._check_compiled("get_metrics_result")
        named = compiled.metrics.by_name
        others = [metric for metric in self.metrics if not any(metric is one for one in named.values())]
        results = {metric.name: metric.result() for metric in others}
        return results | {name: metric.result() for name, metric in named.items()}

    # -- fit --------------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Callback | Iterable[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train for some epochs; as in Keras.

        Args:
            x: inputs: an array, tensor or list of numbers, or a list or dictionary of such for several inputs; a torch
                ``Dataset`` of samples or ``DataLoader``, a ``PyDataset``, or a generator of batches ``(x, y)`` or
                ``(x, y, sample_weight)``.
            y: targets likewise; not given when ``x`` brings them.
            batch_size: samples in a batch; 32 by default.
            epochs: the number of the last epoch, which is how many there are when ``initial_epoch`` is 0.
            verbose: 0 prints nothing, 1 or "auto" a line with a bar that moves, 2 a line for each epoch.
            callbacks: objects derived from ``Callback``.
            validation_split: the last part of the samples, such as 0.2, is kept for validation.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)``, or a source of batches.
            shuffle: draw a new order of the samples at each epoch, from torch's global generator; "batch" shuffles
                within each batch.
            class_weight: weights of the samples by their class.
            sample_weight: a weight for each sample, or for each of their steps (samples, steps).
            initial_epoch: the number of the first epoch, from 0.
            steps_per_epoch: batches in an epoch; by default all there are.
            validation_steps: batches in a validation; by default all there are.
            validation_batch_size: by default ``batch_size``.
            validation_freq: validate after every so many epochs, or after the epochs in this list, counted from 1.

        Returns:
            Loss and metrics of each epoch.

        Raises:
            ValueError: when the model is not compiled, or the arguments do not fit each other or the model.
        """
        compiled = self._check_compiled("fit")
        data = Batch(x, y, sample_weight)
        if validation_split and validation_data is None:
            data, validation_data = split(data, validation_split)
        source = batches_of(data, self._placement_of_batches(), batch_size, steps_per_epoch, shuffle, class_weight)
        batches = Epochs(source, steps_per_epoch, compiled.arguments["steps_per_execution"])
        validation = None
        if validation_data is not None:
            validation = self._epochs(unpack(validation_data), validation_batch_size or batch_size, validation_steps)
        calls = CallbackList(
            callbacks,
            self,
            add_history=True,
            add_progbar=verbose != 0 and compiled.strategy.is_first,
            verbose=verbose,
            epochs=epochs,
            steps=batches.num_batches,
        )
        assert calls.history is not None  # for mypy
        self.history = calls.history
        self.stop_training, self._initial_epoch = False, None
        with training_mode(self):
            self._prepare_optimizer()
            calls.at("train_begin", {})
            logs: Logs = {}
            for epoch in range(self._initial_epoch or initial_epoch, epochs):
                calls.at_epoch("epoch_begin", epoch, {})
                trained = self._train_epoch(batches, calls)
                if trained is None:
                    break
                logs = trained
                if validation is not None and _is_due(epoch + 1, validation_freq):
                    measured = self._evaluate(validation, calls)
                    logs |= {f"val_{name}": value for name, value in measured.items()}
                calls.at_epoch("epoch_end", epoch, logs)
                if self.stop_training:
                    break
            if compiled.optimizer is not None and compiled.optimizer.built:
                compiled.optimizer.finalize_variable_values()
            calls.at("train_end", logs)
        return self.history

    def _train_epoch(self, batches: Epochs, calls: CallbackList) -> Logs | None:
        """Train on the batches of an epoch; the logs, ``None`` when there was no batch left."""
        self.reset_metrics()
        own_logs: Any = None
        number = -1
        for number, last, several in batches:
            calls.at_batch("train_batch_begin", number)
            for batch in several:
                own_logs = self.train_step(batch)
            calls.at_batch("train_batch_end", last, lambda own=own_logs: self._logs(own))
            if self.stop_training:
                break
        return None if number < 0 else self._logs(own_logs)

    def train_step(self, data: Any) -> Mapping[str, Any] | None:
        """Train on one batch: ``(x, y, sample_weight)``, tensors where the model is.

        Returns:
            Values for the logs, by name; ``None`` stands for those of :meth:`get_metrics_result`, which are computed
            when somebody reads them.
        """
        compiled = self._check_compiled("train_step")
        x, y, sample_weight = compiled.strategy.share(unpack(data))
        y_pred, mask = self._call(x, training=True)
        loss = self._compute_loss(x, y, y_pred, sample_weight, mask, training=True)
        compiled.loss_mean.update_state(loss.detach(), len(first_tensor(x)))
        self._apply_gradients(loss)
        self.compute_metrics(x, y, y_pred, sample_weight, mask)
        return None

    def _apply_gradients(self, loss: Tensor) -> None:
        compiled = self._check_compiled("fit")
        optimizer = compiled.optimizer
        if optimizer is None:
            raise ValueError("The model was compiled without an optimizer, so it cannot be trained.")
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

    # -- evaluate and predict ---------------------------------------------------------------------------------------

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Callback | Iterable[Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on some data; arguments as those of :meth:`fit`.

        Args:
            steps: how many batches; by default all there are.
            return_dict: return a dictionary by name.

        Returns:
            A list, the loss first; the loss alone when there is nothing else.

        Raises:
            ValueError: when the model is not compiled, or the arguments do not fit each other or the model.
        """
        compiled = self._check_compiled("evaluate")
        batches = self._epochs(Batch(x, y, sample_weight), batch_size, steps)
        calls = CallbackList(
            callbacks,
            self,
            add_progbar=verbose != 0 and compiled.strategy.is_first,
            verbose=verbose,
            epochs=1,
            steps=batches.num_batches,
        )
        logs = self._evaluate(batches, calls)
        return logs if return_dict else in_order(logs, self.metrics_names)

    def _evaluate(self, batches: Epochs, calls: CallbackList) -> Logs:
        with evaluation_mode(self):
            calls.at("test_begin", {})
            self.reset_metrics()
            own_logs: Any = None
            for number, last, several in batches:
                calls.at_batch("test_batch_begin", number)
                for batch in several:
                    own_logs = self.test_step(batch)
                calls.at_batch("test_batch_end", last, lambda own=own_logs: self._logs(own))
            logs = self._logs(own_logs)
            calls.at("test_end", logs)
        return logs

    def test_step(self, data: Any) -> Mapping[str, Any] | None:
        """Measure one batch; arguments and result as those of :meth:`train_step`."""
        compiled = self._check_compiled("test_step")
        x, y, sample_weight = unpack(data)
        y_pred, mask = self._call(x, training=False)
        loss = self._compute_loss(x, y, y_pred, sample_weight, mask, training=False)
        compiled.loss_mean.update_state(loss, len(first_tensor(x)))
        self.compute_metrics(x, y, y_pred, sample_weight, mask)
        return None

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Callback | Iterable[Callback] | None = None,
    ) -> Any:
        """What the model gives for some inputs; arguments as those of :meth:`evaluate`.

        Returns:
            NumPy arrays, in the structure of the model's outputs.

        Raises:
            ValueError: when there are no inputs, or they do not fit the model.
        """
        batches = self._epochs(Batch(x), batch_size, steps)
        calls = CallbackList(
            callbacks, self, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=batches.num_batches
        )
        predictions = Predictions()
        with evaluation_mode(self):
            calls.at("predict_begin", {})
            for number, last, several in batches:
                calls.at_batch("predict_batch_begin", number)
                outputs = [self.predict_step(batch) for batch in several]
                predictions.extend(outputs)
                calls.at_batch("predict_batch_end", last, lambda given=outputs: {"outputs": given[-1]})
            calls.at("predict_end", {})
        return predictions.whole()

    def predict_step(self, data: Any) -> Any:
        """What the model gives for the inputs of one batch."""
        return self._call(unpack(data).x, training=False)[0]

    # -- single batches ---------------------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step; arguments as those of :meth:`fit`, result as that of :meth:`evaluate`, on this batch."""
        self._check_compiled("train_on_batch")
        batch = self._single_batch(Batch(x, y, sample_weight), class_weight)
        with training_mode(self):
            self._prepare_optimizer()
            self.reset_metrics()
            logs = self._logs(self.train_step(batch))
        return logs if return_dict else in_order(logs, self.metrics_names)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics on one batch; arguments and result as those of :meth:`evaluate`."""
        self._check_compiled("test_on_batch")
        batch = self._single_batch(Batch(x, y, sample_weight))
        with evaluation_mode(self):
            self.reset_metrics()
            logs = self._logs(self.test_step(batch))
        return logs if return_dict else in_order(logs, self.metrics_names)

    def predict_on_batch(self, x: Any) -> Any:
        """What the model gives for the inputs of one batch, as NumPy arrays."""
        batch = self._single_batch(Batch(x))
        with evaluation_mode(self):
            return as_array(self.predict_step(batch))

    # -- a step's parts ---------------------------------------------------------------------------------------------

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
            loss = compiled.loss(self._outputs(names, y, y_pred, sample_weight, mask), names)
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

    # -- what these have in common ----------------------------------------------------------------------------------

    def _check_compiled(self, method: str) -> Compiled:
        if self._compiled is None:
            raise ValueError(
                f"You must call `compile()` before `{method}()`, for example "
                '`model.compile(optimizer="adam", loss="mse")`.'
            )
        return self._compiled

    def _placement_of_batches(self) -> Placement:
        """The type and the device of the model's first weight."""
        weight = next((one for one in self.parameters() if one.is_floating_point()), None)
        return Placement(self.dtype, self.device) if weight is None else Placement(weight.dtype, weight.device)

    def _epochs(self, data: Batch, batch_size: int | None, steps: int | None) -> Epochs:
        together = 1 if self._compiled is None else self._compiled.arguments["steps_per_execution"]
        return Epochs(batches_of(data, self._placement_of_batches(), batch_size, steps), steps, together)

    def _single_batch(self, data: Batch, class_weight: Mapping[int, float] | None = None) -> Batch:
        return StreamBatches(lambda: (), None, class_weight, *self._placement_of_batches()).batch(data)

    def _call(self, x: Any, training: bool) -> tuple[Any, Any]:
        """The model's outputs and their masks."""
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

    def _logs(self, own: Mapping[str, Any] | None) -> Logs:
        """The logs: what a step of the user's own gave, unless it is what the metrics say anyway."""
        compiled = self._check_compiled("fit")
        compiled.strategy.add_up(self.metrics)
        measured = self.get_metrics_result()
        return as_numbers(measured if own is None or own.keys() == measured.keys() else own)


_COMPILE_ARGUMENTS = (
    "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution",
    "jit_compile", "auto_scale_loss",
)  # fmt: skip


def _is_due(epoch: int, frequency: int | Sequence[int]) -> bool:
    """Whether to validate after this epoch, counted from 1."""
    if isinstance(frequency, int):
        return epoch % frequency == 0
    if isinstance(frequency, list | tuple | set | frozenset | range):
        return epoch in frequency
    raise ValueError(f"`validation_freq` is an integer or a list of epochs, got {frequency!r}.")
