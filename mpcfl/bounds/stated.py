"""What an operation states: domain, error inside, what happens outside, rounds and bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import UsageError

Array: TypeAlias = NDArray[Any]
Draws: TypeAlias = Any
"""A `numpy.random.Generator`, made by who measures: this library draws nothing from there."""
Sampler: TypeAlias = Callable[[Draws, int, int], Sequence[Array]]
"""`sample(rng, n, fraction)`: the operands, about n elements or rows each, edges and dense grids first."""


@dataclass(frozen=True)
class Domain:
    """Where an operation's error holds.

    Parameters
    ----------
    text : str
        With f for the fraction.
    sample : callable
        Inputs that cover it.
    row : int
        Elements of a row, where an operation reduces rows.
    """

    text: str
    sample: Sampler
    row: int = 0


def magnitude(x: Array, *others: Array) -> Array:
    """|x| of the first operand."""
    return np.abs(x)


@dataclass(frozen=True)
class Error:
    """A bound on the difference to the exact result r, as a sum of parts.

    Parameters
    ----------
    absolute : float
    ulps, each : float
        Units in the last place, 2^-f: so many, and so many for each of the n elements of a row.
    relative : float
        Part of |r|.
    grain : float
        So many units of |r|, 2^-f |r|.
    operand : float
        Part of an operand's size.
    size : callable
        That size, of the operands.
    of : str
        How it is written.
    """

    absolute: float = 0.0
    ulps: float = 0.0
    each: float = 0.0
    relative: float = 0.0
    grain: float = 0.0
    operand: float = 0.0
    size: Callable[..., Array] = magnitude
    of: str = "|x|"

    def __str__(self) -> str:
        ulps = f"{self.ulps:g} ulp" + "s" * (self.ulps != 1) if self.ulps else ""
        if self.each:
            more = f" {'-' if self.ulps < 0 else '+'} {abs(self.ulps):g}" if self.ulps else ""
            ulps = f"({'' if self.each == 1 else f'{self.each:g} '}n{more}) ulps"
        parts = [
            f"{self.absolute:.1e}".replace("e-0", "e-") if self.absolute else "",
            ulps,
            f"{_power(self.relative)} |r|" if self.relative else "",
            f"{self.grain:g} 2^-f |r|" if self.grain else "",
            f"{_power(self.operand)} {self.of}" if self.operand else "",
        ]
        return " + ".join(part for part in parts if part) or "none"

    def at(self, exact: Array, inputs: Sequence[Array], fraction: int) -> Array:
        """The bound for each element of the exact result."""
        fixed = self.absolute + (self.ulps + self.each * inputs[0].shape[-1]) * 2.0**-fraction
        part = self.operand * self.size(*inputs) if self.operand else 0.0
        return np.asarray(fixed + (self.relative + self.grain * 2.0**-fraction) * np.abs(exact) + part)


def _power(value: float) -> str:
    return f"2^{round(math.log2(value), 1):g}"


@dataclass(frozen=True)
class Wide:
    """What an operation states in ring 128.

    Parameters
    ----------
    error : Error
        For fractions up to 48.
    rounds : int
    bytes : float
    domain : str
        Where it is another than that of ring 64 with 64 more bits.
    """

    error: Error
    rounds: int
    bytes: float
    domain: str = ""


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Parameters
    ----------
    name : str
        As an author writes it.
    call : callable
        On secret arrays, and on arrays of `numpy.longdouble` or int64 for the exact result.
    domain : Domain
    error : Error
        Inside the domain, for fractions from 12 to 20.
    rounds : int
    bytes : float
        An element of the largest operand, of one of two parties, on fresh operands; rounded to a tenth.
    outside : str
        What happens there.
    exact : callable, optional
        The exact result where `call` has none of its own.
    wide : Wide, optional
        The statement for ring 128.
    """

    name: str
    call: Callable[..., Any]
    domain: Domain
    error: Error
    rounds: int
    bytes: float
    outside: str
    exact: Callable[..., Array] | None = None
    wide: Wide | None = None

    def over(self, width: int) -> Entry:
        """The entry for a ring: 64 or 128.

        Raises
        ------
        UsageError
            It states nothing for that ring.
        """
        if width == 64:
            return self
        if self.wide is None:
            raise UsageError(f"{self.name} states nothing of its own for ring {width}")
        own = self.wide
        text = own.domain or re.sub(r"\b6[0-4]-f", lambda bits: f"{int(bits[0][:2]) + 64}-f", self.domain.text)
        return replace(
            self, domain=replace(self.domain, text=text), error=own.error, rounds=own.rounds, bytes=own.bytes, wide=None
        )

    def reference(self, inputs: Sequence[Array]) -> Array:
        """The exact result, as exact as `numpy.longdouble` is (64 bits on x86)."""
        wide = [x.astype(np.longdouble) if x.dtype.kind == "f" else x for x in inputs]
        with np.errstate(all="ignore"):
            return np.asarray((self.exact or self.call)(*wide))

    def __str__(self) -> str:
        lines = [self.name, *(f"    {sentence}" for sentence in self.statement)]
        if self.wide is not None:
            own = self.over(128)
            lines.append(f"    Ring 128: {own.error}, {own.cost}.")
        return "\n".join(lines)

    @property
    def cost(self) -> str:
        """Rounds and bytes as a sentence has them."""
        rows = f" in rows of {self.domain.row}" * (self.domain.row > 0)
        return f"{self.rounds} round{'s' * (self.rounds != 1)} and {self.bytes:g} bytes an element{rows}"

    @property
    def statement(self) -> list[str]:
        """The four sentences of a docstring."""
        return [
            f"Domain: {self.domain.text}.",
            f"Error: {self.error}.",
            f"Cost: {self.cost}.",
            f"Outside: {self.outside}.",
        ]
