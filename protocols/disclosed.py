"""Matrix products whose other operand is told to those who own the blocks of the first: n parties, semi-honest.

Columns of x belong to several owners, each of whom knows its block; all parties hold [y]. Agreed is that the owner of a
block learns those rows of y that its columns meet.

    online     y_o to owner o, for each block                                               1 round
    local      at o  x_o y_o, its share of [x y]

Correct     x y is the sum of the products of its blocks.
Shares      are not uniform: each is known to its owner alone, like those of a private operand. What leaves a party is
            masked by the protocol that takes them.
Realises    the functionality that gives each owner its rows of y, against any n - 1 semi-honest parties. Simulator:
            uniform shares that add up to the rows that are told.
"""

from __future__ import annotations

import itertools

from mpcfl import ring
from mpcfl.effects import Protocol, Reveal, Round
from mpcfl.errors import UsageError
from mpcfl.protocol import Context
from mpcfl.protocols.additive import OUTPUT
from mpcfl.protocols.onesided import known, owned
from mpcfl.ring import Shape, Words
from mpcfl.share import Share


def product(ctx: Context, x: Share, y: Share, shape: Shape, purpose: str) -> Protocol:
    """[x @ y], of that shape; each owner of columns of x is told the rows of y that these meet."""
    parts = [(owner, part) for owner, part in owned(x) if part.shape[1]]
    ends = [0]
    for _, part in parts:
        ends.append(ends[-1] + part.shape[1])
    rows = [ring.take(y.words, slice(first, last)) for first, last in itertools.pairwise(ends)]
    told = yield Round(
        tuple(Reveal(OUTPUT, own, (owner,), purpose) for (owner, _), own in zip(parts, rows, strict=True))
    )
    result: Words = ring.like(y.words, shape)
    for (owner, part), own in zip(parts, told, strict=True):
        if owner == ctx.rank:
            result = known(part, own, result)
    return result


def check(x: Share) -> None:
    """Refuse an operand whose columns are not all somebody's own.

    Raises
    ------
    UsageError
    """
    if not owned(x):
        raise UsageError(
            "what is told to the owners of columns needs columns that each belong to one party: give them by "
            "Session.private, side by side"
        )
