"""Fixtures that all tests share: protocols and programs of all parties, run in one process."""

from __future__ import annotations

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ring", type=int, choices=(64, 128), default=64, help="ring of the programs that tests run")


def pytest_configure(config: pytest.Config) -> None:
    simulation.RING = config.getoption("--ring")


@pytest.fixture
def world() -> Callable[..., Played]:
    """Run a rule or a generator function on secret words at all parties: see `simulation.play`."""
    return play
