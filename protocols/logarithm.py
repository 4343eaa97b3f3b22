"""Logarithms to the bases e, 2 and 10. Dealer model.

Parties hold [x], x > 0 at f fractional bits (a word from 1 to 2^62 - 1), and want [log_b x].

    v, e of x                                                            6 rounds (leading)
    [L] = log_b(2) (log2(word of x) - f), at 56 fractional bits          1 round (normalisation)
    L / 2^(56 - f)                                                       1 round

The factor log_b(2) is in the coefficients of the series, so nothing is multiplied by it.

Error       absolute, below 2^-21.9 log_b(2) and one unit.
Realises    x to log_b x + error, the error a function of x, of a uniform public d and of a public rounding coin.
            Outside the range the result has no meaning. Simulator: that of its parts.
Reference   leading; normalisation.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import gmpy2

from mpcfl.effects import Protocol
from mpcfl.protocol import Context, Rule, rule
from mpcfl.protocols.leading import CORRELATIONS, MESSAGES, leading, leading_bits
from mpcfl.protocols.normalisation import SCALE, LogHarmonics, logarithm, logarithm_bits
from mpcfl.protocols.truncation import PRODUCT, TruncPair, trunc_pr
from mpcfl.ring import Shape
from mpcfl.share import Share


@functools.cache
def unit(base: str) -> int:
    """log_b(2) times 2^56, to the nearest integer; bases "e", "2" and "10"."""
    with gmpy2.context(precision=160):
        two = gmpy2.const_log2()
        return int(gmpy2.rint({"e": two, "2": two / two, "10": two / gmpy2.log(10)}[base] * (1 << SCALE)))


def log_bits(shapes: Sequence[Shape], parties: int) -> int:
    """Declared payload bits."""
    n = shapes[0][0]
    return leading_bits(n, parties) + logarithm_bits(n, parties) + (parties - 1) * 64 * n


def log_of(ctx: Context, x: Share, base: str) -> Protocol:
    """log_b x on a vector at the session's fraction."""
    top = yield from leading(ctx, x)
    words = yield from logarithm(ctx, top, unit(base), -ctx.fraction * unit(base))
    return (yield from trunc_pr(ctx, words, 1, SCALE - ctx.fraction))


def _rule(name: str, base: str) -> Rule:
    @rule(
        name,
        rounds=8,
        bits=log_bits,
        messages=[PRODUCT, *MESSAGES],
        correlations=[*CORRELATIONS, LogHarmonics, TruncPair],
    )
    def function(ctx: Context, x: Share) -> Protocol:
        return (yield from log_of(ctx, x, base))

    return function


log = _rule("log", "e")
log2 = _rule("log2", "2")
log10 = _rule("log10", "10")
