"""Marks along a training: its state after certain steps, from which one that was broken off goes on.

Schedules are public and follow from the number of the step alone, so what a step leaves behind is all that the next one
needs. Where and how a state is kept is the caller's.
"""

from __future__ import annotations

from typing import Any, Protocol


class Marks(Protocol):
    """Given to `fit`: says where a training goes on, and is told how far it has come.

    A state is made of arrays of the kind that `fit` was given, numbers, None, and lists, tuples and str-keyed dicts of
    these. It serves a training of the same learner with the same parameters on the same rows.
    """

    def found(self) -> tuple[int, Any] | None:
        """How many steps are done, and the state after them; None to begin at the beginning. Asked once."""
        ...

    def keep(self, step: int, state: Any) -> None:
        """Is given the state after each step, counted from 1; which ones are kept is decided here."""
        ...


def begun(marks: Marks | None, start: Any) -> tuple[int, Any]:
    """How many steps are done, and the state to go on from: what the marks say, or `start` with none done."""
    found = None if marks is None else marks.found()
    return (0, start) if found is None else found
