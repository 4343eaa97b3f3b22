"""What NumPy says of an array's type and shape alone: public answers about secret arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl.dispatch.choice import is_secret


def _by_dtype(function: Callable[..., Any]) -> Callable[..., Any]:
    """A question about dtypes, which secrets among the arguments answer by theirs."""

    def apply(*args: Any, **kwargs: Any) -> Any:
        return function(*(part.dtype if is_secret(part) else part for part in args), **kwargs)

    return apply


def _by_shape(function: Callable[..., Any]) -> Callable[..., Any]:
    """A question about shapes, asked with an array that has no memory of its own."""

    def apply(*args: Any, **kwargs: Any) -> Any:
        plain = (np.broadcast_to(part.dtype.type(0), part.shape) if is_secret(part) else part for part in args)
        return function(*plain, **kwargs)

    return apply


def _histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    if is_secret(bins) or isinstance(bins, str) or (np.ndim(bins) == 0 and range is None):
        raise TypeError("edges that depend on secrets are secret: give a number of bins with a range, or the edges")
    return np.histogram_bin_edges(np.zeros(0), bins, range)


PROGRAMS: dict[Any, Callable[..., Any]] = {
    np.can_cast: _by_dtype(np.can_cast),
    np.result_type: _by_dtype(np.result_type),
    np.min_scalar_type: lambda a: a.dtype,
    np.common_type: _by_shape(np.common_type),
    np.diag_indices_from: _by_shape(np.diag_indices_from),
    np.tril_indices_from: _by_shape(np.tril_indices_from),
    np.triu_indices_from: _by_shape(np.triu_indices_from),
    np.einsum_path: _by_shape(np.einsum_path),
    np.histogram_bin_edges: _histogram_bin_edges,
    np.real: lambda val: val,
    np.real_if_close: lambda a, tol=100: a,
    np.imag: np.zeros_like,
    np.iscomplexobj: lambda x: False,
    np.isrealobj: lambda x: True,
    np.iscomplex: lambda x: np.zeros(x.shape, np.bool_),
    np.isreal: lambda x: np.ones(x.shape, np.bool_),
    np.fix: np.trunc,
}
