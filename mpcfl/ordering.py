"""Functions of order and position that NumPy lacks, on plain and secret arrays alike.

On secrets they cost what their shapes say and show nothing of the order: sorts run a comparator network
(`mpcfl.operations.ordering`), secret positions are compared with every public one (`mpcfl.operations.positions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mpcfl import operations
from mpcfl.array import SecretArray
from mpcfl.engine import Value
from mpcfl.operations import comparisons, ordering, positions
from mpcfl.overrides import overridable


def _secret(*operands: Any) -> SecretArray | None:
    return next((x for x in operands if isinstance(x, SecretArray)), None)


def _array(x: Any) -> Any:
    return x if isinstance(x, SecretArray) else np.asarray(x)


def _operand(x: Any) -> operations.Operand:
    return x._value if isinstance(x, SecretArray) else operations.public(x)


def _as_values(secret: SecretArray, operands: Sequence[Any]) -> list[Value]:
    """Values of one engine, public arrays as constants."""
    return [
        x._value if isinstance(x, SecretArray) else operations.constant(secret._value.engine, operations.public(x))
        for x in operands
    ]


@overridable
def sort_by(keys: Any, *columns: Any, stable: bool = False) -> list[Any]:
    """Keys in ascending order, and columns whose rows move with them.

    Parameters
    ----------
    keys : array of shape (n,), or a list or tuple of them
        Of several the first counts most.
    *columns : arrays of shape (n,)
    stable : bool
        Whether equal keys keep their order on secrets; ndarrays do always.

    Returns
    -------
    list of arrays, shape (n,)
        The keys, then the columns, in the types given; secret if any of them is.

    Raises
    ------
    ValueError
        Shapes that are not all (n,).

    Notes
    -----
    On secrets t (t + 1) / 2 stages, t = ceil(log2(n)), of 3 + k rounds for k keys; `stable` counts as a key. With one
    key a comparator takes 12.4 bytes a party, and 8 for each column.
    """
    given = list(keys) if isinstance(keys, list | tuple) else [keys]
    parts = [_array(x) for x in (*given, *columns)]
    if any(len(part.shape) != 1 or part.shape != parts[0].shape for part in parts):
        raise ValueError(f"keys and columns are vectors of one length, not of shapes {[part.shape for part in parts]}")
    secret = _secret(*parts)
    if secret is None:
        order = np.lexsort(parts[: len(given)][::-1])
        return [part[order] for part in parts]
    values = _as_values(secret, parts)
    index = [ordering.places(values[0])] if stable else []
    moved = ordering.sort([*values[: len(given)], *index], values[len(given) :])
    del moved[len(given) : len(given) + len(index)]
    return secret._wrap(moved)  # type: ignore[no-any-return]


@overridable
def shuffle(*arrays: Any) -> list[Any]:
    """Rows of secret arrays in one uniform order that nobody knows.

    Parameters
    ----------
    *arrays : arrays of shape (n, ...), at least one secret
        All rows move alike.

    Returns
    -------
    list of SecretArray
        In the shapes and types given.

    Raises
    ------
    TypeError
        No array is secret: whoever sees the rows knows the order.
    ValueError
        The arrays differ in their number of rows.

    Notes
    -----
    A round for each party, and in each 8 bytes an element to every other party; source:
    `mpcfl.protocols.permutation`. A sort that reveals where shuffled rows go shows which are equal: sort by a last key
    that makes them distinct, as their places before the shuffle do.
    """
    secret = _secret(*arrays)
    if secret is None:
        raise TypeError("shuffle takes a secret array: the order of plain rows is known to who sees them")
    values = _as_values(secret, arrays)
    if any(not value.shape or value.shape[0] != values[0].shape[0] for value in values):
        raise ValueError(f"arrays of one number of rows are shuffled, not of shapes {[v.shape for v in values]}")
    return secret._wrap(ordering.shuffle(values))  # type: ignore[no-any-return]


@overridable
def odd(x: Any) -> Any:
    """Whether whole numbers are odd: x % 2 == 1, the cheapest way from zeros and ones to booleans.

    Parameters
    ----------
    x : array of whole numbers or booleans, any shape

    Returns
    -------
    array of bool, of that shape

    Raises
    ------
    TypeError
        Secret numbers with a fraction.

    Notes
    -----
    On secrets one round and one bit an element, and 8 bytes from the dealer. Products of what this gives, with one
    another and with numbers, then open nothing of it. Of a product of whole numbers, `odd(x @ y)`, that nothing
    else asks for, only the parity is made: no word for it comes from the dealer, and where one party knows x, no number
    is multiplied.
    """
    if not isinstance(x, SecretArray):
        return np.asarray(x) % 2 == 1
    if x.dtype.kind == "f":
        raise TypeError("odd takes whole numbers: secrets of dtype int64 or bool")
    return x.apply(comparisons.odd)


@overridable
def parted(bit: Any, x: Any) -> tuple[Any, Any]:
    """Part numbers in two: x where a boolean is set, and x where it is not, with zeros in all other places.

    Parameters
    ----------
    bit : array of bool
    x : array of numbers
        The two broadcast against each other.

    Returns
    -------
    inside, outside : arrays
        ``bit * x`` and ``x - bit * x``.

    Raises
    ------
    TypeError
        No boolean, or a secret boolean to be parted.

    Notes
    -----
    On secrets the second one is no operation's result, but the difference of two that are known: a product with it
    opens nothing of it, where one with x and one with the first were made. So numbers that are parted again and again,
    as rows are on their way through a tree, open half of the parts.
    """
    bit, x = _array(bit), _array(x)
    if bit.dtype != np.bool_ or x.dtype == np.bool_:
        raise TypeError("parted takes a boolean, and numbers to part")
    if not isinstance(bit, SecretArray) or not isinstance(x, SecretArray):
        inside = bit * x
        return inside, x - inside
    inside, outside = operations.parted(bit._value, x._value)
    return bit._made(inside), bit._made(outside)


@overridable
def top_k(x: Any, k: int, axis: int = -1) -> tuple[Any, Any]:
    """The k largest elements along an axis, largest first, and their places; of equal ones the first come first.

    Parameters
    ----------
    x : array
    k : int
        From 0 to the length of the axis.
    axis : int

    Returns
    -------
    values, indices : arrays
        Of the shape of x with k in place of the axis.

    Raises
    ------
    ValueError
        k is out of range.

    Notes
    -----
    On secrets five rounds a stage of a sort; comparators on which no asked place depends are left out.
    """
    x = _array(x)
    n = x.shape[axis]
    if not 0 <= k <= n:
        raise ValueError(f"k is {k}, and there are {n} elements")
    if not isinstance(x, SecretArray):
        numbers = x.astype(np.int64) if x.dtype == np.bool_ else x
        order = np.take(np.argsort(-numbers, axis=axis, kind="stable"), np.arange(k), axis)
        return np.take_along_axis(x, order, axis), order
    key = operations.negative(_to_last(x, axis)._value)
    found, indices = ordering.sort([key, ordering.places(key)], wanted=range(k))
    values = operations.negative(found)
    if x.dtype == np.bool_:
        values = operations.as_boolean(values)
    return _to_last(x._wrap(values), axis), _to_last(x._wrap(indices), axis)


def _to_last(x: SecretArray, axis: int) -> SecretArray:
    """The axis and the last one exchanged."""
    order = list(range(x.ndim))
    order[axis], order[-1] = order[-1], order[axis]
    return x.transpose(order)


@overridable
def gather(x: Any, index: Any) -> Any:
    """x[index] along the first axis, for a secret index: neither it nor a repetition shows.

    Parameters
    ----------
    x : array of shape (n, ...)
    index : array of integers, any shape
        From 0 on. A secret index outside 0 to n - 1 reads zero (or False).

    Returns
    -------
    array of shape index.shape + x.shape[1:]

    Raises
    ------
    TypeError
        A secret index that is no integer.
    IndexError
        A public index outside.

    Notes
    -----
    A secret index of m elements costs O(n m): it is compared with every position, 4.4 bytes a party and 54 from the
    dealer for each pair, and five rounds at most. A public index costs nothing.
    """
    if not isinstance(index, SecretArray):
        return _array(x)[np.asarray(index)]
    return index._wrap(positions.gather(_operand(x), index._value))


@overridable
def scatter(values: Any, index: Any, size: int) -> Any:
    """Zeros of length `size` to which each row of values is added at its index: np.add.at for a secret index.

    Parameters
    ----------
    values : array of shape (m, ...)
    index : array of integers, shape (m,)
        From 0 on. A secret index outside 0 to size - 1 is left out.
    size : int

    Returns
    -------
    array of shape (size, ...)
        Sums: rows of one index add up, booleans are counted.

    Raises
    ------
    TypeError
        A secret index that is no integer.
    ValueError
        Not one index a row.

    Notes
    -----
    As for `gather`, O(size m).
    """
    values, index = _array(values), _array(index)
    if len(index.shape) != 1 or index.shape[0] != values.shape[0]:
        raise ValueError(f"one index a row: {values.shape[0]} rows, and indices of shape {index.shape}")
    secret = _secret(values, index)
    if secret is None:
        dtype = np.int64 if values.dtype == np.bool_ else values.dtype
        sums = np.zeros((size, *values.shape[1:]), dtype)
        np.add.at(sums, index, values)
        return sums
    place = _as_values(secret, [index])[0]
    return secret._wrap(positions.scatter(_operand(values), place, size))
