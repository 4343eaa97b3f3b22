"""Einstein sums on secret and public arrays: pair by pair, each a matrix product or an elementwise one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl import operations as op
from mpcfl.dispatch.products import operands, reshaped, sums_of_products, times, transposed
from mpcfl.dispatch.reductions import total
from mpcfl.engine import Value


def einsum(*args: Any, optimize: Any = True) -> Value:
    """np.einsum with a string of subscripts.

    Parameters
    ----------
    *args : str, then arrays
    optimize : bool, str or list
        As of `numpy.einsum_path`; the order in which pairs are contracted.

    Raises
    ------
    TypeError
        Subscripts as lists.
    ValueError
        What `numpy.einsum` refuses.
    """
    subscripts, *arrays = args
    if not isinstance(subscripts, str):
        raise TypeError("np.einsum on secrets takes its subscripts as a string, as in np.einsum('ij,j->i', x, y)")
    parts = operands(*arrays)
    shapes = [np.broadcast_to(np.uint8(0), part.shape) for part in parts]
    path = np.einsum_path(subscripts, *shapes, optimize="greedy" if optimize is True else optimize or "greedy")[0][1:]
    names, wanted = _subscripts(subscripts, [len(part.shape) for part in parts])
    terms = [_single(part, name) for part, name in zip(parts, names, strict=True)]
    for step in path:
        chosen = [terms[i] for i in step]
        terms = [term for i, term in enumerate(terms) if i not in step]
        needed = set(wanted).union(*(name for _, name in terms))
        x, a = chosen[0]
        for k, (y, b) in enumerate(chosen[1:], 2):
            x, a = _pair(x, a, y, b, needed.union(*(name for _, name in chosen[k:])))
        terms.append((x, a))
    ((result, labels),) = terms
    result, labels = _summed(result, labels, set(wanted))
    return op.transpose(result, tuple(labels.index(label) for label in wanted))


def _subscripts(text: str, dims: Sequence[int]) -> tuple[list[str], str]:
    """The labels of each operand and of the result; an ellipsis stands for capitals that nobody uses."""
    text = text.replace(" ", "")
    left, arrow, right = text.partition("->")
    names = left.split(",")
    if len(names) != len(dims):
        raise ValueError("np.einsum: as many subscripts as operands")
    spare = [chr(n) for n in range(0x100, 0x140)]
    most = 0
    for i, (name, dim) in enumerate(zip(names, dims, strict=True)):
        if "..." in name:
            extra = dim - len(name) + 3
            most = max(most, extra)
            names[i] = name.replace("...", "".join(spare[len(spare) - extra :]))
        if len(names[i]) != dim:
            raise ValueError(f"np.einsum: the subscripts {name} do not fit an operand of {dim} dimensions")
    rest = "".join(spare[len(spare) - most :]) if most else ""
    if arrow:
        return names, right.replace("...", rest)
    every = "".join(names)
    return names, rest + "".join(sorted(label for label in set(every) if every.count(label) == 1 and label not in rest))


def _single(x: Any, name: str) -> tuple[Any, str]:
    """An operand whose labels differ: a label that comes twice stands for a diagonal."""
    for label in sorted(set(name)):
        while name.count(label) > 1:
            first, second = [i for i, one in enumerate(name) if one == label][:2]
            if x.shape[first] != x.shape[second]:
                raise ValueError(f"np.einsum: the axes {label} of one operand differ in length")
            places = np.arange(x.shape[first])
            order = [i for i in range(len(name)) if i not in (first, second)]
            moved = transposed(x, (first, second, *order))
            x = op.take(moved, (places, places)) if isinstance(x, Value) else moved[places, places]
            name = label + "".join(name[i] for i in order)
    return x, name


def _summed(x: Any, name: str, keep: set[str]) -> tuple[Any, str]:
    """Sum what no one needs any more."""
    axes = tuple(i for i, label in enumerate(name) if label not in keep)
    if axes:
        x = total(x, axes) if isinstance(x, Value) else x.sum(axis=axes)
    return x, "".join(label for label in name if label in keep)


def _pair(x: Any, a: str, y: Any, b: str, needed: set[str]) -> tuple[Any, str]:
    """Contract two operands to the labels that are needed."""
    x, a = _summed(x, a, needed | set(b))
    y, b = _summed(y, b, needed | set(a))
    sizes = {label: n for part, name in ((x, a), (y, b)) for label, n in zip(name, part.shape, strict=True) if n != 1}
    both = [label for label in a if label in b]
    inner = [label for label in both if label not in needed]
    batch = [label for label in both if label in needed]
    rows, columns = [label for label in a if label not in b], [label for label in b if label not in a]
    x = _ordered(x, a, batch + rows + inner, sizes, inner)
    y = _ordered(y, b, batch + inner + columns, sizes, inner)
    name = "".join(batch + rows + columns)
    if not isinstance(x, Value) and not isinstance(y, Value):
        return np.einsum(_public(batch, rows, inner, columns), x, y), name
    shape = tuple(sizes.get(label, 1) for label in name)
    outer = x.shape[: len(batch)], y.shape[: len(batch)]
    m, n = (math.prod(sizes.get(label, 1) for label in part) for part in (rows, columns))
    k = math.prod(sizes.get(label, 1) for label in inner)
    if not inner:
        left, right = reshaped(x, (*outer[0], m, 1)), reshaped(y, (*outer[1], 1, n))
        return op.reshape(times(left, right), shape), name
    if batch and m == n == 1:
        return op.reshape(sums_of_products(reshaped(x, (*outer[0], k)), reshaped(y, (*outer[1], k))), shape), name
    product = op.matmul(reshaped(x, (*outer[0], m, k)), reshaped(y, (*outer[1], k, n)))
    return op.reshape(product, shape), name


def _public(batch: list[str], rows: list[str], inner: list[str], columns: list[str]) -> str:
    """The subscripts of a pair of public operands."""
    letters = {label: chr(97 + i) for i, label in enumerate([*batch, *rows, *inner, *columns])}
    parts = (batch + rows + inner, batch + inner + columns, batch + rows + columns)
    left, right, out = ("".join(letters[label] for label in part) for part in parts)
    return f"{left},{right}->{out}"


def _ordered(x: Any, name: str, order: list[str], sizes: dict[str, int], inner: list[str]) -> Any:
    """Axes in the given order; a summed axis of length one takes the length that it has elsewhere."""
    x = transposed(x, [name.index(label) for label in order])
    shape = tuple(sizes.get(label, 1) if label in inner else n for label, n in zip(order, x.shape, strict=True))
    if shape == x.shape:
        return x
    return op.broadcast(x, shape) if isinstance(x, Value) else np.broadcast_to(x, shape)


FUNCTIONS: dict[Any, Callable[..., Any]] = {np.einsum: einsum}
