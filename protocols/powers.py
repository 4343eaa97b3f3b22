"""Powers of two with a secret exponent in Z_2^64. Dealer model.

Parties hold [E], an exponent with s fractional bits, 24 <= s <= 57, and want 2^E rounded to an integer, for
lowest <= E <= highest, a public range of fewer than 128 (s = 57) or 256 (s = 56) whole numbers.

Powers turn differences into products, so no carry from the fraction is needed: for E = d - r, with T = whole(d) + 1,
R = whole(r), h = 2^-frac(r),

    2^E = 2^(T - R - 1) 2^frac(d) h.

T - R in a window W is 16 k + p. Zones k = 0 to 3 hold the powers that are no fraction and below 2^63; elsewhere 2^E is
less than a half, and 0. The place p is t - (R mod 16) + 16 w, with t = T mod 16 and w = [t < R mod 16]:

    2^(15 + p) = 2^t 2^(15 - R mod 16) (1 + w (2^16 - 1)),

an integer times 2^15 whatever h is, so that a truncation by 15 bits is exact. Both factors have 23 bits: 2^p 2^frac(d)
h is an integer below 2^62 times 2^-46, and one opening of it serves all zones.

    offline    r = -a for the operand's mask a;  <s>, the W bits s_j = [R <= j];  [H], [beta_w H] with
               H = h 2^(15 - R mod 16);  bits beta_w and beta_k of each zone;  words r_1, r_2, of both what a truncation
               needs (truncation): by 15, and for each zone k by its shift 47 - 16 k;  their products with beta_k
    online     d = open([E] - [a])                                                                   1 round
    local      <w> and <k holds>, parities of s at public places
    online     open(<w> xor <beta_w>)                                                                1 round
    local      [2^15 Q] = 2^t ([H] + (2^16 - 1) [w H])
    online     open([2^15 Q] + 2^62 + [r_1])                                                         1 round
    local      [P] = 2^frac(d) [Q], Q being exact
    online     open([P] + 2^62 + [r_2]) beside open(<k holds> xor <beta_k>)                          1 round
    local      [2^E] = sum of [k holds] [P / 2^(47 - 16 k)], linear in what is dealt

Before the last opening a caller may exchange the bits of the zones for others in two rounds (`kept`): with none that
holds the result is 0, at no cost.

Error       relative 2^-21.9 (2^-23 and 2^-24 of rounded factors, 2^-24.5 of exponents cut to 24 bits), and one unit.
Realises    E to 2^E + error, the error a function of E, of the uniform public d and of public rounding coins.
            Simulator: all openings uniform: a, r_1, r_2 and the betas are fresh; what is dealt depends on them alone
            and is shared uniformly.
Reference   One-time tables: Ishai et al., TCC 2013; exponentials of a masked argument by a dealt e^-r: Wagh et al.,
            PoPETs 2019 (SecureNN) and Kelkar et al., USENIX Security 2022, there with a carry.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import gmpy2
import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.buffers import empty
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Open, Protocol
from mpcfl.kernels import powers
from mpcfl.message import Message
from mpcfl.protocol import Context, together
from mpcfl.protocols.beaver import Mask, masked
from mpcfl.protocols.conversion import BIT
from mpcfl.protocols.truncation import PRODUCT
from mpcfl.ring import Words, shaped
from mpcfl.share import Share

ZONE = 16
"""Whole exponents of a zone."""
MANTISSA = 46
"""Fractional bits of the product of both factors."""
LOWEST = -1
"""2^D below is less than half a unit."""


@functools.cache
def tables(sign: int) -> tuple[Words, Words]:
    """2^(sign i / 2^12) and 2^(sign i / 2^24) for i < 4096, times 2^31, correctly rounded."""

    def row(parts: int) -> Words:
        with gmpy2.context(precision=120):
            return np.array(
                [int(gmpy2.rint(gmpy2.exp2(gmpy2.mpfr(sign * i) / parts) * (1 << 31))) for i in range(1 << 12)],
                np.uint64,
            )

    return row(1 << 12), row(1 << 24)


@dataclass(frozen=True)
class Range:
    """The whole exponents D = T - R - 1 that can occur: `lowest` to `highest`, and zones that hold the latter.

    The zones are the same for every fraction of a session, as what a protocol sends is.
    """

    lowest: int
    highest: int
    zones: int = 4

    @property
    def window(self) -> int:
        """The smallest power of two, 64 or more, that tells the exponents apart from those of the zones."""
        below = max(LOWEST - self.lowest, 0)
        return max(64, 1 << (ZONE * self.zones + below - 1).bit_length())


def shifts(zones: int) -> NDArray[np.int64]:
    """How far each zone moves the mantissa to the right."""
    return MANTISSA - LOWEST - ZONE * np.arange(zones, dtype=np.int64)


@dataclass(frozen=True)
class Powers(Correlation):
    """What `mpcfl.kernels.powers.deal` gives for r = -a, with the uniform bits and words that it is made of."""

    family = "powers"
    mask: MaskView
    scale: int
    window: int
    zones: int

    def fields(self) -> tuple[Field, ...]:
        (n,) = self.mask.shape
        return (
            Field("bits", (1 + self.zones, ring.packed(n)), group="bits"),
            Field("words", (2, n)),
            Field("steps", (self.window // 64, n), group="bits", determined=True),
            Field("base", (2, n), determined=True),
            Field("exact", (2, n), determined=True),
            Field("zones", (powers.rows(shifts(self.zones)), n), determined=True),
        )

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        made = {field.name: empty(field.shape) for field in self.tensors if field.determined}
        a = np.ascontiguousarray(masks[0])
        own = shifts(self.zones)
        powers.deal(a, self.scale, *tables(-1), uniform["bits"], uniform["words"], own, *made.values())
        return made


@shaped(lambda d, scale, steps, zones, first: (1 + zones, ring.packed(d.shape[0])))
def look_up(d: Words, scale: int, steps: Words, zones: int, first: int) -> Words:
    """Planes of <w> and of <k holds> for each zone."""
    out = empty((1 + zones, ring.packed(d.shape[0])))
    powers.look_up(np.ascontiguousarray(d), scale, steps, first, out)
    return out


@shaped(lambda d, *rest: d.shape)
def move(d: Words, scale: int, wraps: Words, base: Words, mask: Words, first: int) -> Words:
    """2^15 Q under its mask."""
    out = empty(d.shape)
    powers.move(np.ascontiguousarray(d), scale, wraps, base, mask, first, out)
    return out


@shaped(lambda opened, *rest: opened.shape)
def scale_up(opened: Words, exact: Words, d: Words, scale: int, mask: Words, first: int) -> Words:
    """P under its mask."""
    out = empty(d.shape)
    powers.scale_up(opened, exact, np.ascontiguousarray(d), scale, *tables(1), mask, first, out)
    return out


@shaped(lambda opened, *rest: opened.shape)
def choose(opened: Words, bits: Words, zones: Words, mask: Words, first: int) -> Words:
    """Share of the power."""
    out = empty(opened.shape)
    powers.choose(opened, bits, zones, mask, shifts(bits.shape[0]), first, out)
    return out


Kept = Callable[[Words], Protocol]
"""From the planes of the zones those that take their place: two rounds."""


def power_of_two(ctx: Context, exponent: Share, scale: int, span: Range, kept: Kept | None = None) -> Protocol:
    """2^E on a vector, rounded to an integer: four rounds, the first of which opens the exponent."""
    (operand,) = yield from masked(ctx, exponent)
    d = operand.d
    dealt = yield Draw(Powers(operand.mask, scale, span.window, span.zones))
    bits, words = dealt["bits"], dealt["words"]
    planes = look_up(d, scale, dealt["steps"], span.zones, ctx.first)
    first, second = ring.take(words, 0), ring.take(words, 1)

    def mantissa() -> Protocol:
        wraps = yield Open(BIT, ring.take(planes, 0) ^ ring.take(bits, 0))
        moved = yield Open(PRODUCT, move(d, scale, wraps, dealt["base"], first, ctx.first))
        return scale_up(moved, dealt["exact"], d, scale, second, ctx.first)

    zones = ring.take(planes, slice(1, None))
    payload, *others = yield from together(mantissa(), *([kept(zones)] if kept else []))
    held = (others[0] if others else zones) ^ ring.take(bits, slice(1, None))
    opened, holds = yield from together(_open(PRODUCT, payload), _open(BIT, held))
    return choose(opened, holds, dealt["zones"], second, ctx.first)


def _open(message: Message, payload: Words) -> Protocol:
    return (yield Open(message, payload))


def power_bits(n: int, parties: int, zones: int = 4) -> int:
    """Payload bits of `power_of_two`: the exponent, two words, and a bit for w and each zone."""
    return (parties - 1) * 64 * (3 * n + ring.packed(n) * (1 + zones))


MESSAGES = (PRODUCT, BIT)
CORRELATIONS = (Mask, Powers)
