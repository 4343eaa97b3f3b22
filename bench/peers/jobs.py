"""What a peer is asked to do: arrays in, seconds and a result out. NumPy alone; no part of mpcfl is imported here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Job:
    """One workload for one peer.

    Parameters
    ----------
    workload : str
    size : tuple of int
    repetitions : int
        Timed ones, after one that warms up.
    folder : str
        Has the inputs, and gets the outputs.
    """

    workload: str
    size: tuple[int, ...]
    repetitions: int
    folder: str

    @staticmethod
    def of(text: str) -> Job:
        fields = json.loads(text)
        return Job(**{**fields, "size": tuple(fields["size"])})

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    def give(self, arrays: Sequence[Any]) -> None:
        """Write the inputs."""
        np.savez(Path(self.folder) / "inputs.npz", *arrays)

    def inputs(self) -> list[Any]:
        with np.load(Path(self.folder) / "inputs.npz", allow_pickle=False) as file:
            return [file[f"arr_{i}"] for i in range(len(file.files))]

    def answer(self, seconds: Sequence[float], result: Any) -> None:
        """Write the outputs."""
        np.savez(Path(self.folder) / "outputs.npz", seconds=np.asarray(seconds), result=np.asarray(result, np.float64))

    def outputs(self) -> tuple[list[float], Any]:
        with np.load(Path(self.folder) / "outputs.npz", allow_pickle=False) as file:
            return file["seconds"].tolist(), file["result"]
