"""Random programs of NumPy calls, built while they run on ndarrays, with a bound on what secrets may differ by.

Every array of a program is `Known`: what it is on ndarrays, and how far a secret may be off. A call adds the error that
`mpcfl.bounds` states for it to the errors of its operands, as far as the function spreads them. Where a function jumps
within the error of its operands, or the error would say nothing any more, the call is left out: the program is steered
away from it. Hence a program either agrees within its bounds, or shows a bug.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from calls import PAIRS, ROWS, SINGLES, quotient, scale_of
from hypothesis import strategies as st
from known import ULP, Known, exactly, shape_of

from mpcfl import ordering

STEPS = 20
SHAPES = [(), (3,), (1,), (2, 3), (3, 2), (2, 1), (1, 3), (3, 3), (2, 2, 3), (0, 3)]

Draw = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """A call: its text, the numbers of its operands, and what it is."""

    text: str
    operands: tuple[int, ...]
    call: Callable[..., Any]


@dataclass
class Program:
    """Inputs, and calls on them and on one another's results."""

    known: list[Known]
    inputs: int
    steps: list[Step] = field(default_factory=list)

    def __repr__(self) -> str:
        lines = [f"v{i} = {known.value!r}" for i, known in enumerate(self.known[: self.inputs])]
        lines += [f"v{self.inputs + i} = {step.text}" for i, step in enumerate(self.steps)]
        return "\n".join(["", *lines])

    def run(self, arrays: Sequence[Any]) -> list[Any]:
        """All arrays of the program, from its inputs on."""
        arrays = list(arrays)
        for step in self.steps:
            arrays.append(step.call(*(arrays[i] for i in step.operands)))
        return arrays


