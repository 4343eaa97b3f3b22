"""Fixtures that all tests share: protocols and programs of all parties, run in one process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Test modules share `simulation`, `cases` and `checks`; pytest's importlib mode puts no folder on the path by itself.
sys.path.insert(0, str(Path(__file__).parent))

import simulation
from simulation import Played, play

# How long an example takes depends on what else the machine does: no test asserts on time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

PROCESSES = {"commands", "sockets", "wiring"}
"""Modules of the tests that start processes or listen."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ring", type=int, choices=(64, 128), default=64, help="ring of the programs that tests run")


def pytest_configure(config: pytest.Config) -> None:
    simulation.RING = config.getoption("--ring")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two workers for the whole suite; a few files named by hand run here, where a debugger sees them."""
    return 2 if config.args == config.getini("testpaths") and (os.cpu_count() or 1) > 1 else 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests with sockets and processes of their own in one worker: a free port is only free for one who looks."""
    for item in items:
        used = vars(getattr(item, "module", None) or object).values()
        if any(one is socket or one is subprocess or getattr(one, "__module__", None) in PROCESSES for one in used):
            item.add_marker(pytest.mark.xdist_group("processes"))


@pytest.fixture
def world() -> Callable[..., Played]:
    """Run a rule or a generator function on secret words at all parties: see `simulation.play`."""
    return play
