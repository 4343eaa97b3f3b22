"""What a secret's float64 twin is: values and calls as the shadow writes them down, and functions on float64.

An operation that is no NumPy function declares its twin in `TWINS`, by its name in the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.ring import Shape

Floats: TypeAlias = NDArray[Any]
"""float64, int64 or bool."""


@dataclass(eq=False)
class Node:
    """A secret array as the shadow knows it.

    Attributes
    ----------
    clear : ndarray or None
        The secret itself, once all parties have their shares.
    twin : ndarray or None
        What it should be; None stands for `clear`.
    origin : str
        Where it lost its significant digits, if it did.
    undefined : tuple of str or None
        Line and name of the call that left its domain; such elements are NaN in the twin.
    terms : ndarray or None
        Magnitude of the terms that were added up to it, where they may have cancelled; None stands for its own.
    """

    number: int
    kind: str
    shape: Shape
    clear: Floats | None = None
    twin: Floats | None = None
    origin: str = ""
    undefined: tuple[str, str] | None = None
    terms: Floats | None = None

    @property
    def value(self) -> Floats:
        """The secret."""
        assert self.clear is not None
        return self.clear

    @property
    def expected(self) -> Floats:
        """The twin."""
        return self.value if self.twin is None else self.twin

    @property
    def magnitude(self) -> Floats:
        """What an error is relative to."""
        return np.abs(self.expected.astype(np.float64)) if self.terms is None else self.terms


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of the engine."""

    name: str
    result: Node
    inputs: Sequence[Node]
    public: Sequence[object]


@dataclass(eq=False)
class Call:
    """What one call in the program did.

    Attributes
    ----------
    line, name : str
    function : callable or None
        What gives the twins of the results from `args` and `kwargs`, in which nodes stand for secrets.
    operations : list of Operation
    results : list of Node
    listed : bool
        The function gives a list.
    revealed : bool
        The results are no new values: they were disclosed.
    """

    line: str
    name: str
    function: Callable[..., Any] | None = None
    args: Any = ()
    kwargs: Any = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    results: list[Node] = field(default_factory=list)
    listed: bool = False
    revealed: bool = False

    @property
    def operands(self) -> list[Node]:
        """The secrets among its arguments; those of its operations where it has none."""
        return leaves((self.args, self.kwargs)) or [node for one in self.operations for node in one.inputs]

    def nodes(self) -> list[Node]:
        """All secrets that it touched."""
        inner = [node for one in self.operations for node in (one.result, *one.inputs)]
        return [*leaves((self.args, self.kwargs)), *inner, *self.results]


def leaves(part: Any) -> list[Node]:
    """All nodes of arguments."""
    if isinstance(part, Node):
        return [part]
    if isinstance(part, dict):
        part = list(part.values())
    return [node for one in part for node in leaves(one)] if isinstance(part, list | tuple) else []


def replaced(part: Any, secret: Callable[[Node], Any], plain: Callable[[Any], Any] | None = None) -> Any:
    """Arguments with arrays for nodes."""
    if isinstance(part, Node):
        return secret(part)
    if isinstance(part, list | tuple):
        return type(part)(replaced(one, secret, plain) for one in part)
    if isinstance(part, dict):
        return {key: replaced(one, secret, plain) for key, one in part.items()}
    return part if plain is None else plain(part)


def quantised(part: Any, fraction: int) -> Any:
    """Public real numbers as they are encoded; anything else as it is."""
    if isinstance(part, float | np.floating) or (isinstance(part, np.ndarray) and part.dtype.kind == "f"):
        return np.ldexp(np.rint(np.ldexp(part, fraction)), -fraction)
    return part


# ---------------------------------------------------------------------------------------------------------- the twins


def _round(x: Floats, decimals: int = 0, out: None = None) -> Floats:
    """Halves go up, as on secrets."""
    unit = 10.0**decimals
    halves_up: Floats = np.floor(x * unit + 0.5) / unit
    return halves_up


def _qr(x: Floats, mode: str = "reduced") -> Any:
    """The diagonal of R is positive, as on secrets."""
    q, r = np.linalg.qr(x)
    signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    triangle = r * signs[..., :, None]
    return triangle if mode == "r" else (q * signs[..., None, :], triangle)


def _of_free_sign(*args: Any, **kwargs: Any) -> Any:
    raise TypeError("the signs of eigenvectors and singular vectors are free, so they have no one twin")


