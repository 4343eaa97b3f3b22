"""What is installed is what stands in the tree: packages, data files, version, the guard of the two outer packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from mpcfl.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = CONFIG["tool"]["setuptools"]["packages"]
OUTER = ("kernels", "protocols")


def folders() -> list[Path]:
    """Every folder of the import package that holds Python, the two symlinked ones included."""
    walk = os.walk(ROOT / "mpcfl", followlinks=True)
    return sorted(Path(place) for place, _, files in walk if any(file.endswith(".py") for file in files))


def installed_path(file: Path) -> str:
    return PurePosixPath(file.relative_to(ROOT)).as_posix()


def test_every_package_is_listed_and_nothing_else() -> None:
    assert sorted(PACKAGES) == sorted(".".join(folder.relative_to(ROOT).parts) for folder in folders())
    assert [folder for folder in folders() if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("name", OUTER)
def test_the_outer_packages_are_linked_relatively(name: str) -> None:
    """Static tools find `mpcfl.kernels` through the link, so it must hold in every clone."""
    link = ROOT / "mpcfl" / name
    assert os.readlink(link) == f"../{name}"
    assert CONFIG["tool"]["setuptools"]["package-dir"][f"mpcfl.{name}"] == name


@pytest.mark.parametrize("name", OUTER)
def test_the_outer_packages_refuse_their_bare_names(name: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith(f"ImportError: import this package as mpcfl.{name}")


def test_the_version_can_be_read_without_the_engine() -> None:
    """Building a wheel reads it in an environment that has none of the dependencies."""
    assert CONFIG["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "mpcfl.version.VERSION"}
    code = compile((ROOT / "mpcfl" / "version.py").read_text(encoding="utf-8"), "version.py", "exec")
    names: dict[str, object] = {}
    exec(code, {"__builtins__": {}}, names)
    assert names["VERSION"] == VERSION


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, so that the build leaves nothing behind in it."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "out"), str(tree)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    (built,) = (folder / "out").iterdir()
    return built


@pytest.mark.slow
def test_the_wheel_holds_all_code_and_data_once(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    info = f"mpcfl-{VERSION}.dist-info/"
    code = [installed_path(file) for folder in folders() for file in folder.glob("*.py")]
    examples = ROOT / "mpcfl" / "examples"
    shipped = [*(examples / "credit").iterdir(), *examples.glob("*.toml")]
    data = [installed_path(file) for file in shipped if file.is_file()]
    carried = [name for name in names if not name.startswith(info)]
    assert sorted(carried) == sorted({*code, *data, "mpcfl/py.typed"})
    assert sum(name.endswith(".csv") for name in carried) == 4
    assert {f"{info}licenses/LICENSE", f"{info}licenses/NOTICE", f"{info}entry_points.txt"} <= set(names)


@pytest.mark.slow
def test_the_wheel_imports_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import importlib, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "for name in sys.argv[2:]:\n"
        "    assert importlib.import_module(name).__file__.startswith(sys.argv[1]), name\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "site"), *PACKAGES]
    # Compiling the kernels is another test's matter.
    run = subprocess.run(
        command,
        cwd=tmp_path / "empty",
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
