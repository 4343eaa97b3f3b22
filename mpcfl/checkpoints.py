"""Checkpoints of a long program: one party's shares after certain steps, of which the newest that all have is used.

A folder holds the two newest generations, each a file of `mpcfl.saved`. A crash may leave one party with a step more
than the others, so on resuming the parties tell one another what they have, by step and id, and go on from the newest
that is the same everywhere; where there is none they begin at the beginning. What an earlier run left behind goes once
all parties have a step of the new one, and not before.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from mpcfl.errors import IntegrityError, UsageError
from mpcfl.saved import Keys, Saved, save
from mpcfl.saving import make_folder
from mpcfl.session import Session

GENERATIONS: Final = 2
_NAME: Final = re.compile(r"step-(\d{12})\.shares")
_NUMBERS: Final = 3
"""That tell of a checkpoint: its step, and its id of 16 bytes as two."""


class Checkpoints:
    """One party's checkpoints of one program.

    Parameters
    ----------
    folder : path
        Of this program alone; made if need be.
    key : Identity
        The party's.
    name : str
        Of the program: checkpoints of another one are refused.
    """

    def __init__(self, folder: str | os.PathLike[str], key: Keys, name: str) -> None:
        self.folder = Path(folder)
        self._key = key
        self._name = name
        self._current: list[int] = []

    def save(self, session: Session, step: int, value: Any) -> None:
        """Keep a value after a step (1 or more), together with all other parties; of older ones the last stays.

        An older one goes when all have the new one: one round a party.

        Parameters and errors are as of `mpcfl.saved.save`.
        """
        if not session.shapeless:
            make_folder(self.folder)
        save(session, self._path(step), self._key, value, name=self._name, facts={"step": step})
        tell_all(session, step)
        if not session.shapeless:
            self._current = [*(one for one in self._current if one != step), step][-GENERATIONS:]
            for old in self.steps():
                if old not in self._current:
                    self._path(old).unlink(missing_ok=True)

    def resume(self, session: Session) -> tuple[int, Any] | None:
        """The newest step that all parties have, and its value; None where they have none in common.

        What each party has is told to all: steps and ids, which say nothing of the values. What comes after depends on
        it, so a program that is foreseen resumes before it is run (`Session.run`).

        Raises
        ------
        IntegrityError
            This party's file of that step was altered.
        """
        found = self.agreed(session)
        return None if found is None else (found[0], found[1].load(session))

    def agreed(self, session: Session) -> tuple[int, Saved] | None:
        """The same, the value not read yet: all parties load it together, also in a program that is foreseen."""
        mine = self._known()
        common = set.intersection(*compare(session, _numbers(mine)))
        if not common:
            return None
        step, _ = max(common)
        self._current = [step]
        return step, mine[step]

    def clear(self) -> None:
        """Remove all checkpoints: the program has ended."""
        for step in self.steps():
            self._path(step).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def steps(self) -> list[int]:
        """The steps of which there is a file, rising."""
        if not self.folder.is_dir():
            return []
        names = (_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(name[1]) for name in names if name is not None)

    def _known(self) -> dict[int, Saved]:
        """The checkpoints that open; a torn one cannot be, an altered one is as good as none."""
        known = {}
        for step in self.steps():
            with contextlib.suppress(IntegrityError, UsageError):
                saved = Saved.open(self._path(step), self._key)
                if (saved.head.name, saved.head.facts) == (self._name, {"step": step}):
                    known[step] = saved
        return known

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:012d}.shares"


def _numbers(known: dict[int, Saved]) -> list[int]:
    """The newest steps and their ids as the numbers that are told; a step of 0 stands for none."""
    numbers: list[int] = []
    for step in sorted(known)[-GENERATIONS:]:
        own = known[step].id
        numbers += [step, *(int.from_bytes(part, "big") for part in (own[:8], own[8:]))]
    return numbers + [0] * (GENERATIONS * _NUMBERS - len(numbers))


def _entries(numbers: tuple[int, ...]) -> set[tuple[int, bytes]]:
    """What `_numbers` told."""
    entries = (numbers[at : at + _NUMBERS] for at in range(0, len(numbers), _NUMBERS))
    return {(step, b"".join(part.to_bytes(8, "big") for part in parts)) for step, *parts in entries if step}


def compare(session: Session, mine: Sequence[int] | None = None) -> list[set[tuple[int, bytes]]]:
    """The steps and ids that each party has, told to all, one round a party; on shapes alone nobody has any."""
    return [
        _entries(session.tell(mine if owner == session.name else None, owner, GENERATIONS * _NUMBERS))
        for owner in session.parties
    ]


def tell_all(session: Session, step: int) -> None:
    """Tell all other parties that this one has a step, and hear it from each: one round a party."""
    for owner in session.parties:
        session.tell([step] if owner == session.name else None, owner, 1)
