"""NumPy's differences, integrals, covariances and ranges of numbers, as programs of its other functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from mpcfl.dispatch.choice import array, is_secret


def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    line = array(ary).reshape(-1)
    parts = [None if part is None else array(part).reshape(-1) for part in (to_begin, np.diff(line), to_end)]
    return np.concatenate([part for part in parts if part is not None])


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """np.trapezoid: one product with the widths, which may be secret."""
    values = np.moveaxis(array(y), axis, -1)
    if x is None:
        ends = (values[..., 0] + values[..., -1]) * 0.5
        return (np.sum(values, axis=-1) - ends) * dx
    places = array(x)
    widths = np.diff(places if places.ndim == 1 else np.moveaxis(places, axis, -1), axis=-1)
    return np.vecdot(values[..., 1:] + values[..., :-1], widths * 0.5)


def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """np.gradient with public spacings: products with public coefficients."""
    values = array(f)
    axes = range(values.ndim) if axis is None else normalize_axis_tuple(axis, values.ndim)
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError("np.gradient takes no spacing, one for all axes, or one for each")
    if any(is_secret(one) for one in varargs) or not is_secret(values):
        raise TypeError("np.gradient takes public spacings: divide np.diff(f) by np.diff(x) for secret ones")
    spacings = varargs or (1.0,)
    spacings = spacings * len(axes) if len(spacings) == 1 else spacings
    results = [_slopes(values, place, spacing, edge_order) for place, spacing in zip(axes, spacings, strict=True)]
    return results[0] if len(results) == 1 else tuple(results)


def _slopes(values: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    """The gradient along one axis: three coefficients for each inner place, those of the edges by their order."""
    n = values.shape[axis]
    if n < edge_order + 1:
        raise ValueError(f"a gradient of edge order {edge_order} needs more than {edge_order} elements along its axis")
    moved = np.moveaxis(values, axis, -1)
    uniform, places = np.ndim(spacing) == 0, np.asarray(spacing, np.float64)
    if uniform:
        inner = (moved[..., 2:] - moved[..., :-2]) * (0.5 / spacing)
    else:
        before, after = np.diff(places)[:-1], np.diff(places)[1:]
        inner = (
            moved[..., 2:] * (before / (after * (before + after)))
            - moved[..., :-2] * (after / (before * (before + after)))
            + moved[..., 1:-1] * ((after - before) / (before * after))
        )
    first, last = (
        moved[..., part] @ _edge(places if uniform else places[part], edge_order)[end][:, None]
        for part, end in ((slice(None, edge_order + 1), 0), (slice(n - edge_order - 1, None), -1))
    )
    return np.moveaxis(np.concatenate([first, inner, last], axis=-1), -1, axis)


def _edge(spacing: Any, order: int) -> Any:
    """Row i: the coefficients of the slope at place i of order + 1 places."""
    gradient: Any = np.gradient
    return gradient(np.eye(order + 1), spacing, axis=0, edge_order=order)


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """np.cov: one product of the centred variables with themselves, whose sum must be representable."""
    if any(is_secret(weights) for weights in (fweights, aweights)):
        raise TypeError("np.cov of secrets takes public weights")
    x = _variables(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _variables(y, rowvar)])
    less = int(not bias) if ddof is None else ddof
    weights = None
    for given in (fweights, aweights):
        weights = weights if given is None else np.asarray(given, np.float64) * (1 if weights is None else weights)
    total = x.shape[1] if weights is None else weights.sum()
    if weights is None or aweights is None:
        count = total - less
    else:
        count = total - less * (weights * np.asarray(aweights)).sum() / total
    if count <= 0:
        raise ValueError("a covariance of too few observations")
    centred = x - np.average(x, axis=1, weights=weights)[:, None]
    right = centred if weights is None else centred * weights
    return np.squeeze((centred @ right.T) / count)


def _variables(m: Any, rowvar: bool) -> Any:
    x = np.atleast_2d(array(m)) * 1.0
    return x.T if not rowvar and array(m).ndim == 2 else x


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """np.corrcoef: each covariance by the product of its two deviations."""
    c = np.cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.diagonal(c))
    return np.clip(c / (deviation[:, None] * deviation), -1, 1)


def _linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """np.linspace between secret ends: start (1 - t) + stop t."""
    first, last = np.broadcast_arrays(array(start) * 1.0, array(stop) * 1.0)
    steps = num - 1 if endpoint else num
    t = (np.arange(num) / max(steps, 1)).reshape(num, *(1 for _ in first.shape))
    numbers = np.moveaxis(first * (1 - t) + last * t, 0, axis)
    numbers = numbers if dtype is None else np.floor(numbers).astype(dtype) if _is_integer(dtype) else numbers
    return (numbers, (last - first) / max(steps, 1)) if retstep else numbers


def _is_integer(dtype: Any) -> bool:
    return np.dtype(dtype).kind in "iu"


def _sinc(x: Any) -> Any:
    """np.sinc: sin(pi x) / (pi x), and 1 at 0."""
    zero = x == 0
    angle = np.where(zero, 1.0, x * np.pi)
    return np.where(zero, 1.0, np.sin(angle) / angle)


PROGRAMS: dict[Any, Callable[..., Any]] = {
    np.ediff1d: _ediff1d,
    np.trapezoid: _trapezoid,
    np.gradient: _gradient,
    np.cov: _cov,
    np.corrcoef: _corrcoef,
    np.linspace: _linspace,
    np.sinc: _sinc,
}
