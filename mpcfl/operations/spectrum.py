"""Eigenvalues of symmetric matrices and singular values of any, by one-sided Jacobi with a fixed number of sweeps.

A rotation of two columns l and r makes them orthogonal. With h = |l|^2 - |r|^2 and b = 2 l^T r its angle t has

    rho = sqrt(h^2 + b^2)      cos 2t = |h| / rho      sin 2t = sign(h) b / rho
    cos t = (1 + cos 2t) z     sin t = z sin 2t        z = 1 / sqrt(2 + 2 cos 2t)

so that |t| <= pi / 4, and small angles are exact. h is taken as an odd number of half units: rho is never zero, and
columns that are equal or already orthogonal are left as they are. All pairs of a step are disjoint and turn at the same
time: a sweep of all pairs of n columns is n - 1 steps, n for odd n, of 31 rounds each, or 35 in ring 128.

    svd      the columns of a V, for a divided by its Frobenius norm; V starts as the identity
    eigen    those of I + a / (4 |a|): positive definite, so that left and right singular vectors are the eigenvectors

Roots have an error of 2^-20.5, so V leaves orthogonality by some 2^-18 over the sweeps, or 2^-45 and 2^-42 in ring
128. It is then made orthogonal to first order, V - V (V^T V - I) / 2, its product is formed anew, and one last sweep
turns by tiny angles only. The order comes last: an element's place is the number of those that it follows, and a
one-hot matrix of places puts it there.

References: Hestenes, J. SIAM 6 (1958). Brent and Luk, SIAM J. Sci. Stat. Comput. 6 (1985), for the parallel order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import Engine, Value
from mpcfl.operations import scaled as s
from mpcfl.operations.factorisation import corrected, scaled_columns
from mpcfl.operations.operands import vector
from mpcfl.operations.precision import Precision, precision
from mpcfl.protocol import together
from mpcfl.share import Share


def sweeps(at: Precision, n: int) -> int:
    """How many before the last one."""
    return sum(n > limit for limit in at.more_sweeps)


def schedule(n: int) -> list[tuple[list[int], list[int]]]:
    """The steps of a sweep: two lists of columns each, the i-th of one turns with the i-th of the other.

    The circle method of tournaments: every two columns meet once, none is twice in a step.
    """
    circle = list(range(n + n % 2))
    steps = []
    for _ in range(len(circle) - 1 if n > 1 else 0):
        half = len(circle) // 2
        meetings = zip(circle[:half], reversed(circle[half:]), strict=True)
        pairs = sorted((min(pair), max(pair)) for pair in meetings if max(pair) < n)
        steps.append(([p for p, _ in pairs], [q for _, q in pairs]))
        circle = [circle[0], circle[-1], *circle[1:-1]]
    return steps


def swept(engine: Engine, parts: Sequence[Share]) -> Protocol:
    """Matrices that turn alike, after one sweep; the first one tells the angles."""
    n = parts[0].shape[-1]
    for left, right in schedule(n):
        parts = yield from _turned(engine, parts, left, right)
    return parts


def _turned(engine: Engine, parts: Sequence[Share], left: list[int], right: list[int]) -> Protocol:
    """One step."""
    at, n, last = precision(engine), parts[0].shape[-1], len(parts[0].shape) - 1
    fine = at.fine
    one, two = (parts[0].take((..., np.array(places))) for places in (left, right))
    operands = [Share.concatenate(list(three), last) for three in ((one, two, one), (one, two, two))]
    ones, twos, across = _thirds(s.total((yield from s.product(engine, operands[0], operands[1])), -2))
    both = Share(ring.concatenate([s.minus(ones, twos).words, across.words], last))
    h, b = _halves((yield from s.lowered(engine, both, fine)))
    h = Share(s.plus_public(engine, h.scale(2), 1).words)  # fine + 1 fractional bits from here
    b = b.scale(4)
    squares = yield from together(s.product(engine, h, h), s.product(engine, b, b))
    root, flipped = yield from together(
        s.inverse_root(engine, s.plus(*squares), at.turn_root), _flipped(engine, h, Share.concatenate([h, b], last))
    )
    roots = Share.concatenate([root, root], last)
    cos2, sin2 = _halves((yield from s.product(engine, flipped, roots, at.turn_root - fine)))
    more = s.plus_public(engine, cos2, 1 << fine)
    z = yield from s.inverse_root(engine, more.scale(2), at.half_root)
    cos, sin = yield from together(*(s.product(engine, x, z, fine) for x in (more, sin2)))
    whole, signed = _placed(engine, cos, sin, left, right, n)
    partner = np.arange(n)
    partner[left], partner[right] = right, left
    return (yield from together(*(_rotation(engine, x, x.take((..., partner)), whole, signed) for x in parts)))


def _halves(x: Share) -> tuple[Share, Share]:
    n = x.shape[-1] // 2
    return x.take((..., slice(None, n))), x.take((..., slice(n, None)))


def _thirds(x: Share) -> tuple[Share, Share, Share]:
    n = x.shape[-1] // 3
    return x.take((..., slice(None, n))), x.take((..., slice(n, 2 * n))), x.take((..., slice(2 * n, None)))


def _flipped(engine: Engine, h: Share, x: Share) -> Protocol:
    """The two halves of x, each times the sign of h."""
    less = yield from s.negative(engine, h)
    both = Share.concatenate([less, less], len(x.shape) - 1)
    return s.minus(x, (yield from s.picked(engine, both, x)).scale(2))


def _placed(engine: Engine, cos: Share, sin: Share, left: list[int], right: list[int], n: int) -> tuple[Share, Share]:
    """The cosine of each column, and the sine with its sign, in the columns' order; one that rests has 1 and 0."""
    last = len(cos.shape) - 1
    rest = [i for i in range(n) if i not in {*left, *right}]
    shape = (*cos.shape[:-1], len(rest))
    zeros = Share(ring.like(sin.words, shape))
    ones = s.public(engine, zeros, 1 << precision(engine).fine)
    order = np.argsort([*left, *right, *rest])
    cosines = Share.concatenate([cos, cos, ones], last).take((..., order))
    return cosines, Share.concatenate([sin, sin.scale(-1), zeros], last).take((..., order))


