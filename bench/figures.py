"""One workload's figures: a JSON line, read back for comparisons and tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from mpcfl.errors import InputError, UsageError

DEALER = "dealer"
"""The dealer's name among the roles."""

Key: TypeAlias = tuple[str, str, int, bool]


class Calibration(BaseModel):
    """Seconds of the same job in plain NumPy and of a copy of the operands, in the same run."""

    model_config = ConfigDict(frozen=True)

    numpy_s: float
    memcpy_s: float


class Figures(BaseModel):
    """What one workload took.

    Parameters
    ----------
    workload, size : str
    parties, repetitions : int
    online : bool
        Whether correlations were recorded ahead, outside the time.
    median_s, min_s : float
        Seconds of the slower party, over the repetitions.
    rounds : int
    online_bytes : int
        Payload of the party that sends most, input and reveal excluded.
    online_bytes_by_party : tuple of int
    offline_bytes : int
        From the dealer to the last party; it sends the others nothing.
    request_bytes : int
        To the dealer, of the party that asks most.
    party_cpu_s : float
        CPU seconds of all threads of the party that works most; other work on the machine does not enter.
    dealer_cpu_s : float
        The same of the dealer, its connecting shared among the repetitions.
    peak_bytes : dict of str to int
        The most memory that each role held.
    elements : int
        Of the result; for lr and gbdt-level, of the data; for mlp and cnn, images.
    max_abs_err : float
    max_rel_err : float or None
    calibration : Calibration
    machine, date : str
    ratio : float or None
        To the earlier run that it was compared with, normalised by calibration.
    """

    model_config = ConfigDict(frozen=True)

    workload: str
    size: str
    parties: int
    online: bool = False
    repetitions: int
    median_s: float
    min_s: float
    rounds: int
    online_bytes: int
    online_bytes_by_party: tuple[int, ...] = ()
    offline_bytes: int
    request_bytes: int = 0
    party_cpu_s: float = 0.0
    dealer_cpu_s: float = 0.0
    peak_bytes: dict[str, int] = {}
    elements: int
    max_abs_err: float
    max_rel_err: float | None = None
    calibration: Calibration
    machine: str
    date: str
    ratio: float | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def times_numpy(self) -> float:
        """Time over that of plain NumPy."""
        return self.median_s / self.calibration.numpy_s

    @computed_field  # type: ignore[prop-decorator]
    @property
    def times_memcpy(self) -> float:
        """Time over that of a copy of the operands."""
        return self.median_s / self.calibration.memcpy_s

    @property
    def party_peak_bytes(self) -> int:
        """The most memory of any party, 0 where it was not measured."""
        return max((peak for role, peak in self.peak_bytes.items() if role != DEALER), default=0)

    @property
    def key(self) -> Key:
        """What must agree for two figures to be comparable."""
        return self.workload, self.size, self.parties, self.online

    def ratio_to(self, earlier: Figures) -> float:
        """Time over the earlier time, corrected for what the calibrations say of the machine (below 1: faster)."""
        return self.median_s / earlier.median_s / self.machine_ratio(earlier)

    def machine_ratio(self, earlier: Figures) -> float:
        """How much slower the machine was than at the earlier run: geometric mean over the two calibrations."""
        now, then = self.calibration, earlier.calibration
        return math.sqrt(now.numpy_s / then.numpy_s * (now.memcpy_s / then.memcpy_s))


def load(path: Path) -> list[Figures]:
    """The figures of a JSON-lines file.

    Raises
    ------
    UsageError
        It cannot be read.
    InputError
        A line holds no figures.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"the figures {path} cannot be read", file=str(path)) from None
    figures = []
    for number, line in enumerate(lines, 1):
        try:
            figures.append(Figures.model_validate_json(line))
        except ValidationError:
            raise InputError(f"line {number} of {path} holds no figures of python -m bench", file=str(path)) from None
    return figures
