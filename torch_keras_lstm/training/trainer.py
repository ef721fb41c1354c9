"""``compile``, ``fit``, ``evaluate``, ``predict`` and the like, as a base class of the models."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from torch_keras_lstm.callbacks import Callback, CallbackList, History
from torch_keras_lstm.callbacks.callback import Logs
from torch_keras_lstm.training.batch import Batch, unpack
from torch_keras_lstm.training.data_source import Placement, batches_of
from torch_keras_lstm.training.epochs import Epochs
from torch_keras_lstm.training.logs import as_array, in_order
from torch_keras_lstm.training.modes import evaluation_mode, sparse_embeddings, training_mode
from torch_keras_lstm.training.predictions import Predictions
from torch_keras_lstm.training.steps import Steps
from torch_keras_lstm.training.stream_batches import StreamBatches
from torch_keras_lstm.training.summary import print_summary
from torch_keras_lstm.training.validation_split import split


class Trainer(Steps):
    """A layer that can be trained as Keras trains a model.

    ``fit`` runs it with ``training=True`` and in ``train()`` mode, ``evaluate`` and ``predict`` with
    ``training=False``, in ``eval()`` mode and without gradients. Afterwards every module has the mode again that it had
    before, whatever happened.

    Attributes:
        history: what the last ``fit`` returned.
    """

    history: History | None = None

    _initial_epoch: int | None = None

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
            validation_data: ``(x, y)``, ``(x, y, sample_weight)``, or a source of batches. A generator needs
                ``validation_steps``, lest there is nothing left for the second validation.
            shuffle: draw a new order of the samples at each epoch, from torch's global generator; "batch" shuffles
                within each batch.
            class_weight: weights of the samples by their class.
            sample_weight: a weight for each sample (samples,), or for outputs that are sequences for each of their
                steps (samples, steps), or for each sample (samples, 1). As in Keras weights are multiplied with the
                losses as their shapes broadcast, and the sum is divided by the number of all losses, whatever their
                weights: steps of weight 0 count in the mean.
            initial_epoch: the number of the first epoch, from 0.
            steps_per_epoch: batches in an epoch; by default all there are.
            validation_steps: batches in a validation, from the first on, or the next of a generator; by default all
                there are.
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
        generator = compiled.strategy.order_of_samples() if shuffle else None
        source = batches_of(
            data, self._placement_of_batches(), batch_size, steps_per_epoch, shuffle, class_weight, generator
        )
        batches = Epochs(source, steps_per_epoch, compiled.arguments["steps_per_execution"])
        validation = None
        if validation_data is not None:
            size = validation_batch_size or batch_size
            validation = self._epochs(unpack(validation_data), size, validation_steps, goes_on=False)
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
        with training_mode(self), sparse_embeddings(self, self._has_keras_optimizer()):
            self._prepare_optimizer()
            batches.reset()
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
                    logs = _sorted(logs | {f"val_{name}": value for name, value in measured.items()})
                calls.at_epoch("epoch_end", epoch, {**logs})
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
                own_logs = self.train_batch(batch)
            calls.at_batch("train_batch_end", last, partial(self._logs, own_logs))
            if self.stop_training:
                break
        if number < 0:
            return None
        with self._check_compiled("fit").strategy.added_up(self.metrics):
            return self._logs(own_logs)

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
        return logs if return_dict else in_order(logs, self._names_in_order())

    def _evaluate(self, batches: Epochs, calls: CallbackList) -> Logs:
        """Loss and metrics; nothing when a generator is at its end."""
        self.stop_evaluating = False
        batches.reset()
        with evaluation_mode(self):
            calls.at("test_begin", {})
            self.reset_metrics()
            own_logs: Any = None
            number = -1
            for number, last, several in batches:
                calls.at_batch("test_batch_begin", number)
                for batch in several:
                    own_logs = self.test_batch(batch)
                calls.at_batch("test_batch_end", last, partial(self._logs, own_logs))
                if self.stop_evaluating:
                    break
            logs = {} if number < 0 else self._logs(own_logs)
            calls.at("test_end", logs)
        return logs

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
        self.stop_predicting = False
        with evaluation_mode(self):
            calls.at("predict_begin", {})
            for number, last, several in batches:
                calls.at_batch("predict_batch_begin", number)
                outputs = [self.predict_batch(batch) for batch in several]
                predictions.extend(outputs)
                calls.at_batch("predict_batch_end", last, partial(dict, outputs=outputs[-1]))
                if self.stop_predicting:
                    break
            calls.at("predict_end", {})
        return predictions.whole()

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
        with training_mode(self), sparse_embeddings(self, self._has_keras_optimizer()):
            self._prepare_optimizer()
            self.reset_metrics()
            own_logs = self.train_batch(batch)
            with self._check_compiled("train_on_batch").strategy.added_up(self.metrics):
                logs = self._logs(own_logs)
        return logs if return_dict else in_order(logs, self._names_in_order())

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics on one batch; arguments and result as those of :meth:`evaluate`."""
        self._check_compiled("test_on_batch")
        batch = self._single_batch(Batch(x, y, sample_weight))
        with evaluation_mode(self):
            self.reset_metrics()
            logs = self._logs(self.test_batch(batch))
        return logs if return_dict else in_order(logs, self._names_in_order())

    def predict_on_batch(self, x: Any) -> Any:
        """What the model gives for the inputs of one batch, as NumPy arrays."""
        batch = self._single_batch(Batch(x))
        with evaluation_mode(self):
            return as_array(self.predict_batch(batch))

    # -- the summary ------------------------------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: tuple[str, str] | None = None,
    ) -> None:
        """Print a table of the layers; arguments as those of ``torch_keras_lstm.training.summary.print_summary``."""
        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def layer_output_shapes(self) -> dict[str, Any]:
        """The shape that each layer gives, by the layer's name, of those where it is known."""
        return {}

    def connections(self) -> Mapping[str, Sequence[Any]] | None:
        """What each layer is called on, by the layer's name; ``None`` for layers in a row."""
        return None

    # -- what these have in common ----------------------------------------------------------------------------------

    def _placement_of_batches(self) -> Placement:
        """The type and the device of the model's first weight."""
        weight = next((one for one in self.parameters() if one.is_floating_point()), None)
        return Placement(self._dtype, self.device) if weight is None else Placement(weight.dtype, weight.device)

    def _epochs(self, data: Batch, batch_size: int | None, steps: int | None, goes_on: bool = True) -> Epochs:
        together = 1 if self._compiled is None else self._compiled.arguments["steps_per_execution"]
        return Epochs(batches_of(data, self._placement_of_batches(), batch_size, steps), steps, together, goes_on)

    def _single_batch(self, data: Batch, class_weight: Mapping[int, float] | None = None) -> Batch:
        return StreamBatches(lambda: (), None, class_weight, *self._placement_of_batches()).batch(data)


def _sorted(logs: Logs) -> Logs:
    """The logs in alphabetical order, as Keras hands them out."""
    return dict(sorted(logs.items()))


def _is_due(epoch: int, frequency: int | Sequence[int]) -> bool:
    """Whether to validate after this epoch, counted from 1."""
    if isinstance(frequency, int):
        return epoch % frequency == 0
    if isinstance(frequency, list | tuple | set | frozenset | range):
        return epoch in frequency
    raise ValueError(f"`validation_freq` is an integer or a list of epochs, got {frequency!r}.")
