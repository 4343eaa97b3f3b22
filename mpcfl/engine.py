"""Deferred execution: operations wait until something needs a result, then all that wait run side by side.

A `Value` is one party's secret array, computed or still waiting; an operation on waiting values waits as well. The
first use of a waiting value runs all that waits (`mpcfl.dataflow`): each operation joins as soon as its operands are
known, so chains that do not depend on one another share their rounds, however they are written down. The order is a
function of the program alone, and a digest of it travels in every frame.
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mpcfl import dataflow
from mpcfl.dataflow import Operation
from mpcfl.effects import Protocol as Rounds
from mpcfl.pairwise import Common
from mpcfl.protocol import Context, Position, Suite
from mpcfl.ring import Shape
from mpcfl.share import Share

FIXED, INTEGER, BOOLEAN = "fixed", "integer", "boolean"
KINDS = (FIXED, INTEGER, BOOLEAN)
"""Kinds of secret numbers: fixed point with the session's fraction, int64, and zeros and ones."""
WIDE = "wide"
"""A product of two fixed-point numbers before its truncation, at twice the fraction; no program sees one."""
DOUBLED = "doubled"
"""Twice such a product: of matrices, which one product at each party gives so; no program sees one either."""

MAX_WAITING = 256
MAX_WAITING_LOCAL = 4096
MAX_WAITING_ELEMENTS = 1 << 26

PATIENT = 128
"""How many times more operations wait where a program says that much of it is independent."""

_PACKAGE, _NUMPY = Path(__file__).parent, Path(np.__file__).parent
_INSIDE = (str(_PACKAGE) + os.sep, str(_NUMPY) + os.sep)
_PROGRAMS = (
    str(_PACKAGE / "learn") + os.sep,
    str(_PACKAGE / "examples") + os.sep,
    str(_PACKAGE / "training.py"),
    str(_PACKAGE / "prediction.py"),
    str(_PACKAGE / "serving.py"),
)
"""Parts of this package that are array programs themselves."""


class Runner(Protocol):
    """What the engine needs of a driver."""

    @property
    def common(self) -> Common: ...

    def run(self, protocol: Rounds, at: Position) -> Any: ...