def _rotation(engine: Engine, x: Share, partners: Share, cos: Share, sin: Share) -> Protocol:
    """Columns of x times cosines plus their partners times sines."""
    kept, moved = yield from together(s.product(engine, x, cos), s.product(engine, partners, sin))
    return (yield from s.lowered(engine, s.plus(kept, moved), precision(engine).fine))


def orthogonal(engine: Engine, v: Share) -> Protocol:
    """v made orthogonal to first order: v - v (v^T v - I) / 2."""
    fine = precision(engine).fine
    gram = yield from s.matrix_product(engine, s.swapped(v), v, fine)
    beside = s.minus(gram, s.identity(engine, v, v.shape[-1], 1 << fine))
    return (yield from s.reduced(engine, v, v, beside, fine + 1))


def directions(engine: Engine, columns: Share) -> Protocol:
    """Columns divided by their norms."""
    size = s.total((yield from s.product(engine, columns, columns)), -2)
    return (yield from _divided(engine, columns, size))


def _divided(engine: Engine, columns: Share, size: Share) -> Protocol:
    """Columns divided by the roots of `size`, their squares at twice `fine`."""
    at = precision(engine)
    root = yield from s.inverse_root(engine, size, at.norm_root)
    return (yield from s.product(engine, columns, root, at.norm_root - at.fine))


def unit(engine: Engine, a: Share) -> Protocol:
    """a divided by about its Frobenius norm, at `fine` bits."""
    m, n = a.shape[-2:]
    column, _ = yield from scaled_columns(engine, a.reshape((*a.shape[:-2], m * n, 1)), engine.ctx.fraction)
    return (yield from directions(engine, column)).reshape(a.shape)


