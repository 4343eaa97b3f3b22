"""The command line: `mpcfl COMMAND`, a module for each.

Whatever goes wrong ends in one sentence and one JSON line on stderr (code, reason, ids; never a value) and that code.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from typer.exceptions import Exit, TyperException

from mpcfl.cli import check, demo, export, importing, keygen, ledger, local, offline, plan, predict, run, serve
from mpcfl.cli import dealer as dealer_command
from mpcfl.cli.console import err, printable
from mpcfl.disclosure import DEALER_WARNING
from mpcfl.errors import Interrupted, MpcflError, ResourceError, UsageError
from mpcfl.version import VERSION

__all__ = ["app", "call", "main"]

GRACE = 15.0
"""Seconds in which an interrupted command ends by itself: a clean end of its links may take ten."""

app = typer.Typer(
    help="Organisations that may not show each other their data compute on all of it together. " + DEALER_WARNING,
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(local.local)
app.command()(keygen.keygen)
app.command()(offline.offline)
app.command()(run.run)
app.command()(predict.predict)
app.command()(serve.serve)
app.command()(export.export)
app.command("import")(importing.import_model)
app.command("dealer")(dealer_command.dealer)
app.command()(plan.plan)
app.command()(check.check)
app.add_typer(ledger.app, name="ledger")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mpcfl {VERSION}")
        raise Exit(0)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None: ...


def main() -> None:
    """The entry point: runs the command line's arguments and exits with their code."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # Ended from outside, a party still tells its peers, and a parent ends its roles and removes its keys.
        signal.signal(getattr(signal, name), _interrupt)
    sys.exit(call(sys.argv[1:]))


def call(arguments: Sequence[str]) -> int:
    """Run a command; the exit code."""
    try:
        code = int(typer.main.get_command(app).main(list(arguments), "mpcfl", standalone_mode=False) or 0)
        # Typer makes a code of a KeyboardInterrupt, without a word.
        return code if code != Interrupted.code else _report(Interrupted("interrupted"))
    except MpcflError as error:
        return _report(error)
    except TyperException as error:
        return _report(UsageError(error.format_message() or "this command needs arguments: see --help"))
    except MemoryError:
        return _report(ResourceError("there is not enough memory for this job"))
    except Exception as error:
        # Its text may hold values, and so may a traceback.
        at = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(at.filename).name}:{at.lineno}"
        return _report(MpcflError(f"an unexpected {type(error).__name__} at {place}: please report it", place=place))


def _report(error: MpcflError) -> int:
    err.print(f"error: {printable(error.reason)}", markup=False, soft_wrap=True, style="red")
    sys.stderr.write(json.dumps({"code": error.code, "reason": error.reason, "ids": error.ids}) + "\n")
    sys.stderr.flush()
    return error.code


def _interrupt(signum: int, frame: FrameType | None) -> None:
    if _is_sending(frame):  # half a message would make the peers' ABORT unreadable
        later = threading.Timer(0.01, os.kill, (os.getpid(), signum))
        later.daemon = True
        later.start()
        return
    # An interrupt may come at any instruction, also where a lock was just taken: what has not ended in time is ended.
    last_resort = threading.Timer(GRACE, _end)
    last_resort.daemon = True
    last_resort.start()
    raise KeyboardInterrupt


def _is_sending(frame: FrameType | None) -> bool:
    """Whether the links are at work in this thread, and do not just wait."""
    if frame is None or frame.f_code.co_name == "_sleep" or Path(frame.f_code.co_filename).name == "threading.py":
        return False
    while frame is not None:
        if Path(frame.f_code.co_filename).name in ("turns.py", "sockets.py", "peering.py", "stream.py"):
            return True
        frame = frame.f_back
    return False


def _end() -> None:
    os._exit(_report(Interrupted("interrupted, and ended before everything was closed")))
