"""The dealer's register of tapes: which were recorded, and which of them were used. It holds no secret."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path

from mpcfl.errors import IntegrityError
from mpcfl.saving import make_folder, write_json
from mpcfl.tape import Label

_AGAIN = "record a new one with `mpcfl offline`"


class Register:
    """One small JSON file a tape, in a folder; each change is on disk before its method returns.

    Parameters
    ----------
    folder : path
        Made if it is missing; to be kept as long as tapes of it may exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        make_folder(self._folder)

    def record(self, label: Label) -> None:
        """Enter a tape that all parties have recorded.

        Raises
        ------
        IntegrityError
            There is one of its id.
        """
        if self._path(label).exists():
            raise IntegrityError(f"the dealer's register has a tape {label.id.hex()} already", tape=label.id.hex())
        entry = {"tape": label.id.hex(), "draws": label.draws, "digest": label.digest.hex()}
        write_json(self._path(label), {**entry, "recorded": _now(), "used": None})

    def use(self, label: Label) -> None:
        """Enter that a tape is used from now on.

        Raises
        ------
        IntegrityError
            It was used before, is not in the register, or is there with other draws.
        """
        path, name = self._path(label), label.id.hex()
        try:
            entry = json.loads(path.read_text("utf-8"))
            same = (entry["tape"], entry["draws"], entry["digest"]) == (name, label.draws, label.digest.hex())
            used = entry["used"]
        except FileNotFoundError:
            raise IntegrityError(
                f"the dealer's register has no tape {name}: {_AGAIN}, or start the dealer on its former folder",
                tape=name,
            ) from None
        except (OSError, ValueError, KeyError, TypeError):
            raise IntegrityError(f"the dealer's register cannot be read at {path.name}: {_AGAIN}", tape=name) from None
        if used is not None:
            raise IntegrityError(
                f"the tape {name} was used on {used} by the dealer's register, and a tape serves one session: {_AGAIN}",
                tape=name,
            )
        if not same or label.index:
            raise IntegrityError(f"the tape {name} is not as the dealer's register has it: {_AGAIN}", tape=name)
        write_json(path, {**entry, "used": _now()})

    def _path(self, label: Label) -> Path:
        return self._folder / f"{label.id.hex()}.json"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(" ", "minutes")