class Meter(Protocol):
    """Counts what each line of a program costs, see `mpcfl.drivers.profile`."""

    def watched(self, line: str, protocol: Rounds) -> Rounds:
        """The protocol of one operation, counted."""
        ...

    def merged(self, protocol: Rounds) -> Rounds:
        """The protocol that runs those of all operations, whose rounds are counted."""
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
    scaled : tuple or None
        For words v c / 2^s of a value v that are not known yet: (v, s, c). A further public factor is a part of c.
    factors : tuple or None
        For a product of matrices of whole numbers that is not known yet: these.
    """

    __slots__ = (
        "__weakref__",
        "_operation",
        "_share",
        "_waiting",
        "compared",
        "engine",
        "factors",
        "kind",
        "number",
        "scaled",
        "shape",
    )

    def __init__(self, engine: Engine, kind: str, shape: Shape, share: Share | None = None) -> None:
        self.engine = engine
        self.kind = kind
        self.shape = shape
        self._share = share
        self._operation: Operation | None = None  # that makes it, until it has
        self._waiting: list[Operation] = []  # for this value
        self.compared: tuple[Value, Any, Value] | None = None
        self.scaled: tuple[Value, int, Fraction] | None = None
        self.factors: tuple[Value, Value] | None = None
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
            self.engine.wanted(self)
            self.engine.flush()
        assert self._share is not None
        return self._share

    @property
    def opened(self) -> bool:
        """Whether its next product opens nothing of it, and makes no words for that."""
        return self._share is not None and all(base.masked is not None for base in self._share.origin.leaves())

    def settle(self, share: Share) -> list[Operation]:
        """Take the share; the operations that waited for it."""
        waiting, self._waiting = self._waiting, []
        self._share, self._operation, self.scaled, self.factors = share, None, None, None
        return waiting

    @property
    def spared(self) -> tuple[Value, int, Fraction] | None:
        """`scaled`, where nothing asked for the value though it could have been made."""
        return self.scaled if self._operation is not None and self._operation.passed else None

    def awaited_by(self, operation: Operation) -> None:
        """Let an operation wait for this value."""
        self._waiting.append(operation)


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
    patience : int
        How many times the usual number of operations may wait.
    """

    def __init__(self, ctx: Context, suite: Suite, driver: Runner) -> None:
        self.ctx = ctx
        self.suite = suite
        self._driver = driver
        self.meter: Meter | None = None
        self.observer: Observer | None = None
        self._ready: list[Operation] = []
        self._waiting = 0
        self._elements = 0
        self._local = 0
        self._running = False
        self._history = hashlib.blake2b(
            f"{suite.name} {ctx.width} {ctx.parties} {ctx.fraction}".encode(), digest_size=16
        )
        self._line = ""
        self.numbers = 0
        self.operations = 0
        self.patience = 1

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
        unmet = {id(operand): operand for operand in inputs if operand._share is None}.values()
        value = Value(self, kind, shape, None if unmet else compute())
        if self.observer is not None:
            self.observer.applied(name, value, inputs, public)
        if unmet:
            operation = Operation(value.number, "", len(unmet), None, value, lambda made, _: made.settle(compute()))
            self._wait(unmet, operation)
            self._local += 1
            if self._local >= MAX_WAITING_LOCAL * self.patience:
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
            Their shares are the arguments of `start`.
        start : callable
            Makes the protocol from the shares.
        finish : callable
            Makes the share of `shape` from the protocol's result.
        *public : object
            Public parameters, part of the history.
        """
        if self._waiting >= MAX_WAITING * self.patience or self._elements >= MAX_WAITING_ELEMENTS:
            self.flush()
        self.note(name, kind, shape, [operand.number for operand in inputs], *public)
        value = Value(self, kind, shape)
        if self.observer is not None:
            self.observer.applied(name, value, inputs, public)
        unmet = {id(operand): operand for operand in inputs if operand._share is None}.values()
        operation = Operation(
            value.number,
            self._line,
            len(unmet),
            lambda: start(*(operand.share for operand in inputs)),
            value,
            lambda made, result: made.settle(finish(result)),
        )
        value._operation = operation
        if unmet:
            self._wait(unmet, operation)
        else:
            self._ready.append(operation)
        self._waiting += 1
        self._elements += math.prod(shape) + sum(math.prod(operand.shape) for operand in inputs if not operand.opened)
        return value

    def _wait(self, unmet: Iterable[Value], operation: Operation) -> None:
        for operand in unmet:
            self.wanted(operand)
            operand.awaited_by(operation)

    def spare(self, value: Value) -> None:
        """Do without a value that waits, as long as nothing asks for it."""
        if value._operation is not None and not value._waiting:
            value._operation.idle, value._operation.target = True, None

    def wanted(self, value: Value) -> None:
        """Something asks for a value after all."""
        operation = value._operation
        if operation is not None and operation.idle:
            operation.idle, operation.target = False, value
            if operation.passed:
                operation.passed = False
                self._ready.append(operation)

    # ---------------------------------------------------------------------------------------------------------- running

    def flush(self) -> None:
        """Run all that waits, side by side."""
        if self._running:
            raise RuntimeError("an operation asks for a value that it does not name among its operands")
        ready, self._ready = self._ready, []
        self._waiting = self._elements = self._local = 0
        if ready:
            self._running = True
            try:
                self._run(dataflow.run(ready, None if self.meter is None else self.meter.watched))
            finally:
                self._running = False
        if self.observer is not None:
            self.observer.flushed()

    def run(self, protocol: Rounds) -> Any:
        """Run one protocol now."""
        return self._run(protocol if self.meter is None else self.meter.watched(self._line, protocol))

    def _run(self, protocol: Rounds) -> Any:
        return self._driver.run(protocol if self.meter is None else self.meter.merged(protocol), self.position)

    @property
    def position(self) -> Position:
        """Where the program stands."""
        return Position(self._history.digest(), self._line, self.operations)


def caller() -> str:
    """ "file:line" of the innermost frame outside this package (its learners and jobs count as programs)."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if _is_program(frame.f_code.co_filename):
            break
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


@functools.cache
def _is_program(file: str) -> bool:
    return not file.startswith(_INSIDE) or file.startswith(_PROGRAMS)
