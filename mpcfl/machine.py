"""What the machine gives a process: cores and memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

GROUP = Path("/sys/fs/cgroup/memory.max")
"""Where a container of Linux (control groups, version 2) finds its bound."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int | None:
    """Bytes of memory of the machine, or of the container that the process runs in; None where it cannot be told."""
    found = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):  # "max" is no bound
        found.append(int(GROUP.read_text(encoding="ascii")))
    return min(found, default=None)
