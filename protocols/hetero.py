"""Logistic regression on columns of two parties by Paillier, in the two forms that industry uses.

Both parties have the same rows; the guest (rank 0) also has labels y of 0 and 1. The sigmoid is its tangent at 0, so
the residual is d = z / 4 + 1/2 - y with z = X_0 w_0 + X_1 w_1, and a gradient is g_i = X_i^T d / rows.

Arbiter (rank 2 has the key, semi-honest and in league with nobody), each batch:

    round 1    host -> guest       Enc(X_1 w_1 / 4)
    round 2    guest -> host       Enc(d), randomised, or the host could take off what it sent
    round 3    both -> arbiter     Enc(X_i^T d + R_i), R_i uniform, 64 bits longer; packed
    round 4    arbiter -> both     X_i^T d + R_i

Shared (no third party): weights, z, d and gradients are additive shares modulo 2^112, each party has a key, each batch:

    round 1    both     Enc_i of its share of the other's weights
    round 2    both     Enc of X_i w + R under the other's key, packed: now z is shared, and d, which is linear in it
    round 3    both     Enc_i of its share of d
    round 4    both     Enc of X_i^T d + R under the other's key, packed: now both gradients are shared

    Shares are truncated locally, which fails for x with probability |x| / 2^112: below 2^-40 here.

Leaks       `ARBITER_LEAKS` and `SHARED_LEAKS`: what each form shows by design.
Reference   Hardy et al., arXiv 1711.10677 (2017), and Yang et al., ACM TIST 10 (2019), section 4.1.2, for the arbiter
            and the masks; Chen et al. (CAESAR), KDD 2021, for the shares; local truncation: Mohassel and Zhang, IEEE
            S&P 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import he
from mpcfl.effects import Protocol, Reveal, Round, Send
from mpcfl.he.fused import masked_product
from mpcfl.he.limbs import from_words, to_words
from mpcfl.message import Exposure, Message
from mpcfl.protocols.paillier import INTEGER, Keys
from mpcfl.ring import Words

ARBITER_KEY = Message("hetero.key", "arbiter", "party", "words", Exposure.PUBLIC, "the arbiter's Paillier key")
SCORE = Message("hetero.score", "host", "guest", "words", Exposure.CIPHERTEXT, "the host's scores of a batch")
RESIDUAL = Message("hetero.residual", "guest", "host", "words", Exposure.CIPHERTEXT, "the residuals of a batch")
GRADIENT = Message(
    "hetero.gradient", "party", "arbiter", "words", Exposure.MASKED, "a gradient under a mask, encrypted to the arbiter"
)
STEP = Message(
    "hetero.step", "arbiter", "party", "words", Exposure.MASKED, "a gradient under the reader's own mask, decrypted"
)
SHARE = Message("hetero.share", "party", "party", "words", Exposure.CIPHERTEXT, "a share, under its holder's key")
PRODUCT = Message(
    "hetero.product", "party", "party", "words", Exposure.SHARE, "the reader's share of a product, under its own key"
)
MODEL = Message("hetero.model", "party", "reader", "words", Exposure.OUTPUT, "share of the reader's weights")

ARBITER_LEAKS = (
    "Each party sees its own weights and its own gradient after every batch. From gradients of enough batches over the "
    "same rows it can solve for the residuals, and so for labels or the other's scores.",
    "The arbiter sees masked gradients: numbers that are uniform to it but for 2^-64, and how many there are.",
    "The arbiter in league with one party reads the other's scores of every row, and the labels.",
    "All see numbers of rows and columns, the batches, and the number of steps.",
)
SHARED_LEAKS = (
    "Each party sees its own weights when training has ended, and nothing before.",
    "All see numbers of rows and columns, the batches, and the number of steps.",
)

COLUMN_BITS, COLUMN_LIMIT = 12, 64.0
"""Fractional bits and bound of the columns, which are standardised."""
BITS = 24
"""Fractional bits of weights, scores and residuals."""
SCORE_LIMIT = 1 << 12
RATE_BITS = 30
"""Fractional bits of learning rate, momentum and penalty."""
WIDTH = 112
"""Shares are modulo 2^WIDTH."""
HALF = 1 << (WIDTH - 1)
Integers = NDArray[Any]


@dataclass(frozen=True)
class Task:
    """What all parties know.

    Parameters
    ----------
    columns : tuple of int
        Of guest and host.
    batches : sequence of ndarray of int
        Row numbers of every step.
    learning_rate, momentum, l2 : float
        The last of the guest's columns, the intercept, has no penalty.
    """

    columns: tuple[int, int]
    batches: Sequence[NDArray[np.int64]]
    learning_rate: float
    momentum: float = 0.0
    l2: float = 0.0

    def penalty(self, rank: int) -> NDArray[np.float64]:
        """l2 for each of a party's weights."""
        strengths = np.full(self.columns[rank], self.l2)
        if rank == 0:
            strengths[-1] = 0.0
        return strengths


# ------------------------------------------------------------------------------------------------------ with an arbiter


