"""QR and Cholesky factors of secret matrices, and stacks of them, with a schedule of the shape alone.

Both go column by column and never pivot: orthogonalisation is stable without it, and so is Cholesky on a positive
definite matrix. Columns are first brought to norms of about one by a secret factor, so that no product can leave its
range whatever units the user has, and the numbers then stand at 28 fractional bits, more than a session's fraction
could afford. One reciprocal root a column is the only division.

    A D = Q R'        D diagonal: the scale. Modified Gram-Schmidt; a column subtracts itself from all that follow.
    W = R'^-1         the same column operations on the identity, in the same rounds.
    E = Q^T Q - I     about n cond 2^-20, from the error of the reciprocal roots.
    Q (I - U)         U = the upper triangle of E and half its diagonal: leaves an E of the square of that size, keeps
                      A D W = Q and the triangular form. Two such steps, of four rounds each.

A column costs 13 rounds: the products with those that follow (1), the reciprocal root (8), the column and its
coefficients (2), the subtraction (2). Cholesky costs 12. On B = D A D, whose diagonal is one, it gives W with
W B W^T = I, by row operations on the identity that are corrected in the same way; the factor is B W^T.

References: Bjorck, BIT 7 (1967), for the stability of modified Gram-Schmidt. Yamamoto et al., ETNA 44 (2015), for a
second Cholesky factor that repairs the orthogonality of a first. van der Sluis, Numer. Math. 14 (1969), for scaling.
"""

from __future__ import annotations

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import FIXED, Engine, Value
from mpcfl.operations import scaled as s
from mpcfl.operations.operands import vector
from mpcfl.protocol import together
from mpcfl.share import Share

FINE = 28
"""Fractional bits of numbers of magnitudes up to one. Sums of their products stay below 2^(62 - 56) = 64."""
ROOM = 20
"""Fractional bits of inverses: with 28 of the other factor it leaves them 2^14."""
SCALE = 26
"""Fractional bits of the factors that bring columns to norms of about one."""
CORRECTIONS = 2


