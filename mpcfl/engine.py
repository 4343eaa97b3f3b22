"""Deferred execution: operations wait until something needs a result, then all that wait run side by side.

A `Value` is one party's secret array, computed or still waiting. An interactive operation joins the queue; local
(linear) operations on waiting values wait as well. The first use of a waiting value runs the whole queue through
`together`, so independent operations share their rounds. The order is a function of the program alone, and a digest of
it travels in every frame.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mpcfl.effects import Protocol as Rounds
from mpcfl.pairwise import Common
from mpcfl.protocol import Context, Position, Suite, together
from mpcfl.ring import Shape
from mpcfl.share import Share

FIXED, INTEGER, BOOLEAN = "fixed", "integer", "boolean"
KINDS = (FIXED, INTEGER, BOOLEAN)
"""Kinds of secret numbers: fixed point with the session's fraction, int64, and zeros and ones."""

MAX_WAITING = 256
MAX_WAITING_LOCAL = 4096
MAX_WAITING_ELEMENTS = 1 << 26

_PACKAGE, _NUMPY = Path(__file__).parent, Path(np.__file__).parent
_INSIDE = (str(_PACKAGE) + os.sep, str(_NUMPY) + os.sep)
_PROGRAMS = (str(_PACKAGE / "learn") + os.sep, str(_PACKAGE / "training.py"))
"""Parts of this package that are array programs themselves."""


class Runner(Protocol):
    """What the engine needs of a driver."""

    @property
    def common(self) -> Common: ...

    def run(self, protocol: Rounds, at: Position) -> Any: ...


class Meter(Protocol):
    """Counts what each line of a program costs, see `mpcfl.drivers.profile`."""

    def together(self, lines: Sequence[str], protocols: Sequence[Rounds]) -> Rounds:
        """`mpcfl.protocol.together`, counted."""
        ...

    def timed(self, line: str, compute: Callable[[], Share]) -> Callable[[], Share]:
        """A local computation, timed."""
        ...


class Observer(Protocol):
    """Is told of every value and operation, see `mpcfl.shadow`."""

    def made(self, value: Value) -> None:
        """A value was numbered; it may still wait."""
        ...

    def applied(self, name: str, value: Value, inputs: Sequence[Value], public: Sequence[object]) -> None:
        """A value is the result of an operation."""
        ...

    def flushed(self) -> None:
        """All that waited has been computed."""
        ...


class Value:
    """A secret array at one party.

    Parameters
    ----------
    engine : Engine
    kind : str
        One of `KINDS`.
    shape : tuple of int
    share : Share, optional
        None while the value waits.

    Attributes
    ----------
    number : int
        In program order, the same at every party.
    compared : tuple or None
        For a boolean [x < y]: (x, y, x - y), so that a choice between x and y opens nothing again.
    """

    __slots__ = ("__weakref__", "_compute", "_share", "compared", "engine", "kind", "number", "shape")

    def __init__(self, engine: Engine, kind: str, shape: Shape, share: Share | None = None) -> None:
        self.engine = engine
        self.kind = kind
        self.shape = shape
        self._share = share
        self._compute: Callable[[], Share] | None = None
        self.compared: tuple[Value, Any, Value] | None = None
        self.number = engine.numbered()
        if engine.observer is not None:
            engine.observer.made(self)

    @property
    def ready(self) -> bool:
        return self._share is not None

    @property
    def share(self) -> Share:
        """This party's share; runs what waits if need be."""
        if self._share is None:
            self.engine.flush()
        assert self._share is not None
        return self._share

    def settle(self) -> None:
        """Compute a local operation that waited for its operands."""
        if self._share is None and self._compute is not None:
            self._share, self._compute = self._compute(), None


