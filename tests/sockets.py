"""Parties and a dealer over real sockets: fresh keys, free ports of this machine, one thread or process a role."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mpcfl import dealer
from mpcfl.keys import Identity, generate
from mpcfl.machine import free_ports
from mpcfl.roster import Roster

DEALER = "dealer"


def entry(identity: Identity, control: int, data: int) -> str:
    """A roster entry with loopback addresses."""
    own = identity.entry()
    return (
        f"[[party]]\nname = '{own.name}'\nrole = '{own.role}'\ncurve_public = '{own.curve_public}'\n"
        f"sign_public = '{own.sign_public}'\nbind = '127.0.0.1:{control}'\naddress = '127.0.0.1:{control}'\n"
        f"data_bind = '127.0.0.1:{data}'\ndata_address = '127.0.0.1:{data}'\n"
    )


def made(folder: Path, parties: Sequence[str], with_dealer: bool = True) -> tuple[Roster, dict[str, Identity]]:
    """A roster and everybody's keys, also as files `roster.toml` and `NAME.key` of the folder."""
    roles = [(name, "party") for name in parties] + ([(DEALER, "dealer")] if with_dealer else [])
    identities = {name: generate(name, role) for name, role in roles}
    ports = free_ports(2 * len(roles))
    text = "".join(entry(one, ports[2 * i], ports[2 * i + 1]) for i, one in enumerate(identities.values()))
    path = folder / "roster.toml"
    path.write_text(text)
    for name, identity in identities.items():
        identity.save(folder / f"{name}.key")
    return Roster.load(path), identities


def together(roles: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Run every role in a thread; by name what it returned, or the exception that it raised."""
    results: dict[str, Any] = {}

    def perform(name: str, role: Callable[[], Any]) -> None:
        try:
            results[name] = role()
        except BaseException as error:
            results[name] = error

    threads = [threading.Thread(target=perform, args=item, name=f"role {item[0]}") for item in roles.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def deal(roster: Roster, identities: dict[str, Identity], **options: Any) -> Callable[[], None]:
    """The dealer's role."""
    return lambda: dealer.serve(roster, identities[DEALER], **options)