def with_arbiter(
    rank: int, task: Task, x: NDArray[Any] | None, y: NDArray[Any] | None, secret: he.SecretKey | None, insecure: bool
) -> Protocol:
    """Train; a party's own weights, None at the arbiter, which gives `secret`; the guest gives `y`."""
    key = yield from _arbiters_key(secret, insecure)
    if x is None:
        assert secret is not None
        yield from _arbitrate(task, secret)
        return None
    weights, velocity = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for rows in task.batches:
        own = x[rows]
        residual = yield from _residual(rank, key, own @ weights / 4, None if y is None else y[rows])
        product = he.plain(own.T, COLUMN_BITS, COLUMN_LIMIT) @ residual
        masked, masks = product.masked()
        sent = masked.packed().to_words()
        told = yield from _decrypted(rank, key, task, len(rows), sent)
        gradient = (told - masks).astype(np.float64) / 2.0**product.fraction / len(rows)
        velocity = task.momentum * velocity + gradient + task.penalty(rank) * weights
        weights = weights - task.learning_rate * velocity
    return weights


def _arbiters_key(secret: he.SecretKey | None, insecure: bool) -> Protocol:
    bits = yield Send(ARBITER_KEY, 2, None, np.array([0 if secret is None else secret.public.bits], np.uint64))
    size = -(-int(bits[0]) // 64)
    own = np.zeros(size, np.uint64) if secret is None else secret.public.to_words()
    words = yield Send(ARBITER_KEY, 2, None, own)
    return he.PublicKey.of_words(words, insecure=insecure)


def _residual(rank: int, key: he.PublicKey, score: NDArray[Any], y: NDArray[Any] | None) -> Protocol:
    """The residuals of a batch, encrypted to the arbiter: two rounds."""
    shape = score.shape
    bound = int(SCORE_LIMIT) << BITS
    words = np.zeros(he.PaillierArray.words(key, shape), np.uint64)
    host = key.encrypt(score, BITS, SCORE_LIMIT).to_words() if rank == 1 else words
    told = yield Send(SCORE, 1, 0, host)
    if rank == 0:
        assert y is not None
        received = he.PaillierArray.of_words(key, told, shape, BITS, bound, float)
        # half exponents: the host, who is to read nothing, cannot factor n
        residual = (received + he.plain(score + 0.5 - y, BITS, SCORE_LIMIT)).randomised("half")
        yield Send(RESIDUAL, 0, 1, residual.to_words())
        return residual
    told = yield Send(RESIDUAL, 0, 1, words)
    return he.PaillierArray.of_words(key, told, shape, BITS, 2 * bound, float)


def _masked_bound(rows: int) -> int:
    """Of a masked gradient of so many rows."""
    bound = (2 * SCORE_LIMIT << BITS) * (int(COLUMN_LIMIT) << COLUMN_BITS) * rows
    return bound + (1 << (bound.bit_length() + 64))


def _decrypted(rank: int, key: he.PublicKey, task: Task, rows: int, sent: Words) -> Protocol:
    """A party's masked gradient, decrypted by the arbiter: two rounds."""
    bound = _masked_bound(rows)
    limbs = bound.bit_length() // 64 + 1
    other = np.zeros(he.Packed.words(key, task.columns[1 - rank], bound), np.uint64)
    yield Round(tuple(Send(GRADIENT, i, 2, sent if i == rank else other) for i in (0, 1)))
    blank = [np.zeros(columns * limbs, np.uint64) for columns in task.columns]
    told: Any = yield Round(tuple(Send(STEP, 2, i, blank[i]) for i in (0, 1)))
    return _signed(told[rank].reshape(-1, limbs), 64 * limbs)


def _arbitrate(task: Task, secret: he.SecretKey) -> Protocol:
    """The arbiter's part in all batches."""
    key = secret.public
    for rows in task.batches:
        words = np.zeros(he.PaillierArray.words(key, (len(rows),)), np.uint64)
        yield Send(SCORE, 1, 0, words)
        yield Send(RESIDUAL, 0, 1, words)
        bound = _masked_bound(len(rows))
        limbs = bound.bit_length() // 64 + 1
        blank = [np.zeros(he.Packed.words(key, columns, bound), np.uint64) for columns in task.columns]
        told: Any = yield Round(tuple(Send(GRADIENT, i, 2, blank[i]) for i in (0, 1)))
        steps = []
        for columns, packed in zip(task.columns, told, strict=True):
            received = he.Packed.of_words(key, packed, (columns,), BITS + COLUMN_BITS, bound, float)
            masked = secret.decrypt(received, dtype=object)
            steps.append(to_words([one % (1 << (64 * limbs)) for one in masked.tolist()], limbs).reshape(-1))
        yield Round(tuple(Send(STEP, 2, i, steps[i]) for i in (0, 1)))


def _signed(rows: Words, bits: int) -> Integers:
    """Rows of words as signed integers."""
    numbers = [int(one) for one in from_words(rows)]
    return np.array([one - (1 << bits) if one >> (bits - 1) else one for one in numbers], object)


# ----------------------------------------------------------------------------------------------------------- on shares


def on_shares(keys: Keys, task: Task, x: NDArray[Any], y: NDArray[Any] | None) -> Protocol:
    """Train; a party's own weights. The guest gives `y`."""
    rank, columns = keys.rank, task.columns
    own, other = columns[rank], columns[1 - rank]
    # this party's shares: of its own weights, and of the other's
    weights = [_zeros(own), _zeros(other)]
    velocity = [_zeros(own), _zeros(other)]
    rate, momentum = (round(v * (1 << RATE_BITS)) for v in (task.learning_rate, task.momentum))
    penalties = [he.plain(task.penalty(i), RATE_BITS).integers for i in (rank, 1 - rank)]
    for rows in task.batches:
        matrix = he.plain(x[rows], COLUMN_BITS, COLUMN_LIMIT)
        mine, theirs = yield from _crossed(keys, matrix, weights[1], len(rows))
        score = matrix.integers @ weights[0] + mine + theirs
        residual = _truncated(rank, score, COLUMN_BITS + 2)  # a quarter of it
        if y is not None:
            residual = _wrapped(residual + he.plain(0.5 - y[rows], BITS, 1.0).integers)
        turned = he.Plain(matrix.integers.T, COLUMN_BITS, matrix.bound)
        mine, theirs = yield from _crossed(keys, turned, residual, other)
        sums = [turned.integers @ residual + mine, theirs]
        for i, total in enumerate(sums):
            share = round((1 << RATE_BITS) / len(rows))
            gradient = _times(rank, _truncated(rank, total, COLUMN_BITS), share)
            gradient = _wrapped(gradient + _times(rank, weights[i], penalties[i]))
            velocity[i] = _wrapped(_times(rank, velocity[i], momentum) + gradient)
            weights[i] = _wrapped(weights[i] - _times(rank, velocity[i], rate))
    shares = [weights[0], weights[1]] if rank == 0 else [weights[1], weights[0]]
    told: Any = yield Round(
        tuple(Reveal(MODEL, _low(share), (i,), f"weights of rank {i}") for i, share in enumerate(shares))
    )
    decoded: NDArray[np.float64] = told[rank].view(np.int64) / 2.0**BITS
    return decoded


def _crossed(keys: Keys, matrix: he.Plain, held: Integers, other_rows: int) -> Protocol:
    """This party's shares of its own matrix times what the other holds, and of the other's times what this one holds.

    Two rounds. `other_rows` is how many rows the other's matrix has.
    """
    rank, secret, peer = keys.rank, keys.secret, keys.peer
    count = matrix.integers.shape[1]
    encrypted = secret.encrypt(he.Plain(held, 0, HALF, INTEGER)).to_words()
    blank = np.zeros(he.PaillierArray.words(peer, (count,)), np.uint64)
    pair = (encrypted, blank) if rank == 0 else (blank, encrypted)
    told: Any = yield Round((Send(SHARE, 0, 1, pair[0]), Send(SHARE, 1, 0, pair[1])))
    received = he.PaillierArray.of_words(peer, told[1 - rank], (count,), 0, HALF, INTEGER)
    whole = he.Plain(matrix.integers, 0, matrix.bound, INTEGER)
    masked, masks = masked_product(whole, received)
    sent = masked.to_words()
    bound = HALF * matrix.bound * len(held)
    bound += 1 << (bound.bit_length() + 64)
    blank = np.zeros(he.Packed.words(secret.public, other_rows, bound), np.uint64)
    pair = (sent, blank) if rank == 0 else (blank, sent)
    told = yield Round((Send(PRODUCT, 0, 1, pair[0]), Send(PRODUCT, 1, 0, pair[1])))
    packed = he.Packed.of_words(secret.public, told[1 - rank], (other_rows,), 0, bound, INTEGER)
    return _wrapped(-masks), _wrapped(secret.decrypt(packed, dtype=object))


def _zeros(count: int) -> Integers:
    return np.array([0] * count, object)


def _wrapped(share: Integers) -> Integers:
    """Modulo 2^WIDTH, as numbers from -2^(WIDTH-1) on."""
    return (share + HALF) % (2 * HALF) - HALF


def _truncated(rank: int, share: Integers, bits: int) -> Integers:
    """A share of x / 2^bits, one off at most but for the chance |x| / 2^WIDTH; shares are uniform, or both zero."""
    if rank == 0:
        return _wrapped(share % (2 * HALF) >> bits)
    return _wrapped(-(-share % (2 * HALF) >> bits))


def _times(rank: int, share: Integers, factor: int | Integers) -> Integers:
    """Times public numbers of RATE_BITS fractional bits."""
    return _truncated(rank, share * factor, RATE_BITS)


def _low(share: Integers) -> Words:
    """The share modulo 2^64: weights are below 2^(63 - BITS)."""
    return np.array([int(one) % (1 << 64) for one in share], np.uint64)
