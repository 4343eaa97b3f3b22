"""Trigonometric series of a secret argument: what precise functions are made of. Dealer model, no round of their own.

Parties hold [t], a fixed-point number at s fractional bits that a truncation made or that is opened under its mask, and
want [f(t)] on the window of the series, at 56 fractional bits:

    f(t) = constant + t / 2 or 0 + sum_k A_k sin(m w t) + B_k cos(m w t),    m = 1 + k step,  k = 0, 1, ...

with a period of 512 / `turns`, so that `turns` 2^(55 - s) t is a turn's fraction with the whole ring for a turn, and
wraps as it should. For t = d - r, with d public and r = -a the mask's,

    offline    [U_k], U_k = A_k cos(m w r) + B_k sin(m w r);   [V_k], V_k = B_k cos(m w r) - A_k sin(m w r)
    local      sum_k sin(m w d) [U_k] + cos(m w d) [V_k]

In Z_2^128 the same series have more terms (`series128`), the period is 2^16 / `turns`, and f(t) stands at 116 bits.

The public sines come from integer tables, so all parties multiply by the same bits on every CPU.

Error       on the window: that of the series, below 2^-22 (1.4e-4 and 8.5e-5 of the fast sigmoid and softplus), and
            2^-24 of rounded factors and sines. Elsewhere the result has no meaning. In Z_2^128 both together are
            below 2^-50.
Realises    t to f(t) + error, a function of t and of the uniform public d. Simulator: U and V depend on a alone and are
            shared uniformly.
Reference   Sines of a masked angle: Zheng et al., ACSAC 2023. Fourier extension of functions that are not periodic:
            Boyd, J. Comput. Phys. 178 (2002). Coefficients: weighted least squares on Chebyshev points of the window,
            weights moved until the error is near-minimax (Lawson 1961), rounded to 2^-28, the constant then centred.
            Odd and even functions have sines or cosines alone; with step 2 the series is symmetric about a quarter of
            its period, which suits functions that end flat or straight.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from mpcfl import ring, view
from mpcfl.buffers import empty
from mpcfl.correlation import Correlation, Field, MaskView, group_of
from mpcfl.effects import Draw, Effect, Protocol
from mpcfl.kernels import waves
from mpcfl.protocol import Context
from mpcfl.protocols import precision, series128
from mpcfl.protocols.beaver import masked
from mpcfl.ring import Words, shaped
from mpcfl.share import Share

SCALE = 56
"""Fractional bits of a result in Z_2^64: 30 of the public sines, 26 of the shared factors."""
SCALES = {64: SCALE, 128: series128.SCALE}
TURN_BITS = {64: 9, 128: series128.TURN_BITS}
"""The period is 2^9 or 2^16 / `turns`, by the ring."""
COEFFICIENT_BITS = 28
A_TURN = 128 - precision.PERIOD_BITS
"""With so many fractional bits a turn of `precision` is the whole of Z_2^128."""


@dataclass(frozen=True)
class Series:
    """A function on its window.

    Parameters
    ----------
    turns : int
        The period is 512 / turns; in Z_2^128, 2^16 / turns.
    step : int
        1 for all multiples of the angle, 2 for the odd ones.
    sin, cos : tuple of int
        Coefficients times 2^28, 2^31 at most, or 2^56; one of them may be empty and stands for zeros.
    constant : int
        Times 2^56, or 2^116.
    half : bool
        Whether t / 2 is added.
    """

    turns: int
    step: int
    sin: tuple[int, ...]
    cos: tuple[int, ...]
    constant: int
    half: bool

    @property
    def terms(self) -> int:
        return max(len(self.sin), len(self.cos))


SERIES = {
    "fast_sigmoid": Series(
        turns=15,
        step=2,
        sin=(161738174, 35979218, 11010115, 3445436, 1089845, 337588, 121771),
        cos=(),
        constant=1 << SCALE - 1,
        half=False,
    ),
    "fast_softplus": Series(
        turns=14,
        step=2,
        sin=(),
        cos=(-948058576, -73752993, -14530638, -3499595, -933767, -252125, -85011),
        constant=329424195380906624,
        half=True,
    ),
    "sigmoid": Series(
        turns=8,
        step=2,
        sin=(
            168210073, 49581772, 23630779, 12335306, 6591196, 3549311, 1911717, 1033369, 555791, 301586, 161243,
            88357, 46496, 26122, 13213, 7875, 3632, 2463, 928, 813, 203, 282, 31, 108,
        ),
        cos=(),
        constant=36028797018963968,
        half=False,
    ),
    "softplus": Series(
        turns=8,
        step=2,
        sin=(),
        cos=(
            -1713322903, -168362002, -48130423, -17956236, -7454707, -3290481, -1494872, -704115, -331107,
            -163197, -77010, -40073, -18212, -10415, -4219, -2898, -898, -872, -153, -277, -13, -92,
        ),
        constant=576446480250894080,
        half=True,
    ),
    "erf": Series(
        turns=32,
        step=2,
        sin=(
            328856620, 80526339, 26073221, 7382852, 1672216, 292682, 38925, 3889, 296,
        ),
        cos=(),
        constant=72057594037927936,
        half=False,
    ),
    "gelu": Series(
        turns=24,
        step=2,
        sin=(),
        cos=(
            -603795568, -77699898, -24866766, -7423726, -1713498, -289852, -35243, -3064, -181,
        ),
        constant=192153564478686496,
        half=True,
    ),
    "gelu_tanh": Series(
        turns=20,
        step=2,
        sin=(),
        cos=(
            -716258980, -91022700, -32903413, -12825037, -4364230, -1230537, -288324, -61941, -11488, -2163,
            154, 3, 100,
        ),
        constant=230577613182551296,
        half=True,
    ),
    "silu": Series(
        turns=12,
        step=1,
        sin=(),
        cos=(
            -900649885, -287810948, 122563210, -253588533, 182188834, -210870248, 168802805, -165839968,
            136014304, -122555850, 99631471, -84500167, 67005676, -53990526, 41366484, -31733099, 23322967,
            -17002036, 11901575, -8204731, 5423225, -3507017, 2163216, -1295616, 732582, -398092, 200191,
            -95161, 40045, -15419, 4567, -1130,
        ),
        constant=343784570990163200,
        half=True,
    ),
    "arctan_exp2": Series(
        turns=6,
        step=2,
        sin=(
            264741356, 79329781, 39225011, 21747636, 12658902, 7593204, 4658250, 2909876, 1844990, 1184345,
            768164, 502573, 331250, 219706, 146524, 98178, 66062, 44611, 30228, 20539, 13995, 9556, 6542, 4485,
            3083, 2120, 1463, 1008, 698, 482, 335, 231, 162, 111, 78, 53, 74,
        ),
        cos=(),
        constant=56593902016227522,
        half=False,
    ),
    "hypot": Series(
        turns=10,
        step=2,
        sin=(),
        cos=(
            -1374748384, -138138504, -41110095, -16124107, -7090126, -3312496, -1603688, -797408, -402632,
            -207166, -106949, -56431, -29395, -15920, -8235, -4637, -2315, -1402, -638, -445, -165, -151, -37,
            -64,
        ),
        constant=461166514947430720,
        half=True,
    ),
    "arcsinh_exp": Series(
        turns=24,
        step=1,
        sin=(
            110769020, -7265699, 24476917, -5858357, 8154928, -2701202, 2513306, -611213, 317698, 310743,
            -382222, 502542, -433452, 380822, -281457, 205628, -132859, 83334, -46285, 24496, -11057, 4612,
            -1420, 373,
        ),
        cos=(
            -535160578, 363717, -30525878, -5688017, 1055234, -7020808, 5284629, -5840202, 4558566, -3950452,
            2949981, -2264740, 1583498, -1103739, 712022, -449967, 262817, -148161, 75943, -36871, 15576, -6027,
            1756, -428,
        ),
        constant=217949207066198528,
        half=True,
    ),
}  # fmt: skip
SERIES["tanh"] = Series(16, 2, tuple(2 * a for a in SERIES["sigmoid"].sin), (), 1 << SCALE, False)
"""tanh(x) + 1 = 2 sigmoid(2 x); erf has a 1 added as well. arctan_exp2(t) is arctan(2^t), arcsinh_exp(t) arcsinh(e^t),
hypot(t) log2(1 + 4^t) / 2."""
SERIES |= {
    "sin": Series(0, 1, (1 << 31,), (), 0, False),
    "cos": Series(0, 1, (), (1 << 31,), 0, False),
}
"""One wave, a turn its period, at 59 fractional bits; in Z_2^128 at 116."""


@functools.cache
def series_in(name: str, width: int) -> Series:
    """That of a function in a ring."""
    narrow = SERIES[name]
    if width == 64:
        return narrow
    if not narrow.turns:
        one = (1 << series128.FACTOR_BITS,)
        return Series(0, 1, one if narrow.sin else (), one if narrow.cos else (), 0, False)
    own = series128.coefficients(name)
    return Series(series128.FUNCTIONS[name].turns, 2, own.sin, own.cos, own.constant, narrow.half)


@functools.cache
def tables() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sines and cosines at h / 2^12 and l / 2^24 of a turn, times 2^30, correctly rounded."""

    def row(function: Any, turns: int) -> NDArray[np.int64]:
        with gmpy2.context(precision=120):
            step = 2 * gmpy2.const_pi() / turns
            return np.array([int(gmpy2.rint(function(step * i) * (1 << 30))) for i in range(1 << 12)], np.int64)

    coarse, fine = 1 << 12, 1 << 24
    return row(gmpy2.sin, coarse), row(gmpy2.cos, coarse), row(gmpy2.sin, fine), row(gmpy2.cos, fine)


