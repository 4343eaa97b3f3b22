"""`mpcfl check`: run a program in simulation, with float64 beside the shares, and say where it goes wrong."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mpcfl.cli.console import say
from mpcfl.errors import InputError, MpcflError, UsageError
from mpcfl.findings import Findings
from mpcfl.session import FRACTION
from mpcfl.simulation import simulate

ENTRIES = ("program", "main")
"""Names by which a program is found in its file."""


def check(
    file: Annotated[Path, typer.Argument(metavar="PROGRAM.py", show_default=False)],
    parties: Annotated[int, typer.Option(metavar="N", min=2, help="How many parties.")] = 2,
    fraction: Annotated[int, typer.Option(metavar="BITS", help="Fractional bits.")] = FRACTION,
    ring: Annotated[int, typer.Option(metavar="BITS", help="64 or 128.")] = 64,
) -> None:
    """Run program(session) of a file in this process, beside float64, and print where they part: code 3 if they do."""
    findings = _run(file, _load(file), parties, fraction, ring)
    for line in str(findings).splitlines():
        say(line)
    if findings:
        raise InputError(
            f"{len(findings)} {'line' if len(findings) == 1 else 'lines'} of {file.name} went wrong in fixed point: "
            "see above what and what to do",
            file=str(file),
        )


def _load(file: Path) -> Callable[[Any], Any]:
    """The program of a file, which is run as a module under its own name and not as a script."""
    if not file.is_file():
        raise UsageError(f"there is no file {file}", file=str(file))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is no Python file", file=str(file))
    module = importlib.util.module_from_spec(spec)
    known, path = sys.modules.get(file.stem), sys.path
    # As a script finds them: the modules beside it. Dataclasses look their own module up.
    sys.modules[file.stem], sys.path = module, [str(file.resolve().parent), *path]
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _failed(file, error) from error
    finally:
        sys.path = path
        if known is not None:
            sys.modules[file.stem] = known
    for name in ENTRIES:
        if callable(found := getattr(module, name, None)):
            program: Callable[[Any], Any] = found
            return program
    raise UsageError(f"{file} defines neither program(session) nor main(session)", file=str(file))


def _run(file: Path, program: Callable[[Any], Any], parties: int, fraction: int, ring: int) -> Findings:
    try:
        findings = simulate(program, parties, fraction=fraction, ring=ring, shadow=True).shadow
    except MpcflError:
        raise
    except Exception as error:
        raise _failed(file, error) from error
    assert findings is not None
    return findings


def _failed(file: Path, error: Exception) -> InputError:
    """The program's own error: its data is the author's, so its text may be shown."""
    places = [at for at in traceback.extract_tb(error.__traceback__) if Path(at.filename).name == file.name]
    place = f"{file.name}:{places[-1].lineno}" if places else file.name
    return InputError(f"{place} failed with {type(error).__name__}: {error}", file=str(file))
