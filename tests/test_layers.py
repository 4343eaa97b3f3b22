"""Who may import whom: the contract of pyproject.toml, and what import-linter cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(file for name in ("mpcfl", "kernels", "protocols") for file in (ROOT / name).rglob("*.py"))
MODULES = {file.relative_to(ROOT).as_posix(): ast.parse(file.read_text(encoding="utf-8")) for file in SOURCES}

PUBLIC_SCHEDULES = "mpcfl/learn/schedule.py"
KERNELS_MAY_IMPORT = {"__future__", "collections", "typing", "numpy", "llvmlite", "numba"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that a module imports, in whatever form: `from a import b` gives both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def imports_inside_functions(tree: ast.AST) -> list[int]:
    """Line numbers of the imports that run when a function is called, those by name included."""
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    return sorted(
        {
            inner.lineno
            for function in functions
            for inner in ast.walk(function)
            if isinstance(inner, ast.Import | ast.ImportFrom)
            or (isinstance(inner, ast.Name) and inner.id == "__import__")
            or (isinstance(inner, ast.Attribute) and inner.attr == "import_module")
        }
    )


def insecure_randomness(tree: ast.AST) -> list[str]:
    """Where a module reaches `random` or `numpy.random`, by import or as an attribute of NumPy under any name."""
    found = [name for name in imported(tree) if name.split(".")[0] == "random" or name.startswith("numpy.random")]
    numpy_names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "numpy"
    }
    found += [
        f"{node.value.id}.random"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "random"
        and isinstance(node.value, ast.Name)
        and node.value.id in numpy_names
    ]
    return found


def test_the_import_contract_holds() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken" in run.stdout


def test_all_three_folders_are_looked_at() -> None:
    assert {place.split("/")[0] for place in MODULES} == {"mpcfl", "kernels", "protocols"}
    assert PUBLIC_SCHEDULES in MODULES


@pytest.mark.parametrize("place", MODULES)
def test_no_import_inside_a_function(place: str) -> None:
    assert imports_inside_functions(MODULES[place]) == []


@pytest.mark.parametrize("place", [place for place in MODULES if place != PUBLIC_SCHEDULES])
def test_masks_cannot_come_from_numpy(place: str) -> None:
    assert insecure_randomness(MODULES[place]) == []


@pytest.mark.parametrize("place", MODULES)
def test_imports_are_absolute(place: str) -> None:
    assert [name for name in imported(MODULES[place]) if name.startswith(".")] == []


@pytest.mark.parametrize("place", [place for place in MODULES if place.startswith("kernels/")])
def test_kernels_know_numpy_and_numba_alone(place: str) -> None:
    """What a kernel may import is a list of a few, which the contract, a list of what is forbidden, cannot express."""
    strangers = [
        name
        for name in imported(MODULES[place])
        if name.split(".")[0] not in KERNELS_MAY_IMPORT and not name.startswith("mpcfl.kernels")
    ]
    assert strangers == []


# The detectors find what they look for


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    import os",
        "class A:\n    async def f(self):\n        if self:\n            from os import path",
        "def f():\n    return __import__('os')",
        "f = lambda: importlib.import_module('os')",
    ],
)
def test_a_hidden_import_is_found(source: str) -> None:
    assert len(imports_inside_functions(ast.parse(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from random import getrandbits",
        "import numpy.random as r",
        "from numpy import random",
        "from numpy.random import default_rng",
        "import numpy as np\nx = np.random.default_rng(0)",
        "import numpy\nx = numpy.random.default_rng",
        "def f():\n    from numpy import random as r",
    ],
)
def test_insecure_randomness_is_found(source: str) -> None:
    assert insecure_randomness(ast.parse(source))


@pytest.mark.parametrize(
    "source", ["import secrets", "import numpy as np\nx = dealer.random", "from os import urandom"]
)
def test_other_randomness_is_not(source: str) -> None:
    assert insecure_randomness(ast.parse(source)) == []
