"""How each primitive is called, on which inputs, and when an answer agrees with the oracle's.

A suite's rules are tried on these cases, whatever they do inside. A primitive without one fails the conformance test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from simulation import FRACTION, FRACTIONS, random_words, signed, words
from wide_inputs import OF_TWO, PRECISE, operands

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, Suite
from mpcfl.ring import Shape, Words
from mpcfl.share import Share

Inputs: TypeAlias = Callable[[np.random.Generator, Sequence[Shape]], list[Words]]
Agrees: TypeAlias = Callable[[Words, Words, Sequence[Words]], bool]

SIZES = (0, 1, 63, 64, 65, 1000)
ONE_VECTOR = tuple([(n,)] for n in SIZES)
TWO_VECTORS = tuple([(n,), (n,)] for n in SIZES)
MATRICES = (
    [(1, 1), (1, 1)],
    [(7, 5), (5, 3)],
    [(64, 65), (65, 63)],
    [(6, 4), (4,)],
    [(4,), (4, 6)],
    [(5,), (5,)],
    [(1, 5), (5, 1)],
    [(3, 4, 5), (5, 2)],
    [(2, 1, 4, 5), (3, 5, 2)],
    [(3, 4, 5), (5,)],
    [(5,), (3, 5, 4)],
    [(0, 4), (4, 3)],
    [(3, 0), (0, 2)],
)
FULL_MATRICES = tuple(shapes for shapes in MATRICES if all(np.prod(shape) for shape in shapes))
HALF, TOP = 1 << 62, 1 << 63


@dataclass(frozen=True)
class Case:
    """One way to call a primitive.

    `start(suite, ctx, *shares)` makes the protocol. It calls each primitive of `uses` once, on the operands there.
    """

    name: str
    shapes: Sequence[Sequence[Shape]]
    inputs: Inputs
    agrees: Agrees
    start: Callable[..., Protocol]
    uses: Sequence[tuple[str, tuple[int, ...]]]


def edged(edges: Words, draw: Callable[[np.random.Generator, Shape], Words]) -> Inputs:
    """Operands of drawn values; the first, where there is room, are the edges: all pairs of them for two operands."""

    def inputs(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[Words]:
        operands = []
        for place, shape in enumerate(shapes):
            flat = draw(rng, shape).reshape(-1)
            own = np.repeat(edges, len(edges)) if place % 2 else np.tile(edges, len(edges))
            count = min(flat.size, own.size)
            flat[:count] = own[:count]
            operands.append(flat.reshape(shape))
        return operands

    return inputs


ANY = edged(words(0, 1, -1, HALF - 1, -HALF, TOP, TOP - 1), random_words)


def _below(limit: int) -> Callable[[np.random.Generator, Shape], Words]:
    return lambda rng, shape: rng.integers(-limit, limit, shape).view(np.uint64)


COUNTS = edged(words(0, 1, 63, 64, -64, TOP), lambda rng, shape: rng.integers(0, 64, shape).view(np.uint64))
IN_RANGE = edged(words(0, 1, -1, HALF - 1, -HALF, 1 << 18, -(1 << 18), (1 << 18) - 1), _below(HALF))


def _moderate(rng: np.random.Generator, shape: Shape) -> Words:
    return ring.encode(rng.normal(0, 6, shape), FRACTION)


_END = 2.0 ** (62 - FRACTION) - 2.0**-8
_ULP = 2.0**-FRACTION
REAL = edged(
    ring.encode(
        np.array([0, 1e6, -1e6, _END, -_END, 9, -9, 9 - _ULP, 9 + _ULP, -9 - _ULP, _ULP - 9, 16, -16, 32, -32, _ULP]),
        FRACTION,
    ),
    _moderate,
)


def quotients(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[Words]:
    """Both of every magnitude and sign, 0 among the dividends, the quotient representable."""
    (n,) = shapes[0]
    last = HALF - 1
    edges = [(0, 1), (1, 1), (-1, 1), (last, last), (-last, last), (1, last), (-2, 3), (1, -1), (-last, -(1 << 18))]
    x, y = (
        [int(sign * 2.0**power) for sign, power in zip(rng.choice([-1, 1], n), rng.uniform(0, 61.99, n), strict=True)]
        for _ in range(2)
    )
    pairs = [(a if abs(a) >> 44 < abs(b) else 7, b) for a, b in zip(x, y, strict=True)]
    pairs[: len(edges)] = edges[:n]
    return [words(*(pair[side] for pair in pairs)).reshape(n) for side in (0, 1)]


def _magnitudes(rng: np.random.Generator, shape: Shape) -> Words:
    return (2 ** rng.uniform(0, 61.99, shape)).astype(np.uint64)


_POSITIVE_EDGES = words(1, 2, 3, HALF - 1, HALF >> 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1)
POSITIVE = edged(_POSITIVE_EDGES, _magnitudes)
NOT_NEGATIVE = edged(np.append(words(0), _POSITIVE_EDGES), _magnitudes)
NOT_ZERO = edged(
    np.append(_POSITIVE_EDGES, -_POSITIVE_EDGES),
    lambda rng, shape: _magnitudes(rng, shape) * rng.choice(words(-1, 1), shape),
)


def exponents(base: float) -> Inputs:
    """x with base^x representable: all magnitudes of the result, and far below."""
    top = (62 - FRACTION) / np.log2(base)
    least = -(FRACTION + 1) / np.log2(base)
    values = np.array([0, top - 2 * _ULP, least, least - _ULP, least + _ULP, -_END, -1e6, _ULP, -_ULP, 1, -1])
    return edged(
        ring.encode(values, FRACTION), lambda rng, shape: ring.encode(rng.uniform(least - 3, top, shape), FRACTION)
    )


ANGLES = edged(
    ring.encode(np.array([0, _ULP, -_ULP, np.pi, -np.pi, np.pi / 2, 1, 1e6, -1e6]), FRACTION),
    lambda rng, shape: ring.encode(rng.uniform(-1e4, 1e4, shape), FRACTION),
)

SIGNED = edged(
    np.concatenate([words(0), _POSITIVE_EDGES, -_POSITIVE_EDGES]),
    lambda rng, shape: _magnitudes(rng, shape) * rng.choice(words(-1, 1), shape),
)
LENGTHS = edged(  # of two of them, the hypotenuse stays below 2^62
    words(0, 1, -1, 5 << 59, -(5 << 59), 1 << 18),
    lambda rng, shape: (2 ** rng.uniform(0, 61.4, shape)).astype(np.uint64) * rng.choice(words(-1, 1), shape),
)
ONE = 1 << FRACTION
WITHIN_ONE = edged(words(0, 1, -1, ONE, -ONE, ONE - 1, 1 - ONE), _below(ONE))
INSIDE_ONE = edged(words(0, 1, -1, ONE - 1, 1 - ONE), _below(ONE))
FROM_ONE = edged(
    words(ONE, ONE + 1, ONE + 2, HALF - 1 - ONE),
    lambda rng, shape: np.minimum(_magnitudes(rng, shape), HALF >> 1) + ONE,
)
TANGENTS = edged(
    ring.encode(np.array([0, _ULP, -_ULP, np.pi, 1, 2e5, -2e5]), FRACTION),
    lambda rng, shape: ring.encode(rng.uniform(-1.56, 1.56, shape), FRACTION),
)


def powers(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[Words]:
    """Bases of all magnitudes, 0 among them, and exponents with a representable power."""
    (n,) = shapes[0]
    bases = _magnitudes(rng, (n,))
    logs = np.log2(bases.astype(np.float64)) - FRACTION
    exponents = rng.uniform(-1, 1, n) * np.minimum(40 / np.maximum(np.abs(logs), 1), 40)
    bases[:2], exponents[:2] = 0, 1.5
    return [bases, ring.encode(exponents, FRACTION)]


def exact(got: Words, plain: Words, clear: Sequence[Words]) -> bool:
    return np.array_equal(got, plain)


def floor_or_one_more(multiplier: int, shift: int) -> Agrees:
    """Less than one unit from x M / 2^m: the floor, or one more where that is not exact."""

    def agrees(got: Words, plain: Words, clear: Sequence[Words]) -> bool:
        above = signed(ring.subtract(got, plain))
        whole = [value * multiplier % (1 << shift) == 0 for value in signed(clear[0])]
        return all(0 <= step <= (not exactly) for step, exactly in zip(above, whole, strict=True))

    return agrees


def within(error: float) -> Agrees:
    def agrees(got: Words, plain: Words, clear: Sequence[Words]) -> bool:
        limit = error * 2.0 ** FRACTIONS[ring.width(got)]
        return all(abs(off) <= limit for off in signed(ring.subtract(got, plain)))

    return agrees


def near(relative: float) -> Agrees:
    """Within one unit and `relative` of the exact result; the oracle's is up to one unit below that."""

    def agrees(got: Words, plain: Words, clear: Sequence[Words]) -> bool:
        pairs = zip(signed(got), signed(plain), strict=True)
        return all(abs(value - expected) <= 2 + relative * (abs(expected) + 1) for value, expected in pairs)

    return agrees


