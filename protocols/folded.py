"""Matrix products by one local product at each party over Z_2^k: two or three parties, semi-honest, input-independent
dealer.

Parties hold [x] and [y] and want [g x o y], o a matrix product, g = 1 for an odd number n of parties and 2 for an even
one. Signs s_i of -1 and 1 add up to g.

    offline    [a], [b] uniform;   [c],  c = g a o b - g^2 sum of s_i a_i o b_i
    online     d = open([x] - [a]),  e = open([y] - [b])              1 round, less what was opened before
    local      [z]_i = s_i (d + g s_i a_i) o (e + g s_i b_i) + [c]_i

Correct     The n products add up to  sum s_i d o e + g (d o b + a o e) + g^2 sum of s_i a_i o b_i, hence with c to
            g (d o e + d o b + a o e + a o b).
Factor      g = 1 cannot be had for two parties: to give d o b + a o e each product needs odd factors of d and of e, and
            two odd numbers do not add up to one. So x o y is known modulo 2^(k-1), and a truncation takes the factor
            with it: the product must stay below 2^(k-3), one bit less than its own range, and then nothing is lost.
            Whole numbers are multiplied by two products and a triple (beaver), over the whole ring. To keep the bit
            one would halve d less its lowest bits d0 (public), fold y alone, and add d0 o [y]: a second product, of a
            matrix of bits.
Dealer      With p the last party, alpha_i = a_i - s_i s_p a_p and beta_i likewise, c is the sum over all other parties
            of g alpha_i o (sum of beta_j (1 - g s_i [i = j])): n - 1 products. For two parties it is one,
            c = -2 (a_0 - a_1) o (b_0 - b_1). From four parties on it would be more than a party makes, and two products
            and a triple serve.
Reuse       d + g s_i a_i belongs to its operand as d and a do: it is made once, and its slices, gathers and transposes
            serve later products. A product with a matrix that was opened before reads one matrix, not two.
Realises    [g x o y] against any n - 1 semi-honest parties; dealer apart. Simulator: d, e uniform, since a, b are
            uniform, unknown to the n - 1 and used for this operand alone; c is a function of the shares of masks and is
            shared with uniform shares, so those of any n - 1 parties are uniform whatever else was dealt from the same
            masks; output share from the ideal call.
Reference   Beaver, CRYPTO 1991; matrix form in Mohassel and Zhang, IEEE S&P 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView, group_of
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, rule
from mpcfl.protocols import beaver, onesided
from mpcfl.protocols.beaver import OPERAND, Mask, Triple, opened, operand_bits
from mpcfl.protocols.onesided import OneSided
from mpcfl.ring import Words
from mpcfl.share import Base, Share

MOST = 64
FEW = 3
"""Parties up to which the dealer's products are fewer than the parties' own."""


def signs(parties: int) -> tuple[int, ...]:
    """s_i: alternating, after a first one that makes the sum right."""
    even = 1 - parties % 2
    return (1,) * even + tuple((-1) ** i for i in range(parties - even))


@dataclass(frozen=True)
class Folded(Correlation):
    """c = g a o b - g^2 sum of s_i a_i o b_i for masks that have names and are shared by so many parties."""

    family = "folded"
    left: MaskView
    right: MaskView
    parties: int

    def __post_init__(self) -> None:
        if not 2 <= self.parties <= MOST:
            raise ValueError(f"a folded product is one of 2 to {MOST} parties")

    def fields(self) -> tuple[Field, ...]:
        shape = ring.matmul_shape(self.left.shape, self.right.shape)
        return (Field("c", shape, group_of(self.left, self.right), determined=True),)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.left, self.right)

    def combinations(self) -> tuple[tuple[int, ...], ...]:
        *others, last = signs(self.parties)
        unit = [[int(i == j) for j in range(self.parties - 1)] for i in range(self.parties - 1)]
        return tuple((*row, -sign * last) for row, sign in zip(unit, others, strict=True))

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        others = signs(self.parties)[:-1]
        g = sum(signs(self.parties))
        alpha, beta = masks[: len(others)], masks[len(others) :]
        total = None
        for i, sign in enumerate(others):
            right = None
            for j, one in enumerate(beta):
                factor = g * (1 - g * sign * (i == j))
                if factor:
                    term = one if factor == 1 else ring.multiply(one, factor)
                    right = term if right is None else ring.add(right, term)
            if right is not None:
                total = ring.matmul(alpha[i], right) if total is None else ring.plus_matmul(total, alpha[i], right)
        assert total is not None
        return {"c": total}


def one_product(ctx: Context, x: Share, y: Share) -> Protocol:
    """[g x @ y]."""
    yield from opened(ctx, x, y)
    c = (yield Draw(Folded(x.mask, y.mask, ctx.parties)))["c"]
    sign = signs(ctx.parties)[ctx.rank]
    left, right = _folded(ctx, x), _folded(ctx, y)
    if sign == 1:
        return ring.plus_matmul(c, left, right)
    return ring.subtract(c, ring.matmul(left, right))


def _folded(ctx: Context, operand: Share) -> Words:
    """d + g s_i a_i of an operand that was opened."""
    own = signs(ctx.parties)
    factor = sum(own) * own[ctx.rank]

    def part(base: Base) -> Words:
        masked = base.masked
        assert masked is not None
        if base.folded is None:  # of another party's own operand this party's share of the mask is zero
            unmasked = base.owner not in (None, ctx.rank)
            base.folded = masked.d if unmasked else ring.plus_multiple(masked.d, masked.a, factor)
        return base.folded

    words = operand.origin.apply(part, "folded")
    return words if operand.offset is None else ring.add(words, operand.offset)


@rule("matmul", rounds=1, bits=operand_bits, messages=[OPERAND], correlations=[Mask, Triple, Folded, OneSided])
def matmul(ctx: Context, x: Share, y: Share) -> Protocol:
    """Matrix product in the ring, with NumPy's rules for vectors and stacks."""
    known = onesided.blocks(x)
    if known is not None and len(y.shape) <= 2:
        yield from opened(ctx, x, y)
        return (yield from onesided.product(ctx, known, y))
    if ctx.parties % 2 and ctx.parties <= FEW:
        return (yield from one_product(ctx, x, y))
    return (yield from beaver.matmul(ctx, x, y))


@rule("double_matmul", rounds=1, bits=operand_bits, messages=[OPERAND], correlations=[Mask, Triple, Folded, OneSided])
def double_matmul(ctx: Context, x: Share, y: Share) -> Protocol:
    """Twice the matrix product, for a truncation that takes the factor with it."""
    if ctx.parties == 2:
        return (yield from one_product(ctx, x, y))
    return ring.multiply((yield from matmul(ctx, x, y)), 2)
