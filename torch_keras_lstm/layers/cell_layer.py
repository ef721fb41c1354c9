"""A layer over time that owns the weights of its cell: what ``LSTM``, ``GRU`` and ``SimpleRNN`` share."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.chained_call import ChainedCall, Chains
from torch_keras_lstm.layers.layer import Shape
from torch_keras_lstm.layers.nested_states import are_states
from torch_keras_lstm.layers.planned_call import Plans
from torch_keras_lstm.layers.recurrent import RecurrentLayer
from torch_keras_lstm.layers.recurrent_cell import GatedCell, RecurrentCell
from torch_keras_lstm.layers.torch_rnn import (
    arguments_of,
    check_single,
    check_torch_computes,
    layer_name,
    module_for,
    state_of,
    take_from,
    warn_of_batch_axis,
)
from torch_keras_lstm.recurrence import Path, Request, SequenceOptions, UseCudnn, path_for
from torch_keras_lstm.recurrence.backends.base import Backend
from torch_keras_lstm.recurrence.backends.torch_kernels import flatten_for_cudnn
from torch_keras_lstm.recurrence.dispatch import torch_kernels_of
from torch_keras_lstm.recurrence.graph_operator import Operator
from torch_keras_lstm.recurrence.half_steps import run_in_half
from torch_keras_lstm.recurrence.lstm import autocast_dtype
from torch_keras_lstm.recurrence.single_state import run_single_state


class CellLayer(ChainedCall, RecurrentLayer, RecurrentCell):
    """The arguments of a layer over time together with those of its cell, and the choice of what runs it.

    A subclass names the class of the cell's arguments as its second base, and what can run a sequence of it.

    Args:
        use_cudnn: 'auto' takes torch's fused kernels where they can compute this configuration and nothing is known to
            be faster, ``False`` never, ``True`` raises a ``ValueError`` when they cannot.
        recompute: compute once more on the way back what it needs of each step, instead of keeping it.
        input_size: the number of features, to build the layer at once.
    """

    backends: ClassVar[tuple[Backend, ...]]
    operator: ClassVar[Operator]
    options_class: ClassVar[type[SequenceOptions]] = SequenceOptions
    # The attributes that are options under their own names: all but the dropout factors.
    option_names: ClassVar[tuple[str, ...]]
    parameter_suffix = "_l0"
    has_own_half = ("run_sequence",)

    def __init__(
        self,
        *,
        use_cudnn: UseCudnn = "auto",
        recompute: bool = False,
        input_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._plans, self._chains = Plans(), Chains()
        if use_cudnn != "auto" and not isinstance(use_cudnn, bool):
            raise ValueError(f"`use_cudnn` must be 'auto', True or False, got {use_cudnn!r}.")
        self.use_cudnn: UseCudnn = use_cudnn
        if not isinstance(recompute, bool):
            raise ValueError(f"`recompute` must be True or False, got {recompute!r}.")
        self.recompute = recompute
        if use_cudnn is True:
            self.path_for(None, training=True)
        if input_size is not None:
            self.batch_input_shape = self.batch_input_shape or (None, None, input_size)
            self.build_at_once((None, None, input_size))
        self.build_if_shape_is_known()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        names = [field.name for field in fields(cls.options_class) if not field.kw_only]
        if not issubclass(cls, GatedCell):  # which has one activation
            names[names.index("recurrent_activation")] = "activation"
        cls.option_names = tuple(names)

    @property
    def cell(self) -> "CellOfLayer":
        """Keras' cell of this layer: what has its arguments and its weights."""
        return CellOfLayer(self)

    @property
    def output_size(self) -> int:
        """The output is ``units`` wide."""
        return self.units

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, time, features) as the layer was built for."""
        super().check_input_shape(shape)
        self.check_features(shape)

    def run_sequence(
        self, inputs: Tensor, state: tuple[Tensor, ...], mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, Any]:
        """The output and the final states, as :meth:`Backend.run` gives them."""
        return run_single_state(self.operator, inputs, state, self.sequence_weights(), mask, options, self.use_cudnn)

    def run_sequence_in_half(
        self, inputs: Tensor, state: tuple[Tensor, ...], mask: Tensor | None, options: SequenceOptions
    ) -> tuple[Tensor, Any]:
        """As :meth:`run_sequence`, with Keras' operations, one by one."""
        return run_in_half(self.step_for_options(options, inputs.dtype), inputs, state, mask, options)

    def forward(
        self,
        inputs: Any,
        mask: Any = None,
        initial_state: Sequence[Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Run the sequence.

        Args:
            inputs: (batch, time, features), floating; cast to the layer's dtype.
            mask: (batch, time), boolean, ``True`` where a step counts. Any pattern. A masked step leaves the states
                as they are and repeats the output before it, zeros before the first unmasked one.
            initial_state: the states before the first step, (batch, units) each: the hidden state, and for ``LSTM``
                then the cell state; zeros by default.
            training: whether dropout is active; ``None`` means ``self.training``.

        Returns:
            The last output (batch, units), or all outputs (batch, time, units) with ``return_sequences``; with
            ``return_state`` a tuple of that and the final states, (batch, units) each, in the order of
            ``initial_state``.

        Raises:
            ValueError: when an argument has the wrong rank, size or type; see the messages.
        """
        again = (
            mask is None and initial_state is None and not torch.is_grad_enabled() and not torch.compiler.is_compiling()
        )
        plans: Plans = self.__dict__["_plans"]  # an attribute of a module takes longer
        if again and plans.plan is not None:
            planned = plans.plan.run(self, inputs, training)
            if planned is not None:
                return planned
        training = self.training if training is None else training
        inputs = self.prepare(inputs)
        if mask is not None:
            if initial_state is None and are_states(mask):
                initial_state, mask = mask, None
            mask = self.check_mask(mask, inputs)
        state = self.starting_states(inputs, initial_state)
        options = self.sequence_options(*self.draw_dropout(inputs, training))
        result = self.deliver(*self.run_sequence(inputs, state, mask, options))
        if again and not training:
            plans.after(self, inputs)
            self._chains.after(self, (self,), inputs)
        elif mask is None and initial_state is None and not torch.compiler.is_compiling() and torch.is_grad_enabled():
            self._chains.after_recorded(self, inputs)
        return result

    def sequence_options(
        self, input_dropout: Tensor | None = None, recurrent_dropout: Tensor | None = None
    ) -> SequenceOptions:
        """The options of a call: the layer's attributes under their names, and this call's dropout factors."""
        attributes = [getattr(self, name) for name in self.option_names]
        options = self.options_class(*attributes, input_dropout=input_dropout, recurrent_dropout=recurrent_dropout)
        if self.stateful:
            options.return_state = True
        return options

    def sequence_request(self, inputs: Any, mask: Any, training: bool) -> Request:
        """What the backends are asked ahead of a call.

        Args:
            inputs: as for the call; all that counts is how many rows and steps there are. ``None`` stands for many.
            mask: as for the call; all that counts is whether there is one.
        """
        device, dtype = self.device, self._dtype
        batch, steps = (None, None) if inputs is None else inputs.shape[:2]
        return Request(
            device,
            autocast_dtype(device.type, dtype) or dtype,
            batch,
            steps,
            self.units,
            mask is not None,
            self.sequence_options(),
            *self.dropout_counts(training),
            self.use_cudnn,
        )

    def path_for(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Path:
        """Which path a call with these arguments would take, what runs it, and why not otherwise.

        Args:
            inputs: as for the call; all that counts is how many rows and steps there are. ``None`` stands for many.
            mask: as for the call; all that counts is whether there is one.
            training: whether dropout is active; ``None`` means ``self.training``.

        Raises:
            ValueError: when ``use_cudnn`` is ``True`` and torch's kernels cannot compute it.
        """
        return path_for(
            self.backends, self.sequence_request(inputs, mask, self.training if training is None else training)
        )

    def why_not_fused(self, training: bool) -> str | None:
        """What keeps a call from torch's fused kernels, as the end of a sentence; ``None`` when nothing does."""
        return torch_kernels_of(self.backends).why_never(self.sequence_request(None, None, training))

    # -- torch's modules --------------------------------------------------------------------------------------------

    def to_torch(self) -> Any:
        """A ``torch.nn.LSTM``, ``GRU`` or ``RNN`` with copies of these weights and ``batch_first=True``.

        It returns all outputs, and without a mask they are the same.

        Raises:
            ValueError: when the layer is not built, or computes what torch's module cannot.
        """
        check_torch_computes(self)
        module, state = module_for(self), dict[str, Tensor]()
        take_from(self, state)
        module.load_state_dict(state)
        return module.train(self.training)

    @classmethod
    def from_torch(cls, rnn: nn.RNNBase, **kwargs: Any) -> Self:
        """A layer with copies of the weights of torch's module of one layer and one direction.

        ``Bidirectional.from_torch`` takes one of two directions, ``Sequential.from_torch`` one of several layers.

        Args:
            rnn: a ``torch.nn.LSTM``, for a ``GRU`` a ``torch.nn.GRU``, for a ``SimpleRNN`` a ``torch.nn.RNN``. Where
                Keras has one bias its two become their sum. A warning says what changes if it is not ``batch_first``.
            **kwargs: arguments of the layer; ``return_sequences`` is ``True`` unless given, as torch returns all
                outputs.

        Raises:
            ValueError: when it has several layers, two directions or a projection.
            TypeError: when it is none of torch's, or of another kind of cell.
        """
        name = layer_name(rnn)
        if name not in [one.__name__ for one in cls.__mro__]:
            raise TypeError(f"`{cls.__name__}.from_torch` takes no {rnn!r:.80}: `{name}.from_torch` does.")
        check_single(rnn, 1, cls.__name__)
        warn_of_batch_axis(rnn)
        with next(rnn.parameters()).device:
            layer = cls(**{**arguments_of(rnn), **kwargs})
        layer.load_state_dict(state_of(rnn))
        return layer.train(rnn.training)

    def on_new_storage(self) -> None:
        """Lay the weights out for cuDNN."""
        super().on_new_storage()
        self.__dict__.update(_plans=Plans(), _chains=Chains())
        if self.built:
            mode = torch_kernels_of(self.backends).mode(self.sequence_options())
            if mode is not None:
                flatten_for_cudnn(self.sequence_weights(), mode)


class CellOfLayer:
    """``layer.cell`` of Keras: here the layer has the weights itself, and this shows them under the cell's name.

    Attributes are those of the layer: ``units``, ``kernel``, ``recurrent_kernel``, ``bias``, ``activation``, ...
    """

    def __init__(self, layer: CellLayer) -> None:
        object.__setattr__(self, "_layer", layer)

    @property
    def state_size(self) -> int | list[int]:
        """The width of the state, or the list of them."""
        sizes = self._layer.state_sizes
        return sizes[0] if len(sizes) == 1 else list(sizes)

    @property
    def name(self) -> str:
        """As Keras names it."""
        return str(self._layer.weight_scope)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._layer, name, value)

    def __repr__(self) -> str:
        return f"<cell of {self._layer!r}>"