def eigen(a: Value) -> tuple[Value, Value]:
    """(w, v) of stacks of symmetric matrices, w rising; only lower triangles are read."""
    engine, n, fraction, at = a.engine, a.shape[-1], a.engine.ctx.fraction, precision(a.engine)
    fine = at.fine

    def protocol(share: Share) -> Protocol:
        lower = s.times(share, np.tril(np.ones((n, n), np.int64)))
        whole = s.plus(lower, s.swapped(s.times(share, np.tril(np.ones((n, n), np.int64), -1))))
        near = yield from s.lowered(engine, (yield from unit(engine, whole)), 2)
        shifted = s.plus(near, s.identity(engine, near, n, 1 << fine))
        columns = shifted
        for _ in range(sweeps(at, n)):
            (columns,) = yield from swept(engine, [columns])
        v = yield from orthogonal(engine, (yield from directions(engine, columns)))
        columns = yield from s.matrix_product(engine, shifted, v, fine)
        (columns,) = yield from swept(engine, [columns])
        v = yield from orthogonal(engine, (yield from directions(engine, columns)))
        image = yield from s.matrix_product(engine, whole, v, fine)
        values, short = yield from together(_column_products(engine, image, v), s.lowered(engine, v, fine - fraction))
        return (yield from _sorted(engine, values, [values, short]))

    w, v = s.several("eigen", [a.shape[:-1], a.shape], [a], protocol)
    return w, v


def _column_products(engine: Engine, x: Share, y: Share) -> Protocol:
    """A row of the sums of products of the columns of x with those of y at `fine` bits."""
    sums = s.total((yield from s.product(engine, x, y)), -2)
    return (yield from s.lowered(engine, sums, precision(engine).fine))


def _sorted(engine: Engine, keys: Share, parts: Sequence[Share]) -> Protocol:
    """Matrices with their columns in the order of rising keys, equal ones as they stand: nine rounds.

    Parameters
    ----------
    keys : Share
        Of shape (..., 1, n).
    """
    n = keys.shape[-1]
    early, late = np.triu_indices(n, 1)
    less = yield from s.negative(engine, s.minus(keys.take((..., late)), keys.take((..., early))))  # late before early
    width = engine.ctx.width
    before = np.zeros((early.size, n), np.int64)  # what a true adds to the places
    before[np.arange(early.size), early], before[np.arange(early.size), late] = 1, -1
    moved = Share(ring.matmul(less.words, ring.words(before, width)))
    places = moved.shift(ring.broadcast(ring.words(np.arange(n), width), moved.shape), engine.ctx.first)
    numbers = ring.broadcast(ring.words(-np.arange(n), width), (*keys.shape[:-2], n, n))
    apart = s.swapped(places).broadcast(numbers.shape).shift(numbers, engine.ctx.first)
    bits = yield from engine.suite["eqz"](engine.ctx, vector(apart, apart.shape))
    there = Share.of_bit(bits).reshape(apart.shape)
    return (yield from together(*(s.matrix_product(engine, x, there) for x in parts)))


def singular(a: Value) -> tuple[Value, Value, Value]:
    """(u, s, v^T) of stacks of tall or square matrices, s falling."""
    engine, fraction, at = a.engine, a.engine.ctx.fraction, precision(a.engine)
    *batch, _, n = a.shape
    fine = at.fine

    def protocol(share: Share) -> Protocol:
        near = yield from unit(engine, share)
        parts = [near, s.identity(engine, near, n, 1 << fine)]
        for _ in range(sweeps(at, n)):
            parts = yield from swept(engine, parts)
        v = yield from orthogonal(engine, parts[1])
        columns = yield from s.matrix_product(engine, near, v, fine)
        _, v = yield from swept(engine, [columns, v])
        v = yield from orthogonal(engine, v)
        columns, image = yield from together(
            s.matrix_product(engine, near, v, fine), s.matrix_product(engine, share, v, fine)
        )
        size = s.total((yield from s.product(engine, columns, columns)), -2)
        size, columns, image, v = yield from _sorted(engine, size.scale(-1), [size, columns, image, v])
        # a column that is almost zero has a direction without meaning: it comes last and must not touch the others
        (u,) = yield from corrected(engine, (yield from _divided(engine, columns, size)))
        values, *short = yield from together(
            _column_products(engine, image, u), *(s.lowered(engine, x, fine - fraction) for x in (u, v))
        )
        return [short[0], values, s.swapped(short[1])]

    u, w, v = s.several("singular", [a.shape, (*batch, n), (*batch, n, n)], [a], protocol)
    return u, w, v
