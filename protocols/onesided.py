"""Matrix products with an operand that one party knows: n parties, semi-honest, input-independent dealer.

Rank o holds x in the clear, all parties hold [y], and they want [x o y], o a matrix product.

    offline    a known to o, [b] uniform;   [c],  c = a o (b less the share of b at o)
    online     o tells d = x - a;   e = open([y] - [b])               1 round, less what was opened before
    local      at o x o (e + b_o) + c_o;  elsewhere d o b_i + c_i

Correct     The sum is  x o (e + b_o) + (d + a) o (b - b_o) = x o (e + b) = x o y, over the whole ring.
Blocks      An operand of several owners, side by side or one below the other, is the sum or the stack of the products
            of its blocks, in the round of one.
Work        One product at each party, one at the dealer. At the owner the matrix stands in the clear: where it is one
            of zeros and few ones, a sum of rows (kernels.onehot). How many ones the fullest row has may then show in
            the owner's time, and nothing else of them.
Memory      d is held where it is multiplied by, at the other parties. The owner of few ones holds their places alone:
            it makes a and d, which it tells in pieces, anew from its seed and from them (beaver). The dealer makes a
            block by block as it multiplies (rows), and never holds it either.
Realises    [x o y] against any n - 1 semi-honest parties; dealer apart. Simulator: d, e uniform, since a is uniform and
            known to o alone, and of b at least one share is unknown to the n - 1; c is shared with uniform shares, so
            those of any n - 1 parties are uniform whatever else was dealt from the same masks; output share from the
            ideal call.
Reference   Beaver, CRYPTO 1991, with one operand at one party, as in Mohassel and Zhang, IEEE S&P 2017.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpcfl import ring, rows, view
from mpcfl.correlation import Correlation, Field, MaskView, Signs, group_of
from mpcfl.effects import Draw, Protocol
from mpcfl.kernels import onehot
from mpcfl.protocol import Context
from mpcfl.protocols import beaver
from mpcfl.ring import Words
from mpcfl.share import Base, Share
from mpcfl.view import View


@dataclass(frozen=True)
class OneSided(Correlation):
    """c = a o (b less its owner's share), for masks that have names, a that of a private operand."""

    family = "one_sided"
    left: MaskView
    right: MaskView
    owner: int
    parties: int

    def __post_init__(self) -> None:
        if not 0 <= self.owner < self.parties:
            raise ValueError("the owner of a private operand is one of the parties")

    def fields(self) -> tuple[Field, ...]:
        shape = ring.matmul_shape(self.left.shape, self.right.shape)
        return (Field("c", shape, group_of(self.left, self.right), determined=True),)

    def masks(self) -> tuple[MaskView, ...]:
        return (self.left, self.right)

    def forms(self) -> tuple[tuple[MaskView, Signs], ...]:
        others = tuple(int(rank != self.owner) for rank in range(self.parties))
        return ((self.left, None), (self.right, others))

    def by_rows(self) -> tuple[MaskView, ...]:
        return (self.left,)

    def joint(self) -> MaskView | None:
        return self.left

    @staticmethod
    def sample_jointly(a: Any, factors: Sequence[Words]) -> list[Mapping[str, Words]]:
        return [{"c": product} for product in rows.products(a, factors)]

    def sample(self, uniform: Mapping[str, Words], *masks: Any) -> Mapping[str, Words]:
        return self.sample_jointly(masks[0], masks[1:])[0]


Blocks = tuple[int, list[View[Base]]]
"""Along which axis blocks follow one another, and these."""


def blocks(x: Share) -> Blocks | None:
    """The blocks of a matrix of which some party knows one in full; None where there is none."""
    if x.offset is not None or len(x.shape) != 2:
        return None
    origin, flipped = x.origin, x.origin.operation == "transpose"
    if flipped and origin.argument == (1, 0):
        (origin,) = origin.sources
    elif flipped:
        return None
    axis, parts = (origin.argument, list(origin.sources)) if origin.operation == "concatenate" else (0, [origin])
    if axis not in (0, 1) or all(owner_of(part) is None for part in parts):
        return None
    if flipped:
        axis, parts = 1 - axis, [view.transpose(part, (1, 0)) for part in parts]
    return axis, parts


def owned(x: Share) -> list[tuple[int, View[Base]]]:
    """The blocks of columns of a matrix and who knows each; none unless somebody knows every one."""
    found = blocks(x)
    if found is None or (found[0] == 0 and len(found[1]) > 1):
        return []
    parts = [(owner, part) for part in found[1] if (owner := owner_of(part)) is not None]
    return parts if len(parts) == len(found[1]) else []


def product(ctx: Context, x: Blocks, y: Share) -> Protocol:
    """[x @ y] for blocks of x, all opened, and y, opened."""
    axis, parts = x
    found: list[Words] = []
    start = 0
    for part in parts:
        own = y
        if axis == 1 and len(parts) > 1:
            own = y.take(slice(start, start + part.shape[1]))
            start += part.shape[1]
        found.append((yield from _block(ctx, part, own)))
    if axis == 0:
        return found[0] if len(found) == 1 else ring.concatenate(found, 0)
    total = found[0]
    for more in found[1:]:
        total = ring.add(total, more)
    return total


def _block(ctx: Context, part: View[Base], y: Share) -> Protocol:
    owner = owner_of(part)
    x = Share.of_view(part)
    if owner is None:
        return (yield from beaver.matmul.function(ctx, x, y))
    right = y.masked
    c = (yield Draw(OneSided(x.mask, right.mask, owner, ctx.parties)))["c"]
    if ctx.rank != owner:
        return ring.plus_matmul(c, x.difference, right.a)
    return known(part, ring.add(right.d, right.a), c)


def known(part: View[Base], w: Words, c: Words) -> Words:
    """c + x @ w, for x that this party knows."""
    matrix, flipped = (part.sources[0], True) if part.operation == "transpose" else (part, False)
    ones = _ones(matrix)
    if ones is not None and not ring.is_spec(w):
        columns = math.prod(w.shape[1:])  # of a vector it is one
        left, right = (ring.reshape(one, (one.shape[0], columns)) for one in (c, w))
        return ring.reshape(ring.plus_sums(left, ones, right, flipped), c.shape)
    return ring.plus_matmul(c, part.apply(lambda base: base.words), w)


def _ones(part: View[Base]) -> onehot.Places | None:
    """Where the ones of each row are, of a matrix that stands so or of some of its rows."""
    if part.operation == "leaf":
        return part.argument.ones  # type: ignore[no-any-return]
    if part.operation == "take" and ring.is_rows(part.argument):
        places = _ones(part.sources[0])
        return None if places is None else places[part.argument]
    return None


def owner_of(part: View[Base]) -> int | None:
    """The rank that knows all of a view."""
    owners = {base.owner for base in part.leaves()}
    return owners.pop() if len(owners) == 1 else None
