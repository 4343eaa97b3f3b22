"""The array that a function is given whose gradient is wanted: it computes as what it stands for, and keeps the way."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from mpcfl.array import SecretArray
from mpcfl.grad import table
from mpcfl.grad.tape import Node, Pull
from mpcfl.overrides import Overriding, overridden


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method by the NumPy function of its name."""

    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method


class Traced(Overriding, NDArrayOperatorsMixin):
    """An ndarray or a secret array on its way to a number whose gradient is wanted.

    Operators, indexing, NumPy's functions and those of `mpcfl.numerics` work on it as on what it stands for.
    Comparisons, and other functions whose gradient is zero, give plain or secret arrays.

    Parameters
    ----------
    value : ndarray or SecretArray
        Or a traced array of an outer gradient.
    node : Node
    level : int
        How many gradients are being taken around this one; the innermost goes first.
    """

    __slots__ = ("_level", "_node", "_value")
    __array_priority__ = 2000

    def __init__(self, value: Any, node: Node, level: int) -> None:
        self._value = value
        self._node = node
        self._level = level

    # ------------------------------------------------------------------------------------------------------ description

    @property
    def shape(self) -> tuple[int, ...]:
        return self._node.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self._value.dtype
        return dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def T(self) -> Any:
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a traced array without dimensions")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Traced(shape={self.shape}, dtype={self.dtype})"

    # --------------------------------------------------------------------------------------------------------- dispatch

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs.pop("out", None) is not None:
            raise TypeError("a traced array cannot be written into another one: assign the result to a new name")
        if method == "reduce" and ufunc in table.REDUCE:
            return apply(table.REDUCE[ufunc], inputs, {"axis": 0, **kwargs})
        if method != "__call__":
            raise TypeError(f"numpy.{ufunc.__name__}.{method} has no gradient here; reduce of +, *, min and max has")
        return apply(ufunc, inputs, kwargs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        return apply(function, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "a traced array does not become plain, its gradient would be lost: use np.stack or np.concatenate to "
            "combine arrays, and mpcfl.grad.stop_gradient where no gradient is wanted"
        )

    # `x += y` binds x to a new traced array; nothing is changed in place
    __iadd__ = NDArrayOperatorsMixin.__add__
    __isub__ = NDArrayOperatorsMixin.__sub__
    __imul__ = NDArrayOperatorsMixin.__mul__
    __imatmul__ = NDArrayOperatorsMixin.__matmul__
    __itruediv__ = NDArrayOperatorsMixin.__truediv__
    __ipow__ = NDArrayOperatorsMixin.__pow__

    def __getitem__(self, index: Any) -> Any:
        if overridden(index) is not None:
            raise TypeError("a traced array cannot index: mpcfl.grad.stop_gradient(x) may, where it is public")
        return apply(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "a traced array is not assigned to: choose by np.where with a public mask, or put parts together with "
            "np.concatenate or np.stack"
        )

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # ---------------------------------------------------------------------------------------------------------- methods

    swapaxes = _method(np.swapaxes)
    squeeze = _method(np.squeeze)
    ravel = flatten = _method(np.ravel)
    diagonal = _method(np.diagonal)
    trace = _method(np.trace)
    take = _method(np.take)
    repeat = _method(np.repeat)
    clip = _method(np.clip)
    round = _method(np.round)
    sum = _method(np.sum)
    prod = _method(np.prod)
    mean = _method(np.mean)
    min = _method(np.min)
    max = _method(np.max)
    ptp = _method(np.ptp)
    all = _method(np.all)
    any = _method(np.any)
    argmin = _method(np.argmin)
    argmax = _method(np.argmax)
    var = _method(np.var)
    std = _method(np.std)
    cumsum = _method(np.cumsum)
    cumprod = _method(np.cumprod)
    dot = _method(np.dot)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def reshape(self, *shape: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def compress(self, condition: Any, axis: int | None = None) -> Any:
        compress: Any = np.compress
        return compress(condition, self, axis)

    def astype(self, dtype: Any) -> Any:
        if np.dtype(dtype) != self.dtype:
            raise TypeError(f"a traced array does not become {np.dtype(dtype)}: mpcfl.grad.stop_gradient(x) may")
        return self

    def copy(self) -> Any:
        return self

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    # ------------------------------------------------------------------------------------- what would lose the gradient

    def __bool__(self) -> bool:
        return bool(self._value)  # a secret raises

    def __float__(self) -> NoReturn:
        raise TypeError("a traced array is no float, its gradient would be lost: keep it an array")

    __int__ = __complex__ = __float__

    def __index__(self) -> NoReturn:
        raise TypeError("a traced array cannot index: mpcfl.grad.stop_gradient(x) may, where it is public")

    def item(self, *args: Any) -> NoReturn:
        raise TypeError("a traced array is no float, its gradient would be lost: index it with x[()] or reshape it")

    def tolist(self) -> NoReturn:
        raise TypeError("a traced array does not become a list: list(x) gives its rows")

    def reveal(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("nothing is revealed on the way to a gradient: return it beside the result (has_aux=True)")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a traced array is not pickled: it belongs to the gradient that is being taken")


def apply(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The result of a function of arguments among which traced arrays stand.

    Raises
    ------
    TypeError
        The function has no gradient, or not by these arguments.
    """
    level = max(_levels((args, kwargs)))
    if function in table.CONSTANT:
        return function(*_released(args, level), **_released(kwargs, level))
    implementation = table.COMPOSED.get(function) or table.RULES.get(function)
    if implementation is None:
        raise TypeError(f"{name_of(function)} has no gradient here; {table.alternative(function)}")
    try:
        bound = _signature(implementation).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name_of(function)} of a traced array does not take these arguments: {error}") from None
    if function in table.COMPOSED:
        return implementation(*bound.args, **bound.kwargs)
    if any(True for _ in _levels(bound.kwargs)):
        raise TypeError(f"{name_of(function)}: give arrays whose gradient is wanted by position")
    step = implementation(*_released(bound.args, level), **bound.kwargs)
    edges: list[tuple[Node, Pull]] = []
    for place, arg in enumerate(bound.args):
        if place < len(step.pulls):
            edges += _edges(arg, step.pulls[place], level)
        elif any(found == level for found in _levels(arg)):
            raise TypeError(f"{name_of(function)} has no gradient by its argument {place + 1}: give a public number")
    local = step.local or function in table.LOCAL
    return Traced(step.value, Node(step.value.shape, edges, step.ahead, local), level)


@functools.cache
def _signature(implementation: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(implementation)


def _edges(arg: Any, pull: Any, level: int) -> Iterator[tuple[Node, Pull]]:
    if isinstance(arg, Traced):
        if arg._level == level and pull is not None:
            yield arg._node, pull
    elif isinstance(arg, list | tuple) and pull is not None:
        for one, its in zip(arg, pull, strict=True):
            yield from _edges(one, its, level)


def _levels(part: Any) -> Iterator[int]:
    """The levels of all traced arrays among arguments."""
    if isinstance(part, Traced):
        yield part._level
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _levels(one)
    elif isinstance(part, dict):
        for one in part.values():
            yield from _levels(one)


def _released(part: Any, level: int) -> Any:
    """Arguments with what traced arrays of a level stand for."""
    if isinstance(part, Traced):
        return part._value if part._level == level else part
    if isinstance(part, SecretArray):
        return part.copy()  # the backward pass reads what it is now, whatever is assigned to it later
    if isinstance(part, list | tuple):
        return type(part)(_released(one, level) for one in part)
    if isinstance(part, dict):
        return {key: _released(one, level) for key, one in part.items()}
    return part


def name_of(function: Callable[..., Any]) -> str:
    """A function as its user calls it."""
    name = getattr(function, "__name__", str(function))
    return f"{getattr(function, '__module__', None) or 'numpy'}.{name}"
