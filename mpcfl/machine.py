"""What the machine gives a process: cores, memory, ports."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
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


def free_ports(count: int) -> list[int]:
    """So many ports of the loopback, one after the other, that nobody listens on.

    Systems give outgoing connections ports from 32768 on, or higher, at any time: none of those surely stays free until
    it is used.

    Raises
    ------
    OSError
        Where none are found.
    """
    for _ in range(1000):
        first = 20000 + secrets.randbelow(12768 - count)
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return list(range(first, first + count))
    raise OSError(f"no {count} ports in a row are free between 20000 and 32767 of 127.0.0.1")