STEPS: Mapping[str, Callable[..., Any]] = {
    "rint": _round,
    "round": _round,
    "around": _round,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "fix": np.trunc,
    "sign": np.sign,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "mod": np.remainder,
    "divmod": np.divmod,
    "fmod": np.fmod,
    "modf": np.modf,
    "heaviside": np.heaviside,
    "qr": _qr,
    "eigh": _of_free_sign,
    "svd": _of_free_sign,
    "argsort": lambda x, axis=-1, **_: np.argsort(x, axis=axis, kind="stable"),
}
"""NumPy functions that jump, by name."""

Twin: TypeAlias = Callable[[Sequence[Floats], Sequence[Any]], Floats]
"""The float64 result of an operation, from its operands and its public parameters."""


def of(function: Callable[..., Any]) -> Twin:
    """The twin of an operation without public parameters."""
    return lambda inputs, public: np.asarray(function(*inputs))


def _erf(x: Floats) -> Floats:
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x))


TWINS: dict[str, Twin] = {
    "convert": lambda inputs, public: inputs[0],
    "negative": of(lambda x: -x.astype(np.float64)),
    "multiply": of(lambda *x: np.multiply(x[0], x[-1], dtype=np.float64)),
    "whole": of(lambda x: np.floor(x).astype(np.int64)),
    "affine": of(np.add),
    "told": of(np.matmul),
    "rest": of(np.subtract),
    "odd matmul": lambda inputs, public: np.matmul(*(np.mod(x, 2) for x in inputs)) % 2 == 1,
    "mux": of(lambda bit, x: np.multiply(bit, x, dtype=np.float64)),
    "total": lambda inputs, public: inputs[0].astype(np.float64).sum(axis=public[0]),
    "negative part": of(lambda x: np.minimum(x, 0)),
    "msb": of(lambda x: x < 0),
    "eqz": of(lambda x: x == 0),
    "narrow_eqz": of(lambda x: x == 0),
    "invert": of(np.logical_not),
    "sigmoid": of(lambda x: 0.5 + 0.5 * np.tanh(0.5 * x)),
    "softplus": of(lambda x: np.logaddexp(0.0, x)),
    "divide": of(np.true_divide),
    "exp": of(np.exp),
    "exp2": of(np.exp2),
    "log": of(np.log),
    "log2": of(np.log2),
    "log10": of(np.log10),
    "sqrt": of(np.sqrt),
    "rsqrt": of(lambda x: 1 / np.sqrt(x)),
    "reciprocal": of(lambda x: 1 / x),
    "sin": of(np.sin),
    "cos": of(np.cos),
    "tan": of(np.tan),
    "arctan": of(np.arctan),
    "arctan2": of(np.arctan2),
    "arcsin": of(np.arcsin),
    "arccos": of(np.arccos),
    "arcsinh": of(np.arcsinh),
    "arccosh": of(np.arccosh),
    "arctanh": of(np.arctanh),
    "power": lambda inputs, public: np.power(inputs[0], *(inputs[1:] or public), dtype=np.float64),
    "cbrt": of(np.cbrt),
    "hypot": of(np.hypot),
    "tanh": of(np.tanh),
    "precise_sigmoid": of(lambda x: 0.5 + 0.5 * np.tanh(0.5 * x)),
    "precise_softplus": of(lambda x: np.logaddexp(0.0, x)),
    "precise_tanh": of(np.tanh),
    "silu": of(lambda x: x * (0.5 + 0.5 * np.tanh(0.5 * x))),
    "erf": of(_erf),
    "relu": of(lambda x: np.maximum(x, 0)),
    "triangular": lambda inputs, public: np.linalg.solve((np.tril if public[0] else np.triu)(inputs[0]), inputs[1]),
    "gelu": of(lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2)))),
    "gelu_tanh": of(lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
}
"""Twins by the name of the operation."""


def expected(name: str, inputs: Sequence[Floats], public: Sequence[Any]) -> Floats | None:
    """The twin of an operation's result; None where it has none, or takes public numbers that are not at hand."""
    if name == "sum" and len(inputs) == 2:
        return np.asarray(inputs[0].astype(np.float64) + public[0] * inputs[1].astype(np.float64))
    if name == "matmul" and len(inputs) == 2:
        return np.asarray(np.matmul(inputs[0].astype(np.float64), inputs[1].astype(np.float64)))
    if name == "scale":
        multiplier, by, sign, shift, _ = public
        return np.asarray(sign * multiplier * 2.0 ** (shift - by) * inputs[0])
    twin = TWINS.get(name)
    return None if twin is None else twin(inputs, public)
