"""A slow network on one machine: connections are forwarded late, and no faster than their sender's uplink allows.

Real sockets, in a process of its own. A chunk that comes in is due when the sender's uplink has passed it, after all
that this sender sent before to anyone, and half a round trip later it is handed on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from bench.forks import context
from mpcfl.drivers.profile import Network

CHUNK = 1 << 15
IN_FLIGHT = 4096
"""Chunks on their way in one direction; more wait in the sender's own buffers."""


@dataclass(frozen=True)
class Way:
    """A port to listen on and one of 127.0.0.1 to forward to: connections of one role to another."""

    port: int
    target: int
    connecting: str
    accepting: str


class Uplink:
    """The bandwidth of one role, shared by all that it sends.

    Parameters
    ----------
    byte : float
        Seconds that a byte takes.
    """

    def __init__(self, byte: float) -> None:
        self._byte = byte
        self._free = 0.0
        self._lock = threading.Lock()

    def passed(self, size: int) -> float:
        """When so many bytes that are ready now have left."""
        with self._lock:
            self._free = max(self._free, time.monotonic()) + size * self._byte
            return self._free


class Relay:
    """Forwards connections until the process ends.

    Parameters
    ----------
    ways : sequence of Way
    network : Network
    """

    def __init__(self, ways: Sequence[Way], network: Network) -> None:
        self._late = network.one_way
        roles = {role for way in ways for role in (way.connecting, way.accepting)}
        self._uplinks = {role: Uplink(network.byte) for role in roles}
        self._servers = [(way, socket.create_server(("127.0.0.1", way.port))) for way in ways]
        for way, server in self._servers:
            _start(self._accept, way, server)

    def _accept(self, way: Way, server: socket.socket) -> None:
        while True:
            client, _ = server.accept()
            try:
                target = socket.create_connection(("127.0.0.1", way.target))
            except OSError:
                client.close()  # not listening yet; whoever connects tries again
                continue
            for end in (client, target):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._forward(client, target, self._uplinks[way.connecting])
            self._forward(target, client, self._uplinks[way.accepting])

    def _forward(self, source: socket.socket, sink: socket.socket, uplink: Uplink) -> None:
        chunks: queue.Queue[tuple[float, bytes]] = queue.Queue(IN_FLIGHT)

        def take() -> None:
            data = b"-"
            while data:
                try:
                    data = source.recv(CHUNK)
                except OSError:
                    data = b""
                chunks.put((uplink.passed(len(data)) + self._late, data))

        def give() -> None:
            with contextlib.suppress(OSError):
                while True:
                    due, data = chunks.get()
                    time.sleep(max(0.0, due - time.monotonic()))
                    if not data:
                        break
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)

        _start(take)
        _start(give)


def _start(work: object, *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()  # type: ignore[arg-type]


def _serve(ways: Sequence[Way], network: Network, end: Connection) -> None:
    Relay(ways, network)
    end.send(None)
    with contextlib.suppress(EOFError):
        end.recv()


@contextlib.contextmanager
def relaying(ways: Sequence[Way], network: Network) -> Iterator[None]:
    """A relay in a process of its own, for as long as the block lasts."""
    here, there = multiprocessing.Pipe()
    process = context().Process(target=_serve, args=(ways, network, there))
    process.start()
    there.close()
    try:
        here.recv()
        yield
    finally:
        here.close()
        process.join()
