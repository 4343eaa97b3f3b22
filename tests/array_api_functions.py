"""The functions of the array API standard with arguments for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_arguments import (
    AIM,
    NUMBERS,
    QUARTER,
    ULP,
    Cases,
    Public,
    Secret,
    array,
    is_ours,
    numbers,
    one,
    reduced,
    to_power,
    two,
    with_arguments,
    x34,
)
from hypothesis import strategies as st

FUNCTIONS = Cases()
case = FUNCTIONS.add

# ----------------------------------------------------------------------------------------------- elementwise functions

case("abs", one("fi"))
case("ceil floor trunc sign negative positive", one("fi"))
case("square", one("fi"), 2)
case("bitwise_invert", one("bi"))
case("logical_not", one("b"))
case("signbit", one("f"))
case("real", one("f"), note="secrets are real")
case("conj", one("f"), note="secrets are real")
case("imag", one("f"), note="secrets are real", call=lambda xp, x: xp.imag(x) if is_ours(xp) else x * 0.0)
case("round", one("fi"), call=lambda xp, x: xp.round(x * 0.75 if x.dtype == xp.float64 else x), note="halves go up")
case("isfinite isinf isnan", one("f"))
case("exp expm1", one("f", -10, 10), 1.6, QUARTER)
case("log log2 log10", one("f", 0.02, 20), 1.3)
case("log1p", one("f", -0.98, 20), 1.3)
case("sqrt", one("f", 0, 20), 1.1, QUARTER)
case("reciprocal", one("f", 0.02, 20), 1.1, QUARTER)
case("sin cos", one("f"), 1.8)
case("sinh cosh", one("f", -8, 8), 2.6, QUARTER)
case("tanh", one("f"), 2 + 4e-4 / ULP)
case("tan", one("f", -1.4, 1.4), 4, AIM)
case("acos asin", one("f", -1, 1), 4, AIM)
case("atan asinh", one("f"), 4, AIM)
case("acosh", one("f", 1, 20), 4, AIM)
case("atanh", one("f", -0.98, 0.98), 4, AIM)

case("add subtract", two(NUMBERS))
case("multiply", two(NUMBERS), 1)
case("divide", two(["ff"], nonzero=True), 12, QUARTER, note="1.1 ulp by a secret or a scalar")
case("floor_divide remainder", two(NUMBERS, nonzero=True))
case("maximum minimum", two(NUMBERS))
case("equal not_equal", two(["ff", "ii", "bb"]))
case("less less_equal greater greater_equal", two(NUMBERS))
case("logical_and logical_or logical_xor", two(["bb"]))
case("bitwise_and bitwise_or bitwise_xor", two(["bb"]), variant="booleans")
case("bitwise_and bitwise_or bitwise_xor", two(["ii"]), variant="integers")
SHIFTS: dict[str, Any] = {"second": (0, 9), "scalar": False}
case("bitwise_left_shift bitwise_right_shift", two(["ii"], secret=0, **SHIFTS), variant="by public integers")
case("bitwise_left_shift bitwise_right_shift", two(["ii"], secret=1, **SHIFTS), variant="by secrets")
case("copysign", two(["ff"], 1, 20))
case("atan2", two(["ff"], 0.5, 20), 4, AIM)
case("hypot", two(["ff"]), 4, AIM)
case("logaddexp", two(["ff"]), 1 + 1.3e-4 / ULP)
case("nextafter", two(["ff"]))
case("clip", lambda draw: ([x34(draw, "f")], {"min": -3.0, "max": 5.5}), variant="by numbers")
case(
    "clip",
    lambda draw: ([array(draw, "f", (3, 4)), array(draw, "f", (4,), -9, 0), array(draw, "f", (3, 1), 0, 9)], {}),
    variant="by arrays",
)


case("pow", to_power(st.integers(0, 4).map(float)), 64, variant="by a public whole number")
case("pow", to_power(st.sampled_from([0.5, -1.5, 2.25])), 16, AIM, variant="by a public real number")
case(
    "pow", lambda draw: ([Secret(array(draw, "f", (4,), 0.5, 3)), Secret(array(draw, "f", (4,), -2, 2))], {}), 16, AIM,
    variant="by secrets",
)  # fmt: skip


# -------------------------------------------------------------------------------------------------------- statistics

case("sum", reduced("fi"))
case("prod", reduced("i", low=-3, high=3), variant="integers")
case("prod", reduced("f", low=-1.5, high=1.5), 64, variant="real numbers")
case("max min", reduced("fi", empty=False))
case("mean", reduced("f", empty=False), 2)
case("var", reduced("f", empty=False), 200)
case("std", reduced("f", empty=False, low=5), 60, 2.0**-10)
case("any all", reduced("fib"))
case("count_nonzero", reduced("fib"))
case("argmax argmin", reduced("fi", empty=False, several=False))


def _running(draw: Any, kind: str, low: float, high: float) -> Any:
    shape = draw(st.sampled_from([(4,), (2, 3), (0,)]))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    further = {"axis": axis, "include_initial": draw(st.booleans())}
    return [Secret(array(draw, kind, shape, low, high))], further


case("cumulative_sum", lambda draw: _running(draw, draw(st.sampled_from("fi")), -20, 20))
case("cumulative_prod", lambda draw: _running(draw, draw(st.sampled_from("fi")), -2, 2), 32)
case(
    "diff",
    lambda draw: (
        [Secret(array(draw, k := draw(st.sampled_from("fi")), (3, 4)))],
        {"axis": draw(st.integers(-2, 1)), "n": draw(st.integers(1, 2)), "append": Public(array(draw, k, (3, 4)))},
    ),
)

# ----------------------------------------------------------------------------------- searching, sorting, sets, indexing


def _chosen(draw: Any) -> Any:
    kind = draw(st.sampled_from("fib"))
    return [Secret(array(draw, "b", (2, 3))), array(draw, kind, (2, 3)), array(draw, kind, (3,))], {}


def _ordered(draw: Any) -> Any:
    x = Secret(array(draw, draw(st.sampled_from("fi")), (3, 4), -2, 2))
    return [x], {"axis": draw(st.integers(-2, 1)), "descending": draw(st.booleans())}


def _searched(draw: Any) -> Any:
    kind = draw(st.sampled_from("fi"))
    table = np.sort(array(draw, kind, (5,)))
    return [table, array(draw, kind, (2, 3))], {"side": draw(st.sampled_from(["left", "right"]))}


case("where", _chosen)
case("sort argsort", _ordered)
case("searchsorted", _searched)
case("isin", two(["ii"], -3, 3, scalar=False))
case("nonzero", numbers((3,)))
case("unique_all unique_counts unique_inverse unique_values", numbers((3,)))
case("take", with_arguments(x34, Public(np.array([2, 0, 2])), axis=0), variant="public places")
case("take", with_arguments(x34, Secret(np.array([2, 0, 2])), axis=0), variant="secret places")
PLACES = np.array([[1, 0, 2, 1], [0, 0, 1, 2]])
case("take_along_axis", with_arguments(x34, Public(PLACES), axis=0), variant="public places")
case("take_along_axis", with_arguments(x34, Secret(PLACES), axis=0), variant="secret places")

# --------------------------------------------------------------------------------------------------------- manipulation

case("broadcast_arrays", lambda draw: ([array(draw, "f", (3, 1)), array(draw, "f", (4,))], {}))
case("broadcast_to", with_arguments(x34, (2, 3, 4)))


def _parts(draw: Any) -> Any:
    return [[array(draw, "f", (2, 3)), array(draw, "f", (2, 3))]], {"axis": draw(st.integers(-2, 1))}


def _uneven_parts(draw: Any) -> Any:
    return [[array(draw, "f", (2, 3)), array(draw, "f", (1,))]], {"axis": None}


def _triangle(draw: Any) -> Any:
    return [x34(draw, draw(st.sampled_from("fib")))], {"k": draw(st.integers(-2, 2))}


case("concat stack", _parts)
case("concat", _uneven_parts, variant="flattened")
case("expand_dims", with_arguments(x34, axis=1))
case("flip", with_arguments(x34, axis=-1))
case("moveaxis", with_arguments(x34, 0, -1))
case("permute_dims", with_arguments(x34, (1, 0)))
case("repeat", with_arguments(x34, 2, axis=1))
case("repeat", with_arguments(x34, Public(np.array([2, 0, 1])), axis=0), variant="by public counts")
case("reshape", with_arguments(x34, (2, -1)))
case("roll", with_arguments(x34, (1, -2), axis=(0, 1)))
case("squeeze", one("fib", shapes=[(2, 1, 3)], axis=st.just(1)))
case("tile", with_arguments(x34, (2, 1, 2)))
case("unstack", with_arguments(x34, axis=1))
case("matrix_transpose", with_arguments(x34))
case("tril triu", _triangle)
case("meshgrid", lambda draw: ([array(draw, "f", (3,)), array(draw, "f", (2,))], {"indexing": "ij"}))

# -------------------------------------------------------------------------------------------- products, linear algebra


def _factors(draw: Any) -> Any:
    kind, shape = draw(st.sampled_from("fi")), draw(st.sampled_from([(3,), (3, 2), (4, 3, 2)]))
    return [array(draw, kind, (2, 3)), array(draw, kind, shape)], {}


def _pair(**kwargs: st.SearchStrategy[Any]) -> Callable[..., Any]:
    return lambda draw: (
        [array(draw, "f", (2, 3)), array(draw, "f", (2, 3))],
        {name: draw(strategy) for name, strategy in kwargs.items()},
    )


def _contracted(draw: Any) -> Any:
    axes = draw(st.sampled_from([0, 1, ((0,), (1,))]))
    return [array(draw, "f", (2, 3)), array(draw, "f", (3, 2))], {"axes": axes}


def _diagonals(kinds: str) -> Callable[..., Any]:
    return lambda draw: ([x34(draw, draw(st.sampled_from(kinds)))], {"offset": draw(st.integers(-1, 1))})


def _norm(draw: Any) -> Any:
    axis, order = draw(st.sampled_from([None, 0, -1])), draw(st.sampled_from([0, 1, 2, float("inf")]))
    return [x34(draw, "f")], {"axis": axis, "ord": order}


case("matmul linalg.matmul", _factors, 1)
case("tensordot linalg.tensordot", _contracted, 1)
case("vecdot linalg.vecdot", _pair(axis=st.integers(-2, -1)), 1)
case("linalg.cross", _pair(), 2)
case("linalg.outer", lambda draw: ([array(draw, "f", (2,)), array(draw, "f", (3,))], {}), 1)
case("linalg.diagonal", _diagonals("fib"))
case("linalg.trace", _diagonals("fi"))
case("linalg.vector_norm", _norm, 8, QUARTER)
case("linalg.matrix_transpose", with_arguments(x34))
case("linalg.matrix_norm", with_arguments(x34, kinds="f"), 8, QUARTER, variant="Frobenius")
case("linalg.matrix_norm", with_arguments(x34, kinds="f", ord=1), variant="largest sum of a column")
case("linalg.matrix_norm", with_arguments(x34, kinds="f", ord=-float("inf")), variant="smallest sum of a row")
case("linalg.matrix_norm", with_arguments(x34, kinds="f", ord="nuc"), 16, AIM, variant="of singular values")


def _matrix_power(draw: Any) -> Any:
    return [Secret(array(draw, "f", (2, 2), -2, 2)), draw(st.integers(0, 3))], {}


case("linalg.matrix_power", _matrix_power, 64)


def definite(draw: Any) -> Any:
    """A symmetric matrix with eigenvalues from 1 on, well apart."""
    return np.diag([2.0, 4.0, 7.0]) + (lambda a: a + a.T)(array(draw, "f", (3, 3), -0.25, 0.25))


def system(draw: Any) -> Any:
    return [Secret(definite(draw))], {}


case("linalg.cholesky linalg.inv linalg.pinv", system, 64, AIM)
case("linalg.det", system, 512, AIM)
case("linalg.eigvalsh linalg.svdvals", system, 64, AIM)
case("linalg.slogdet", system, 64, AIM)
case("linalg.solve", lambda draw: ([definite(draw), array(draw, "f", (3, 2), -2, 2)], {}), 64, AIM)


def _qr(xp: Any, x: Any) -> Any:
    """What does not depend on signs: the product, and that the first factor is orthogonal."""
    q, r = xp.linalg.qr(x)
    return q @ r, q.T @ q


def _eigh(xp: Any, x: Any) -> Any:
    values, vectors = xp.linalg.eigh(x)
    return values, (vectors * values) @ vectors.T


def _svd(xp: Any, x: Any) -> Any:
    left, values, right = xp.linalg.svd(x)
    return values, (left * values) @ right


case("linalg.qr", system, 256, AIM, call=_qr)
case("linalg.eigh", system, 256, AIM, call=_eigh)
case("linalg.svd", system, 256, AIM, call=_svd)
case("linalg.matrix_rank linalg.eig linalg.eigvals", system)

# ----------------------------------------------------------------------------------------------------- dtypes, creation


def _astype(draw: Any) -> Any:
    return [x34(draw, draw(st.sampled_from("fib"))), draw(st.sampled_from(sorted({"float64", "int64", "bool"})))], {}


def _info(xp: Any, x: Any) -> Any:
    info = xp.__array_namespace_info__()
    return sorted(set(info.dtypes(kind="real floating")) & {"float64"}), sorted(info.default_dtypes())


case("astype", _astype, call=lambda xp, x, dtype: xp.astype(x, getattr(xp, dtype)))
case(
    "can_cast", with_arguments(x34, kinds="f"), call=lambda xp, x: (xp.can_cast(x, xp.float64), xp.can_cast(x, xp.int8))
)
case("result_type", with_arguments(x34), call=lambda xp, x: xp.result_type(x, x) == xp.float64)
case("isdtype", with_arguments(x34), call=lambda xp, x: [xp.isdtype(x.dtype, k) for k in ("bool", "integral")])
case("finfo", with_arguments(x34, kinds="f"), call=lambda xp, x: (xp.finfo(x).bits, xp.finfo(xp.float32).bits))
case("iinfo", with_arguments(x34, kinds="i"), call=lambda xp, x: (xp.iinfo(x).bits, xp.iinfo(xp.int8).max))
case("broadcast_shapes", with_arguments(x34), call=lambda xp, x: xp.broadcast_shapes(x.shape, (2, 1, 1)))
case("empty_like", with_arguments(x34), call=lambda xp, x: xp.empty_like(x).shape)
case("zeros_like ones_like", with_arguments(x34))
case("full_like", with_arguments(x34, 1))
case("linspace", lambda draw: ([-2.0, 3.0, 6], {"endpoint": draw(st.booleans())}), note="public")
case("arange", lambda draw: ([0, draw(st.integers(0, 5))], {}), note="public")
case("zeros ones", lambda draw: ([(2, 3)], {}), note="public")
case("full", lambda draw: ([(2, 3), 5], {}), note="public")
case("empty", lambda draw: ([(2, 3)], {}), call=lambda xp, shape: xp.empty(shape).shape, note="public")
case("eye", lambda draw: ([3], {"k": draw(st.integers(-1, 1))}), note="public")
case("asarray", with_arguments(x34), note="a secret as it is, all else public")
case("from_dlpack", lambda draw: ([Public(array(draw, "f", (3,)))], {}), note="public")
case("__array_namespace_info__", with_arguments(x34), call=_info)
