"""Rows in an order that one party draws and no other knows: n parties, semi-honest, input-independent dealer, 1 round.

Parties hold [x], an array of n rows, and want [x o p] for a uniform order p that the owner alone knows.

    offline    [a] uniform, the mask of x;  p, known to the owner;  [c],  c = a o p
    online     d = open([x] - [a])                                    1 round, none if x was opened before
    local      the owner: [y] = d o p + [c];  the others: [y] = [c]

so the shares add up to (x - a) o p + a o p. The order comes from the owner's seed: it is that of n uniform numbers of
128 bits, uniform but for a pair of equal ones, of probability below n^2 / 2^129.

Applied once for each party as the owner, it is a shuffle: whoever keeps its own order to itself leaves the composed one
uniform to all others.

Realises    the permutation functionality of one owner against any n - 1 semi-honest parties; dealer apart. Simulator: d
            uniform, since a is uniform, unknown to the n - 1 and used for this operand alone; the n - 1 shares of c
            fresh and uniform, whatever p; an honest owner's p enters nothing else but its own share. Composed: the
            shuffle functionality, since the order of at least one honest party is uniform given the view.
Reference   Chase, Ghosh and Poburinnaya, ASIACRYPT 2020 (share translation; here a dealer's instead of that from
            puncturable functions); composition over parties: Laur, Willemson and Zhang, ISC 2011.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView, group_of
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context, rule
from mpcfl.protocols.beaver import OPERAND, Mask, masked, operand_bits
from mpcfl.ring import Words, shaped
from mpcfl.share import Share


@dataclass(frozen=True)
class Permutation(Correlation):
    """A uniform order of a mask's rows, as the numbers that give it, known to `owner`; and the mask in that order."""

    family = "permutation"
    mask: MaskView
    owner: int

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("numbers", (2, self.mask.shape[0]), "bits", owner=self.owner),
            Field("moved", self.mask.shape, group_of(self.mask), determined=True),
        )

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        return {"moved": ordered(masks[0], uniform["numbers"])}


@shaped(lambda x, numbers: x.shape)
def ordered(x: Words, numbers: Words) -> Words:
    """Rows of x in the ascending order of numbers of 128 bits, given as two rows of words."""
    return np.ascontiguousarray(x[order(numbers)])


def order(numbers: Words) -> NDArray[np.int64]:
    """The places of numbers of 128 bits, given as rows of low and of high words, in their ascending order."""
    _, high = numbers
    places = np.argsort(high)
    ascending = high[places]
    if (ascending[1:] == ascending[:-1]).any():  # hardly ever; elsewhere the high words alone give the order, sooner
        return np.lexsort(numbers)
    return places


@rule("permute", rounds=1, bits=operand_bits, messages=[OPERAND], correlations=[Mask, Permutation])
def permute(ctx: Context, x: Share, owner: int) -> Protocol:
    """The rows of x (its first axis) in a fresh uniform order that rank `owner` knows."""
    (operand,) = yield from masked(ctx, x)
    dealt = yield Draw(Permutation(operand.mask, owner))
    if ctx.rank != owner:
        return dealt["moved"]
    return ring.add(ordered(operand.d, dealt["numbers"]), dealt["moved"])
