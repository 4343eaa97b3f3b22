"""What the machine gives a process: cores, memory, ports."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from pathlib import Path

GROUP = Path("/sys/fs/cgroup/memory.max")
"""Where a container of Linux (control groups, version 2) finds its bound."""

PORTS = range(20000, 32768)
"""Ports that no outgoing connection gets: systems give those from 32768 on, or higher, at any time."""

_next_port = PORTS.start + secrets.randbelow(len(PORTS))


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

    A process begins anywhere in `PORTS` and goes on from there, so that what it was given and has not used yet is not
    given again.

    Raises
    ------
    OSError
        Where none are found.
    """
    global _next_port
    for _ in range(1000):
        first = _next_port if _next_port + count <= PORTS.stop else PORTS.start
        _next_port = first + count
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return list(range(first, first + count))
    raise OSError(f"no {count} ports in a row are free between {PORTS.start} and {PORTS.stop - 1} of 127.0.0.1")
