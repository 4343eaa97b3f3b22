"""Gradients of array programs, on plain and secret arrays alike.

    value, (dw, db) = mpcfl.grad.value_and_grad(loss)((w, b), X, y)

The function is an ordinary array program that ends in one number. Reverse mode: it is run once, forward, and the
cotangents go back through what it did. One table (`mpcfl.grad.table`) says for each NumPy function how; `docs/
autodiff.md` lists it with what each costs. Nothing is revealed on the way.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl.array import SecretArray
from mpcfl.grad import tree
from mpcfl.grad.authored import custom
from mpcfl.grad.tape import Node, backward
from mpcfl.grad.traced import Traced

__all__ = ["Traced", "custom", "grad", "stop_gradient", "value_and_grad", "vjp"]

_levels = itertools.count()


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that gives what f gives, and its gradient.

    Parameters
    ----------
    f : callable
        An array program whose result is one number (shape ()), or with `has_aux` a pair of that and of anything else.
    argnums : int or sequence of int
        By which positional arguments. Each is a float64 array, plain or secret, or nested dicts, lists and tuples of
        them; None stays None.
    has_aux : bool

    Returns
    -------
    callable
        With the arguments of f; gives (value, gradient), with `has_aux` ((value, aux), gradient). The gradient has the
        structure and shapes of the argument, or is a tuple of one for each of `argnums`. It is secret by a secret
        argument, and by a plain one where it depends on secrets; zero where the value does not depend on it.

    Raises
    ------
    TypeError
        The result is not one float64 number, an argument is no float64 array, or f calls what has no gradient.

    Notes
    -----
    Gradients may be taken of gradients. Public factors, such as the 1 / n of a mean, are multiplied in last, so
    sums of products in the backward pass must be representable without them (`docs/autodiff.md`).
    """

    def with_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        places = [argnums] if isinstance(argnums, int | np.integer) else list(argnums)
        level, given = next(_levels), list(args)
        for place in places:
            given[place] = _traced(args[place], level, f"argument {place}")
        result = f(*given, **kwargs)
        if has_aux and not (isinstance(result, tuple) and len(result) == 2):
            raise TypeError("with has_aux the function gives a pair: the number, and what goes beside it")
        number, aux = result if has_aux else (result, None)
        if not isinstance(number, tuple | list | dict) and _shape(number) != ():
            raise TypeError(f"a gradient is of one number, not of an array of shape {_shape(number)}: sum it, or vjp")
        if isinstance(number, tuple | list | dict) or _dtype(number).kind != "f":
            raise TypeError(f"a gradient is of one float64 number, not of {_described(number)}")
        seeds = [(number._node, np.ones(()))] if _is_of(number, level) else []
        gradients = _gradients(seeds, [given[place] for place in places])
        value = _released(number, level)
        gradient = gradients[0] if isinstance(argnums, int | np.integer) else tuple(gradients)
        return ((value, _released(aux, level)) if has_aux else value), gradient

    return with_gradient


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of f, with `has_aux` (gradient, aux): as of `value_and_grad`."""
    both = value_and_grad(f, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, result = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """What f gives at the primals, and the function that pulls a cotangent of it back to them.

    Parameters
    ----------
    f : callable
        An array program that gives an array, or nested dicts, lists and tuples of arrays; with `has_aux` a pair of that
        and of anything else.
    *primals
        Its arguments, as of `value_and_grad`.
    has_aux : bool

    Returns
    -------
    value
    pull : callable
        From a cotangent, an array (secret or plain) of the shape of the value in its structure, to a tuple of one for
        each primal: the sums of cotangent times derivative. It may be called again.
    aux
        With `has_aux` alone: what f gave beside its value.

    Raises
    ------
    TypeError
        As of `value_and_grad`.
    ValueError
        A cotangent of another shape than the value.
    """
    level = next(_levels)
    traced = [_traced(primal, level, f"argument {i}") for i, primal in enumerate(primals)]
    result = f(*traced)
    if has_aux and not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError("with has_aux the function gives a pair: the value, and what goes beside it")
    result, aux = result if has_aux else (result, None)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        seeds: list[tuple[Node, Any]] = []

        def seed(path: str, value: Any, g: Any) -> None:
            g = g if isinstance(g, SecretArray | Traced) else np.asarray(g, np.float64)
            if g.shape != _shape(value):
                raise ValueError(f"the cotangent{path} has shape {g.shape}, and the value {_shape(value)}")
            if _is_of(value, level):
                seeds.append((value._node, g))

        tree.mapped(seed, result, cotangent)
        return tuple(_gradients(seeds, traced))

    value = _released(result, level)
    return (value, pull, _released(aux, level)) if has_aux else (value, pull)


def stop_gradient(x: Any) -> Any:
    """The arrays, as numbers on which nothing depends: their gradient is zero.

    Parameters
    ----------
    x : array, or nested dicts, lists and tuples of arrays
    """

    def released(path: str, leaf: Any) -> Any:
        while isinstance(leaf, Traced):
            leaf = leaf._value
        return leaf

    return tree.mapped(released, x)


def _traced(argument: Any, level: int, path: str) -> Any:
    """The argument with traced arrays for its leaves."""

    def trace(path: str, leaf: Any) -> Traced:
        value = np.asarray(leaf) if isinstance(leaf, float | np.number) else leaf
        if not isinstance(value, np.ndarray | SecretArray | Traced) or value.dtype != np.float64:
            raise TypeError(f"{path} is {_described(leaf)}: a gradient is by float64 arrays, so make it one (astype)")
        return Traced(value.copy(), Node(value.shape), level)

    return tree.mapped(trace, argument, path=path)


def _gradients(seeds: Sequence[tuple[Node, Any]], arguments: Sequence[Any]) -> list[Any]:
    """The gradient by each argument, in its structure."""
    wanted = [leaf._node for leaf in tree.leaves(arguments)]
    found = dict(zip(wanted, backward(seeds, wanted), strict=True))
    return [tree.mapped(lambda path, leaf: _finished(leaf, found[leaf._node]), argument) for argument in arguments]


def _finished(leaf: Traced, g: Any) -> Any:
    """The gradient by a leaf as an array of its own."""
    secret = isinstance(leaf._value, SecretArray)
    if g is None:
        return np.zeros_like(leaf._value)
    if isinstance(g, np.ndarray | np.number):
        return np.zeros_like(leaf._value) + g if secret else np.array(g, np.float64)
    return g.copy()


def _released(result: Any, level: int) -> Any:
    return tree.mapped(lambda path, leaf: leaf._value if _is_of(leaf, level) else leaf, result)


def _is_of(leaf: Any, level: int) -> bool:
    return isinstance(leaf, Traced) and leaf._level == level


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(np.shape(x))


def _dtype(x: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
    return dtype


def _described(x: Any) -> str:
    """Type, and dtype where it has one; never a value."""
    return f"{type(x).__name__} of {x.dtype}" if hasattr(x, "dtype") else type(x).__name__
