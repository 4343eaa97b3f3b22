"""Threads of this process that share the work on large arrays.

Work is cut along the elements, and each element is computed as one thread would: whatever the number of threads, the
results are the same bits. By default there is one, since parties that share a machine keep its cores busy anyway. The
variable MPCFL_THREADS says otherwise; `mpcfl run`, `mpcfl offline` and `mpcfl dealer`, which have a machine of their
own, take all its cores.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from mpcfl import machine
from mpcfl.errors import UsageError

VARIABLE = "MPCFL_THREADS"
LEAST = 1 << 16
"""Elements for which a thread of its own is worth while: fewer take less time than a hand-over."""
UNIT = 128
"""Threads begin at multiples of this many elements."""

_count = 1
_pool: ThreadPoolExecutor | None = None
_making = threading.Lock()


def asked() -> int | None:
    """The number of threads that the environment asks for, if it does.

    Raises
    ------
    UsageError
        It is no positive integer.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(f"{VARIABLE} must be a positive integer")
    return int(text)


def count() -> int:
    """How many threads work on a large array."""
    return _count


def use(number: int) -> None:
    """Let so many threads work on a large array from here on."""
    global _count, _pool
    if number < 1:
        raise ValueError("at least one thread works")
    _count, pool, _pool = number, _pool, None
    if pool is not None:
        pool.shutdown()


def take_cores() -> None:
    """Use all cores of this machine, or as many threads as the environment asks for.

    Raises
    ------
    UsageError
        What it asks for is no positive integer.
    """
    use(asked() or machine.cores())


def across(elements: int, work: Callable[[int, int], object]) -> None:
    """Call `work(start, stop)` for runs that make up all elements, in several threads if that is worth while.

    Parameters
    ----------
    elements : int
    work : callable
        Writes to places of its own elements alone, and uses no threads itself.
    """
    global _pool
    parts = min(_count, elements // LEAST)
    if parts < 2:
        work(0, elements)
        return
    with _making:
        if _pool is None:
            _pool = ThreadPoolExecutor(_count - 1, "elements")
        pool = _pool
    step = -(-elements // (parts * UNIT)) * UNIT
    others = [pool.submit(work, start, min(start + step, elements)) for start in range(step, elements, step)]
    try:
        work(0, step)
    finally:
        wait(others)
    for other in others:
        other.result()


def _forget() -> None:
    global _pool, _making
    _pool, _making = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
with contextlib.suppress(UsageError):  # the command line says it
    use(asked() or 1)
