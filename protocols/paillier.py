"""Correlated randomness without a dealer: two semi-honest parties, Paillier keys of their own.

Each party draws its shares of all uniform fields from a stream of its own, and has a Paillier key. What is determined
by both parties' shares they make together.

Products    [a], [b] shared (or known to one), o elementwise or a matrix product, wanted [c] = [a o b]:

        round 1    every party j sends Enc_j(b_j)            of the smaller operand
        round 2    every party i sends Enc_j(a_i o b_j + R), R uniform of 65 bits more than a_i o b_j, as full as packed
        local      [c]_i = a_i o b_i - R + what it decrypts, mod 2^64

    For 64-bit words and k terms R has 2 64 + 1 + log2(k) + 64 bits. A direction in which one side is known to be zero
    (a mask that one party knows) is left out.

Truncation pairs    r = x xor y bit by bit, x of one party and y of the other; the roles change with every pair:

        round 1    the first sends Enc(x_i) for all 64 bits
        round 2    bit i is y_i + (1 - 2 y_i) x_i, linear in x_i: the second sends, masked and packed, Enc of
                   mu = bit 63,  rho = sum over m <= i < 63 of 2^(i-m) bit i,  low = sum over i < 63 of 2^i bit i
        local      [r] = [low] + 2^63 [mu]

    Times a multiplier M, rho is no sum over bits: the second sends Enc of M low + R instead of that of rho, R 65 bits
    longer, and both shift their integers by m. The sum of the floors is floor(M low / 2^m) or that plus one, so a
    product with a public fraction errs by less than two units where the dealer's errs by less than one.

Serves      masks, triples and folded products of words ("mask", "triple", "folded") and truncation pairs
            ("trunc_pair"). What comes of comparisons and of tables is refused by name.
Realises    the dealing of these correlations against one semi-honest party. Simulator: ciphertexts under the other's
            key are those of zeros (DCR and, for half exponents, see `mpcfl.he.randomisers`; here their sender holds the
            key and uses full ones); what is decrypted is uniform but for 2^-64, and its randomness fresh but for
            2^-128, see "full" there.
Reference   Gilboa, CRYPTO 1999, section 4.1; Demmler, Schneider and Zohner (ABY), NDSS 2015, III.A, for packing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from mpcfl import he, ring
from mpcfl.correlation import Correlation, MaskView
from mpcfl.effects import Protocol, Round, Send
from mpcfl.errors import UsageError
from mpcfl.message import Exposure, Message
from mpcfl.protocol import together
from mpcfl.protocols.beaver import Mask, Triple
from mpcfl.protocols.folded import Folded
from mpcfl.protocols.truncation import TruncPair
from mpcfl.ring import Shape, Words

KEY = Message("paillier.key", "party", "party", "words", Exposure.PUBLIC, "a party's Paillier key")
OPERAND = Message(
    "paillier.operand", "party", "party", "words", Exposure.CIPHERTEXT, "a share of a mask under its holder's key"
)
PRODUCT = Message(
    "paillier.product", "party", "party", "words", Exposure.SHARE, "the reader's share of a product, under its own key"
)
MESSAGES = (KEY, OPERAND, PRODUCT)

SIGMA = 65
"""Bits by which a mask R is longer than the product under it."""
TOP = 63
"""The highest bit of a word."""
WORD_BOUND = (1 << 64) - 1
FUNCTIONAL_BOUND = (1 << (TOP + 1)) - 2
"""That of `_functionals`: each bit counts at most 2, as y + (1 - 2 y) x is taken term by term."""
INTEGER = np.dtype(np.int64)
Integers: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Keys:
    """This party's key, and the other's."""

    rank: int
    secret: he.SecretKey
    peer: he.PublicKey


def exchange(rank: int, secret: he.SecretKey) -> Protocol:
    """`Keys`, once both have told theirs: one round."""
    own = secret.public.to_words()
    told: Any = yield Round((Send(KEY, 0, 1, own), Send(KEY, 1, 0, own)))
    return Keys(rank, secret, he.PublicKey.of_words(told[1 - rank], insecure=secret.public.insecure))


def product(keys: Keys, correlation: Triple | Folded, a: Words, b: Words) -> Protocol:
    """This party's share of the determined field of a product, from its shares of the two masks."""
    masks = correlation.masks()
    matrices = isinstance(correlation, Folded) or correlation.operation == "matmul"
    cross = yield from _cross(keys, masks, (a, b), matrices)
    own = ring.matmul(a, b) if matrices else ring.multiply(a, b)
    if isinstance(correlation, Folded):  # 2 (a_0 b_1 + a_1 b_0) - 2 (a_0 b_0 + a_1 b_1)
        return ring.multiply(ring.subtract(cross, own), 2)
    return ring.add(cross, own)


