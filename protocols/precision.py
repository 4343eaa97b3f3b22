"""How many digits the functions carry in each ring, and the series and powers of Z_2^128.

Logarithms, exponents and trigonometric series stand at `scale` fractional bits: 30 or 60 of public sines, 26 or 52 of
the shared factors beside them. In Z_2^128 that leaves errors near 2^-46 where Z_2^64 has 2^-21.

Public tables are integers from exact arithmetic: all parties multiply by the same bits on every CPU.

Reference   fourier128, logarithms128 and powers128, whose series these are. Coefficients of the logarithm: least
            squares on [1/2, 1] at 300 bits, error 2^-53.7, rounded to 2^-58.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from mpcfl import ring, wide
from mpcfl.kernels import fourier128, powers128
from mpcfl.protocol import Context
from mpcfl.ring import Words

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Precision:
    """Of one ring.

    Parameters
    ----------
    scale : int
        Fractional bits of logarithms, exponents and sums of series.
    """

    scale: int


PRECISIONS = {64: Precision(scale=56), 128: Precision(scale=112)}
PERIOD_BITS = 5
"""The period of a series is 2^5 = 32."""
COEFFICIENT_BITS = 58
DROPPED_BITS = 6
"""Of coefficients at 58 fractional bits, for factors at 52."""

LOG_SIN = (
    -43845645234885439, 88326576133764842, 4914836759061390, -30068071821953193, -1056481007176996, 10006128035855579,
    231642330250201, -2745977652061053, -43257218972528, 573327042559480, 6212813261121, -84884889961811,
    -625606575626, 8155056595874, 39222923636, -441720037935, -1256328823, 10218514478, 13109210, -42942493,
)  # fmt: skip
LOG_COS = (
    181404051058460896, 12287089649113411, -50636981226296335, -2230855847572434, 17650110908887079, 500691215354770,
    -5400447915002879, -102854412351958, 1303879158412486, 17035141587124, -231403079658605, -2074162000454,
    27967507665480, 167798987639, -2064269954393, -7774996082, 76858645038, 155405078, -925302915, -567119,
)  # fmt: skip
LOG_CONSTANT = -2784744621757561060812775495178402
"""log2 (v / 2^126) on [1/2, 1]: coefficients of sines and cosines times 2^58, the constant times 2^112."""


def precision(ctx: Context) -> Precision:
    """That of the session's ring."""
    return PRECISIONS[ctx.width]


@functools.cache
def sines() -> tuple[Integers, Integers, Integers, Integers]:
    """Sines and cosines at i / 2^12 and i / 2^24 of a turn, times 2^60, correctly rounded."""

    def row(function: Any, turns: int) -> Integers:
        with gmpy2.context(precision=160):
            step = 2 * gmpy2.const_pi() / turns
            return np.array([int(gmpy2.rint(function(step * i) * (1 << 60))) for i in range(1 << 12)], np.int64)

    coarse, fine = 1 << 12, 1 << 24
    return row(gmpy2.sin, coarse), row(gmpy2.cos, coarse), row(gmpy2.sin, fine), row(gmpy2.cos, fine)


@functools.cache
def powers(sign: int) -> tuple[Words, Words]:
    """2^(sign i / 2^12) and 2^(sign i / 2^24) for i < 4096, times 2^61, correctly rounded."""

    def row(parts: int) -> Words:
        with gmpy2.context(precision=160):
            return np.array(
                [int(gmpy2.rint(gmpy2.exp2(gmpy2.mpfr(sign * i) / parts) * (1 << 61))) for i in range(1 << 12)],
                np.uint64,
            )

    return row(1 << 12), row(1 << 24)


def angle(x: Words, fraction: int) -> Words:
    """x modulo the period as a 64-bit fraction of a turn."""
    return ring.limbs(ring.multiply(x, 1 << (128 - PERIOD_BITS - fraction)))[1]


@ring.shaped(lambda d, u, v, *how: d.shape)
def evaluate(d: Words, u: Words, v: Words, fraction: int, step: int = 1) -> Words:
    """sum of sin(m w d) u_m + cos(m w d) v_m over m = 1, 1 + step, ... at public d, times 2^60."""
    out = ring.zeros(d.shape, 128)
    fourier128.evaluate(angle(d, fraction), *sines(), step, wide.pairs(u), wide.pairs(v), wide.pairs(out))
    return out


def rotated(
    r: Words, sin: Sequence[int], cos: Sequence[int], fraction: int, step: int = 1, dropped: int = DROPPED_BITS
) -> dict[str, Words]:
    """u_m = a_m cos(m w r) + b_m sin(m w r) and v_m = b_m cos(m w r) - a_m sin(m w r), at the scale of a and b less
    `dropped` bits; of a and b, one may be empty."""
    terms = max(len(sin), len(cos))
    a, b = (np.array(row or (0,) * terms, np.int64) for row in (sin, cos))
    out = {name: ring.zeros((terms, r.shape[0]), 128) for name in ("u", "v")}
    fourier128.rotated(angle(r, fraction), *sines(), step, a, b, dropped, *map(wide.pairs, out.values()))
    return out


def power_rows(r: Words, scale: int, window: int) -> Words:
    """A row of `window` words for each r: 2^-frac(r), times 2^46, at the place whole(r) mod window, else zeros."""
    out = ring.zeros((r.shape[0], window), 128)
    powers128.rows(wide.pairs(r), scale, *powers(-1), wide.pairs(out))
    return out


def combine(d: Words, rows: Words, scale: int, zone: Integers, left: Integers, zones: int) -> Words:
    """Shares of 2^(d - r) for each zone."""
    out = ring.zeros((zones, d.shape[0]), 128)
    powers128.combine(wide.pairs(d), scale, *powers(1), wide.pairs(rows), zone, left, wide.pairs(out))
    return out
