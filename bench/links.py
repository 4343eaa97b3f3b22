"""Round trip and throughput of one sealed link between two processes: `python -m bench.links`.

Prints one JSON line a figure. `raw` is the same exchange over two bare ZeroMQ sockets, for comparison.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import time
from multiprocessing.process import BaseProcess

import numpy as np
import zmq

from mpcfl.keys import Identity, generate
from mpcfl.link import Endpoint, Link
from mpcfl.machine import free_ports
from mpcfl.roster import Roster

SMALL, LARGE = 64, 8_000_000
ROUNDS, REPEATS = 4000, 30


def post(link: Link, body: np.ndarray) -> None:
    link.post(link.prepare([body], round=0, count=1, history=bytes(16), at="bench/links.py:1"))


def small(link: Link, first: bool) -> list[float]:
    """Round trips of one small frame, in seconds."""
    body, times = np.zeros(SMALL, np.uint8), []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        if first:
            post(link, body)
        link.receive()
        if not first:
            post(link, body)
        times.append(time.perf_counter() - start)
    return times[ROUNDS // 10 :]


def large(link: Link) -> list[float]:
    """Both sides send a large frame and receive one, in seconds."""
    body, times = np.zeros(LARGE, np.uint8), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        post(link, body)
        link.receive()
        times.append(time.perf_counter() - start)
    return times[2:]


def other(identity: Identity, roster: Roster) -> None:
    with Endpoint(identity, roster) as endpoint:
        (link,) = endpoint.connect({}).values()
        small(link, first=False)
        large(link)


def raw_other(port: int) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind(f"tcp://127.0.0.1:{port}")
        for _ in range(ROUNDS):
            router.send_multipart(router.recv_multipart())
        time.sleep(0.2)


def raw() -> list[float]:
    (port,) = free_ports(1)
    process = start(raw_other, port)
    times = []
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(f"tcp://127.0.0.1:{port}")
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            dealer.send_multipart([bytes(200), bytes(SMALL + 16)])
            dealer.recv_multipart()
            times.append(time.perf_counter() - begun)
    process.join()
    return times[ROUNDS // 10 :]


def start(target: object, *args: object) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=target, args=args)  # type: ignore[arg-type]
    process.start()
    return process


def report(name: str, size: int, times: list[float], frames: int) -> None:
    median = statistics.median(times)
    figures = {"median_s": median, "min_s": min(times), "mb_per_s": frames * size / median / 1e6}
    print(json.dumps({"workload": name, "size": size, **figures}), flush=True)


def main() -> None:
    report("raw round trip", SMALL, raw(), 2)
    identities = [generate("bank", "party"), generate("bureau", "party")]
    entries = [identity.entry().model_copy(update={"bind": f"127.0.0.1:{free_ports(2)[0]}"}) for identity in identities]
    roster = Roster(party=tuple(entries))
    process = start(other, identities[1], roster)
    with Endpoint(identities[0], roster) as endpoint:
        (link,) = endpoint.connect({}).values()
        report("round trip", SMALL, small(link, first=True), 2)
        report("both ways", LARGE, large(link), 2)
    process.join()


if __name__ == "__main__":
    main()
