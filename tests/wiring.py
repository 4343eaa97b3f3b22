"""Endpoints linked over real sockets, and a proxy between two of them that cuts, stalls and listens."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mpcfl.keys import Identity, generate
from mpcfl.link import Endpoint, Link, Sealed
from mpcfl.machine import free_ports
from mpcfl.roster import Roster

NAMES = ("bank", "bureau", "dealer")
TERMS = {"program": "aa", "rows": "4454"}


def free_port() -> int:
    """A port of the loopback that nobody listens on, nor on the next one."""
    return free_ports(2)[0]


def people(count: int, dealer: bool = False) -> tuple[list[Identity], Roster]:
    """Fresh keys and a roster for bank, bureau and a third."""
    identities = [generate(name, "dealer" if dealer and name == "dealer" else "party") for name in NAMES[:count]]
    entries = [identity.entry().model_copy(update={"bind": f"127.0.0.1:{free_port()}"}) for identity in identities]
    return identities, Roster(party=tuple(entries))


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls in threads of their own; the results, an exception being one."""

    def outcome(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


def connect(endpoints: list[Endpoint]) -> list[dict[str, Link]]:
    """Let all endpoints connect."""
    links = at_once(*(lambda endpoint=endpoint: endpoint.connect(TERMS) for endpoint in endpoints))
    for result in links:
        if isinstance(result, Exception):
            raise result
    return links


@contextlib.contextmanager
def linked(count: int = 2, **timeouts: float) -> Iterator[tuple[list[Endpoint], list[dict[str, Link]]]]:
    """So many endpoints, connected."""
    identities, roster = people(count)
    endpoints = [Endpoint(identity, roster, **{"connect_timeout": 20, **timeouts}) for identity in identities]
    try:
        yield endpoints, connect(endpoints)
    finally:
        at_once(*(endpoint.close for endpoint in endpoints))


def post(link: Link, body: Any, **fields: Any) -> Sealed:
    """Prepare and post a payload."""
    sealed = link.prepare([body], **{"round": 1, "count": 1, "history": b"h", "at": "job.py:1", **fields})
    link.post(sealed)
    return sealed


class Proxy:
    """Forwards two ports, control and data, to the next two; on demand it cuts, stalls, or changes bytes.

    Parameters
    ----------
    target : int
        The control port to forward to; the data port is the next one.
    """

    CONTROL, DATA = 0, 1

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.forwarded = [0, 0]
        self.recorded = bytearray()
        """The beginning of what the connecting side has said on the data port."""
        self.cut_at: int | None = None
        self.refusing = False
        self.target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._open: list[tuple[int, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._servers = [socket.create_server(("127.0.0.1", self.port + which)) for which in (0, 1)]
        for which in (self.CONTROL, self.DATA):
            self._start(self._accept, which)

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self, which: int) -> None:
        while not self._closed:
            with contextlib.suppress(OSError):
                client, _ = self._servers[which].accept()
                if self.refusing or self._closed:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self.target + which))
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._open += [(which, client), (which, server)]
                self._start(self._forward, which, client, server, which == self.DATA)
                self._start(self._forward, which, server, client, False)

    def _forward(self, which: int, source: socket.socket, sink: socket.socket, record: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._flowing.wait()
                self.forwarded[which] += len(data)
                if record:
                    self.recorded += data[: (1 << 16) - len(self.recorded)]
                sink.sendall(data)
                if self.cut_at is not None and self.forwarded[self.DATA] > self.cut_at:
                    self.cut_at = None
                    self.cut(self.DATA)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self, *which: int) -> None:
        """Break the connections of control, data or both."""
        with self._lock:
            broken = [end for kind, end in self._open if kind in which]
            self._open = [(kind, end) for kind, end in self._open if kind not in which]
        for end in broken:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def stall(self) -> None:
        """Keep all connections and forward nothing more."""
        self._flowing.clear()

    def close(self) -> None:
        """Cut everything and end."""
        self._closed = True
        self._flowing.set()
        for server in self._servers:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        while self._threads:
            self.cut(self.CONTROL, self.DATA)
            with self._lock:
                thread = self._threads.pop()
            thread.join()


@contextlib.contextmanager
def proxied(**timeouts: float) -> Iterator[tuple[Proxy, list[Endpoint], list[Link]]]:
    """Bank and bureau, the latter reaching the former through a proxy."""
    identities, roster = people(2)
    bank = roster["bank"]
    proxy = Proxy(int(str(bank.bind).split(":")[1]))
    bank = bank.model_copy(update={"addresses": {"bureau": f"127.0.0.1:{proxy.port}"}})
    roster = Roster(party=(bank, roster["bureau"]))
    endpoints = [Endpoint(identity, roster, **{"connect_timeout": 20, **timeouts}) for identity in identities]
    try:
        links = connect(endpoints)
        yield proxy, endpoints, [links[0]["bureau"], links[1]["bank"]]
    finally:
        at_once(*(endpoint.close for endpoint in endpoints))
        proxy.close()
