"""Gradients of products of vectors, matrices and tensors.

An operand that was opened in the forward pass is not opened again: the backward products take it transposed, reshaped
or gathered, and open the cotangent, once for both.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl import numerics
from mpcfl.grad.cotangent import unbroadcast
from mpcfl.grad.places import positions, scattered
from mpcfl.grad.tape import Step

Shape = tuple[int, ...]


def _transposed(x: Any) -> Any:
    """Matrices with rows and columns exchanged."""
    return np.swapaxes(x, -1, -2)


def _matmul(x: Any, y: Any) -> Step:
    return Step(np.matmul(x, y), _pulls(x, y))


def _affine(x: Any, weight: Any, bias: Any) -> Step:
    value = numerics.affine(x, weight, bias)
    return Step(value, (*_pulls(x, weight), lambda g: unbroadcast(g, np.shape(bias))))


def _pulls(x: Any, y: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Those of a matrix product."""
    left, right = (1, *x.shape) if x.ndim == 1 else x.shape, (*y.shape, 1) if y.ndim == 1 else y.shape
    whole = (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])

    def to_left(g: Any) -> Any:
        back = np.matmul(np.reshape(g, whole), _transposed(np.reshape(y, right)))
        return np.reshape(unbroadcast(back, left), x.shape)

    def to_right(g: Any) -> Any:
        a, g = np.reshape(x, left), np.reshape(g, whole)
        if len(right) == 2:  # one matrix for all of x: one product, truncated once
            a, g = np.reshape(a, (-1, left[-1])), np.reshape(g, (-1, right[-1]))
        return np.reshape(unbroadcast(np.matmul(_transposed(a), g), right), y.shape)

    return to_left, to_right


def _contracted(x: Any, y: Any, left: Sequence[int], right: Sequence[int]) -> Step:
    """Sums of products over pairs of axes."""
    left, right = list(left), list(right)
    keep_left = [i for i in range(x.ndim) if i not in left]
    keep_right = [i for i in range(y.ndim) if i not in right]
    n = len(keep_left)

    def to_left(g: Any) -> Any:
        back = np.tensordot(g, y, (tuple(range(n, g.ndim)), tuple(keep_right)))
        order = keep_left + [left[right.index(i)] for i in sorted(right)]
        return np.transpose(back, tuple(np.argsort(order).tolist()))

    def to_right(g: Any) -> Any:
        back = np.tensordot(x, g, (tuple(keep_left), tuple(range(n))))
        order = [right[left.index(i)] for i in sorted(left)] + keep_right
        return np.transpose(back, tuple(np.argsort(order).tolist()))

    return Step(np.tensordot(x, y, (tuple(left), tuple(right))), (to_left, to_right))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Step:
    if isinstance(axes, int | np.integer):
        return _contracted(a, b, range(a.ndim - axes, a.ndim), range(axes))
    left, right = (np.atleast_1d(one).tolist() for one in axes)
    return _contracted(a, b, [i % a.ndim for i in left], [i % b.ndim for i in right])


# -------------------------------------------------------------------------------------------------------- Einstein sums


def _labels(text: str, dims: Sequence[int]) -> tuple[list[str], str]:
    """The labels of each operand and of the result, without an ellipsis."""
    text = text.replace(" ", "")
    left, arrow, right = text.partition("->")
    names = left.split(",")
    if len(names) != len(dims):
        raise ValueError("np.einsum: as many subscripts as operands")
    spare = [letter for letter in string.ascii_letters if letter not in text]
    most = max((dim - len(name) + 3 for name, dim in zip(names, dims, strict=True) if "..." in name), default=0)
    rest = spare[:most]
    for i, (name, dim) in enumerate(zip(names, dims, strict=True)):
        extra = dim - len(name) + 3
        names[i] = name.replace("...", "".join(rest[most - extra :]))
    if arrow:
        return names, right.replace("...", "".join(rest))
    every = "".join(names)
    once = sorted(label for label in set(every) if every.count(label) == 1 and label not in rest)
    return names, "".join(rest) + "".join(once)


