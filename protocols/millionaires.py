"""Private comparison of integers by Paillier, bit by bit: two parties, semi-honest, neither a dealer nor shares.

The reader has x and the key, the other party y, both of l bits. The reader learns [x < y] of each pair of elements, the
other nothing.

    round 1    reader -> other    Enc(x_i) for all bits i
    local      w_i = x_i xor y_i = y_i + (1 - 2 y_i) x_i
               c_i = x_i - y_i + 1 + 3 sum over j > i of w_j       0 for one i if x < y, and for none if not
    round 2    other -> reader    Enc(r_i c_i + u R_i), the i of an element in random order; packed, randomised
    local      x < y where one of the numbers of an element is 0 modulo u

    u is the least prime above 3 l, so 0 <= c_i < u; r_i is uniform in 1 .. u-1, R_i uniform in [0, 2^K) with
    K = 64 + log2(3 l^2), rounded up. Paillier's plaintexts stand for a field of u elements here, which that of Damgard,
    Geisler and Kroigaard has by construction: the exponents r_i are short, and a plaintext holds many numbers.

Realises    comparison with output to the reader, against one semi-honest party. Simulator of the reader: modulo u one
            number of an element is 0 at a random place, or none is, and the others are uniform in 1 .. u-1; their
            quotients by u are uniform but for 3 l 2^-K each, 2^-64 an element; randomness is fresh but for 2^-128, see
            "full" in `mpcfl.he.randomisers`. Simulator of the other: encryptions of 0 (DCR).
Reference   Damgard, Geisler and Kroigaard, ACISP 2007; Veugen, WIFS 2012, with its correction, for what may be saved.
"""

from __future__ import annotations

import secrets
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from mpcfl import he
from mpcfl.effects import Protocol, Send
from mpcfl.errors import InputError
from mpcfl.message import Exposure, Message

BITS = Message(
    "compare.bits", "reader", "other", "words", Exposure.CIPHERTEXT, "bits of a number under its holder's key"
)
TESTS = Message(
    "compare.tests",
    "other",
    "reader",
    "words",
    Exposure.MASKED,
    "numbers of which one is 0 modulo u, under the reader's key",
)
MESSAGES = (BITS, TESTS)
LEAKS = ("which elements are less, to the reader; sizes and the number of bits to both",)

SIGMA = 64
LARGEST = 62
"""Bits of a number, at most."""
INTEGER = np.dtype(np.int64)
Integers = NDArray[Any]


def less(key: he.PublicKey, secret: he.SecretKey | None, own: NDArray[np.int64], bits: int) -> Protocol:
    """Compare the arrays of rank 0, the reader, and rank 1.

    Parameters
    ----------
    key : PublicKey
        The reader's.
    secret : SecretKey or None
        Of that key; None at the other party.
    own : ndarray of int64, shape (n,)
        This party's numbers, from 0 to 2^bits - 1.
    bits : int
        Public, 1 to 62.

    Returns
    -------
    ndarray of bool, shape (n,), or None
        Where the reader's number is less; None at the other party.

    Raises
    ------
    InputError
        A number is out of range, or so is `bits`.
    """
    digits = _digits(own, bits)
    blank = np.zeros(he.PaillierArray.words(key, digits.shape), np.uint64)
    sent = blank if secret is None else secret.encrypt(he.Plain(digits, 0, 1, INTEGER)).to_words()
    told = yield Send(BITS, 0, 1, sent)
    bound = _bound(bits)
    sent = np.zeros(he.Packed.words(key, digits.size, bound), np.uint64)
    if secret is None:
        theirs = he.PaillierArray.of_words(key, told, digits.shape, 0, 1, INTEGER)
        sent = _tests(theirs, digits).packed().to_words()
    told = yield Send(TESTS, 1, 0, sent)
    if secret is None:
        return None
    tests = secret.decrypt(he.Packed.of_words(key, told, digits.shape, 0, bound, INTEGER), dtype=object)
    return np.asarray(tests % _field(bits) == 0, bool).any(axis=1)


def _tests(x: he.PaillierArray, y: Integers) -> he.PaillierArray:
    """The masked c_i, shape (n, bits), in random order; the highest bit of x and y comes first."""
    count, bits = y.shape
    above: Any = None
    columns = []
    for i in range(bits):
        test = x[:, i] + he.Plain(1 - y[:, i], 0, 1, INTEGER)
        columns.append(test if above is None else test + above * he.Plain(np.array(3, object), 0, 3, INTEGER))
        differs = x[:, i] * he.Plain(1 - 2 * y[:, i], 0, 1, INTEGER) + he.Plain(y[:, i], 0, 1, INTEGER)
        above = differs if above is None else above + differs
    chances = secrets.SystemRandom()
    places = np.array([chances.sample(range(bits), bits) for _ in range(count)], np.int64).reshape(count, bits)
    joined: Any = np.stack(columns, axis=1)
    shuffled: he.PaillierArray = joined[np.arange(count)[:, None], places]
    u, wide = _field(bits), _quotient_bits(bits)
    factors = np.frompyfunc(lambda _: 1 + secrets.randbelow(u - 1), 1, 1)(places)
    quotients = np.frompyfunc(lambda _: u * secrets.randbits(wide), 1, 1)(places)
    return shuffled * he.Plain(factors, 0, u - 1, INTEGER) + he.Plain(quotients, 0, u << wide, INTEGER)


def _digits(own: NDArray[np.int64], bits: int) -> Integers:
    """The bits of every number, the highest first, shape (n, bits)."""
    if not 1 <= bits <= LARGEST:
        raise InputError(f"numbers of 1 to {LARGEST} bits are compared, not of {bits}")
    beyond = np.flatnonzero((own < 0) | (own >> bits != 0))
    if beyond.size:
        raise InputError(f"the number at {int(beyond[0])} has more than {bits} bits, or is negative")
    return (own[:, None] >> np.arange(bits - 1, -1, -1) & 1).astype(object)


def _field(bits: int) -> int:
    """u."""
    return int(gmpy2.next_prime(3 * bits))


def _quotient_bits(bits: int) -> int:
    """K."""
    return SIGMA + (3 * bits * bits).bit_length()


def _bound(bits: int) -> int:
    """On what is sent back: each w_i is taken as at most 2."""
    u = _field(bits)
    return (2 + 6 * (bits - 1)) * (u - 1) + (u << _quotient_bits(bits))
