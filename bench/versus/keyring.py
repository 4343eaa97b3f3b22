"""The Paillier keys of a run: each is made once and used in all its cases, so its making is in no case's time."""

from __future__ import annotations

import time
from pathlib import Path

from bench.versus.tasks import Bits
from mpcfl import he

RANKS = 3
"""As many parties of a case have a key, at most."""
_folder: Path | None = None


def make(folder: Path, bits: Bits) -> list[float]:
    """Make a key of a size for each rank; the seconds that each took."""
    seconds = []
    for rank in range(RANKS):
        began = time.perf_counter()
        secret = he.generate(bits)
        seconds.append(time.perf_counter() - began)
        secret.save(_path(folder, rank, bits))
    return seconds


def use(folder: Path | None) -> None:
    """Where this process finds the keys that were made."""
    global _folder
    _folder = folder


def own(rank: int, bits: Bits) -> he.SecretKey:
    """A party's key; a fresh one where none was made."""
    path = None if _folder is None else _path(_folder, rank, bits)
    return he.generate(bits) if path is None or not path.exists() else he.SecretKey.load(path)


def _path(folder: Path, rank: int, bits: int) -> Path:
    return folder / f"{rank}.{bits}.key"