def _einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> Step:
    if not isinstance(subscripts, str):
        raise TypeError("np.einsum has a gradient with its subscripts as a string, as in np.einsum('ij,j->i', x, y)")
    einsum: Any = np.einsum
    value = einsum(subscripts, *operands, optimize=optimize)
    names, out = _labels(subscripts, [np.ndim(operand) for operand in operands])
    sizes: dict[str, int] = {}
    for name, operand in zip(names, operands, strict=True):
        for label, n in zip(name, np.shape(operand), strict=True):
            sizes[label] = max(n, sizes.get(label, 1))

    def to(place: int) -> Callable[[Any], Any]:
        name, shape = names[place], np.shape(operands[place])
        single = "".join(dict.fromkeys(name))
        inner = tuple(shape[name.index(label)] for label in single)
        others = [(n, x) for i, (n, x) in enumerate(zip(names, operands, strict=True)) if i != place]

        def pull(g: Any) -> Any:
            known = set(out).union(*(n for n, _ in others))
            kept = [label for label, n in zip(single, inner, strict=True) if label in known and n == sizes[label]]
            terms = ",".join([out, *(n for n, _ in others)])
            back = einsum(f"{terms}->{''.join(kept)}", g, *(x for _, x in others), optimize=optimize)
            # labels that stand in this operand alone were summed: the same for all; those of length one were repeated
            back = np.reshape(back, tuple(n if label in kept else 1 for label, n in zip(single, inner, strict=True)))
            back = np.broadcast_to(back, inner)
            if single == name:
                return back
            return scattered(back, np.einsum(f"{name}->{single}", positions(shape)), shape)

        return pull

    return Step(value, (None, *(to(place) for place in range(len(operands)))))


# --------------------------------------------------------------------------------------------------- linear equations


def _solve(a: Any, b: Any) -> Step:
    """x of a x = b: db solves with a transposed, da = -db x^T."""
    value = np.linalg.solve(a, b)
    if np.ndim(a) != 2:
        raise TypeError("np.linalg.solve has a gradient here by one matrix: stacks of them are to be solved one by one")

    def to_right(g: Any) -> Any:
        return np.linalg.solve(np.transpose(a), g)

    def to_matrix(g: Any) -> Any:
        back, columns = to_right(g), value
        if len(value.shape) == 1:
            back, columns = np.reshape(back, (-1, 1)), np.reshape(value, (-1, 1))
        return -np.matmul(back, np.transpose(columns))

    return Step(value, (to_matrix, to_right))


def _inv(a: Any) -> Step:
    inverse = np.linalg.inv(a)
    turned = _transposed(inverse)
    return Step(inverse, (lambda g: -np.matmul(np.matmul(turned, g), turned),))


def _cholesky(a: Any) -> Step:
    """With L L^T = a: L^-T P L^-1, made symmetric, for the lower triangle P of L^T dL with half its diagonal.

    Source: Murray, "Differentiation of the Cholesky decomposition", 2016, arXiv:1602.07527.
    """
    lower = np.linalg.cholesky(a)

    def pull(g: Any) -> Any:
        inverse = np.linalg.inv(lower)
        weights = np.tri(lower.shape[-1]) - 0.5 * np.eye(lower.shape[-1])
        middle = np.matmul(_transposed(lower), g) * weights
        whole = np.matmul(np.matmul(_transposed(inverse), middle), inverse)
        return 0.5 * (whole + _transposed(whole))

    return Step(lower, (pull,))


RULES: dict[Any, Callable[..., Step]] = {
    np.matmul: _matmul,
    numerics.affine: _affine,
    np.tensordot: _tensordot,
    np.einsum: _einsum,
    np.linalg.solve: _solve,
    np.linalg.inv: _inv,
    np.linalg.cholesky: _cholesky,
}


def _dot(a: Any, b: Any) -> Any:
    if not np.ndim(a) or not np.ndim(b):
        return np.multiply(a, b)
    if np.ndim(a) <= 2 and np.ndim(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, (np.ndim(a) - 1, max(np.ndim(b) - 2, 0)))


