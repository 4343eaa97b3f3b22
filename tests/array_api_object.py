"""What an array itself has by the array API standard: operators, indexing, attributes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_arguments import (
    AIM,
    NUMBERS,
    QUARTER,
    Cases,
    Public,
    Secret,
    array,
    numbers,
    one,
    to_power,
    two,
    with_arguments,
    x34,
)
from hypothesis import strategies as st

OBJECT = Cases()
case = OBJECT.add

# ---------------------------------------------------------------------------------------------------- the array object


def _by(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda xp, *args: function(*args)


INPLACE: dict[str, Any] = {"pairs": [((2, 3), (3,)), ((3,), (3,)), ((), ())], "scalar": False}


def _square_matrices(draw: Any) -> Any:
    return [Secret(array(draw, "f", (3, 3))), array(draw, "f", (3, 3))], {}


OPERATORS: dict[str, tuple[list[str], float, float, dict[str, Any]]] = {
    "add": (NUMBERS, 0, 0, {}),
    "sub": (NUMBERS, 0, 0, {}),
    "mul": (NUMBERS, 1, 0, {}),
    "truediv": (["ff"], 12, QUARTER, {"nonzero": True}),
    "floordiv": (NUMBERS, 0, 0, {"nonzero": True}),
    "mod": (NUMBERS, 0, 0, {"nonzero": True}),
    "and": (["bb"], 0, 0, {}),
    "or": (["bb"], 0, 0, {}),
    "xor": (["bb"], 0, 0, {}),
    "lshift": (["ii"], 0, 0, {"second": (0, 9), "scalar": False, "secret": 0}),
    "rshift": (["ii"], 0, 0, {"second": (0, 9), "scalar": False, "secret": 0}),
}
REBINDS = "binds the name to a new array"


def _reflected(function: Callable[..., Any], number: Any) -> Callable[..., Any]:
    return lambda xp, x: function(number, x)


for _name, (_kinds, _ulps, _relative, _further) in OPERATORS.items():
    _plain, _changing = (getattr(operator, f"__{prefix}{_name}__") for prefix in ("", "i"))
    case(f"array.__{_name}__", two(_kinds, **_further), _ulps, _relative, call=_by(_plain))
    _first = two(_kinds, **(INPLACE | _further | {"secret": 0}))
    case(f"array.__i{_name}__", _first, _ulps, _relative, call=_by(_changing), note=REBINDS)
    _number, _kind = (True, "b") if _kinds == ["bb"] else (5, "i") if _kinds == ["ii"] else (2.5, "f")
    _reverse = _reflected(_plain, _number)
    case(f"array.__r{_name}__", numbers((3,), _kind, 1, 20), _ulps, _relative, call=_reverse)

case("array.__matmul__", _square_matrices, 1, call=_by(operator.matmul))
case("array.__imatmul__", _square_matrices, 1, call=_by(operator.imatmul), note=REBINDS)
case(
    "array.__rmatmul__",
    lambda draw: ([Public(array(draw, "f", (2, 3))), Secret(array(draw, "f", (3,)))], {}),
    1,
    call=_by(operator.matmul),
)
case("array.__pow__", to_power(st.integers(0, 3).map(float)), 64, call=_by(operator.pow))
case("array.__ipow__", to_power(st.integers(0, 3).map(float)), 64, call=_by(operator.ipow), note=REBINDS)
case("array.__rpow__", numbers((3,), "f", -2, 2), 16, AIM, call=_reflected(operator.pow, 2.0))
for _name in ("lt", "le", "gt", "ge"):
    case(f"array.__{_name}__", two(NUMBERS), call=_by(getattr(operator, _name)))
for _name in ("eq", "ne"):
    case(f"array.__{_name}__", two(["ff", "ii", "bb"]), call=_by(getattr(operator, _name)))
case("array.__abs__", one("fi"), call=_by(abs))
case("array.__neg__", one("fi"), call=_by(operator.neg))
case("array.__pos__", one("fi"), call=_by(operator.pos))
case("array.__invert__", one("bi"), call=_by(operator.invert))

INDICES = [(0, ...), (-1, ...), (slice(1, None), ...), (slice(None), -2), (..., None), (1, 2)]
INDICES += [(slice(None, None, -1), slice(0, 4, 2))]
ASSIGNED = [index for index in INDICES if None not in index]


def _indexed(draw: Any) -> Any:
    return [x34(draw, draw(st.sampled_from("fib"))), draw(st.sampled_from(INDICES))], {}


def _assigned(xp: Any, x: Any, index: Any, value: Any) -> Any:
    x = x * 1.0
    x[index] = value
    return x


ROWS, COLUMNS = Public(np.array([2, 0])), Public(np.array([1, 3]))
MASK = np.arange(12).reshape(3, 4) % 3 == 1
case("array.__getitem__", _indexed, call=_by(operator.getitem), variant="basic")
case("array.__getitem__", with_arguments(x34, ROWS, COLUMNS), call=lambda xp, x, i, j: x[i, j], variant="public places")
case("array.__getitem__", with_arguments(x34, Public(MASK)), call=_by(operator.getitem), variant="a public mask")
case("array.__getitem__", with_arguments(x34, Secret(MASK)), call=_by(operator.getitem), variant="a secret mask")
case(
    "array.__setitem__",
    lambda draw: ([x34(draw, "f"), draw(st.sampled_from(ASSIGNED)), 5.0], {}),
    call=_assigned,
    variant="basic",
)
case("array.__setitem__", with_arguments(x34, Public(MASK), 5.0, kinds="f"), call=_assigned, variant="a public mask")
case("array.__setitem__", with_arguments(x34, Secret(MASK), 5.0, kinds="f"), call=_assigned, variant="a secret mask")

case("array.dtype", with_arguments(x34), call=lambda xp, x: x.dtype == xp.float64)
case("array.device", with_arguments(x34), call=lambda xp, x: x.device is not None)
case("array.to_device", with_arguments(x34), call=lambda xp, x: x.to_device(x.device))
case("array.shape array.ndim array.size array.T array.mT", with_arguments(x34))
case(
    "array.__array_namespace__",
    with_arguments(x34),
    call=lambda xp, x: x.__array_namespace__() is xp,
)
for _name, _convert in (
    ("bool", bool),
    ("int", int),
    ("float", float),
    ("complex", complex),
    ("index", operator.index),
):
    case(f"array.__{_name}__", one("i", shapes=[()]), call=_by(_convert))
case("array.__dlpack__ array.__dlpack_device__", numbers((3,)), call=lambda xp, x: x.__dlpack__() is None)