def rotated(mask: Words, sin: Sequence[int], cos: Sequence[int], step: int) -> dict[str, Words]:
    """U and V, times 2^26, for coefficients A and B times 2^28 and the clear mask a, a turn's fraction."""
    terms = max(len(sin), len(cos))
    a, b = (np.array(row or (0,) * terms, np.int64) for row in (sin, cos))
    u, v = (empty((terms, mask.shape[0])) for _ in range(2))
    waves.rotated(np.ascontiguousarray(mask), step, *tables(), a, b, u, v)
    return {"u": u, "v": v}


def _evaluate_wide(d: Words, u: Words, v: Words, step: int, base: Words, factor: int = 0, constant: int = 0) -> Words:
    series = precision.evaluate(d, u, v, A_TURN, step)
    if factor:
        series = ring.add(series, ring.multiply(base, factor))
    return ring.add(series, constant)


@shaped(lambda d, *rest: d.shape, wider=_evaluate_wide)
def evaluate(d: Words, u: Words, v: Words, step: int, base: Words, factor: int = 0, constant: int = 0) -> Words:
    """constant + factor base + sum_k sin(m d) u_k + cos(m d) v_k at public d, a turn's fraction; scaled by 2^30, in
    Z_2^128 by 2^60."""
    out = empty(d.shape)
    d, base, modulus = np.ascontiguousarray(d), np.ascontiguousarray(base), ring.MODULUS
    waves.evaluate(d, step, *tables(), u, v, base, factor % modulus, constant % modulus, out)
    return out


