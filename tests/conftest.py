"""Fixtures that all tests share: protocols and programs of all parties, run in one process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Test modules share `simulation`, `cases` and `checks`; pytest's importlib mode puts no folder on the path by itself.
sys.path.insert(0, str(Path(__file__).parent))

from simulation import Played, play


@pytest.fixture
def world() -> Callable[..., Played]:
    """Run a rule or a generator function on secret words at all parties: see `simulation.play`."""
    return play
