"""Measure with the averages of the weights."""

from typing import Any

import torch

from torch_keras_lstm.callbacks.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Puts the weights' averages, which an optimizer with ``use_ema=True`` keeps, in their place while it is measured.

    Afterwards the weights are back, and the training goes on as if nothing had been.

    Args:
        swap_on_epoch: leave the averages in the model from the end of an epoch to the beginning of the next too, so
            that the callbacks behind this one, such as ``ModelCheckpoint``, see them.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse")
        >>> x = y = np.ones((8, 1))
        >>> history = model.fit(x, y, epochs=3, validation_data=(x, y), callbacks=[SwapEMAWeights()], verbose=0)
        >>> loss = model.evaluate(x, y, verbose=0)  # `fit` ends with the averages
        >>> abs(loss - history.history["val_loss"][-1]) < 1e-6
        True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._averages_are_in = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Take the averages out."""
        if self.swap_on_epoch:
            self._take_out()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put the averages in, for good after the last epoch."""
        if self.swap_on_epoch and not self._averages_are_in:
            self._put_in()
            if epoch == self.params["epochs"] - 1:
                for weights, averages in self._pairs():
                    torch._foreach_copy_(averages, [weight.detach() for weight in weights])

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Put the averages in."""
        self._put_in()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Take them out."""
        self._take_out()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Put the averages in."""
        self._put_in()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Take them out."""
        self._take_out()

    def _put_in(self) -> None:
        if not self._averages_are_in:
            self._swap()

    def _take_out(self) -> None:
        if self._averages_are_in:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for weights, averages in self._pairs():
            before = [weight.detach().clone() for weight in weights]
            torch._foreach_copy_(weights, averages)
            torch._foreach_copy_(averages, before)
        self._averages_are_in = not self._averages_are_in

    def _pairs(self) -> list[tuple[list[torch.Tensor], list[torch.Tensor]]]:
        """The parameters and their averages, of each optimizer that keeps some.

        Raises:
            ValueError: when none does.
        """
        optimizer: Any = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        several = [one for one in getattr(optimizer, "optimizers", [optimizer]) if getattr(one, "use_ema", False)]
        if not several:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer: without it there are no "
                "averages."
            )
        return [(one.parameters, one.state["average"]) for one in several if one.built]
