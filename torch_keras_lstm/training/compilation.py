"""``compile``, and what was measured since."""

from collections.abc import Mapping
from typing import Any

from torch_keras_lstm import optimizers
from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.callbacks.callback import Logs
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.placed_module import parts_of
from torch_keras_lstm.layers.tracking import metrics_of
from torch_keras_lstm.metrics import Metric
from torch_keras_lstm.registry import Config
from torch_keras_lstm.training.compile_config import compile_config
from torch_keras_lstm.training.compiled import Compiled
from torch_keras_lstm.training.compiled_loss import CompiledLoss
from torch_keras_lstm.training.compiled_metrics import CompiledMetrics
from torch_keras_lstm.training.fabric_strategy import FabricStrategy
from torch_keras_lstm.training.logs import as_numbers
from torch_keras_lstm.training.strategy import SingleProcess


class Compilable(Layer):
    """A layer that knows its optimizer, loss and metrics.

    Attributes:
        stop_training: set it to end ``fit`` after the present batch.
        stop_evaluating, stop_predicting: the same of ``evaluate``, also that of a validation, and ``predict``.
    """

    stop_training = False
    stop_evaluating = False
    stop_predicting = False

    _compiled: Compiled | None = None

    # Why a model that was loaded is not compiled, though its file says how it was.
    compile_error: str = ""

    def compile(  # torch's own `Module.compile` is `torch.compile` in place
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
        fabric: Any = None,
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
            auto_scale_loss: put the optimizer of a model whose policy is "mixed_float16" into a ``LossScaleOptimizer``.
            fabric: a ``lightning_fabric.Fabric`` that is launched: the model, which must be built, is moved to its
                device and trained in its precision by all of its processes, each on its part of every batch; what
                comes out is that of one process with the whole batch.

        Raises:
            ValueError: for an unknown name, or an argument of a wrong form.
            TypeError: for an object that is none of these.
        """
        arguments = {name: value for name, value in locals().items() if name in _COMPILE_ARGUMENTS}
        self._compiled = Compiled(
            self._scaled(optimizers.get(optimizer)) if auto_scale_loss else optimizers.get(optimizer),
            None if loss is None else CompiledLoss(loss, loss_weights),
            CompiledMetrics(metrics, weighted_metrics, self.output_names),
            SingleProcess() if fabric is None else FabricStrategy(fabric, self),
            {**arguments, "steps_per_execution": positive_integer("steps_per_execution", steps_per_execution)},
        )
        self.stop_training = False

    @property
    def output_names(self) -> list[str] | None:
        """The names of the outputs, in their order; ``None`` when only their values tell how many there are."""
        return None

    def _scaled(self, optimizer: Any) -> Any:
        """The optimizer, within one that scales the loss where half of float32's range would not do."""
        policy = getattr(self, "dtype_policy", None)
        is_keras = isinstance(optimizer, optimizers.Optimizer)
        if not is_keras or getattr(policy, "name", "") != "mixed_float16":
            return optimizer
        if isinstance(optimizer, optimizers.LossScaleOptimizer):
            return optimizer
        return optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self._compiled is not None

    def get_compile_config(self) -> Config:
        """What :meth:`compile` was told, as Keras 3 writes it into a file; empty for a model that is not compiled.

        Raises:
            ValueError: for an optimizer of torch's, which has no configuration, or an argument that JSON cannot hold.
        """
        return {} if self._compiled is None else compile_config(self.optimizer, self._compiled.arguments)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile the model as :meth:`get_compile_config` says; errors as :meth:`compile`."""
        self.compile(**config)

    def _has_keras_optimizer(self) -> bool:
        """Whether the optimizer is one of Keras', in one process: those of torch take no slices, nor do processes."""
        compiled = self._compiled
        return (
            compiled is not None
            and isinstance(compiled.optimizer, optimizers.Optimizer)
            and type(compiled.strategy) is SingleProcess
        )

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
        """All that is measured, as in Keras: the mean loss, the compiled metrics as one, the means of the outputs'
        losses, and the metrics that are attributes of the model and of the layers in it."""
        compiled = self._compiled
        own = [
            metric
            for module in parts_of(self)
            if module is self or not isinstance(module, Compilable)  # a model inside is not trained on its own
            for metric in metrics_of(module)
        ]
        if compiled is None:
            return own
        outputs = compiled.loss.means if compiled.loss else []
        return [compiled.loss_mean, *([compiled.metrics] if compiled.metrics else []), *outputs, *own]

    @property
    def metrics_names(self) -> list[str]:
        """Their names; those of the compiled metrics are "compile_metrics" together."""
        return [metric.name for metric in self.metrics]

    def _names_in_order(self) -> list[str]:
        """The names in the order of what ``evaluate`` returns."""
        several = (one.metrics if isinstance(one, CompiledMetrics) else [one] for one in self.metrics)
        return [metric.name for metrics in several for metric in metrics]

    @property
    def metrics_by_name(self) -> dict[str, Metric]:
        """The compiled metrics by the names that logs have; none before the first batch."""
        return {} if self._compiled is None else self._compiled.metrics.by_name

    def reset_metrics(self) -> None:
        """Begin to measure anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """What was measured since the metrics were reset, by the names that logs have."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            result: Any = metric.result()
            results |= result if isinstance(result, Mapping) else {metric.name: result}
        return results

    def _check_compiled(self, method: str) -> Compiled:
        if self._compiled is None:
            why = (
                f" What its file says of the training could not be used: {self.compile_error}"
                if self.compile_error
                else ""
            )
            raise ValueError(
                f"You must call `compile()` before `{method}()`, for example "
                f'`model.compile(optimizer="adam", loss="mse")`.{why}'
            )
        return self._compiled

    def _logs(self, own: Mapping[str, Any] | None) -> Logs:
        """The logs: what a step of the user's own gave, unless it is what the metrics say anyway."""
        measured = self.get_metrics_result()
        return as_numbers(measured if own is None or own.keys() == measured.keys() else own)


_COMPILE_ARGUMENTS = (
    "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution",
    "jit_compile", "auto_scale_loss",
)  # fmt: skip
