"""Where a fixed-point program goes wrong, and what to do: the judgement of secrets beside their float64 twins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpcfl.engine import BOOLEAN, FIXED, INTEGER
from mpcfl.ring import Shape
from mpcfl.twins import Call, Floats, Node, Operation, expected, leaves, replaced

LEAST_FRACTION = 8

ARITHMETIC = {
    "add", "add.reduce", "subtract", "multiply", "divide", "true_divide", "matmul", "square", "negative", "sum", "mean",
    "dot", "inner", "outer", "vdot", "tensordot", "einsum", "prod", "cumsum", "cumprod", "var", "std", "trace",
    "convolve", "kron", "power", "vecdot", "average", "affine",
}  # fmt: skip
"""Calls whose operations are the author's own sums and products; what others do inside counts by its result."""

LINEAR = {
    "add", "add.reduce", "subtract", "multiply", "matmul", "negative", "sum", "mean", "dot", "inner", "outer", "vdot",
    "tensordot", "cumsum", "trace", "convolve", "kron", "getitem", "view", "concatenate", "stack", "transpose",
    "reshape", "divide", "true_divide", "affine",
}  # fmt: skip
"""Calls whose terms may cancel, or that move them: their error is relative to the terms and not to what is left."""

PRODUCTS = {
    "multiply",
    "matmul",
    "square",
    "dot",
    "inner",
    "outer",
    "vdot",
    "tensordot",
    "einsum",
    "convolve",
    "kron",
    "affine",
}
QUOTIENTS = {"divide", "true_divide"}
POLES = {"divide", "true_divide", "reciprocal", "log", "log2", "log10", "log1p", "arctanh", "power", "float_power"}


@dataclass(frozen=True)
class Bound:
    """From where on the shadow reports.

    Parameters
    ----------
    absolute, relative : float
        An element is wrong if it is further from its twin than `absolute` plus `relative` times the twin's magnitude,
        or that of the terms that were added up to it, which may have cancelled.
        The absolute part is at least 16 units in the last place.
    significant_bits : int
        What a public factor must keep, where the loss is more than 4 units in the last place of the product.
    """

    absolute: float = 2.0**-10
    relative: float = 1e-2
    significant_bits: int = 8


@dataclass
class Finding:
    """One line of the program and what went wrong there.

    Attributes
    ----------
    line : str
        "file:line".
    kind : str
        "product", "range", "factor", "error" or "domain".
    operation : str
    shape : tuple of int
    largest : float
        Largest magnitude of the float64 result.
    error : float
        Largest difference from it.
    what, advice : str
        A sentence each.
    count : int
        How often this line did it; the figures are those of the first time.
    """

    line: str
    kind: str
    operation: str
    shape: Shape
    largest: float
    error: float
    what: str
    advice: str
    count: int = 1

    def __str__(self) -> str:
        times = f" ({self.count} times; the first:)" if self.count > 1 else ""
        figures = f"largest magnitude {self.largest:.4g}, largest error {self.error:.3g}"
        return f"{self.line}: {self.operation} of shape {self.shape}:{times} {self.what}; {figures}. {self.advice}"


class Findings(list[Finding]):
    """Findings in the order of the program; `str` gives the report.

    Attributes
    ----------
    notes : list of str
        Operations that have no twin: from there on the twin is the secret's own value.
    """

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def report(self, finding: Finding) -> None:
        """Add a finding, or count it where its line has it already."""
        for known in self:
            if (known.line, known.kind, known.operation) == (finding.line, finding.kind, finding.operation):
                known.count += 1
                return
        self.append(finding)

    def note(self, line: str, operation: str) -> None:
        """Say that an operation has no twin."""
        said = f"{line}: {operation} has no float64 twin and was not checked"
        if said not in self.notes:
            self.notes.append(said)

    def __str__(self) -> str:
        return "\n".join([*(map(str, self) if self else ["no findings"]), *self.notes])


