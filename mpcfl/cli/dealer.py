"""`mpcfl dealer`: the process that hands out correlated randomness."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from mpcfl import dealer as service
from mpcfl import threads
from mpcfl.cli.console import err, printable, say
from mpcfl.cli.run import ConnectTimeout, RoundTimeout
from mpcfl.disclosure import DEALER_WARNING
from mpcfl.errors import Interrupted, MpcflError
from mpcfl.keys import Identity
from mpcfl.roster import Roster
from mpcfl.saving import locked

TAPES = "tapes"
"""Name of the register in the dealer's folder."""


def dealer(
    roster: Annotated[Path, typer.Option(metavar="FILE", help="The roster.", show_default=False)],
    key: Annotated[Path, typer.Option(metavar="FILE", help="The dealer's secret keys.", show_default=False)],
    state_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder of this dealer alone, for its register of tapes; keep it."),
    ] = None,
    connect_timeout: ConnectTimeout = 60.0,
    round_timeout: RoundTimeout = 60.0,
    forever: Annotated[bool, typer.Option("--forever", help="Serve one session after another.")] = False,
) -> None:
    threads.take_cores()
    known, identity = Roster.load(roster), Identity.load(key)
    register = None if state_dir is None else state_dir / TAPES
    with contextlib.nullcontext() if state_dir is None else locked(state_dir):
        while True:
            try:
                service.serve(
                    known,
                    identity,
                    register=register,
                    connect_timeout=connect_timeout,
                    round_timeout=round_timeout,
                )
                say("the session has ended well")
            except Interrupted:
                raise
            except MpcflError as error:
                if not forever:
                    raise
                err.print(f"the session failed: {printable(error.reason)}", markup=False, soft_wrap=True)
            if not forever:
                return


dealer.__doc__ = f"Deal correlated randomness for one session of the roster's parties. {DEALER_WARNING}"
