"""Processes over slow links: the relay forwards whole programs, and holds every round back by half a round trip."""

from __future__ import annotations

import socket

import pytest

import mpcfl
from bench.measure import whole
from bench.parties import run_whole
from bench.relay import Way, relaying
from bench.virtual import within
from bench.workloads import WORKLOADS
from mpcfl.drivers.profile import Network
from mpcfl.machine import free_ports


def test_a_relay_forwards_both_ways_whatever_comes() -> None:
    (port,) = free_ports(1)
    payload = bytes(range(256)) * 1000
    with socket.create_server(("127.0.0.1", 0)) as server:
        way = Way(port, server.getsockname()[1], "bank", "bureau")
        with relaying([way], Network(rtt_ms=2, mbit=1000)), socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            with accepted:
                client.sendall(payload)
                client.shutdown(socket.SHUT_WR)
                assert accepted.makefile("rb").read() == payload
                accepted.sendall(payload[::-1])
                accepted.shutdown(socket.SHUT_WR)
                assert client.makefile("rb").read() == payload[::-1]


@pytest.mark.slow
def test_no_program_is_faster_than_the_ways_of_its_rounds() -> None:
    workload, size, network = WORKLOADS["less"], (100,), Network(rtt_ms=20, mbit=100)
    rounds = mpcfl.forecast(whole(workload, size, workload.make(size))).rounds
    (seconds,) = run_whole("less", size, 2, 1, network)
    assert seconds >= rounds * network.one_way


def test_the_band_around_a_prediction() -> None:
    assert within(1.0, 0.9, 0)
    assert within(1.0, 1.3, 0)
    assert not within(1.0, 0.7, 10)
    assert not within(1.0, 1.31, 0)
    assert within(1.0, 1.31, 10)