class Judge:
    """Judges the results of calls.

    Parameters
    ----------
    fraction : int
    bound : Bound
    findings : Findings
    ring : int
    """

    def __init__(self, fraction: int, bound: Bound, findings: Findings, ring: int = 64) -> None:
        self._fraction = fraction
        self._bits = ring - 2  # numbers and products are below 2^bits as ring words
        self._absolute = max(bound.absolute, 16 * 2.0**-fraction)
        self._bound = bound
        self._findings = findings

    def revealed(self, call: Call, node: Node) -> None:
        """Report what has no meaning and is disclosed all the same."""
        if node.undefined is not None:
            line, name = node.undefined
            self._report(
                line,
                "domain",
                name,
                node,
                "a result outside a function's domain is revealed",
                "Choose it away with np.where before it is revealed, or keep the inputs inside the domain.",
            )

    def result(self, call: Call, node: Node) -> None:
        """Judge one result; after a finding its twin is the secret itself."""
        if node.twin is not None and node.kind == FIXED:
            self._undefined(call, node)
        self._weigh(call, node)
        # What follows from a number that was out of range already is no fault of this line.
        if self._was_out(call) or self._overflow(call, node) or self._factor(call, node) or self._error(call, node):
            node.twin, node.origin, node.terms = None, "", None
        else:
            self._trace(call, node)

    def _weigh(self, call: Call, node: Node) -> None:
        """The terms of a result: those of the operands, put together without signs."""
        if call.function is None or call.name not in LINEAR or node.twin is None or node.kind != FIXED or call.listed:
            return
        function = {"subtract": np.add, "negative": np.positive}.get(call.name, call.function)
        args = replaced(call.args, lambda one: one.magnitude, _unsigned)
        further = replaced(call.kwargs, lambda one: one.expected if one.kind == BOOLEAN else one.magnitude)  # masks
        terms = np.asarray(function(*args, **further))
        if terms.shape == node.shape and call.name in {"getitem", "view"}:
            node.terms = terms
        elif terms.shape == node.shape:
            node.terms = np.fmax(terms, np.abs(node.expected))

    # ------------------------------------------------------------------------------------------------ out of a range

    def _undefined(self, call: Call, node: Node) -> None:
        """Poles have no value; NaN goes from twin to twin until it is chosen away or revealed."""
        twin = node.expected
        if call.name in POLES:
            node.twin = twin = np.where(np.isinf(twin), np.nan, twin)
        if np.isnan(twin).any():
            before = [one.undefined for one in call.operands if one.undefined is not None]
            node.undefined = before[0] if before else (call.line, call.name)

    def _was_out(self, call: Call) -> bool:
        limit = 2.0 ** (self._bits - self._fraction)
        return any(_magnitude(one.value) >= limit for one in call.operands if one.kind == FIXED)

    def _overflow(self, call: Call, node: Node) -> bool:
        f = self._fraction
        true = _magnitude(node.expected)
        if node.kind == INTEGER:
            true = max(true, self._as_reals(call))
        if node.kind == FIXED:
            spare, wanted, factor = self._before_truncation(call)
            if spare and factor * true >= 2.0 ** (self._bits - f - spare):
                return self._product(call, node, spare, wanted, factor)
        inner = self._inside(call, node)
        limit = 2.0 ** (self._bits - f) if node.kind == FIXED else 2.0**63
        if inner is not None and _truncates(inner[0]):
            return self._product(call, node, f, 2, _doubled(inner[0]), inner[1])
        if inner is not None:
            true = max(true, inner[1])
        elif not true >= limit:
            return False
        held = f"2^{self._bits - f}" if node.kind == FIXED else "2^63"
        return self._report(
            call.line,
            "range",
            call.name,
            node,
            f"a number left the representable range |v| < {held}",
            self._smaller(true, 1) if node.kind == FIXED else "Scale it down, or compute it in float64.",
            true,
        )

    def _product(self, call: Call, node: Node, spare: int, wanted: int, factor: int, true: float | None = None) -> bool:
        f = self._fraction
        largest = _magnitude(node.expected) if true is None else true
        return self._report(
            call.line,
            "product",
            call.name,
            node,
            f"a product reached 2^{self._bits - f - spare + 1 - factor} before its truncation",
            self._smaller(factor * largest, wanted),
            largest,
        )

    def _before_truncation(self, call: Call) -> tuple[int, int, int]:
        """By how many bits the range of a call's products is less than that of numbers, of how many fractions, and what
        times the product is truncated."""
        fixed = [node for node in leaves(call.args) if node.kind == FIXED]
        if call.name in PRODUCTS and (len(fixed) == 2 or call.name in ("square", "affine")):
            return self._fraction, 2, max((_doubled(one) for one in call.operations), default=1)
        for one in call.operations:
            if one.name in ("times", "matmul") and len(one.inputs) == 1 and len(one.public) == 2:
                return int(str(one.public[0])), 1, 1
        return 0, 1, 1

    def _inside(self, call: Call, node: Node) -> tuple[Operation, float] | None:
        """The first operation inside a call whose exact result is out of range, where that counts."""
        if call.function is not None and call.name not in ARITHMETIC and not self._wrong(node).any():
            return None
        for one in call.operations:
            if one.name not in ("sum", "total", "multiply", "matmul", "affine", "negative"):
                continue
            true = expected(one.name, [x.value for x in one.inputs], one.public)
            if true is None:
                continue
            limit = (
                2.0 ** (self._bits - self._fraction * (1 + _truncates(one))) if one.result.kind == FIXED else 2.0**63
            )
            if _doubled(one) * _magnitude(true) >= limit:
                return one, _magnitude(true)
        return None

    def _as_reals(self, call: Call) -> float:
        """The largest magnitude of a call on integers, without wrapping."""
        if call.function is None or call.name not in ARITHMETIC:
            return 0.0
        try:
            args = replaced(call.args, lambda node: node.expected.astype(np.float64))
            return _magnitude(np.asarray(call.function(*args, **replaced(call.kwargs, lambda node: node.expected))))
        except (TypeError, ValueError):
            return 0.0

    # ------------------------------------------------------------------------------------------------- out of digits

    def _factor(self, call: Call, node: Node) -> bool:
        """A public real factor that was rounded to too few bits, where that shows in the product."""
        if call.name not in PRODUCTS | QUOTIENTS or not isinstance(call.args, tuple):
            return False
        factors = [np.asarray(x) for x in call.args if isinstance(x, float | np.floating | np.ndarray)]
        factors = [x for x in factors if x.dtype.kind == "f" and x.size]
        used = _scale(call)
        if len(factors) != 1 or used is None:
            return False
        factor = 1 / factors[0] if call.name in QUOTIENTS else factors[0]
        lost = np.abs(used(factor) - factor)
        few = lost > np.abs(factor) * 2.0**-self._bound.significant_bits
        operand = max((_magnitude(one.value) for one in call.operands), default=0.0)
        if not (few & (lost * operand > 4 * 2.0**-self._fraction)).any():
            return False
        smallest = float(np.abs(factor[few]).min()) if factor.shape else float(np.abs(factor))
        return self._report(
            call.line,
            "factor",
            call.name,
            node,
            f"a public factor of {smallest:.3g} kept fewer than {self._bound.significant_bits} significant bits",
            "Multiply numbers of like magnitude together: split the array, or scale its columns; or choose a larger "
            "fraction.",
        )

    def _error(self, call: Call, node: Node) -> bool:
        if not self._wrong(node).any():
            return False
        f, origin = self._fraction, next((one.origin for one in call.operands if one.origin), "")
        if origin:
            advice = (
                f"Its digits were lost at {origin}: keep numbers there well above a step, 2^-{f}, by scaling before or "
                "multiplying in another order; or choose a larger fraction."
            )
        else:
            advice = "Bring its operands to the order of 1, or choose another fraction."
        return self._report(
            call.line, "error", call.name, node, "the result is further from float64 than the bound", advice
        )

    def _wrong(self, node: Node) -> Floats:
        """Which elements are further from their twins than the bound; those without a meaning are not."""
        if node.kind != FIXED:
            differ: Floats = node.value != node.expected
            return differ
        twin = node.expected
        wrong: Floats = np.abs(node.value - twin) > self._absolute + self._bound.relative * node.magnitude
        return wrong

    def _trace(self, call: Call, node: Node) -> None:
        """Remember where a value lost its significant digits without yet being wrong."""
        if node.kind != FIXED or node.origin or node.twin is None:
            return
        if _magnitude(node.value - node.expected) > 2.0**-self._bound.significant_bits * _magnitude(node.magnitude):
            before = [one.origin for one in call.operands if one.origin]
            node.origin = before[0] if before else call.line

    # ----------------------------------------------------------------------------------------------------- the report

    def _smaller(self, largest: float, fractions: int) -> str:
        """What to do about a number that is too large for so many fractions beside it."""
        advice = "Scale the operands down, or divide before summing"
        if not math.isfinite(largest):
            return advice + "."
        fits = (self._bits - math.floor(math.log2(largest)) - 1) // fractions
        if fits >= LEAST_FRACTION and fits < self._fraction:
            advice += f", or choose a fraction of {fits} or less"
        return f"{advice}, or ring=128." if self._bits < 64 else f"{advice}."

    def _report(
        self, line: str, kind: str, name: str, node: Node, what: str, advice: str, largest: float | None = None
    ) -> bool:
        twin = node.expected.astype(np.float64)
        error = _magnitude(node.value.astype(np.float64) - twin)
        magnitude = _magnitude(twin) if largest is None else largest
        self._findings.report(Finding(line, kind, name, node.shape, magnitude, error, what, advice))
        return True