def _cross(keys: Keys, masks: Sequence[MaskView], shares: Sequence[Words], matrices: bool) -> Protocol:
    """This party's share of a_0 o b_1 + a_1 o b_0."""
    small = int(math.prod(masks[1].shape) <= math.prod(masks[0].shape))  # the operand that is encrypted
    large = 1 - small
    holders = [_holders(mask) for mask in masks]
    ways = [j for j in (0, 1) if j in holders[small] and 1 - j in holders[large]]  # who encrypts
    shape = ring.matmul_shape(masks[0].shape, masks[1].shape) if matrices else masks[0].shape
    received = yield from _encrypted(keys, ways, shares[small], WORD_BOUND)
    # the words of a matrix as signed numbers: products of powers take their absolute values
    factor = he.Plain(_integers(shares[large], signed=matrices), 0, 1 << TOP if matrices else WORD_BOUND)
    products: dict[int, he.PaillierArray] = {}
    for j, theirs in received.items():
        if not matrices:
            products[j] = theirs * factor
        else:
            products[j] = factor @ theirs if small else theirs @ factor
    bound = WORD_BOUND * (1 << TOP) * max(1, masks[0].shape[-1]) if matrices else WORD_BOUND * WORD_BOUND
    return (yield from _returned(keys, ways, products, shape, bound))


def truncation(keys: Keys, first: int, word: Words, multiplier: int, shift: int) -> Protocol:
    """Shares of r, rho and mu of truncation pairs, from uniform words of each party; those of rank `first` travel."""
    bits = word[:, None] >> np.arange(TOP + 1, dtype=np.uint64) & np.uint64(1)
    received = yield from _encrypted(keys, [first], bits, 1)
    products = {j: _functionals(theirs, bits, shift) for j, theirs in received.items()}
    if multiplier == 1:
        mu, rho, low = yield from _returned(keys, [first], products, (3, word.size), FUNCTIONAL_BOUND)
    else:
        factor = he.Plain(np.array(multiplier, object), 0, multiplier, INTEGER)
        scaled = {j: one[2:] * factor for j, one in products.items()}
        plain = {j: one[::2] for j, one in products.items()}
        (mu, low), (rho,) = yield from together(
            _returned(keys, [first], plain, (2, word.size), FUNCTIONAL_BOUND),
            _returned(keys, [first], scaled, (1, word.size), FUNCTIONAL_BOUND * multiplier, shift),
        )
    return {"r": ring.add(low, ring.multiply(mu, 1 << TOP)), "rho": rho, "mu": mu}


def _encrypted(keys: Keys, ways: Sequence[int], share: Words, bound: int) -> Protocol:
    """Every party of `ways` sends its share encrypted; by sender, what this party has of the other."""
    sent = []
    for j in ways:
        if j == keys.rank:
            words = keys.secret.encrypt(he.Plain(_integers(share, signed=False), 0, bound, INTEGER)).to_words()
        else:
            words = np.zeros(he.PaillierArray.words(keys.peer, share.shape), np.uint64)
        sent.append(Send(OPERAND, j, 1 - j, words))
    told: Any = yield Round(tuple(sent))
    return {
        j: he.PaillierArray.of_words(keys.peer, words, share.shape, 0, bound, INTEGER)
        for j, words in zip(ways, told, strict=True)
        if j != keys.rank
    }