def scaled_columns(engine: Engine, a: Share, fraction: int) -> Protocol:
    """(a d at 28 fractional bits, d at 26) for factors d, one a column, that make the sums of magnitudes about one.

    For m rows these sums are 1, 2 or 4, near the square root of m, so that a column of like entries has a norm near
    one; no norm is larger than 4. Sixteen rounds. The columns' sums may have any size from one unit to 2^24.
    """
    lift = min(2, (a.shape[-2].bit_length() - 1) // 2)
    size = s.total((yield from s.magnitude(engine, a)), -2)
    root = yield from s.inverse_root(engine, size, 30)
    raw = yield from engine.suite["square"](engine.ctx, vector(root, root.shape))  # 2^60 / size, below 2^62
    factor = yield from s.lowered(engine, Share(ring.reshape(raw, size.shape)), 60 - fraction - SCALE - lift)
    return (yield from s.product(engine, a, factor, fraction + SCALE - FINE)), factor


def orthonormal(engine: Engine, a: Share) -> Protocol:
    """(q at 28 fractional bits, w at 20) with q = a w orthonormal, w upper triangular, for columns of norm <= 4."""
    n = a.shape[-1]
    below = s.identity(engine, a, n, 1 << ROOM)
    columns, inverses = [], []
    for j in range(n):
        column, under = s.first_columns(a), s.first_columns(below)
        row = yield from s.matrix_product(engine, s.swapped(column), a)  # 56 fractional bits
        size = s.first_columns(row)
        if j == n - 1:
            root = yield from s.inverse_root(engine, size, 57)
            column, under = yield from together(*(s.product(engine, x, root, 29) for x in (column, under)))
        else:
            root, along = yield from together(
                s.inverse_root(engine, size, 57), s.lowered(engine, s.other_columns(row), FINE)
            )
            column, under, along = yield from together(
                *(s.product(engine, x, root, 29) for x in (column, under, along))
            )
            a, below = yield from together(
                s.reduced(engine, s.other_columns(a), column, along, FINE),
                s.reduced(engine, s.other_columns(below), under, along, FINE),
            )
        columns.append(column)
        inverses.append(under)
    q, w = Share.concatenate(columns, -1 % len(a.shape)), Share.concatenate(inverses, -1 % len(a.shape))
    for _ in range(CORRECTIONS):
        q, w = yield from corrected(engine, q, w)
    return q, w


def corrected(engine: Engine, q: Share, *others: Share) -> Protocol:
    """q (I - u) and the others times I - u, with u such that q's columns become orthonormal to first order.

    u is upper triangular: a column is corrected by those before it alone.
    """
    n = q.shape[-1]
    gram = yield from s.matrix_product(engine, s.swapped(q), q, FINE)
    twice = s.times(s.minus(gram, s.identity(engine, q, n, 1 << FINE)), halves(n, lower=False))
    return (yield from together(*(s.reduced(engine, x, x, twice, FINE + 1) for x in (q, *others))))


def halves(n: int, *, lower: bool) -> ring.Words:
    """2 in a strict triangle and 1 on the diagonal: twice the first-order Cholesky factor of a symmetric matrix."""
    strict = np.tril(np.ones((n, n), np.uint64), -1)
    return np.eye(n, dtype=np.uint64) + np.uint64(2) * (strict if lower else strict.T)


def qr(x: Value) -> tuple[Value, Value]:
    """(q, r) of stacks of matrices whose first columns, as many as q can have, are independent.

    r has a positive diagonal. It is the upper triangle of q^T x, with x as it was given: neither the scale nor its
    inverse enter.
    """
    engine, fraction = x.engine, x.engine.ctx.fraction
    *batch, m, n = x.shape
    rank = min(m, n)

    def protocol(a: Share) -> Protocol:
        near, _ = yield from scaled_columns(engine, s.first_columns(a, rank), fraction)
        q, _ = yield from orthonormal(engine, near)
        full, short = yield from together(
            s.matrix_product(engine, s.swapped(q), a, FINE), s.lowered(engine, q, FINE - fraction)
        )
        return [short, s.times(full, np.triu(np.ones((rank, n), np.uint64)))]

    q, r = s.several("qr", [(*batch, m, rank), (*batch, rank, n)], [x], protocol)
    return q, r


# ------------------------------------------------------------------------------------------------------------- Cholesky

INVERSE = 26
"""Fractional bits of the inverse of a Cholesky factor with a unit diagonal, which leaves it 2^8."""
ROOTS = 22
"""Fractional bits of the roots of a diagonal, which are below 2^12."""


def cholesky(x: Value) -> Value:
    """Lower triangular factors of stacks of symmetric positive definite matrices, of which lower triangles are read."""
    engine, n = x.engine, x.shape[-1]

    def protocol(a: Share) -> Protocol:
        lower = s.times(a, np.tril(np.ones((n, n), np.uint64)))
        strict = s.times(a, np.tril(np.ones((n, n), np.uint64), -1))
        near, roots = yield from unit_diagonal(engine, s.plus(lower, s.swapped(strict)))
        left = yield from triangle(engine, near)
        return (yield from s.product(engine, left, roots, FINE + ROOTS - engine.ctx.fraction)).words

    s.in_ring_64(engine, "cholesky")
    return engine.submit("cholesky", FIXED, x.shape, [x], protocol, Share)


def unit_diagonal(engine: Engine, a: Share) -> Protocol:
    """(d a d at 28 fractional bits, 1 / d as a column at 22) with a diagonal near one (two, for an odd fraction).

    1 / d is a_ii d_i / (d_i^2 a_ii), whose denominator is known to be near one: no division. Fourteen rounds.
    """
    fraction, n = engine.ctx.fraction, a.shape[-1]
    odd = fraction % 2
    scale = 36 - (fraction + odd) // 2
    diagonal = a.take((..., np.arange(n), np.arange(n), None))
    factor = yield from s.inverse_root(engine, diagonal, 36)
    half, roots = yield from together(
        s.product(engine, a, factor, fraction + scale - FINE),
        s.product(engine, diagonal, factor, fraction + scale - ROOTS),
    )
    near = yield from s.product(engine, half, s.swapped(factor), scale)
    ones = near.take((..., np.arange(n), np.arange(n), None))
    two = np.uint64(1 << (1 + odd + FINE))
    inverse = s.minus(Share(engine.ctx.constant(ring.broadcast(np.array(two), ones.shape))), ones)
    return near, (yield from s.product(engine, roots, inverse, FINE + 2 * odd))


def triangle(engine: Engine, a: Share) -> Protocol:
    """The lower triangular factor of a at 28 fractional bits, for a diagonal near one."""
    n = a.shape[-1]
    rest, below = a, s.identity(engine, a, n, 1 << INVERSE)
    rows = []
    for j in range(n):
        row = below.take((..., slice(None, 1), slice(None)))
        root = yield from s.inverse_root(engine, rest.take((..., slice(None, 1), slice(None, 1))), 42)
        column, row = yield from together(
            s.product(engine, rest.take((..., slice(1, None), slice(None, 1))), root, FINE),
            s.product(engine, row, root, FINE),
        )
        rows.append(row)
        if j < n - 1:
            rest, below = yield from together(
                s.reduced(engine, rest.take((..., slice(1, None), slice(1, None))), column, s.swapped(column), FINE),
                s.reduced(engine, below.take((..., slice(1, None), slice(None))), column, row, FINE),
            )
    w = Share.concatenate(rows, len(a.shape) - 2)
    for _ in range(CORRECTIONS):
        half = yield from s.matrix_product(engine, w, a, FINE)
        gram = yield from s.matrix_product(engine, half, s.swapped(w), 2 * INVERSE - FINE)
        twice = s.times(s.minus(gram, s.identity(engine, a, n, 1 << FINE)), halves(n, lower=True))
        w = yield from s.reduced(engine, w, twice, w, FINE + 1)
    left = yield from s.matrix_product(engine, a, s.swapped(w), INVERSE)
    return s.times(left, np.tril(np.ones((n, n), np.uint64)))