def _truncates(one: Operation) -> bool:
    """Whether it is a product of two fixed-point numbers."""
    return one.name in ("multiply", "matmul", "affine") and all(node.kind == FIXED for node in one.inputs)


def _doubled(one: Operation) -> int:
    """A product of two matrices is truncated as twice itself (`mpcfl.protocols.folded`)."""
    return 2 if one.name in ("matmul", "affine") and _truncates(one) else 1


def _unsigned(part: Any) -> Any:
    """The magnitudes of public factors; an index or an axis as it is."""
    if isinstance(part, float | np.floating) or (isinstance(part, np.ndarray) and part.dtype.kind == "f"):
        return np.abs(part)
    return part


def _magnitude(x: Floats) -> float:
    """The largest magnitude, NaN apart."""
    values = np.abs(x.astype(np.float64))
    return float(values[~np.isnan(values)].max(initial=0.0))


def _scale(call: Call) -> Callable[[Floats], Floats] | None:
    """How a call's public factor was rounded; None where it was not."""
    for one in call.operations:
        public: Any = one.public
        if one.name == "scale":
            multiplier, by, sign, shift, before = public
            return lambda factor: np.full(factor.shape, sign * multiplier * 2.0 ** (shift - by) / float(before))
        if one.name in ("times", "matmul") and len(one.inputs) == 1 and len(public) == 2:
            return lambda factor: np.ldexp(np.rint(np.ldexp(factor, public[0])), -public[0])
    return None
