"""What the models share: layers that are reached by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

from torch import nn

from torch_keras_lstm.layers.keras_tensor import KerasTensor, connect
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.tracking import inner_layers
from torch_keras_lstm.models.mode_watch import call_watched, is_left_in_inference
from torch_keras_lstm.models.state_tree import KINDS, assign, state_tree, variables_of
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.optimizers import Optimizer
from torch_keras_lstm.structure import map_leaves
from torch_keras_lstm.training import Trainer


class Model(Trainer):
    """A layer made of layers.

    ``Model(inputs, outputs)`` is the :class:`torch_keras_lstm.models.Functional` of all the calls between symbolic
    tensors. A class of one's own derives from it as from a torch module: layers are made in ``__init__`` and called in
    ``forward``, or ``call`` as Keras has it.

    Example:
        >>> inputs = Input((None, 3))
        >>> outputs, hidden, cell = layers.LSTM(8, return_state=True)(inputs)
        >>> model = Model(inputs, [layers.Dense(1)(outputs), cell])
        >>> [output.shape for output in model(torch.randn(2, 5, 3))]
        [torch.Size([2, 1]), torch.Size([2, 8])]
        >>> class Classifier(Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.lstm, self.head = layers.LSTM(8), layers.Dense(2)
        ...     def call(self, x):
        ...         return self.head(self.lstm(x))
        >>> Classifier()(torch.randn(2, 5, 3)).shape
        torch.Size([2, 2])
    """

    _may_hold_own = True
    leaves_types_to_layers = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """A functional model where there are inputs and outputs, otherwise what was asked for."""
        if cls is Model and _are_ends(args, kwargs):
            from torch_keras_lstm.models.functional import Functional  # which is a Model

            return cast(Self, super().__new__(Functional))
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _are_ends(args, kwargs):
            # Of a class derived from this one: as in Keras it is one of functional models from now on.
            from torch_keras_lstm.models.functional import Functional

            _make_functional(type(self), Functional)
            Functional.__init__(cast(Functional, self), *args, **kwargs)
            return
        super().__init__(*args, **kwargs)
        self.eval()
        # Whether to warn when gradients pass through dropout that is off although nobody chose that it should be.
        self._watches_mode = True

    def train(self, mode: bool = True) -> Self:
        """As of any torch module: with ``mode=True`` dropout and the like are active from now on."""
        self._watches_mode = False
        return super().train(mode)

    def join_model(self) -> None:
        """Nothing: a model answers in inference from the start, or as its user has said since."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``forward`` for tensors, in inference unless the model is trained; symbolic tensors for symbolic ones."""
        if self._watches_mode and is_left_in_inference(self, kwargs):
            return call_watched(self, super().__call__, args, kwargs)
        return super().__call__(*args, **kwargs)

    @property
    def layers(self) -> nn.ModuleList:
        """The layers in Keras' order, which is that of ``get_weights`` too."""
        listed = self._modules.get("layers")
        if isinstance(listed, nn.ModuleList):
            return listed
        return nn.ModuleList(inner_layers(self))

    @layers.setter
    def layers(self, value: nn.ModuleList) -> None:
        self._modules["layers"] = value

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "layers" and not isinstance(value, nn.ModuleList):
            raise AttributeError("`Model.layers` attribute is reserved for the list of all layers: take another name.")
        super().__setattr__(name, value)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives for such tensors: the layers and operators in ``forward`` of one's own are followed."""
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            return super().output_specs(args, kwargs, build)
        entries = map_leaves(TensorSpec, lambda spec: connect(Layer(name="entry"), (), {}, spec), [args, kwargs])
        outputs = self.forward(*entries[0], **entries[1])
        return map_leaves(KerasTensor, lambda tensor: tensor.spec, outputs)

    def listed_layers(self) -> list[Layer]:
        """What ``summary`` has a row for."""
        return [*map(as_layer, self.layers)]

    @property
    def built(self) -> bool:
        """Whether every layer is built."""
        return self._was_built or all(as_layer(layer).built for layer in self.layers)

    def reset_states(self) -> None:
        """Forget the kept states of every stateful layer inside."""
        for module in self.modules():
            reset = getattr(module, "reset_state", None)
            if reset is not None:
                reset()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that index.

        Raises:
            ValueError: when there is none.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"Model `{self.name}` has {len(self.layers)} layers, there is none at index {index}.")
            return as_layer(self.layers[index])
        for layer in map(as_layer, self.layers):
            if layer.name == name:
                return layer
        names = ", ".join(as_layer(layer).name for layer in self.layers)
        raise ValueError(f"Model `{self.name}` has no layer {name!r}; it has {names}.")

    def save(
        self,
        path: str | Path,
        overwrite: bool = True,
        include_optimizer: bool = True,
        zipped: bool | None = None,
    ) -> None:
        """Save the model, architecture and weights, for :func:`torch_keras_lstm.models.load_model` and for Keras.

        Args:
            path: ``.keras``, ``.h5``, or without a suffix a folder, which holds what Keras 3 has no words for as well.
            overwrite: replace what is there, which stays whole until the new file is.
            include_optimizer: save how the model is compiled, and the state of its optimizer, too. Keras 3.15 heeds
                ``False`` for ``.h5`` alone, here it is for every kind of file.
            zipped: ``False`` writes the files of a ``.keras`` archive into a folder instead, as in Keras.

        Raises:
            ValueError: for another suffix; when Keras 3 cannot express the model, which a folder can.
            OSError: when the file cannot be written.
        """
        from torch_keras_lstm.models.saving import write_model  # writing files is not what a model needs to run

        write_model(
            self, path, self.training_description() if include_optimizer else None, overwrite, zipped is not False
        )

    def save_weights(self, path: str | Path, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Save the weights as ``.weights.h5``, for :meth:`load_weights` and for Keras.

        As in Keras the state of the optimizer goes with them, unless it is one of torch's.

        Args:
            path: the file; with ``max_shard_size`` the list of files, ``.weights.json``.
            overwrite: replace what is there, which stays whole until the new file is.
            max_shard_size: write several files beside the list, each with at most so many GB of weights.

        Raises:
            ValueError: for another suffix, and for a weight larger than a file may be.
            OSError: when a file cannot be written, or is there and ``overwrite`` is false.
        """
        from torch_keras_lstm.models.saving import save_weights  # as above

        training = self.training_description() if isinstance(self.optimizer, Optimizer) else None
        save_weights(self, path, training, overwrite, max_shard_size)

    def training_description(self) -> Any:
        """How the model is compiled, and its optimizer's state, for a file; ``None`` when it is not compiled.

        Of a loss or a metric that is not Keras' a file has the name alone: whoever loads it gives what is meant as
        ``custom_objects``. An optimizer of torch's has no name there: the file then says nothing of the training, and a
        warning says so.
        """
        from torch_keras_lstm.models.saving import training_description  # as above

        return training_description(self)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """The values of all variables by kind, "trainable_variables" and so on, nested by the parts of their paths.

        Args:
            value_format: "backend_tensor", for torch's tensors, or "numpy_array".

        Raises:
            ValueError: for another format, or a path that two variables have.
        """
        return {kind: state_tree(variables_of(self, kind), value_format) for kind in KINDS}

    def set_state_tree(self, state_tree: Mapping[str, Any]) -> None:
        """Give variables the values in a tree of :meth:`get_state_tree`; kinds and paths that are not in it stay.

        Raises:
            ValueError: for a kind that is none.
        """
        for kind, tree in state_tree.items():
            if kind not in KINDS:
                raise ValueError(f"Unknown variable name: {kind!r}; known are {', '.join(KINDS)}.")
            assign(variables_of(self, kind), tree)

    def export(
        self,
        filepath: str | Path,
        format: str = "onnx",
        verbose: bool = False,
        *,
        example: Any = None,
        masks: str = "lengths",
    ) -> None:
        """Write what the model computes in inference, for inputs of any size where theirs is free.

        The states of stateful layers go in after the inputs and come out after the outputs.

        Args:
            filepath: of the file.
            format: whose file it is: "onnx"; "onnx-int8", in eight bits for onnxruntime; "torch" for
                ``torch.export.load``; "torchscript" for libtorch; "aotinductor", a compiled package; "executorch", for
                at most the steps of the example; "litert", for these; "openvino"; "coreml"; "ncnn", for one row.
                docs/deployment.md has what each takes and leaves out.
            verbose: whether the exporter tells what it does.
            example: what the model is called with, several arguments in a tuple; by default ones of its input shape.
            masks: what becomes of masks in ONNX: "lengths" of the rows for its operators, or "graph", a part of the
                graph, for a runtime that ignores lengths.

        Raises:
            ValueError: for another format; when the input shape, or the number of steps where it counts, is not known.
            ImportError: when the library that writes the format is not installed; it names the extra.
            RuntimeError: when the model cannot be written, of which nothing is then; it names the layer.
        """
        from torch_keras_lstm.models.export_formats import write  # as above

        write(self, filepath, format, verbose, example=example, masks=masks)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new model: a functional one of the configuration of such, else the class called with ``config``."""
        if {"layers", "input_layers", "output_layers"} <= config.keys():
            from torch_keras_lstm.models.functional import Functional, is_made_as_functional  # which is a Model

            own: Any = cls
            if cls is Model:
                return cast(Any, Functional).from_config(config, custom_objects)
            if is_made_as_functional(own):
                return Functional.in_class(own, config, custom_objects)
        return super().from_config(config)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture, and how the model is compiled, as JSON for :func:`torch_keras_lstm.models.model_from_json`.

        Args:
            **kwargs: of ``json.dumps``, such as ``indent``.

        Raises:
            ValueError: when Keras 3 cannot express the model.
        """
        from torch_keras_lstm.models.saving import to_json  # as above

        return to_json(self, **kwargs)

    def load_weights(self, path: str | Path, skip_mismatch: bool = False, by_name: bool = False, **kwargs: Any) -> None:
        """Take the weights of a Keras file.

        Args:
            path: weights (``.weights.h5``, legacy ``.h5``, a TensorFlow checkpoint's prefix) or a whole model.
            skip_mismatch: leave layers whose weights the file lacks, or has in other shapes, with a warning.
            by_name: only layers whose names are in a legacy file take weights, the rest stay as they are.

        Raises:
            OSError: when the file is missing or damaged.
            ValueError: when its weights do not fit the model, which stays as it was; for other arguments.
        """
        from torch_keras_lstm.models.saving import load_weights  # reading files is not what a model needs to run

        load_weights(self, path, skip_mismatch, by_name, **kwargs)


def _are_ends(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a model is made of its inputs and outputs."""
    return len(args) >= 2 or "outputs" in kwargs or (len(args) == 1 and isinstance(args[0], KerasTensor | list | dict))


def _make_functional(model_class: type[Any], functional: type[Any]) -> None:
    """Put ``functional`` in the place of :class:`Model` among the bases of a class and of its bases."""
    for base in model_class.__bases__:
        if base is not Model and issubclass(base, Model):
            _make_functional(base, functional)
    if Model in model_class.__bases__:
        model_class.__bases__ = tuple(functional if base is Model else base for base in model_class.__bases__)
    super(functional, model_class).__init_subclass__()  # which arguments its call takes may have changed


def as_layer(module: nn.Module) -> Layer:
    """The module as what it is: a ModuleList does not know what it holds."""
    return cast(Layer, module)
