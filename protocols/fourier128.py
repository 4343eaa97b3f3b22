"""Sigmoid and softplus in Z_2^128, in four rounds: a trigonometric series inside a window, straight lines outside it.

Parties hold [x] and want [f(x)] for every representable x, |x| < 2^(126 - f). Inside |x| < 9

    sigmoid(x)  = 1/2 + sum_k A_k sin(k w x)          softplus(x) = x/2 + B_0 + sum_k B_k cos(k w x)        w = 2 pi /
    32

up to 2e-4 and 6e-5; outside, 0 below and 1 (sigmoid) or x (softplus) above, up to 1.3e-4 = sigmoid(-9).

    offline    r = -a for the operand's mask a;  [U_k] with U_k = A_k cos(k w r) + B_k sin(k w r)
               and [V_k] with V_k = B_k cos(k w r) - A_k sin(k w r);  digit tables of r, two daBits, a truncation pair
    online     d = open([x] - [a])                                         1 round, none if x was opened before
    local      [S] = sum_k sin(k w d) [U_k] + cos(k w d) [V_k], since x = d - r and the period divides the ring
    online     c = open([S] + 2^126 + [rho']) beside the merges of [x < 9] and [x < -9], both from one table
                                                                           2 rounds
               inside = [x < 9] xor [x < -9] and high = 1 - [x < 9], converted
                                                                           1 round
    local      [f(x)] = inside [trunc(S)] + high [line(x)]: both products are dealt (upper, beaver)

The public sines come from integer tables, so all parties multiply by the same bits on every CPU.

Realises    x to f(x) + error, the error a function of x and of the public rounding coin of one truncation. Simulator:
            all openings uniform (see beaver, comparison, conversion, truncation); U and V depend on a alone and are
            shared uniformly.
Reference   Sines of a masked angle with a dealer: Zheng et al., ACSAC 2023 (Secure softmax/sigmoid). Fourier extension
            of functions that are not periodic: Boyd, J. Comput. Phys. 178 (2002). Coefficients: minimax on [0, 9],
            rounded to 2^-28.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, rule, together
from mpcfl.protocols import precision
from mpcfl.protocols.beaver import Mask, Triple, mux
from mpcfl.protocols.comparison import CORRELATIONS, MESSAGES
from mpcfl.protocols.series import A_TURN, multiple
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.protocols.upper import TruncMux
from mpcfl.protocols.windows import series_bits, sides
from mpcfl.ring import Words
from mpcfl.share import Share

SCALE = precision.PRECISIONS[128].scale
"""Fractional bits of S."""
WINDOW = 9
COEFFICIENT_BITS = 28


@dataclass(frozen=True)
class Series:
    """f(x) = linear x + constant + sum of sin[k] sin(k w x) + cos[k] cos(k w x) inside, 0 below, `high` above.

    Parameters
    ----------
    sin, cos : tuple of int
        Coefficients for k = 1, 2, ... times 2^28.
    constant : int
        Times 2^28.
    half : bool
        Whether x / 2 is added.
    identity : bool
        Whether the line above the window is x; else it is 1.
    """

    sin: tuple[int, ...]
    cos: tuple[int, ...]
    constant: int
    half: bool
    identity: bool


_ZERO = (0,) * 10
SERIES = {
    "sigmoid": Series(
        sin=(
            33592332, 224771755, -239516053, 268435456, -211563718, 153923910, -86352701, 41559526, -13719951, 3240874,
        ),
        cos=_ZERO,
        constant=1 << 27,
        half=False,
        identity=False,
    ),
    "softplus": Series(
        sin=_ZERO,
        cos=(
            409609371, -1073741824, 796964067, -613457436, 382247682, -219096057, 102100542, -40307428, 11265724,
            -2136052,
        ),
        constant=432631700,
        half=True,
        identity=True,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Harmonics(Correlation):
    """U_k and V_k of a series for r = -a, times 2^52; the mask is a fraction of a turn."""

    family = "harmonics"
    mask: MaskView
    series: str

    def fields(self) -> tuple[Field, ...]:
        shape = (len(SERIES[self.series].sin), *self.mask.shape)
        return (Field("u", shape, "wide", determined=True), Field("v", shape, "wide", determined=True))

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        series = SERIES[self.series]
        more = precision.COEFFICIENT_BITS - COEFFICIENT_BITS
        sines, cosines = ([c << more for c in row] for row in (series.sin, series.cos))
        return precision.rotated(ring.negative(masks[0]), sines, cosines, A_TURN)


def evaluate_series(ctx: Context, x: Share, name: str) -> Protocol:
    """f(x) on a vector, at the fraction of `x`."""
    series, one = SERIES[name], 1 << ctx.fraction
    shift = SCALE - ctx.fraction
    d, mask = yield from multiple(ctx, x, 1 << A_TURN - ctx.fraction)
    waves = yield Draw(Harmonics(mask, name))
    constant = ctx.first * series.constant << SCALE - COEFFICIENT_BITS
    s = ring.add(precision.evaluate(d, waves["u"], waves["v"], A_TURN), constant)
    if series.half:
        s = ring.add(s, ring.multiply(x.words, 1 << (shift - 1)))
    word, (inside, high) = yield from together(trunc_pr(ctx, s, 1, shift), sides(ctx, x, WINDOW * one))
    result = yield from mux(ctx, inside, word)
    if series.identity:
        return ring.add(result, (yield from mux(ctx, high, x)))
    return ring.add(result, ring.multiply(high.words, one))


def _series_rule(name: str) -> Any:
    @rule(
        name,
        rounds=4,
        bits=functools.partial(series_bits, width=128),
        messages=[PRODUCT, *MESSAGES],
        correlations=[*CORRELATIONS, Mask, Triple, TruncPair, TruncMux, Harmonics],
    )
    def series(ctx: Context, x: Share) -> Protocol:
        return (yield from evaluate_series(ctx, x, name))

    return series


sigmoid = _series_rule("sigmoid")
softplus = _series_rule("softplus")
