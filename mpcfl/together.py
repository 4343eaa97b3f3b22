"""Work side by side, said in so many words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from mpcfl.array import SecretArray
from mpcfl.engine import PATIENT
from mpcfl.errors import UsageError


def together(*parts: Any) -> list[Any]:
    """Compute parts of a program side by side, now: what does not depend on one another shares its rounds.

    Work that waits is merged by itself, as far as the program lets it wait; this states it, and is a barrier: on return
    all that waited has been computed, in the rounds of the longest part.

    Parameters
    ----------
    *parts : SecretArray, callable, or a list, tuple or dict of secret arrays
        A callable has no arguments and is called here, in order; what it reveals it reveals before the next one
        begins, so reveal after.

    Returns
    -------
    list
        The arrays given, and what the callables returned.

    Raises
    ------
    UsageError
        There is no secret array among the results.

    Examples
    --------
    >>> a, b = mpcfl.together(lambda: softmax(x), lambda: softmax(y))  # doctest: +SKIP
    """
    results = [part() if callable(part) else part for part in parts]
    engines = {id(array._value.engine): array._value.engine for array in _arrays(results)}
    if not engines:
        raise UsageError("together computes secret arrays: give arrays, or functions that return them")
    for engine in engines.values():
        engine.flush()
    return results


@contextlib.contextmanager
def waiting(*arrays: Any) -> Iterator[None]:
    """Let long programs wait for one another: what is computed inside shares its rounds where it is independent.

    A few hundred operations wait at most, so that independent programs of more than that each run by themselves; inside
    it is some thousands. A program that reveals, or asks for a value, ends the wait there as ever.

    Parameters
    ----------
    *arrays : any
        Secret arrays of the session that is meant; others count for nothing.
    """
    engines = {id(array._value.engine): array._value.engine for array in _arrays(arrays)}.values()
    before = [engine.patience for engine in engines]
    for engine in engines:
        engine.patience = PATIENT
    try:
        yield
    finally:
        for engine, patience in zip(engines, before, strict=True):
            engine.patience = patience


def _arrays(part: Any) -> Iterator[SecretArray]:
    if isinstance(part, SecretArray):
        yield part
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _arrays(one)
    elif isinstance(part, dict):
        yield from _arrays(list(part.values()))
