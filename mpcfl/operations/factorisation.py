"""QR and Cholesky factors of secret matrices, and stacks of them, with a schedule of the shape alone.

Both go column by column and never pivot: orthogonalisation is stable without it, and so is Cholesky on a positive
definite matrix. Columns are first brought to norms of about one by a secret factor, so that no product can leave its
range whatever units the user has, and the numbers then stand at 28 fractional bits, or 60 in ring 128 (`fine`, see
`precision`), more than a session's fraction could afford. One reciprocal root a column is the only division.

    A D = Q R'        D diagonal: the scale. Modified Gram-Schmidt; a column subtracts itself from all that follow.
    W = R'^-1         the same column operations on the identity, in the same rounds.
    E = Q^T Q - I     about n cond 2^-20, or 2^-45, from the error of the reciprocal roots.
    Q (I - U)         U = the upper triangle of E and half its diagonal: leaves an E of the square of that size, keeps
                      A D W = Q and the triangular form. Two such steps, of four rounds each.

A column costs 16 rounds, 18 in ring 128: the products with those that follow (1), the reciprocal root (11 or 13), the
column and its coefficients (2), the subtraction (2). Cholesky costs one less. On B = D A D, whose diagonal is one, it
gives W with W B W^T = I, by row operations on the identity that are corrected in the same way; the factor is B W^T.

References: Bjorck, BIT 7 (1967), for the stability of modified Gram-Schmidt. Yamamoto et al., ETNA 44 (2015), for a
second Cholesky factor that repairs the orthogonality of a first. van der Sluis, Numer. Math. 14 (1969), for scaling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import FIXED, Engine, Value
from mpcfl.operations import scaled as s
from mpcfl.operations.operands import vector
from mpcfl.operations.precision import precision
from mpcfl.protocol import together
from mpcfl.share import Share

CORRECTIONS = 2


def scaled_columns(engine: Engine, a: Share, fraction: int) -> Protocol:
    """(a d at `fine` bits, d at `scale` bits) for factors d, one a column, that make the sums of magnitudes about one.

    For m rows these sums are 1, 2 or 4, near the square root of m, so that a column of like entries has a norm near
    one; no norm is larger than 4. The columns' sums may have any size from one unit to 2^24, or 2^56.
    """
    at = precision(engine)
    lift = min(2, (a.shape[-2].bit_length() - 1) // 2)
    size = s.total((yield from s.magnitude(engine, a)), -2)
    root = yield from s.inverse_root(engine, size, at.sum_root)
    raw = yield from engine.suite["square"](engine.ctx, vector(root, root.shape))  # 2^(2 sum_root) / size
    shift = 2 * at.sum_root - fraction - at.scale - lift
    factor = yield from s.lowered(engine, Share(ring.reshape(raw, size.shape)), shift)
    return (yield from s.product(engine, a, factor, fraction + at.scale - at.fine)), factor


def orthonormal(engine: Engine, a: Share) -> Protocol:
    """(q at `fine` bits, w at `inverse`) with q = a w orthonormal, w upper triangular, for columns of norm <= 4."""
    at, n = precision(engine), a.shape[-1]
    shift = at.norm_root - at.fine
    below = s.identity(engine, a, n, 1 << at.inverse)
    columns, inverses = [], []
    for j in range(n):
        column, under = s.first_columns(a), s.first_columns(below)
        row = yield from s.matrix_product(engine, s.swapped(column), a)  # at twice `fine`
        size = s.first_columns(row)
        if j == n - 1:
            root = yield from s.inverse_root(engine, size, at.norm_root)
            column, under = yield from together(*(s.product(engine, x, root, shift) for x in (column, under)))
        else:
            root, along = yield from together(
                s.inverse_root(engine, size, at.norm_root), s.lowered(engine, s.other_columns(row), at.fine)
            )
            column, under, along = yield from together(
                *(s.product(engine, x, root, shift) for x in (column, under, along))
            )
            a, below = yield from together(
                s.reduced(engine, s.other_columns(a), column, along, at.fine),
                s.reduced(engine, s.other_columns(below), under, along, at.fine),
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
    fine, n = precision(engine).fine, q.shape[-1]
    gram = yield from s.matrix_product(engine, s.swapped(q), q, fine)
    twice = s.times(s.minus(gram, s.identity(engine, q, n, 1 << fine)), halves(n, lower=False))
    return (yield from together(*(s.reduced(engine, x, x, twice, fine + 1) for x in (q, *others))))


def halves(n: int, *, lower: bool) -> NDArray[np.int64]:
    """2 in a strict triangle and 1 on the diagonal: twice the first-order Cholesky factor of a symmetric matrix."""
    strict = np.tril(np.ones((n, n), np.int64), -1)
    return np.eye(n, dtype=np.int64) + 2 * (strict if lower else strict.T)


def qr(x: Value) -> tuple[Value, Value]:
    """(q, r) of stacks of matrices whose first columns, as many as q can have, are independent.

    r has a positive diagonal. It is the upper triangle of q^T x, with x as it was given: neither the scale nor its
    inverse enter.
    """
    engine, fraction, fine = x.engine, x.engine.ctx.fraction, precision(x.engine).fine
    *batch, m, n = x.shape
    rank = min(m, n)

    def protocol(a: Share) -> Protocol:
        near, _ = yield from scaled_columns(engine, s.first_columns(a, rank), fraction)
        q, _ = yield from orthonormal(engine, near)
        full, short = yield from together(
            s.matrix_product(engine, s.swapped(q), a, fine), s.lowered(engine, q, fine - fraction)
        )
        return [short, s.times(full, np.triu(np.ones((rank, n), np.int64)))]

    q, r = s.several("qr", [(*batch, m, rank), (*batch, rank, n)], [x], protocol)
    return q, r


# ------------------------------------------------------------------------------------------------------------- Cholesky


def cholesky(x: Value) -> Value:
    """Lower triangular factors of stacks of symmetric positive definite matrices, of which lower triangles are read."""
    engine, at, n = x.engine, precision(x.engine), x.shape[-1]

    def protocol(a: Share) -> Protocol:
        lower = s.times(a, np.tril(np.ones((n, n), np.int64)))
        strict = s.times(a, np.tril(np.ones((n, n), np.int64), -1))
        near, roots = yield from unit_diagonal(engine, s.plus(lower, s.swapped(strict)))
        left = yield from triangle(engine, near)
        return (yield from s.product(engine, left, roots, at.triangle + at.roots - engine.ctx.fraction)).words

    return engine.submit("cholesky", FIXED, x.shape, [x], protocol, Share)


def unit_diagonal(engine: Engine, a: Share) -> Protocol:
    """(d a d at `fine` bits, 1 / d as a column at `roots` bits) with a diagonal near one (two, for an odd fraction).

    1 / d is a_ii d_i / (d_i^2 a_ii), whose denominator is known to be near one: no division.
    """
    at, fraction, n = precision(engine), engine.ctx.fraction, a.shape[-1]
    odd = fraction % 2
    half_fraction = (fraction + odd) // 2
    # near times a factor must be representable, with a bit for the odd fraction and one to spare
    power = min(at.diagonal_root, (engine.ctx.bound - 2 - at.fine + half_fraction) // 3 * 3)
    scale = power - half_fraction
    diagonal = a.take((..., np.arange(n), np.arange(n), None))
    factor = yield from s.inverse_root(engine, diagonal, power)
    half, roots = yield from together(
        s.product(engine, a, factor, fraction + scale - at.fine),
        s.product(engine, diagonal, factor, fraction + scale - at.roots + odd),
    )
    near = yield from s.product(engine, half, s.swapped(factor), scale)
    ones = near.take((..., np.arange(n), np.arange(n), None))
    less = s.minus(s.public(engine, ones, 1 << (odd + at.fine)), ones)
    return near, s.plus(roots, (yield from s.product(engine, roots, less, at.fine + odd)))


def triangle(engine: Engine, a: Share) -> Protocol:
    """The lower triangular factor of a, at `fine` bits, for a diagonal near one: at `triangle` bits."""
    at, fine, n = precision(engine), precision(engine).fine, a.shape[-1]
    rest, below = a, s.identity(engine, a, n, 1 << at.triangle)
    rows = []
    for j in range(n):
        row = below.take((..., slice(None, 1), slice(None)))
        root = yield from s.inverse_root(engine, rest.take((..., slice(None, 1), slice(None, 1))), at.half_root)
        column, row = yield from together(
            s.product(engine, rest.take((..., slice(1, None), slice(None, 1))), root, fine),
            s.product(engine, row, root, fine),
        )
        rows.append(row)
        if j < n - 1:
            rest, below = yield from together(
                s.reduced(engine, rest.take((..., slice(1, None), slice(1, None))), column, s.swapped(column), fine),
                s.reduced(engine, below.take((..., slice(1, None), slice(None))), column, row, fine),
            )
    w = Share.concatenate(rows, len(a.shape) - 2)
    for _ in range(CORRECTIONS):
        half = yield from s.matrix_product(engine, w, a, fine)
        gram = yield from s.matrix_product(engine, half, s.swapped(w), 2 * at.triangle - fine)
        twice = s.times(s.minus(gram, s.identity(engine, a, n, 1 << fine)), halves(n, lower=True))
        w = yield from s.reduced(engine, w, twice, w, fine + 1)
    left = yield from s.matrix_product(engine, a, s.swapped(w), fine)
    return s.times(left, np.tril(np.ones((n, n), np.int64)))
