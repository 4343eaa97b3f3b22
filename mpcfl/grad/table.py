"""The one table: what each function's gradient is, by the function that a program calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import ordering
from mpcfl.grad import activations, authored, choices, elementwise, order, places, products, reductions, structure
from mpcfl.grad.tape import Step

RULES: dict[Any, Callable[..., Step]] = {
    **elementwise.RULES,
    **activations.RULES,
    **choices.RULES,
    **reductions.RULES,
    **products.RULES,
    **structure.RULES,
    **places.RULES,
    **order.RULES,
    **authored.RULES,
}
"""Functions with a gradient of their own: from plain and secret arrays to a result and its pulls."""

COMPOSED: dict[Any, Callable[..., Any]] = {
    **elementwise.COMPOSED,
    **choices.COMPOSED,
    **reductions.COMPOSED,
    **products.COMPOSED,
    **structure.COMPOSED,
    **places.COMPOSED,
    **order.COMPOSED,
}
"""Functions that are computed by others of the table, whose gradients they have."""

CONSTANT: frozenset[Any] = frozenset(
    {
        np.sign,
        np.floor,
        np.ceil,
        np.rint,
        np.trunc,
        np.round,
        np.around,
        np.floor_divide,
        np.heaviside,
        np.less,
        np.less_equal,
        np.greater,
        np.greater_equal,
        np.equal,
        np.not_equal,
        np.logical_and,
        np.logical_or,
        np.logical_xor,
        np.logical_not,
        np.isfinite,
        np.isnan,
        np.isinf,
        np.isclose,
        np.allclose,
        np.array_equal,
        np.any,
        np.all,
        np.count_nonzero,
        np.argmax,
        np.argmin,
        np.argsort,
        np.argpartition,
        np.lexsort,
        np.searchsorted,
        np.histogram,
        np.zeros_like,
        np.ones_like,
        np.empty_like,
        np.full_like,
        np.shape,
        np.ndim,
        np.size,
    }
)
"""Functions whose gradient is zero wherever they have one: they give what they give, and nothing is traced."""

LOCAL: frozenset[Any] = frozenset(
    {np.add, np.subtract, np.negative, np.positive, np.sum, np.mean, np.cumsum, *structure.RULES, *places.RULES}
)
"""Functions whose pulls take no round."""

REDUCE: dict[Any, Callable[..., Any]] = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}
"""What `ufunc.reduce` is."""

_ALTERNATIVES: dict[Any, str] = {
    np.partition: "np.sort has one",
    ordering.sort_by: "np.sort has one",
    ordering.top_k: "np.sort has one",
    ordering.shuffle: "shuffle the data before",
}


def alternative(function: Callable[..., Any]) -> str:
    """What to do instead of a function that has no gradient."""
    instead = "mpcfl.grad.stop_gradient(x) gives what it stands for, where no gradient is wanted"
    return f"{_ALTERNATIVES[function]}; {instead}" if function in _ALTERNATIVES else instead
