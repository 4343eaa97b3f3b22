"""NumPy's reductions with all their arguments: `dtype`, `initial` and `where`, whose mask may be secret."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.dispatch import statistics
from mpcfl.dispatch.elementary import UFUNCS as ELEMENTARY
from mpcfl.dispatch.reductions import (
    all_of,
    any_of,
    axes_of,
    counted,
    largest_of,
    product_of,
    running_product,
    running_total,
    smallest_of,
    total,
)
from mpcfl.dispatch.structure import astype, chosen
from mpcfl.dispatch.ufuncs import UFUNCS, maximum, minimum, truth
from mpcfl.engine import BOOLEAN, FIXED, Value


def only(x: Value, where: Any, neutral: Any) -> Value:
    """x where a public or secret mask holds, and what changes nothing elsewhere."""
    if where is True:
        return x
    mask = where if isinstance(where, Value) else np.asarray(where)
    if np.broadcast_shapes(mask.shape, x.shape) != x.shape:
        raise ValueError(f"where has shape {mask.shape}, which does not broadcast to {x.shape}")
    result: Value = chosen(mask, x, neutral)
    return result


def _cast(x: Value, dtype: Any) -> Value:
    return x if dtype is None else astype(x, np.dtype(dtype))


def _no_out(out: Any) -> None:
    if out is not None:
        raise TypeError("a reduction of a secret takes no out: assign the result to a name")


Reduction = Callable[..., Value]


def _sum(
    a: Value, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Value:  # fmt: skip
    _no_out(out)
    result = total(only(counted(_cast(a, dtype)), where, 0), axis, keepdims)
    return result if initial is None else UFUNCS[np.add](result, _plain(initial))


def _product(
    a: Value, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Value:  # fmt: skip
    _no_out(out)
    result = product_of(only(counted(_cast(a, dtype)), where, 1), axis, keepdims)
    return result if initial is None else UFUNCS[np.multiply](result, _plain(initial))


def _plain(x: Any) -> Any:
    return x if isinstance(x, Value) else op.public(x)


def _extreme(name: str, reduction: Reduction, better: Callable[[Any, Any], Value]) -> Reduction:
    def apply(
        a: Value, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Value:
        _no_out(out)
        if initial is None:
            if where is not True:
                raise ValueError(f"{name} with where needs an initial value, which stands for what the mask leaves out")
            return reduction(a, axis, keepdims)
        first = _plain(initial)
        if not math.prod(a.shape[i] for i in axes_of(a, axis)):
            shape = np.sum(np.empty(a.shape, np.uint8), axis=axis, keepdims=keepdims).shape
            return op.constant(a.engine, np.broadcast_to(np.asarray(initial), shape))
        return better(reduction(only(a, where, first), axis, keepdims), first)

    return apply


def _logic(reduction: Reduction, neutral: bool) -> Reduction:
    def apply(a: Value, axis: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True) -> Value:
        _no_out(out)
        return reduction(a if where is True else only(truth(a), where, neutral), axis, keepdims)

    return apply


def _count(a: Value, axis: Any, keepdims: bool, where: Any) -> Any:
    """How many elements a mask chooses: secret if the mask is."""
    if isinstance(where, Value):
        return total(op.broadcast(where, a.shape), axis, keepdims)
    return np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)


def _mean(
    a: Value, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True
) -> Value:
    _no_out(out)
    if where is True:
        return statistics.mean(_cast(a, dtype), axis, keepdims)
    sums = total(only(counted(_cast(a, dtype)), where, 0), axis, keepdims)
    return _divided(sums, _count(a, axis, keepdims, where))


def _divided(x: Value, y: Any) -> Value:
    quotient: Value = ELEMENTARY[np.true_divide](op.as_kind(x, FIXED), y)
    return quotient


def _variance(
    a: Value, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False, *,
    where: Any = True, mean: Any = None, correction: float | None = None,
) -> Value:  # fmt: skip
    _no_out(out)
    x, less = _cast(a, dtype), ddof if correction is None else correction
    if where is True and mean is None:
        return statistics.variance(x, axis, less, keepdims)
    middle = _mean(x, axis, keepdims=True, where=where) if mean is None else _plain(mean)
    centred = only(op.subtract(op.as_kind(x, FIXED), middle), where, 0)
    count = _count(a, axis, keepdims, where)
    if less:
        count = op.subtract(count, np.asarray(less)) if isinstance(count, Value) else count - less
    return _divided(total(op.multiply(centred, centred), axis, keepdims), count)


def _deviation(*args: Any, **kwargs: Any) -> Value:
    return statistics.square_root(_variance(*args, **kwargs))


def _running(function: Callable[..., Value]) -> Callable[..., Value]:
    def apply(a: Value, axis: int | None = None, dtype: Any = None, out: Any = None) -> Value:
        _no_out(out)
        return function(_cast(a, dtype), axis)

    return apply


def _cumulative(function: Callable[..., Value], start: int) -> Callable[..., Value]:
    """The Array API's form, which may begin with the empty sum or product."""

    def apply(
        x: Value, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Value:
        _no_out(out)
        if axis is None and len(x.shape) != 1:
            raise ValueError("a running reduction of more than one dimension needs its axis")
        (place,) = axes_of(x, 0 if axis is None else axis)
        result = function(_cast(x, dtype), place)
        if not include_initial:
            return result
        shape = tuple(1 if i == place else n for i, n in enumerate(x.shape))
        return op.concatenate([op.constant(x.engine, np.full(shape, start), result.kind), result], place)

    return apply


def _parity(a: Value, axis: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True) -> Value:
    """Exclusive or of all: whether their number is odd."""
    _no_out(out)
    count = total(only(truth(a), where, False), axis, keepdims)
    return op.as_boolean(op.floor_divided(count, 2)[1])


def _of_booleans(reduction: Reduction) -> Reduction:
    def apply(a: Value, *args: Any, **kwargs: Any) -> Value:
        if a.kind != BOOLEAN:
            raise TypeError("bitwise logic on secrets takes booleans: compare first, as in x != 0")
        return reduction(a, *args, **kwargs)

    return apply


_largest = _extreme("np.max", largest_of, maximum)
_smallest = _extreme("np.min", smallest_of, minimum)
_any, _all = _logic(any_of, False), _logic(all_of, True)

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _sum,
    np.prod: _product,
    np.max: _largest,
    np.amax: _largest,
    np.min: _smallest,
    np.amin: _smallest,
    np.any: _any,
    np.all: _all,
    np.mean: _mean,
    np.var: _variance,
    np.std: _deviation,
    np.cumsum: _running(running_total),
    np.cumprod: _running(running_product),
    np.cumulative_sum: _cumulative(running_total, 0),
    np.cumulative_prod: _cumulative(running_product, 1),
}
REDUCE: dict[Any, Callable[..., Value]] = {
    np.add: _sum,
    np.multiply: _product,
    np.maximum: _largest,
    np.minimum: _smallest,
    np.fmax: _largest,
    np.fmin: _smallest,
    np.logical_or: _any,
    np.logical_and: _all,
    np.logical_xor: _parity,
    np.bitwise_or: _of_booleans(_any),
    np.bitwise_and: _of_booleans(_all),
    np.bitwise_xor: _of_booleans(_parity),
}
"""What `ufunc.reduce` is."""