class Builder:
    """Draws one call after another; `take` picks operands, `make` tries a call."""

    def __init__(self, draw: Draw, known: list[Known]) -> None:
        self.draw = draw
        self.program = Program(known, len(known))

    def pick(self, kinds: str, where: Callable[[Known], bool] = lambda known: True) -> int | None:
        """The number of an array of one of these kinds; later ones are as likely as all before."""
        fits = [i for i, one in enumerate(self.program.known) if one.kind in kinds and where(one)]
        if not fits:
            return None
        return fits[-1 - self.draw(st.integers(0, len(fits) - 1))]

    def add(self, text: str, operands: Sequence[int], call: Callable[..., Any], result: Known | None) -> None:
        """Take a call into the program if what is known of its result is sensible."""
        if result is not None and result.sensible():
            self.program.known.append(result)
            self.program.steps.append(Step(text, tuple(operands), call))

    def choose(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def public(self, kinds: str, shape: tuple[int, ...]) -> Known:
        """A public scalar or array, with the error of its encoding at the session's fraction."""
        kind = self.choose(kinds)
        shape = self.choose([(), shape])
        if kind == "f":
            value = np.array([0.1, -1.5, 2.0, 1e-3, 7.3, -0.625, 3.0, 0.0, 19.0])[self.drawn(shape, 9)]
            return Known(value, np.abs(np.rint(value / ULP) * ULP - value))
        if kind == "i":
            return exactly(self.drawn(shape, 9) - 4)
        return exactly(self.drawn(shape, 2) > 0)

    def drawn(self, shape: tuple[int, ...], below: int) -> np.ndarray:
        """Integers from 0 on."""
        n = math.prod(shape)
        return np.array(self.draw(st.lists(st.integers(0, below - 1), min_size=n, max_size=n)), np.int64).reshape(shape)


# -------------------------------------------------------------------------------------------------- calls of the tables


def pair(to: Builder) -> None:
    """Two arrays that broadcast, one of which may be public, on either side."""
    name = to.choose(list(PAIRS))
    function, kinds, known = PAIRS[name]
    first = to.pick(kinds)
    if first is None:
        return
    x = to.program.known[first]
    if to.choose([True, False, False]):
        y = to.public(kinds, x.value.shape)
        if to.choose([True, False]):
            to.add(f"{name}(v{first}, {y.value!r})", [first], lambda a: function(a, y.value), known(x, y, True))
        else:
            result = quotient(y, x, False) if function is np.true_divide else _mirrored(known, function, x, y)
            to.add(f"{name}({y.value!r}, v{first})", [first], lambda a: function(y.value, a), result)
        return
    second = to.pick(kinds, lambda other: shape_of(x, other) is not None)
    assert second is not None
    to.add(f"{name}(v{first}, v{second})", [first, second], function, known(x, to.program.known[second], False))


def _mirrored(known: Any, function: Callable[..., Any], x: Known, y: Known) -> Known | None:
    """The public operand first: only the value depends on the order."""
    result = known(x, y, True)
    return None if result is None else Known(np.asarray(function(y.value, x.value)), result.error)


def single(to: Builder) -> None:
    """A function of each element."""
    name = to.choose(list(SINGLES))
    function, kinds, known = SINGLES[name]
    first = to.pick(kinds)
    if first is not None:
        to.add(f"{name}(v{first})", [first], function, known(to.program.known[first]))


def row(to: Builder) -> None:
    """A reduction, a sort or a running sum along the last axis."""
    name = to.choose(list(ROWS))
    function, kinds, known = ROWS[name]
    first = to.pick(kinds, lambda x: x.value.ndim > 0 and x.value.shape[-1] > 0)
    if first is not None:
        to.add(f"{name}(v{first}, axis=-1)", [first], function, known(to.program.known[first]))


# ----------------------------------------------------------------------------------------------------- matrices, choice


def product(to: Builder) -> None:
    """A matrix product with a secret or a public matrix."""
    first = to.pick("fib", lambda x: x.value.ndim > 0)
    if first is None:
        return
    x = to.program.known[first]
    if to.choose([True, False]):
        y = to.public("fi", (x.value.shape[-1], 2))
        if not y.value.ndim:
            return
        scale = 0.0
        if y.kind == "f" and (y.value != np.rint(y.value)).any():
            scale = 2.0 ** -(scale_of(y.value) + 1) if x.kind == "f" else 0.5 * ULP
        error = (
            x.error @ np.abs(y.value) + x.size.sum(-1, keepdims=True) * scale + (ULP if x.kind == "f" and scale else 0)
        )
        result = exactly(x.value @ y.value, error)
        to.add(f"v{first} @ {y.value!r}", [first], lambda a: a @ y.value, result)
        return

    def fits(other: Known) -> bool:
        rows_ = other.value.shape[-2:][0] if other.value.ndim else -1
        return rows_ == x.value.shape[-1] and other.value.ndim <= 2

    second = to.pick("fi" if x.kind == "b" else "fib", fits)
    if second is not None:
        y = to.program.known[second]
        size = np.abs(x.value * 1.0)
        error = size @ y.error + x.error @ y.size + (ULP if x.kind == y.kind == "f" else 0)
        to.add(f"v{first} @ v{second}", [first, second], np.matmul, exactly(x.value @ y.value, error))


def choice(to: Builder) -> None:
    """np.where by a secret condition, between secret or public arrays."""
    condition = to.pick("b")
    if condition is None:
        return
    c = to.program.known[condition]
    first = to.pick("fi", lambda x: shape_of(c, x) is not None)
    if first is None:
        return
    x = to.program.known[first]
    if to.choose([True, False]):
        y = to.public("fi", ())
        result = exactly(np.where(c.value, x.value, y.value), np.where(c.value, x.error, y.error))
        call: Callable[..., Any] = lambda a, b: np.where(a, b, y.value)  # noqa: E731
        to.add(f"np.where(v{condition}, v{first}, {y.value!r})", [condition, first], call, result)
        return
    shape = np.broadcast_shapes(c.value.shape, x.value.shape)
    second = to.pick("fi", lambda y: shape_of(y, exactly(np.empty(shape))) is not None)
    assert second is not None
    y = to.program.known[second]
    result = exactly(np.where(c.value, x.value, y.value), np.where(c.value, x.error, y.error))
    to.add(f"np.where(v{condition}, v{first}, v{second})", [condition, first, second], np.where, result)


def gathered(to: Builder) -> None:
    """Rows at secret places."""
    table = to.pick("fib", lambda x: x.value.ndim > 0 and x.value.shape[0] > 0)
    if table is None:
        return
    x = to.program.known[table]
    index = to.pick("i", lambda i: bool(((i.value >= 0) & (i.value < len(x.value))).all()))
    if index is not None:
        places = to.program.known[index].value
        result = Known(x.value[places], x.error[places])
        to.add(f"ordering.gather(v{table}, v{index})", [table, index], ordering.gather, result)


# ------------------------------------------------------------------------------------------------------------ structure


def _assigned(x: Any, index: Any, value: Any) -> Any:
    x = x.copy()
    x[index] = value
    return x


def _through_a_view(x: Any) -> Any:
    x = x.copy()
    view = x.T[::-1]
    view[0] = view[-1]
    return x


STRUCTURE: dict[str, Callable[[Any], Any]] = {
    "np.transpose": np.transpose,
    "np.ravel": np.ravel,
    "np.flip": np.flip,
    "x[..., ::-1]": lambda x: x[..., ::-1],
    "x[..., 1:]": lambda x: x[..., 1:],
    "x[None]": lambda x: x[None],
    "x[[0, 0, -1]]": lambda x: x[[0, 0, -1]],
    "x[..., [True, False, True]]": lambda x: x[..., [True, False, True]],
    "x[0]": lambda x: x[0],
    "reshape(-1, 1)": lambda x: x.reshape(-1, 1),
    "np.roll": lambda x: np.roll(x, 1, -1),
    "np.stack": lambda x: np.stack([x, x[::-1]]),
    "np.tile": lambda x: np.tile(x, 2),
    "np.triu": np.triu,
    "x[0] = x[-1]": lambda x: _assigned(x, 0, x[-1]),
    "assignment to x.T[::-1]": _through_a_view,
    "np.pad": lambda x: np.pad(x, 1),
    "x[..., 1] = 0": lambda x: _assigned(x, (..., 1), 0),
}


def structure(to: Builder) -> None:
    """Indexing, arrangement and assignment, which move errors as they move elements."""
    name = to.choose(list(STRUCTURE))
    first = to.pick("fib")
    assert first is not None
    x, function = to.program.known[first], STRUCTURE[name]
    try:
        value, error = function(x.value), function(x.error)
    except (IndexError, ValueError, TypeError):
        return
    if value.size <= 36:
        to.add(f"{name} of v{first}", [first], function, Known(np.asarray(value), np.asarray(error)))


def joining(to: Builder) -> None:
    """Concatenation, and assignment of one array into another."""
    first = to.pick("fib", lambda x: x.value.ndim > 0)
    if first is None:
        return
    x = to.program.known[first]
    second = to.pick("fib", lambda y: y.value.ndim == x.value.ndim and y.value.shape[1:] == x.value.shape[1:])
    assert second is not None
    y = to.program.known[second]
    if to.choose([True, False]):
        result = Known(np.concatenate([x.value, y.value]), np.concatenate([x.error, y.error]))
        if len(result.value) <= 9:
            call: Callable[..., Any] = lambda a, b: np.concatenate([a, b])  # noqa: E731
            to.add(f"np.concatenate([v{first}, v{second}])", [first, second], call, result)
    elif len(x.value) and len(y.value) and "bif".index(y.kind) <= "bif".index(x.kind):
        result = Known(_assigned(x.value, -1, y.value[0]), _assigned(x.error, -1, y.error[0]))
        call = lambda a, b: _assigned(a, -1, b[0])  # noqa: E731
        to.add(f"v{first}.copy()[-1] = v{second}[0]", [first, second], call, result)


CALLS = [pair, pair, pair, single, single, single, row, row, product, choice, structure, structure, joining, gathered]


@st.composite
def programs(draw: Draw) -> Program:
    """A program of up to `STEPS` calls on two to four inputs of all kinds."""
    to = Builder(draw, [])
    for form in draw(st.sampled_from(["fi", "pb", "fip", "fpb", "fipb", "pp", "nf"])):
        shape = draw(st.sampled_from(SHAPES))
        whole = to.drawn(shape, 81) - 40
        value: Any = whole / 8 + (whole % 5 == 0) * 3 * ULP
        forms = {"f": value, "p": np.abs(value) + 0.25, "i": whole // 4, "n": np.abs(whole) // 8, "b": whole > 0}
        to.program.known.append(exactly(forms[form]))
    to.program.inputs = len(to.program.known)
    wanted = draw(st.integers(1, STEPS))
    for _ in range(2 * wanted):
        if len(to.program.steps) < wanted:
            draw(st.sampled_from(CALLS))(to)
    return to.program
