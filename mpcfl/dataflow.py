"""Operations that wait for one another, run side by side.

Each begins in the round after the last of its operands is known, in program order where several may; the n-th rounds
of those that run are merged. So a program's rounds are those of its longest chain, not their number. What an operation
makes goes to the operations that wait for it; a result is kept no longer than somebody needs it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from mpcfl.effects import Communication, Protocol, Round
from mpcfl.protocol import advance

Watch: TypeAlias = Callable[[str, Protocol], Protocol]
"""Wraps the protocol of an operation, whose line ("file:line") it is given."""


class Operation:
    """An operation on values of which some may not be known yet.

    Parameters
    ----------
    number : int
        In program order.
    line : str
        "file:line" of the program.
    unmet : int
        How many of its operands are not known.
    begin : callable or None
        Makes the protocol from the operands' shares; None where the operation needs no message.
    target : object
        What the result is for; None while the operation is idle, which then keeps nothing alive that nobody asks for.
    settle : callable
        Takes the target and the protocol's result, or None, and answers the operations that waited for it.

    Attributes
    ----------
    idle : bool
        Nothing asks for its value: it does not begin.
    passed : bool
        It could have begun, and was idle.
    """

    __slots__ = ("begin", "idle", "line", "number", "passed", "settle", "target", "unmet")

    def __init__(
        self,
        number: int,
        line: str,
        unmet: int,
        begin: Callable[[], Protocol] | None,
        target: Any,
        settle: Callable[[Any, Any], Sequence[Operation]],
    ) -> None:
        self.number = number
        self.line = line
        self.unmet = unmet
        self.begin = begin
        self.target = target
        self.settle = settle
        self.idle = self.passed = False

    def __lt__(self, other: Operation) -> bool:
        return self.number < other.number


def run(ready: Iterable[Operation], watch: Watch | None = None) -> Protocol:
    """Run operations whose operands are known, and all that wait for them.

    Parameters
    ----------
    ready : iterable of Operation
    watch : callable, optional
        Wraps each protocol, to count what it does.
    """
    turn = sorted(ready)
    running: list[tuple[Operation, Protocol]] = []
    replies: Sequence[Any] = ()
    while True:
        waiting: list[tuple[Operation, Protocol]] = []
        effects: list[Communication] = []
        for operation, begun, reply in _turns(running, replies, turn):
            try:
                protocol = _begun(operation, watch) if begun is None else begun
                effect, result = yield from advance(protocol, reply)
            except Exception as error:
                error.add_note(f"in the operation of {operation.line}")
                raise
            if effect is None:
                _settle(operation, result, turn)
            else:
                waiting.append((operation, protocol))
                effects.append(effect)
        if not waiting:
            return
        running, replies = waiting, (yield Round(tuple(effects)))


def _turns(
    running: Sequence[tuple[Operation, Protocol]], replies: Sequence[Any], turn: list[Operation]
) -> Iterator[tuple[Operation, Protocol | None, Any]]:
    """What runs and its replies, then what can begin: so whatever the first opened is there for the others."""
    for (operation, protocol), reply in zip(running, replies, strict=True):
        yield operation, protocol, reply
    while turn:
        operation = heapq.heappop(turn)
        if operation.idle:
            operation.passed = True
        else:
            yield operation, None, None


def _begun(operation: Operation, watch: Watch | None) -> Protocol:
    assert operation.begin is not None
    protocol = operation.begin()
    return protocol if watch is None else watch(operation.line, protocol)


def _settle(operation: Operation, result: Any, turn: list[Operation]) -> None:
    """Hand a result on: local operations that waited for it are done, the others take their turn."""
    done = [(operation, result)]
    while done:
        one, result = done.pop()
        for waiting in one.settle(one.target, result):
            waiting.unmet -= 1
            if waiting.unmet:
                continue
            if waiting.begin is None:
                done.append((waiting, None))
            else:
                heapq.heappush(turn, waiting)