def _returned(
    keys: Keys, ways: Sequence[int], products: dict[int, he.PaillierArray], shape: Shape, bound: int, shift: int = 0
) -> Protocol:
    """The other party of each of `ways` masks its product and sends it back; the sum of this party's shares.

    With a shift, what a party has of a product is shifted before it counts as a word: products are not negative then.
    """
    masked_bound = bound + (1 << (bound.bit_length() + SIGMA))
    total: Words = np.zeros(shape, np.uint64)
    sent = []
    for j in ways:
        if j != keys.rank:
            masked, masks = products[j].masked(SIGMA)
            total = ring.subtract(total, _words(masks, shift))
            words = masked.packed().to_words()
        else:
            words = np.zeros(he.Packed.words(keys.secret.public, math.prod(shape), masked_bound), np.uint64)
        sent.append(Send(PRODUCT, 1 - j, j, words))
    told: Any = yield Round(tuple(sent))
    for j, words in zip(ways, told, strict=True):
        if j == keys.rank:
            packed = he.Packed.of_words(keys.secret.public, words, shape, 0, masked_bound, INTEGER)
            total = ring.add(total, _words(keys.secret.decrypt(packed, dtype=object), shift))
    return total


def _functionals(x: he.PaillierArray, y: Words, shift: int) -> he.PaillierArray:
    """mu, rho and low of the bits x xor y, shape (3, size); x (size, 64) encrypted, y known."""
    known = y.astype(np.int64)
    bits = x * he.Plain(1 - 2 * known.astype(object), 0, 1) + he.Plain(known.astype(object), 0, 1)
    chain = bits[:, TOP - 1]
    rho = chain if shift < TOP else None
    for i in reversed(range(TOP - 1)):
        chain = chain * he.Plain(np.array(2, object), 0, 2) + bits[:, i]
        if i == shift:
            rho = chain
    assert rho is not None
    parts: list[Any] = [bits[:, TOP], rho, chain]
    functionals: he.PaillierArray = cast("Any", np.stack)(parts)
    return functionals


def _holders(mask: MaskView) -> set[int]:
    """The ranks whose share of a mask may be other than zero."""
    owners = {leaf.owner for leaf in mask.leaves()}
    return {0, 1} if None in owners else {owner for owner in owners if owner is not None}


def _integers(words: Words, signed: bool) -> Integers:
    """Words as Python's integers: of [0, 2^64), or of [-2^63, 2^63)."""
    return (words.view(np.int64) if signed else words).astype(object)


def _words(integers: Integers, shift: int = 0) -> Words:
    """Integers modulo 2^64, shifted before."""
    flat = [int(value) >> shift & ((1 << 64) - 1) for value in integers.reshape(-1)]
    return np.array(flat, np.uint64).reshape(integers.shape)


def refuse(correlations: Sequence[Correlation]) -> None:
    """Refuse what is not made here.

    Raises
    ------
    UsageError
        Names the families.
    """
    unknown = sorted({why for one in correlations if (why := _unserved(one)) is not None})
    if unknown:
        raise UsageError(
            'offline = "paillier" makes masks, products and truncations, and this program also draws '
            f"{', '.join(unknown)}: use a dealer"
        )


def _unserved(correlation: Correlation) -> str | None:
    """What of a correlation is not made here; None if it is."""
    family = correlation.family
    if not isinstance(correlation, _SERVED):
        return family
    if any(field.group != "words" for field in correlation.tensors):
        return f"{family} of ring 128"
    if any(leaf.group == "bits" for mask in correlation.masks() for leaf in mask.leaves()):
        return f"{family} with bits"
    if isinstance(correlation, Triple | Folded) and any(len(mask.shape) > 2 for mask in correlation.masks()):
        return f"{family} of stacks of matrices"
    return None


_SERVED = (Mask, Triple, Folded, TruncPair)
