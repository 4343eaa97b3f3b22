"""What the machine gives a process."""

from __future__ import annotations

import os
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
