"""A truncation of which a secret bit chooses, for one opening. Dealer model.

Parties hold [x] as `truncation` takes it and, now or later, a bit b = t + (1 - 2t) beta (conversion), and want [b y],
y = x / 2^m.

    offline    a truncation pair [r], [rho], [mu];  [beta rho], [beta mu]
    online     c = open([x] + 2^62 + [r])                                                            1 round
    local      [y] is linear in [rho] and [mu] with public c, so [beta y] is in [beta rho], [beta mu] and [beta];
               [b y] = t [y] + (1 - 2t) [beta y]

Realises    truncation followed by a choice. Simulator: that of truncation; the dealt products depend on beta and r
            alone and are shared with uniform shares.
Reference   truncation; beaver.mux.
"""

from __future__ import annotations

from dataclasses import dataclass

from mpcfl import ring
from mpcfl.correlation import Dealt
from mpcfl.effects import Draw, Open, Protocol
from mpcfl.protocol import Context
from mpcfl.protocols.truncation import PRODUCT, TruncMux, TruncPair, shifted
from mpcfl.ring import Words
from mpcfl.share import Bit


@dataclass(frozen=True, eq=False)
class Opened:
    """A word under its mask c, the pair that it is truncated with, and by how many bits."""

    c: Words
    pair: Dealt
    shift: int


def opened(ctx: Context, x: Words, shift: int) -> Protocol:
    """`Opened` of a vector of words in [-2^62, 2^62): one round."""
    pair = yield Draw(TruncPair(x.shape[0], 1, shift, ctx.group))
    c = yield Open(PRODUCT, shifted(ctx, x, pair["r"]))
    return Opened(c, pair, shift)


def chosen(ctx: Context, bit: Bit, word: Opened) -> Protocol:
    """Share of b times the truncated word: no round."""
    c, pair, shift = word.c, word.pair, word.shift
    mux = yield Draw(TruncMux(bit.mask, pair.leaf("r"), 1, shift))
    zero = ring.like(c, c.shape)
    public = ring.truncate(c, zero, zero, 1, shift, 1)
    hidden = ring.truncate(c, pair["rho"], pair["mu"], 1, shift, 0)
    product = ring.truncate(c, mux["rho"], mux["mu"], 1, shift, 0)
    return ring.select(bit.t, bit.beta, public, hidden, product, ctx.first)