def _on_shares(primitive: str) -> Callable[..., Protocol]:
    return lambda suite, ctx, *shares: suite[primitive](ctx, *shares)


def _on_words(primitive: str, *parameters: int) -> Callable[..., Protocol]:
    return lambda suite, ctx, x: suite[primitive](ctx, x.words, *parameters)


def _compare_and_choose(suite: Suite, ctx: Context, x: Share, value: Share) -> Protocol:
    bit = yield from suite["msb"](ctx, x)
    return (yield from suite["mux"](ctx, bit, value))


def _case(primitive: str, shapes: Any, inputs: Inputs, agrees: Agrees) -> Case:
    return Case(primitive, shapes, inputs, agrees, _on_shares(primitive), [(primitive, (0, 1)[: len(shapes[0])])])


def _truncation(multiplier: int, shift: int, inputs: Inputs = IN_RANGE) -> Case:
    return Case(
        f"trunc_pr by {multiplier} / 2^{shift}",
        ONE_VECTOR,
        inputs,
        floor_or_one_more(multiplier, shift),
        _on_words("trunc_pr", multiplier, shift),
        [("trunc_pr", (0,))],
    )


def same_rows(got: Words, plain: Words, clear: Sequence[Words]) -> bool:
    """In any order."""
    return np.array_equal(np.sort(got), np.sort(plain))


