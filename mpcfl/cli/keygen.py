"""`mpcfl keygen`: fresh keys for one party."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mpcfl.cli.console import say
from mpcfl.errors import UsageError
from mpcfl.keys import Role, generate
from mpcfl.roster import to_toml
from mpcfl.saving import make_folder


def keygen(
    party: Annotated[str, typer.Option(help="The name that the roster will know it by.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where both files go.", show_default=False)],
    role: Annotated[Role, typer.Option(help="A party holds data, the dealer none.")] = "party",
) -> None:
    """Make the keys of a party: DIR/NAME.key stays secret, DIR/NAME.toml goes into everybody's roster."""
    identity = generate(party, role)
    key, entry = out / f"{party}.key", out / f"{party}.toml"
    make_folder(out)
    if entry.exists():
        raise UsageError(f"{entry} exists: choose another folder or move it away", file=str(entry))
    identity.save(key)
    try:
        entry.write_text(to_toml(identity.entry()), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{entry} cannot be written: {error.strerror}", file=str(entry)) from None
    say(f"{key}: the secret keys of {party}; keep them here")
    say(f"{entry}: its entry for the roster; add bind and address, and give it to all others")
