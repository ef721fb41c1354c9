"""Functions over tensors that take functions: ``keras.ops.scan``, ``map``, ``while_loop`` and their like.

The functions are called as they stand, step by step, so that autograd, ``print`` and a debugger see what happens.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.tensors import as_tensor
from torch_keras_lstm.structure import flatten

Function = Callable[..., Any]


def map_structure(function: Function, *structures: Any) -> Any:
    """``function`` of the leaves that stand at the same place in each of the structures; tuples stay tuples."""
    first = structures[0]
    if isinstance(first, dict):
        return {name: map_structure(function, *(one[name] for one in structures)) for name in first}
    if isinstance(first, list | tuple):
        items = [map_structure(function, *items) for items in zip(*structures, strict=True)]
        return items if isinstance(first, list) else tuple(items)
    return None if first is None else function(*structures)


def cond(pred: Any, true_fn: Function, false_fn: Function) -> Any:
    """What ``true_fn()`` gives if ``pred`` holds, else ``false_fn()``."""
    return true_fn() if bool(as_tensor(pred)) else false_fn()


def switch(index: Any, branches: Sequence[Function], *operands: Any) -> Any:
    """What the function at ``index``, moved into the range that there is, gives for the operands."""
    return branches[min(max(int(as_tensor(index)), 0), len(branches) - 1)](*operands)


def while_loop(loop_vars: Any, *, cond: Function, body: Function, maximum_iterations: int | None = None) -> Any:
    """``loop_vars`` after ``body`` was applied as long as ``cond`` of them held."""
    several = isinstance(loop_vars, list | tuple)
    variables = tuple(loop_vars) if several else (loop_vars,)
    variables = map_structure(as_tensor, variables)
    count = 0
    while bool(cond(*variables)) and (maximum_iterations is None or count < maximum_iterations):
        given = body(*variables)
        variables = tuple(given) if several else (given,)
        count += 1
    return variables if several else variables[0]


def fori_loop(init_val: Any, *, lower: Any, upper: Any, body_fun: Function) -> Any:
    """``value = body_fun(i, value)`` for each i from ``lower`` up to ``upper``."""
    value = init_val
    for index in range(int(lower), int(upper)):
        value = body_fun(as_tensor(index), value)
    return value


def scan(
    f: Function, init: Any, xs: Any = None, *, length: int | None = None, reverse: bool = False, unroll: Any = 1
) -> tuple[Any, Any]:
    """``carry, y = f(carry, x)`` for each x along the first axis of ``xs``.

    Args:
        f: called with the carry and a slice of ``xs``, ``None`` where there is none.
        init: the first carry.
        xs: a tensor, or nested ones of equal first axes.
        length: how many steps, where there is no ``xs``.
        reverse: from the last to the first; the ys stay in the order of ``xs``.
        unroll: how Keras runs it; ignored.

    Returns:
        The last carry and the ys, stacked.

    Raises:
        TypeError: when ``f`` is no function.
        ValueError: without ``xs`` and ``length``.
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if xs is None and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    carry, xs = map_structure(as_tensor, init), map_structure(as_tensor, xs)
    count = int(flatten(xs)[0].shape[0]) if length is None else int(length)
    steps = range(count)
    results = []
    for step in reversed(steps) if reverse else steps:
        carry, result = f(carry, _at(xs, step))
        results.append(result)
    return carry, _stacked(results[::-1] if reverse else results)


def _at(xs: Any, step: int) -> Any:
    return map_structure(lambda x: x[step], xs)


def _stacked(results: list[Any]) -> Any:
    if not results or results[0] is None:
        return None
    return map_structure(lambda *items: torch.stack([as_tensor(item) for item in items]), *results)


def map_over(f: Function, xs: Any) -> Any:
    """``f`` of each slice along the first axis of ``xs``, stacked."""
    xs = map_structure(as_tensor, xs)
    return _stacked([f(_at(xs, step)) for step in range(flatten(xs)[0].shape[0])])


def vectorized_map(elements: Any, *, function: Function) -> Any:
    """``function`` of each slice along the first axis of ``elements``, all at once by ``torch.func.vmap``."""
    elements = map_structure(as_tensor, elements)
    return torch.func.vmap(lambda *given: function(given[0] if len(given) == 1 else given))(
        *(elements if isinstance(elements, list | tuple) else [elements])
    )


def associative_scan(f: Function, elems: Any, *, reverse: bool = False, axis: int = 0) -> Any:
    """All prefixes of ``elems`` along ``axis``, combined by the associative ``f``."""
    several = isinstance(elems, list | tuple | dict)
    elems = map_structure(as_tensor, elems)
    parts = map_structure(lambda x: x.movedim(axis, 0), elems)
    count = flatten(parts)[0].shape[0]
    steps = range(count)
    total, results = None, []
    for step in reversed(steps) if reverse else steps:
        one = map_structure(lambda x, at=step: x[at : at + 1], parts)
        total = one if total is None else f(total, one)
        results.append(total)
    ordered = results[::-1] if reverse else results
    if several:
        return map_structure(lambda *items: torch.cat(items).movedim(0, axis), *ordered)
    return torch.cat(ordered).movedim(0, axis)


def vectorize(pyfunc: Function, *, excluded: Any = None, signature: str | None = None) -> Function:
    """A function that applies ``pyfunc``, of single numbers, entry by entry to tensors that broadcast.

    Raises:
        ValueError: for ``excluded`` or ``signature``, which are not supported.
    """
    if excluded or signature:
        raise ValueError("`vectorize` takes no `excluded` and no `signature` here: write the loop with `map`.")

    def vectorized(*args: Any) -> Any:
        tensors = torch.broadcast_tensors(*map(as_tensor, args))
        results = [pyfunc(*numbers) for numbers in zip(*(tensor.flatten() for tensor in tensors), strict=True)]
        return map_structure(lambda x: x.reshape(*tensors[0].shape, *x.shape[1:]), _stacked(results))

    return vectorized


def jvp(fun: Function, primals: Any, tangents: Any, *, has_aux: bool = False) -> Any:
    """``fun`` of the primals, and its derivative in the direction of the tangents."""
    places, directions = (tuple(map_structure(as_tensor, list(values))) for values in (primals, tangents))
    aside = []

    def value(*args: Any) -> Any:
        result = fun(*args)
        if not has_aux:
            return result
        aside.append(result[1])
        return result[0]

    # Not torch.func.jvp, whose first call compiles TorchScript and warns of it.
    found = torch.autograd.functional.jvp(value, places, directions, create_graph=True)
    return (*found, aside[-1]) if has_aux else found


def custom_gradient(f: Function) -> Function:
    """A function with the gradient that ``f`` gives beside its value.

    ``f(*args)`` returns its output and a function from the gradient of the output to those of the arguments, which is
    called with ``upstream=`` or by position.
    """

    def function(*args: Any) -> Any:
        tensors = [as_tensor(arg) for arg in args]

        class _Own(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, *inputs: Tensor) -> Any:
                with torch.enable_grad():
                    leaves = [one.detach().requires_grad_(one.is_floating_point()) for one in inputs]
                    output, context.gradient = f(*leaves)
                return map_structure(lambda x: x.detach(), output)

            @staticmethod
            def backward(context: Any, *upstream: Any) -> Any:
                given = context.gradient(*upstream)
                return tuple(given) if isinstance(given, list | tuple) else given

        return _Own.apply(*tensors)  # type: ignore[no-untyped-call]  # torch has not annotated it

    return function