def _width(group: str) -> int:
    return 128 if group == "wide" else 64


@dataclass(frozen=True)
class Waves(Correlation):
    """U_k and V_k of a series for r = -a, times 2^26; the mask is a turn's fraction. In Z_2^128 times 2^56."""

    family = "waves"
    mask: MaskView
    series: str

    def fields(self) -> tuple[Field, ...]:
        group = group_of(self.mask)
        shape = (series_in(self.series, _width(group)).terms, *self.mask.shape)
        return (Field("u", shape, group, determined=True), Field("v", shape, group, determined=True))

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        width = _width(group_of(self.mask))
        series = series_in(self.series, width)
        if width == 128:
            return precision.rotated(ring.negative(masks[0]), series.sin, series.cos, A_TURN, series.step, 0)
        return rotated(masks[0], series.sin, series.cos, series.step)


def multiple(ctx: Context, x: Share, factor: int) -> Generator[Effect, Any, tuple[Words, MaskView]]:
    """The public d and the name of a in factor x = d + a, opened unless that is done: once for all factors.

    A multiple of what a truncation left open is as open as that (upper), if that divides it.
    """
    truncated = x.truncated
    if truncated is None or factor % (1 << truncated.shift):
        (operand,) = yield from masked(ctx, x.scale(factor))
        return operand.d, operand.mask
    times = factor >> truncated.shift
    d = ring.multiply(truncated.d, times)
    return d if x.offset is None else ring.add(d, ring.multiply(x.offset, factor)), view.scale(truncated.mask, times)


def series_of(ctx: Context, t: Share, name: str, scale: int) -> Protocol:
    """Share of f(t) at 56 or 116 fractional bits, on a vector at `scale` fractional bits, 56 or 112 at most; opens t
    unless that is done."""
    series, width = series_in(name, ctx.width), ctx.width
    d, mask = yield from multiple(ctx, t, series.turns << width + 1 - TURN_BITS[width] - scale >> 1)
    dealt = yield Draw(Waves(mask, name))
    half = 1 << SCALES[width] - 1 - scale if series.half else 0
    return evaluate(d, dealt["u"], dealt["v"], series.step, t.words, half, ctx.first * series.constant)