def _inner(a: Any, b: Any) -> Any:
    if not np.ndim(a) or not np.ndim(b):
        return np.multiply(a, b)
    return np.tensordot(a, b, (np.ndim(a) - 1, np.ndim(b) - 1))


def _outer(a: Any, b: Any) -> Any:
    return np.multiply(np.reshape(a, (-1, 1)), np.reshape(b, (1, -1)))


def _kron(a: Any, b: Any) -> Any:
    dims = max(np.ndim(a), np.ndim(b))
    left, right = ((1,) * (dims - np.ndim(v)) + tuple(np.shape(v)) for v in (a, b))
    product = np.multiply(
        np.reshape(a, tuple(n for size in left for n in (size, 1))),
        np.reshape(b, tuple(n for size in right for n in (1, size))),
    )
    return np.reshape(product, tuple(m * n for m, n in zip(left, right, strict=True)))


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


def _matvec(x1: Any, x2: Any) -> Any:
    return np.squeeze(np.matmul(x1, np.expand_dims(x2, -1)), axis=-1)


def _vecmat(x1: Any, x2: Any) -> Any:
    return np.squeeze(np.matmul(np.expand_dims(x1, -2), x2), axis=-2)


def _matrix_power(a: Any, n: int) -> Any:
    """By squares, of a public power of at least 1."""
    if n < 1:
        raise TypeError("np.linalg.matrix_power has a gradient by powers of at least 1: invert the matrix first")
    result, square = None, a
    while n:
        if n & 1:
            result = square if result is None else np.matmul(result, square)
        n >>= 1
        square = np.matmul(square, square) if n else square
    return result


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Of vectors of three: the six products as one."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError("a cross product takes vectors of three")
    products = x[..., [1, 2, 0, 2, 0, 1]] * y[..., [2, 0, 1, 1, 2, 0]]
    return np.moveaxis(products[..., :3] - products[..., 3:], -1, axisc)


def _vecdot(x1: Any, x2: Any, axis: int = -1) -> Any:
    ends = [np.moveaxis(v, axis, -1) for v in (x1, x2)]
    return np.einsum("...i,...i->...", *ends)


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Windows of the longer vector, as a gather, times the shorter one."""
    if np.ndim(a) != 1 or np.ndim(v) != 1 or not len(a) or not len(v):
        raise ValueError("a convolution takes two vectors that are not empty")
    if len(v) > len(a):
        a, v = v, a
    n, m = len(a), len(v)
    starts = {"full": range(n + m - 1), "same": range((m - 1) // 2, (m - 1) // 2 + n), "valid": range(m - 1, n)}
    if mode not in starts:
        raise ValueError("the mode of a convolution is full, same or valid")
    places = np.array(starts[mode])[:, None] - np.arange(m)
    inside = (places >= 0) & (places < n)
    return np.matmul(np.pad(a, (1, 0))[np.where(inside, places + 1, 0)], v)


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    if len(a) >= len(v):
        return _convolve(a, np.flip(v), mode)
    return np.flip(_convolve(v, np.flip(a), mode))


COMPOSED: dict[Any, Callable[..., Any]] = {
    np.dot: _dot,
    np.vdot: lambda a, b: np.matmul(np.ravel(a), np.ravel(b)),
    np.inner: _inner,
    np.outer: _outer,
    np.linalg.outer: _outer,
    np.linalg.tensordot: lambda x1, x2, *, axes=2: np.tensordot(x1, x2, axes),
    np.linalg.matmul: lambda x1, x2: np.matmul(x1, x2),
    np.kron: _kron,
    np.trace: _trace,
    np.linalg.trace: lambda x, *, offset=0: _trace(x, offset, -2, -1),
    np.cross: _cross,
    np.linalg.cross: lambda x1, x2, *, axis=-1: _cross(x1, x2, axis=axis),
    np.linalg.matrix_power: _matrix_power,
    np.matvec: _matvec,
    np.vecmat: _vecmat,
    np.vecdot: _vecdot,
    np.linalg.vecdot: lambda x1, x2, *, axis=-1: _vecdot(x1, x2, axis),
    np.convolve: _convolve,
    np.correlate: _correlate,
}