def _by_owner(owner: int) -> Case:
    def start(suite: Suite, ctx: Context, x: Share) -> Protocol:
        return suite["permute"](ctx, x, owner)

    return Case(f"permute by {owner}", ONE_VECTOR, ANY, same_rows, start, [("permute", (0,))])


def _public_power(exponent: float) -> Case:
    def start(suite: Suite, ctx: Context, x: Share) -> Protocol:
        return suite["public_power"](ctx, x, ring.like(x.words, x.shape, round(exponent * 2**28)), 28)

    bounded = edged(words(0, 1, 2, ONE, 1 << 50), lambda rng, shape: _magnitudes(rng, shape) >> np.uint64(10))
    name = f"public_power {exponent}"
    return Case(name, ONE_VECTOR, bounded, near(2.0**-20), start, [("public_power", (0,))])


CASES: dict[str, Sequence[Case]] = {
    "mul": [_case("mul", TWO_VECTORS, ANY, exact)],
    "matmul": [_case("matmul", MATRICES, ANY, exact)],
    "double_matmul": [_case("double_matmul", MATRICES, ANY, exact)],
    "square": [_case("square", ONE_VECTOR, ANY, exact)],
    "mux": [Case("mux", TWO_VECTORS, ANY, exact, _compare_and_choose, [("msb", (0,)), ("mux", (0, 1))])],
    "trunc_pr": [
        *(_truncation(1, shift) for shift in (0, 1, 18, 62)),
        *(
            _truncation(*scale)
            for scale in ((3, 4), ((1 << 62) // 10 + 1, 62), ((1 << 63) - 1, 62), ((1 << 63) - 1, 0))
        ),
    ],
    "trunc_exact": [
        Case(f"trunc_exact by {m}", ONE_VECTOR, IN_RANGE, exact, _on_words("trunc_exact", m), [("trunc_exact", (0,))])
        for m in (1, 18, 40)
    ],
    "msb": [_case("msb", ONE_VECTOR, ANY, exact)],
    "parity": [_case("parity", ONE_VECTOR, ANY, exact)],
    "matmul_parity": [_case("matmul_parity", FULL_MATRICES, ANY, exact)],
    "permute": [_by_owner(0), _by_owner(1)],
    "eqz": [_case("eqz", ONE_VECTOR, ANY, exact)],
    "narrow_eqz": [_case("narrow_eqz", ONE_VECTOR, COUNTS, exact)],
    "sigmoid": [_case("sigmoid", ONE_VECTOR, REAL, within(2.5e-4))],
    "softplus": [_case("softplus", ONE_VECTOR, REAL, within(2.5e-4))],
    "divide": [_case("divide", TWO_VECTORS, quotients, near(2.0**-20.3))],
    "reciprocal": [_case("reciprocal", ONE_VECTOR, NOT_ZERO, near(2.0**-20.5))],
    "exp": [_case("exp", ONE_VECTOR, exponents(np.e), near(2.0**-21))],
    "exp2": [_case("exp2", ONE_VECTOR, exponents(2.0), near(2.0**-21))],
    "log": [_case("log", ONE_VECTOR, POSITIVE, near(0))],
    "log2": [_case("log2", ONE_VECTOR, POSITIVE, near(0))],
    "log10": [_case("log10", ONE_VECTOR, POSITIVE, near(0))],
    "sqrt": [_case("sqrt", ONE_VECTOR, NOT_NEGATIVE, near(2.0**-20.5))],
    "rsqrt": [_case("rsqrt", ONE_VECTOR, POSITIVE, near(2.0**-20.5))],
    "sin": [_case("sin", ONE_VECTOR, ANGLES, near(0))],
    "cos": [_case("cos", ONE_VECTOR, ANGLES, near(0))],
    **{
        name: [_case(name, ONE_VECTOR, REAL, near(0))]
        for name in ("precise_sigmoid", "precise_softplus", "precise_tanh", "erf", "gelu", "gelu_tanh", "silu")
    },
    "tan": [_case("tan", ONE_VECTOR, TANGENTS, near(2.0**-16))],
    "arctan": [_case("arctan", ONE_VECTOR, SIGNED, near(0))],
    "arctan2": [_case("arctan2", TWO_VECTORS, SIGNED, near(0))],
    "arcsin": [_case("arcsin", ONE_VECTOR, WITHIN_ONE, near(0))],
    "arccos": [_case("arccos", ONE_VECTOR, WITHIN_ONE, near(0))],
    "arcsinh": [_case("arcsinh", ONE_VECTOR, SIGNED, near(0))],
    "arccosh": [_case("arccosh", ONE_VECTOR, FROM_ONE, near(0))],
    "arctanh": [_case("arctanh", ONE_VECTOR, INSIDE_ONE, near(0))],
    "power": [_case("power", TWO_VECTORS, powers, near(2.0**-17))],
    "public_power": [_public_power(0.3), _public_power(1.25)],
    "cbrt": [_case("cbrt", ONE_VECTOR, SIGNED, near(2.0**-20.5))],
    "hypot": [_case("hypot", TWO_VECTORS, LENGTHS, near(2.0**-20.2))],
}


def widened(inputs: Inputs) -> Inputs:
    """The same operands in Z_2^128: each as it is, and each as the high limb of one whose low limb is drawn."""

    def wide(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[Words]:
        operands = [ring.words(x.view(np.int64), 128) for x in inputs(rng, shapes)]
        for x in operands:
            high = x["low"].copy()
            low = rng.integers(0, 1 << 64, x.shape, dtype=np.uint64)
            edges = rng.choice(words(0, 1, -1, TOP), x.shape)
            tall = rng.integers(0, 3, x.shape)  # small, tall, tall with an edge below
            x["low"] = np.choose(tall, [x["low"], low, edges])
            x["high"] = np.where(tall > 0, high, x["high"])
        return operands

    return wide


def same_elements(got: Words, plain: Words, clear: Sequence[Words]) -> bool:
    return sorted(signed(got)) == sorted(signed(plain))


WIDE_IN_RANGE = widened(IN_RANGE)
WIDE = FRACTIONS[128]
_WIDE_ULP = 2.0**-WIDE


def _of_magnitudes(rng: np.random.Generator, shape: Shape) -> list[int]:
    return [int(m * 2.0**e) for m, e in zip(rng.uniform(1, 2, shape), rng.uniform(0, 124.9, shape), strict=True)]


def magnitudes(*edges: int, signs: bool = False) -> Inputs:
    """Numbers of every magnitude in Z_2^128, and edges."""

    def inputs(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[Words]:
        (shape,) = shapes
        values = _of_magnitudes(rng, shape)
        own = [*edges, *(-edge for edge in edges)] if signs else [*edges]
        values[: len(own)] = own[: len(values)]
        signed_values = [-v if signs and i % 2 else v for i, v in enumerate(values)]
        return [ring.words(np.array(signed_values, object), 128)]

    return inputs


_WIDE_EDGES = (1, 2, 3, 31, 32, 33, (1 << 126) - 1, 1 << 125, (1 << WIDE) - 1, 1 << WIDE, (1 << WIDE) + 1, 1 << 115)


def wide_quotients(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[Words]:
    """Both of every magnitude and sign, 0 among the dividends, the quotient representable."""
    (n,) = shapes[0]
    last = (1 << 126) - 1
    edges = [(0, 1), (1, 1), (-1, 1), (last, last), (-last, last), (1, last), (-2, 3), (1, -1), (-last, -(1 << WIDE))]
    sides = ([int(s) * v for s, v in zip(rng.choice([-1, 1], n), _of_magnitudes(rng, n), strict=True)] for _ in "xy")
    pairs = [(a if abs(a) >> 125 - WIDE < abs(b) else 7, b) for a, b in zip(*sides, strict=True)]
    pairs[: len(edges)] = edges[:n]
    return [ring.words(np.array([pair[side] for pair in pairs], object), 128).reshape(n) for side in (0, 1)]


def _reals(edges: Sequence[float], draw: Callable[[np.random.Generator, Shape], NDArray[np.float64]]) -> Inputs:
    def inputs(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[Words]:
        (shape,) = shapes
        values = draw(rng, shape)
        values[: len(edges)] = edges[: values.size]
        return [ring.encode(values, WIDE, 128)]

    return inputs


def wide_exponents(base: float) -> Inputs:
    top, least = (126 - WIDE) / np.log2(base), -(WIDE + 1) / np.log2(base)
    edges = [
        0,
        top * (1 - 2**-50),
        least,
        least - _WIDE_ULP,
        least + _WIDE_ULP,
        -1e20,
        -1e6,
        _WIDE_ULP,
        -_WIDE_ULP,
        1,
        -1,
    ]
    return _reals(edges, lambda rng, shape: rng.uniform(least - 3, top * (1 - 2**-50), shape))


_WIDE_ANGLES = _reals(
    [0, _WIDE_ULP, -_WIDE_ULP, np.pi, -np.pi, np.pi / 2, 1, 1e6, -1e6], lambda rng, shape: rng.uniform(-1e4, 1e4, shape)
)
_WIDE_REALS = _reals(
    [0, 1e20, -1e20, 9, -9, 9 - _WIDE_ULP, 9 + _WIDE_ULP, -9 - _WIDE_ULP, _WIDE_ULP - 9, 16, -16, 32, -32],
    lambda rng, shape: rng.normal(0, 6, shape),
)
WIDE_POSITIVE = magnitudes(*_WIDE_EDGES)


def of_wide_function(name: str, shift: int = 0) -> Inputs:
    """Some of the operands that `test_ring128_errors` tries a function on, smaller by a shift."""

    def inputs(rng: np.random.Generator, shapes: Sequence[Shape]) -> list[Words]:
        columns = operands(name, 300, WIDE)
        places = rng.integers(0, len(columns[0]), shapes[0])
        return [ring.words(np.array([column[i] >> shift for i in places], object), 128) for column in columns]

    return inputs


WIDE_FUNCTIONS = {
    **dict.fromkeys(PRECISE, 0.0),
    **dict.fromkeys(("arctan", "arctan2", "arcsin", "arccos", "arcsinh", "arccosh", "arctanh"), 0.0),
    **{"tan": 2.0**-45, "power": 2.0**-41.3, "cbrt": 2.0**-45, "hypot": 2.0**-45},
}
"""Their relative errors."""
WIDE_CASES: dict[str, Sequence[Case]] = {
    **{
        primitive: [replace(case, inputs=widened(case.inputs)) for case in CASES[primitive]]
        for primitive in (
            "mul",
            "matmul",
            "double_matmul",
            "square",
            "mux",
            "msb",
            "eqz",
            "narrow_eqz",
            "parity",
            "matmul_parity",
        )
    },
    "trunc_pr": [
        _truncation(multiplier, shift, WIDE_IN_RANGE)
        for multiplier, shift in (
            *((1, shift) for shift in (0, 1, 40, 63, 64, 65, 126)),
            *((3, 4), ((1 << 126) // 10 + 1, 126), ((1 << 127) - 1, 126), ((1 << 127) - 1, 0)),
        )
    ],
    "trunc_exact": [
        Case(
            f"trunc_exact by {m}",
            ONE_VECTOR,
            WIDE_IN_RANGE,
            exact,
            _on_words("trunc_exact", m),
            [("trunc_exact", (0,))],
        )
        for m in (1, 40, 100)
    ],
    "sigmoid": [_case("sigmoid", ONE_VECTOR, _WIDE_REALS, within(2.5e-4))],
    "softplus": [_case("softplus", ONE_VECTOR, _WIDE_REALS, within(2.5e-4))],
    "divide": [_case("divide", TWO_VECTORS, wide_quotients, near(2.0**-45))],
    "reciprocal": [_case("reciprocal", ONE_VECTOR, magnitudes(*_WIDE_EDGES, signs=True), near(2.0**-45))],
    "exp": [_case("exp", ONE_VECTOR, wide_exponents(np.e), near(2.0**-45))],
    "exp2": [_case("exp2", ONE_VECTOR, wide_exponents(2.0), near(2.0**-45))],
    "log": [_case("log", ONE_VECTOR, WIDE_POSITIVE, near(0))],
    "log2": [_case("log2", ONE_VECTOR, WIDE_POSITIVE, near(0))],
    "log10": [_case("log10", ONE_VECTOR, WIDE_POSITIVE, near(0))],
    "sqrt": [_case("sqrt", ONE_VECTOR, magnitudes(0, *_WIDE_EDGES), near(2.0**-45))],
    "rsqrt": [_case("rsqrt", ONE_VECTOR, WIDE_POSITIVE, near(2.0**-45))],
    "sin": [_case("sin", ONE_VECTOR, _WIDE_ANGLES, near(0))],
    "cos": [_case("cos", ONE_VECTOR, _WIDE_ANGLES, near(0))],
    **{
        name: [_case(name, TWO_VECTORS if name in OF_TWO else ONE_VECTOR, of_wide_function(name), near(relative))]
        for name, relative in WIDE_FUNCTIONS.items()
    },
    "public_power": [
        replace(_public_power(power), inputs=of_wide_function("sqrt", 20), agrees=near(2.0**-45))
        for power in (0.3, 1.25)
    ],
    "permute": [replace(_by_owner(owner), inputs=widened(ANY), agrees=same_elements) for owner in (0, 1)],
}
"""The same for Z_2^128."""


def cases(suite: Suite, primitive: str) -> Sequence[Case]:
    """The cases of a primitive."""
    table = CASES if suite.width == 64 else WIDE_CASES
    if primitive not in table:
        raise AssertionError(
            f"suite {suite.name} has a rule for {primitive!r}, and tests/cases.py has no case for it: "
            "say there how it is called and what its answer must be"
        )
    return table[primitive]
