"""What the machine can do at this moment: the same job in plain NumPy, and a copy of its operands."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from bench.figures import Calibration
from bench.operands import Size
from bench.workloads import Workload

SAMPLES = 5
LEAST_SECONDS = 0.01


def calibrate(workload: Workload, size: Size) -> Calibration:
    """Seconds of the workload on float64 ndarrays, and of a copy of its operands, eight bytes a number."""
    values = [operand.values for operand in workload.make(size)]
    words = [np.ones(value.shape, np.uint64) for value in values]
    copies = [np.empty_like(one) for one in words]

    def copy() -> None:
        for target, source in zip(copies, words, strict=True):
            np.copyto(target, source)

    return Calibration(numpy_s=_median(lambda: workload.compute(size, *values)), memcpy_s=_median(copy))


def _median(call: Callable[[], object]) -> float:
    """Seconds a call; as many calls a sample as the clock needs, after one that warms up."""
    _seconds(call, 1)
    calls = 1
    while _seconds(call, calls) < LEAST_SECONDS:
        calls *= 2
    return statistics.median(_seconds(call, calls) / calls for _ in range(SAMPLES))


def _seconds(call: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - start
