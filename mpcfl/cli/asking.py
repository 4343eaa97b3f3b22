"""Where a service's requests come from: lines of its stdin, or of whoever connects to a Unix socket of this machine."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from mpcfl.errors import UsageError
from mpcfl.serving import Asked, Take

LOOK = 0.1
"""Seconds between two looks whether to leave, while no request comes."""
WAITING = 64
"""Lines that are read ahead, and connections that are served at a time."""
MAX_LINE = 16 << 20
"""Bytes of a line; a longer one is cut, and so refused."""
PART = 1 << 16

Lines = queue.Queue[Asked | None]
"""Requests in the order in which they came; None after the last."""


@contextlib.contextmanager
def from_stdin() -> Iterator[Take]:
    """Requests of stdin, answered on stdout, until that ends."""
    lines: Lines = queue.Queue(WAITING)
    # Not by sys.stdin: a thread that waits there holds a lock that the interpreter needs for its end.
    descriptor = sys.stdin.fileno()

    def read() -> None:
        for line in _lines(lambda: os.read(descriptor, PART)):
            lines.put(Asked(line, _print))
        lines.put(None)

    threading.Thread(target=read, name="requests", daemon=True).start()
    yield _taken(lines)


@contextlib.contextmanager
def from_socket(path: Path) -> Iterator[Take]:
    """Requests of all who connect to a socket of mode 0600; each gets its own answers, in its order.

    Raises
    ------
    UsageError
        Something stands there already that is no socket which nobody serves, or it cannot be made.
    """
    lines: Lines = queue.Queue(WAITING)
    room = threading.BoundedSemaphore(WAITING)

    def accept(server: socket.socket) -> None:
        with contextlib.suppress(OSError):  # when the service ends
            while room.acquire():
                client, _ = server.accept()
                threading.Thread(target=serve, args=(client,), name="requests", daemon=True).start()

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            for line in _lines(lambda: client.recv(PART)):
                answers: queue.SimpleQueue[str] = queue.SimpleQueue()
                lines.put(Asked(line, answers.put))
                client.sendall(answers.get().encode() + b"\n")
        room.release()

    with _listening(path) as server:
        threading.Thread(target=accept, args=(server,), name="connections", daemon=True).start()
        yield _taken(lines)


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(path.lstat().st_mode) and not _answers(path):
            path.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        before = os.umask(0o177)
        try:
            server.bind(os.fspath(path))
        except OSError as error:
            raise UsageError(f"the socket {path} cannot be made: {error.strerror or error}", file=str(path)) from None
        finally:
            os.umask(before)
        try:
            server.listen()
            yield server
        finally:
            path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    """Whether somebody serves a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True


def _lines(part: Callable[[], bytes]) -> Iterator[str]:
    """The lines that are not blank of bytes that come in parts, the last of which is empty."""
    rest = b""
    while more := part():
        *whole, rest = (rest + more).split(b"\n")
        if len(rest) > MAX_LINE:
            whole, rest = [*whole, rest], b""
        yield from (line.decode(errors="replace") for line in whole if line.strip())
    if rest.strip():
        yield rest.decode(errors="replace")


def _taken(lines: Lines) -> Take:
    def take() -> Asked | None:
        try:
            asked = lines.get(timeout=LOOK)
        except queue.Empty:
            return None
        if asked is None:
            raise EOFError
        return asked

    return take


def _print(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads answers any more; nor may the interpreter try to write what is left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise EOFError from None
