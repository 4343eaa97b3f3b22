"""What a truncation opened serves what follows it: n parties, semi-honest, input-independent dealer.

A truncation (truncation) opens c = x + 2^62 + r and makes y = x / 2^m. What takes y next finds it open, in two forms
that belong to the same r:

    2^m y = d - r_m      mod 2^64,  r_m = r less its lowest m bits,  d = c less its lowest m bits - 2^62
    y     = P - rho + s mu 2^(63-m),   P = floor(c / 2^m) - 2^(62-m),  s = 1 - 2 msb(c),
                                       rho = floor((r mod 2^63) / 2^m),  mu = msb(r)

    sign, zero      |y| <= 2^(62-m), so 2^m y is in the ring's range and has the sign of y: comparison, by tables of
                    the upper digits of r alone
    public k        2^m (y - k) = d - 2^m k - r_m where |k| < 2^(62-m); the answer for any other k is public
    waves of y      a public multiple of y that is one of 2^m y (series)
    b y             b = t + (1 - 2t) beta a bit of conversion:  [b y] = t [y] + (1 - 2t) (P [beta] + [beta (y - P)]),
                    where  beta (y - P) = -[beta rho] + s 2^(63-m) [beta mu]  is dealt

Nothing is opened for them. Slices, reshapes, transposes, concatenations, sums with public numbers and a change of sign
keep both forms; other factors and sums of secrets keep none. In Z_2^128 all stands with 64 bits more.

Correct     c = x + 2^62 + r; the upper 64 - m bits of both sides give y + 2^62 / 2^m = floor(c / 2^m) - floor(r / 2^m)
            modulo 2^(64-m), the carry out of the lower bits being the coin of y. Times 2^m that is the first form.
Realises    what it is used in, with fewer openings: no word is opened. Simulator: that of the truncation gives c
            uniform, and c is all that is public of r. Tables and products depend on r and beta alone and are shared
            with uniform shares, independently of each other. No second value is ever opened under r: a product that
            needs y in the whole ring opens it under a mask of its own (beaver).
Reference   truncation; one-time tables on a masked value: comparison; masked values that live on: Patra et al.
            (ABY2.0), USENIX Security 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView, group_of
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context
from mpcfl.ring import Words
from mpcfl.share import Bit, Share, Truncated


@dataclass(frozen=True)
class TruncMux(Correlation):
    """[beta rho] and [beta mu] of a truncation whose r has a name."""

    family = "trunc_mux"
    beta: MaskView
    r: MaskView
    shift: int

    def fields(self) -> tuple[Field, ...]:
        shape, group = self.r.shape, group_of(self.r)
        return (Field("rho", shape, group, determined=True), Field("mu", shape, group, determined=True))

    def masks(self) -> tuple[MaskView, ...]:
        return (self.beta, self.r)

    def elementwise(self) -> tuple[str, ...]:
        return ("beta", "r")

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        beta, r = masks
        rho = ring.scale_floor(r, 1, self.shift)
        return {"rho": ring.multiply(beta, rho), "mu": ring.multiply(beta, ring.top_words(r))}


def chosen(ctx: Context, bit: Bit, value: Share, truncated: Truncated) -> Protocol:
    """Share of b v for a vector v that is a truncated one and a public offset: no round."""
    dealt = yield Draw(TruncMux(bit.mask, truncated.r, truncated.shift))
    public = truncated.public if value.offset is None else ring.add(truncated.public, value.offset)
    hidden = ring.subtract(value.words, public) if ctx.first else value.words
    product = ring.truncate(truncated.c, dealt["rho"], dealt["mu"], 1, truncated.shift, 0)
    if truncated.sign == -1:
        product = ring.negative(product)
    return ring.select(bit.t, bit.beta, public, hidden, product, ctx.first)
