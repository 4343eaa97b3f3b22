"""The programs that NumPy's coverage is tried on, once more in ring 128."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = [HERE / f"test_{name}.py" for name in ("array", "ordering", "linalg")] + sorted(HERE.glob("test_coverage_*.py"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_numpys_functions_in_ring_128() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "--ring", "128"]
    ended = subprocess.run([*command, *map(str, FILES)], cwd=HERE.parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:]
