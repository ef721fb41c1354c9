"""Training by Lightning Fabric: on its devices, in its precision, with as many processes as it has launched."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.keras_mask import mask_of, masked
from torch_keras_lstm.metrics import Metric
from torch_keras_lstm.structure import first_tensor, map_structure
from torch_keras_lstm.training.batch import Batch
from torch_keras_lstm.training.strategy import Share, SingleProcess


class FabricStrategy(SingleProcess):
    """Every process gets the same data and trains on its part of each batch; gradients are averaged by Fabric.

    The result is that of one process with the whole batch: losses and metrics are those of all the samples, also where
    masks, or batches that do not divide, give the processes more or less to do. Evaluation and prediction are done by
    each process for all of the data. The logs of single batches are those of the process' own part.

    Args:
        fabric: a ``lightning_fabric.Fabric`` that is launched.
        model: a model that is built.

    Raises:
        ValueError: when the model is not built, or the precision scales gradients ("16-mixed").
    """

    def __init__(self, fabric: Any, model: Any) -> None:
        if not model.built:
            raise ValueError(
                "A model has to be built before `compile(fabric=...)`: give the first layer an `input_shape`, or call "
                "`model.build(input_shape)`."
            )
        if getattr(fabric.strategy.precision, "scaler", None) is not None:
            raise ValueError('Fabric\'s precision "16-mixed" is not supported: use "bf16-mixed", which scales nothing.')
        self._fabric = fabric
        self._processes: int = fabric.world_size
        self._module = fabric.setup_module(model)
        self._part = 1.0

    @property
    def is_first(self) -> bool:  # type: ignore[override]  # a property here, for a value there
        """Whether this is the process that prints."""
        return bool(self._fabric.global_rank == 0)

    def call(self, model: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """What the model gives for the inputs, in Fabric's precision."""
        masks: list[Any] = []
        # Fabric may cast the outputs, and what it makes has no masks.
        noting = model.register_forward_hook(lambda _, __, outputs: masks.append(mask_of(outputs)))
        try:
            outputs = self._module(*args, **kwargs)
        finally:
            noting.remove()
        return masked(outputs, masks[-1])

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients and average them over the processes."""
        self._fabric.backward(loss)

    def share(self, batch: Batch) -> Share:
        """This process' part of a batch; where there are too few samples a process gets one that does not count."""
        samples = len(first_tensor(batch.x))
        rows = torch.arange(samples).tensor_split(self._processes)[self._fabric.global_rank].tolist()
        chosen = slice(rows[0], rows[-1] + 1) if rows else slice(0, 1)
        own = Batch(*(map_structure(lambda array: array[chosen], part) for part in batch))
        self._part = len(rows) / samples
        return Share(own, samples / self._processes, is_empty=not rows)

    def weigh(self, loss: Tensor, reduction: str | None, sample_weight: Tensor | None, mask: Tensor | None) -> Tensor:
        """The loss times the number of processes, times this one's part of what the whole mean is divided by."""
        if reduction == "sum":
            return loss * (self._processes if self._part else 0)
        if reduction == "mean_with_sample_weight" and sample_weight is not None:
            weights = sample_weight if mask is None else sample_weight * mask
            return loss * self._part_of(weights.sum())
        if mask is not None:
            return loss * self._part_of(mask.sum())
        return loss * (self._processes * self._part)

    def _part_of(self, amount: Tensor) -> Tensor:
        own = amount.to(torch.float64) if self._part else torch.zeros_like(amount, dtype=torch.float64)
        whole = self._fabric.all_reduce(own.clone(), reduce_op="sum")
        part: Tensor = self._processes * own / whole.clamp(min=torch.finfo(torch.float64).tiny)
        return part

    @contextmanager
    def added_up(self, metrics: Iterable[Metric]) -> Iterator[None]:
        """Inside, each metric has the state of all processes together."""
        variables = [variable for metric in metrics for variable in metric.variables]
        own = [variable.clone() for variable in variables]
        for variable in variables:
            variable.assign(self._fabric.all_reduce(variable.clone(), reduce_op="sum"))
        try:
            yield
        finally:
            for variable, before in zip(variables, own, strict=True):
                variable.assign(before)

    def order_of_samples(self) -> torch.Generator | None:
        """A generator whose seed the first process draws from torch's global one."""
        seed = self._fabric.broadcast(torch.randint(2**62, ()).item())
        return torch.Generator().manual_seed(int(seed))
