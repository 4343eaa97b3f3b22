"""A secret at the highest bit: its magnitude times a power of four that moves it there, in six rounds. Dealer model.

Parties hold [x], |x| < 2^62, and want v = |x| F with F = 3 4^q, q from 0 to 30, such that v is in [3 2^59, 3 2^62], and
the level e = 62 - 2 q, log2 |x| = e + log2(v / (3 2^62)).

Of the tests Z_1, Z_3, ..., Z_59 whether |x| is small (nearness) q is the number of those that hold: the highest ones,
so |x| is in [2^(59 - 2 q), 2^(62 - 2 q)], where 2^59 to 2^62 is q = 0; q for x = 0 is 30. A bit of q is the exclusive
or of some Z_j, since they hold from one j on.

    online     d = open([x] - [a])                                            1 round, none if x was opened before
    online     <Z_j> (nearness)                                               3 rounds
    local      <q>, 5 bits, and with `signed` <[x < 0]>, found beside the tests (comparison)
    offline    uniform bits beta_b; products of the first three, and of the others;  masks f_1, f_2;  [f_1 f_2],
               [f_1 a], [f_2 a], [f_1 f_2 a]
    online     t = open(<q_b> xor <beta_b>)                                   1 round
    local      [F_1] = 3 4^(q mod 8), [F_2] = (1 - 2 [x < 0]) 4^(q - q mod 8): a bit is t + (1 - 2t) beta, so both are
               linear in the products of betas;  [e]
    online     e_1 = open([F_1] - [f_1]), e_2 = open([F_2] - [f_2])           1 round
    local      [v] = (d + a)(e_1 + f_1)(e_2 + f_2), linear in the products dealt

Realises    v, e exactly, and [x < 0], [x = 0] where asked for; q and the Z_j are functions of x and of the uniform
            public d, and are not opened. Simulator: all openings uniform: a, f_1, f_2 and the bits are fresh. The
            products depend on them alone and are shared with uniform shares.
Reference   Normalisation: Catrina and Saxena, FC 2010. Products of several operands from masked ones: Damgard et al.,
            TCC 2006, and Patra et al. (ABY2.0), USENIX Security 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mpcfl import ring
from mpcfl.buffers import empty
from mpcfl.correlation import Correlation, Dealt, Field, MaskView
from mpcfl.effects import Draw, Open, Protocol
from mpcfl.kernels import leading as kernel
from mpcfl.protocol import Context, together
from mpcfl.protocols.beaver import OPERAND, Mask, masked
from mpcfl.protocols.comparison import (
    MERGE,
    MERGE_BOTH,
    MERGE_LESS,
    BitProducts,
    Digits,
    sign_plane,
)
from mpcfl.protocols.conversion import BIT, DaBit, b2a
from mpcfl.protocols.nearness import TESTS, DigitProducts, small, small_planes
from mpcfl.ring import Words
from mpcfl.share import Bit, Share

LARGEST = 30
"""q of the smallest numbers: how many tests count."""
Q_BITS = 5
LEVEL_AT_ZERO = 62 - 2 * LARGEST
"""e for x = 0."""
MESSAGES = (OPERAND, MERGE, BIT)


@dataclass(frozen=True)
class Factors(Correlation):
    """What `mpcfl.kernels.leading.deal` gives: bits of an exponent (and a sign, if `signed`), their products, and those
    of the masks of two factors and of x."""

    family = "factors"
    mask: MaskView
    signed: bool

    def fields(self) -> tuple[Field, ...]:
        (n,) = self.mask.shape
        sign = (Field("sign", (ring.packed(n),), group="bits"),) if self.signed else ()
        return (
            Field("bits", (Q_BITS, ring.packed(n)), group="bits"),
            *sign,
            Field("words", (2, n)),
            Field("low", (7, n), determined=True),
            Field("high", (7 if self.signed else 3, n), determined=True),
            Field("products", (4, n), determined=True),
        )

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        made = {field.name: empty(field.shape) for field in self.tensors if field.determined}
        kernel.deal(np.ascontiguousarray(masks[0]), all_bits(uniform, self.signed), uniform["words"], *made.values())
        return made


def all_bits(dealt: Mapping[str, Words] | Dealt, signed: bool) -> Words:
    """The planes of an exponent, and that of a sign."""
    bits = dealt["bits"]
    if not signed:
        return bits
    sign = dealt["sign"]
    return ring.concatenate([bits, sign.reshape((1, sign.shape[0]))], axis=0)


@ring.shaped(lambda opened, low, high, words, first: (3, *low.shape[1:]))
def factors(opened: Words, low: Words, high: Words, words: Words, first: int) -> Words:
    """Two factors under their masks, and the level."""
    out = empty((3, low.shape[1]))
    kernel.factors(opened, low, high, words, first, out[:2], out[2])
    return out


@ring.shaped(lambda d, *rest: d.shape)
def product(d: Words, mask: Words, opened: Words, words: Words, products: Words, first: int) -> Words:
    """Share of x times both factors."""
    out = empty(d.shape)
    contiguous = np.ascontiguousarray
    kernel.product(contiguous(d), contiguous(mask), opened, words, products, first, out)
    return out


@dataclass(frozen=True)
class Leading:
    """The normalised secret.

    Parameters
    ----------
    value : Share
        v, unsigned, from 3 2^59 to 3 2^62; 0 for x = 0.
    level : Words
        Share of e: log2 |x| = e + log2(v / (3 2^62)).
    negative, zero : Bit or None
        [x < 0], [x = 0], where asked for.
    planes : Words
        <Z_j> in ascending order of j, 31 planes, and one more for <x = 0> where asked for: to be converted.
    """

    value: Share
    level: Words
    negative: Bit | None
    zero: Bit | None
    planes: Words


def leading(ctx: Context, x: Share, signed: bool = False, zero: bool = False) -> Protocol:
    """`Leading` of a vector, |x| < 2^62: six rounds. Without `signed` x is not negative."""
    n = x.shape[0]
    (operand,) = yield from masked(ctx, x)
    d = operand.d
    digits = yield Draw(Digits(operand.mask, True))
    tests, *signs = yield from together(
        small(ctx, d, digits["tables"], zero),
        *([sign_plane(ctx, d, digits["tables"], digits["top"])] if signed else []),
    )
    # q is m or more exactly if Z_(2 t + 1) holds for t = 30 - m: bit b counts those of m = 2^b, 2 2^b, ...
    steps = [1 << bit for bit in range(Q_BITS)]
    planes = [ring.exclusive_total(tests, slice(LARGEST - step, None, -step)) for step in steps]
    planes += [sign.reshape((1, sign.shape[0])) for sign in signs]
    dealt = yield Draw(Factors(operand.mask, signed))
    opened, *at_zero = yield from together(
        _opened(ring.concatenate(planes, axis=0) ^ all_bits(dealt, signed)),
        *([b2a(ctx, ring.take(tests, TESTS), n)] if zero else []),
    )
    low, high, words = dealt["low"], dealt["high"], dealt["words"]
    found = factors(opened, low, high, words, ctx.first)
    differences = yield Open(OPERAND, ring.take(found, slice(0, 2)))
    value = product(d, operand.a, differences, words, dealt["products"], ctx.first)
    negative = None
    if signed:
        sign, beta = ring.unpack(ring.take(opened, Q_BITS), n), ring.take(high, 3)
        share = ring.add(beta, ring.multiply(sign, ring.subtract(ctx.first, ring.multiply(beta, 2))))
        negative = Bit(share, sign, beta, dealt.leaf("sign", bits=n))
    return Leading(Share(value), ring.take(found, 2), negative, at_zero[0] if zero else None, tests)


def _opened(planes: Words) -> Protocol:
    return (yield Open(BIT, planes))


def leading_bits(n: int, parties: int, signed: bool = False, zero: bool = False) -> int:
    """Payload bits of `leading` on a fresh operand."""
    planes = small_planes(zero) + Q_BITS + int(zero)
    if signed:
        planes += 4 * MERGE_BOTH.variables + MERGE_LESS.variables + 1
    return (parties - 1) * 64 * (3 * n + ring.packed(n) * planes)


CORRELATIONS = (Mask, Digits, DigitProducts, BitProducts, DaBit, Factors)
