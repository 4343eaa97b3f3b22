"""Who drives the sockets: whoever waits for them, and a background thread while nobody does.

All socket work of an endpoint is a function `turn` that never blocks, called under one lock. A thread that waits for a
frame drives the sockets itself, so a frame reaches it without a hand-over between threads (a hand-over costs as much as
a small frame's way through the kernel). While the application computes, the background thread takes over after a few
milliseconds: queued chunks go on leaving, arriving ones are opened, broken connections are restored.

ZeroMQ sockets may move between threads if a memory barrier lies between the uses; the lock is one. Waiting happens
outside the lock, on the sockets' file descriptors.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Set
from types import TracebackType
from typing import Final

_BACKGROUND: Final = "background"
_PATIENCE: Final = 0.005
"""Seconds without a driver after which the background thread takes over."""


class Turns:
    """The lock, the driver's seat and the background thread of one endpoint.

    Parameters
    ----------
    turn : callable
        Does all that can be done without blocking, given the descriptors that are readable, and tells after how many
        seconds it must be called again at the latest.
    descriptors : iterable of int
        Readable when there is something to do.
    name : str
        Name of the background thread.
    """

    def __init__(self, turn: Callable[[Set[int]], float], descriptors: Iterable[int], name: str) -> None:
        self._turn = turn
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._followers = 0
        self._driver: object | None = None
        self._left = 0.0
        self._alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # Two, since one poll object serves one thread at a time.
        watched = [self._alarm, *descriptors]
        self._foreground_poll, self._background_poll = _poll(watched), _poll(watched)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._background, name=name, daemon=True)
        self._thread.start()

    def __enter__(self) -> None:
        """Hold the lock, to use the sockets or the state that `turn` works on."""
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._driver is not None:
            # A send may have swallowed the signal of an arrival: whoever sleeps on the descriptors must look again.
            self._wake()
        self._lock.release()

    def wait(self, ready: Callable[[], bool], deadline: float) -> bool:
        """Drive the sockets, or follow who does, until `ready()`; False if `deadline` (monotonic) passes first."""
        seat = object()
        signalled: Set[int] = frozenset()
        with self._lock:
            try:
                while not ready():
                    remaining = deadline - time.monotonic()
                    if remaining <= 0:
                        return False
                    if self._driver is _BACKGROUND:
                        self._wake()
                        self._driver = None
                    if self._driver is None:
                        self._driver = seat
                    if self._driver is seat:
                        pause = self._turn(signalled)
                        signalled = frozenset()
                        if self._followers:
                            self._changed.notify_all()
                        if not ready():
                            signalled = self._sleep(seat, self._foreground_poll, min(remaining, pause))
                    else:
                        self._followers += 1
                        self._changed.wait(remaining)
                        self._followers -= 1
                return True
            finally:
                if self._driver is seat:
                    self._driver = None
                    self._left = time.monotonic()
                    if self._followers:
                        self._changed.notify_all()

    def _sleep(self, seat: object, poll: select.poll, seconds: float) -> Set[int]:
        """Wait, with the lock released, for a descriptor; the readable ones."""
        self._lock.release()
        try:
            signalled = {descriptor for descriptor, _ in poll.poll(seconds * 1000)}
        finally:
            self._lock.acquire()
        if self._alarm in signalled:
            with contextlib.suppress(BlockingIOError):  # another sleeper has read it
                os.eventfd_read(self._alarm)
            if self._driver is not None and self._driver is not seat:
                self._wake()  # the alarm was meant for the present driver
        return signalled

    @contextlib.contextmanager
    def briefly(self, seconds: float) -> Iterator[None]:
        """Hold the lock, or go on without it after some seconds: an interrupt may have come while it was taken."""
        held = self._lock.acquire(timeout=seconds)
        try:
            yield
        finally:
            if held:
                self.__exit__(None, None, None)

    def _wake(self) -> None:
        os.eventfd_write(self._alarm, 1)

    def _background(self) -> None:
        while not self._closed.is_set():
            with self._lock:
                if self._driver is None and time.monotonic() - self._left >= _PATIENCE:
                    self._driver = _BACKGROUND
                signalled: Set[int] = frozenset()
                while self._driver is _BACKGROUND and not self._closed.is_set():
                    pause = self._turn(signalled)
                    signalled = self._sleep(_BACKGROUND, self._background_poll, pause)
            self._closed.wait(_PATIENCE)

    def close(self) -> None:
        """End the background thread; afterwards the sockets belong to the caller."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._wake()
        self._thread.join()
        os.close(self._alarm)


def _poll(descriptors: Iterable[int]) -> select.poll:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return poll