class Engine:
    """The queue of one party's program.

    Parameters
    ----------
    ctx : Context
    suite : Suite
    driver : Runner

    Attributes
    ----------
    meter : Meter or None
    observer : Observer or None
    numbers : int
        How many values there were.
    """

    def __init__(self, ctx: Context, suite: Suite, driver: Runner) -> None:
        self.ctx = ctx
        self.suite = suite
        self._driver = driver
        self.meter: Meter | None = None
        self.observer: Observer | None = None
        self._queue: list[tuple[Value, Rounds, Callable[[Any], Share], str]] = []
        self._elements = 0
        self._local: list[weakref.ref[Value]] = []
        self._history = hashlib.blake2b(
            f"{suite.name} {ctx.width} {ctx.parties} {ctx.fraction}".encode(), digest_size=16
        )
        self._line = ""
        self.numbers = 0
        self.operations = 0

    @property
    def common(self) -> Common:
        return self._driver.common

    # -------------------------------------------------------------------------------------------------------- recording

    def note(self, name: str, *public: object) -> None:
        """Number an operation and add it, its shapes and its public operands to the history."""
        self.operations += 1
        self._line = caller()
        self._history.update(repr((name, *public)).encode())

    def ready(self, kind: str, share: Share) -> Value:
        """A value whose share is at hand."""
        return Value(self, kind, share.shape, share)

    def numbered(self) -> int:
        """The number of a new value."""
        self.numbers += 1
        return self.numbers

    def local(
        self, name: str, kind: str, shape: Shape, inputs: Sequence[Value], compute: Callable[[], Share], *public: object
    ) -> Value:
        """The result of a local operation: at once if its operands are ready, else with them.

        Name, operands and public parameters enter the history.
        """
        self._history.update(repr((name, kind, shape, [operand.number for operand in inputs], *public)).encode())
        if self.meter is not None:
            compute = self.meter.timed(caller(), compute)
        if all(value._share is not None for value in inputs):
            value = Value(self, kind, shape, compute())
            if self.observer is not None:
                self.observer.applied(name, value, inputs, public)
            return value
        value = Value(self, kind, shape)
        value._compute = compute
        if self.observer is not None:
            self.observer.applied(name, value, inputs, public)
        self._local.append(weakref.ref(value))
        if len(self._local) >= MAX_WAITING_LOCAL:  # those that nobody holds any more included: all parties count alike
            self.flush()
        return value

    def submit(
        self,
        name: str,
        kind: str,
        shape: Shape,
        inputs: Sequence[Value],
        start: Callable[..., Rounds],
        finish: Callable[[Any], Share],
        *public: object,
    ) -> Value:
        """Queue an interactive operation.

        Parameters
        ----------
        name : str
            For the history.
        inputs : sequence of Value
            Their shares are the arguments of `start`; those that wait are computed first.
        start : callable
            Makes the protocol from the shares.
        finish : callable
            Makes the share of `shape` from the protocol's result.
        *public : object
            Public parameters, part of the history.
        """
        for operand in inputs:
            if operand._share is None:
                self.flush()
                break
        self.note(name, kind, shape, [operand.number for operand in inputs], *public)
        value = Value(self, kind, shape)
        if self.observer is not None:
            self.observer.applied(name, value, inputs, public)
        self._queue.append((value, start(*(operand.share for operand in inputs)), finish, self._line))
        self._elements += math.prod(shape) + sum(math.prod(operand.shape) for operand in inputs)
        if len(self._queue) >= MAX_WAITING or self._elements >= MAX_WAITING_ELEMENTS:
            self.flush()
        return value

    # ---------------------------------------------------------------------------------------------------------- running

    def flush(self) -> None:
        """Run all operations that wait, side by side; then the local ones that waited for them, in program order."""
        queue, self._queue, self._elements = self._queue, [], 0
        if queue:
            protocols = [protocol for _, protocol, _, _ in queue]
            if self.meter is None:
                merged: Rounds = together(*protocols)
            else:
                merged = self.meter.together([line for _, _, _, line in queue], protocols)
            results = self._driver.run(merged, self.position)
            for (value, _, finish, _), result in zip(queue, results, strict=True):
                value._share = finish(result)
        waiting, self._local = self._local, []
        for ref in waiting:
            value_or_none = ref()
            if value_or_none is not None:
                value_or_none.settle()
        if self.observer is not None:
            self.observer.flushed()

    def run(self, protocol: Rounds) -> Any:
        """Run one protocol now."""
        if self.meter is None:
            return self._driver.run(protocol, self.position)
        (result,) = self._driver.run(self.meter.together([self._line], [protocol]), self.position)
        return result

    @property
    def position(self) -> Position:
        """Where the program stands."""
        return Position(self._history.digest(), self._line, self.operations)


def caller() -> str:
    """ "file:line" of the innermost frame outside this package (its learners and jobs count as programs)."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_INSIDE) or name.startswith(_PROGRAMS):
            break
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
