"""What the machine gives a process."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from mpcfl import machine

HERE = 1 << 40


@pytest.fixture(autouse=True)
def _a_machine(monkeypatch):
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": HERE >> 12, "SC_PAGE_SIZE": 1 << 12}.__getitem__)


@pytest.mark.parametrize(("bound", "expected"), [(None, HERE), ("max\n", HERE), ("1073741824\n", 1 << 30), ("", HERE)])
def test_memory_is_that_of_the_container_where_it_is_less(bound, expected, tmp_path, monkeypatch):
    file = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "GROUP", file)
    if bound is not None:
        file.write_text(bound)
    assert machine.memory() == expected


def test_a_system_that_does_not_tell_has_no_known_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "GROUP", tmp_path / "none")
    monkeypatch.delattr(os, "sysconf")
    assert machine.memory() is None


def test_cores_are_at_least_one():
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)


def test_a_process_keeps_no_more_than_its_part_of_the_memory():
    check = "assert buffers._kept == min(buffers.KEPT, machine.memory() // ring.KEEPS)"
    subprocess.run([sys.executable, "-c", f"from mpcfl import buffers, machine, ring; {check}"], check=True)


def test_free_ports_stand_in_a_row_below_those_of_connections():
    ports = machine.free_ports(6)
    assert ports == list(range(ports[0], ports[0] + 6))
    assert ports[-1] < 32768
    with contextlib.ExitStack() as held:
        for port in ports:
            held.enter_context(socket.create_server(("127.0.0.1", port)))


def test_a_port_that_is_taken_is_not_free(monkeypatch):
    first, _, third, _ = machine.free_ports(4)
    monkeypatch.setattr(machine, "_next_port", first)
    with socket.create_server(("127.0.0.1", first + 1)):
        assert machine.free_ports(2) == [third, third + 1]


def test_a_port_is_not_given_twice_before_all_were():
    assert len({port for _ in range(500) for port in machine.free_ports(2)}) == 1000


def test_after_the_last_port_comes_the_first(monkeypatch):
    monkeypatch.setattr(machine, "_next_port", machine.PORTS.stop - 1)
    assert machine.free_ports(2)[0] < machine.PORTS.stop - 2


def test_that_no_port_is_free_is_said(monkeypatch):
    with socket.create_server(("127.0.0.1", machine.free_ports(1)[0])) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(machine, "PORTS", range(port, port + 1))
        with pytest.raises(OSError, match="are free between"):
            machine.free_ports(1)
