"""Three roles on this machine, each in its own folder, started as their users would start them."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from commands import Command, Ended, wait_until
from shops import BOTH, HEAD, files

from mpcfl.keys import generate
from mpcfl.machine import free_ports
from mpcfl.roster import to_toml

PARTIES = ("shop", "bank")
ROLES = (*PARTIES, "dealer")
CONNECT, ROUND = 20, 8
LONG = "epochs = 1000"


class Site:
    """Three folders with keys, one roster, a job and its files; starts the roles and knows their options."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Command] = []
        self.roles: dict[str, Command] = {}
        self.program: dict[str, tuple[str, ...]] = {}
        for role in ROLES:
            (folder / role).mkdir()
        self.job = {party: self._write(party, "job.toml", HEAD + BOTH) for party in PARTIES}
        self.data = files(folder)
        self.ports = dict(zip(ROLES, free_ports(2 * len(ROLES))[::2], strict=True))
        self.roster = {role: folder / role / "roster.toml" for role in ROLES}
        entries = []
        for role in ROLES:
            identity = generate(role, "dealer" if role == "dealer" else "party")
            identity.save(folder / role / "secret.key")
            entries.append(identity.entry().model_copy(update={"bind": f"127.0.0.1:{self.ports[role]}"}))
        for path in self.roster.values():
            path.write_text("".join(map(to_toml, entries)))

    def _write(self, role: str, name: str, text: str) -> Path:
        path = self.folder / role / name
        path.write_text(text)
        return path

    def edit(self, path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def lengthen(self) -> None:
        """Make the job one that can be disturbed in its middle."""
        for job in self.job.values():
            self.edit(job, "epochs = 4", LONG)

    def start(
        self,
        role: str,
        connect: float = CONNECT,
        command: str = "run",
        stdin: int = subprocess.DEVNULL,
        more: Sequence[str] = (),
    ) -> None:
        """Start a role as its user would, from its folder."""
        where = ["--roster", self.roster[role], "--key", "secret.key"]
        patience = ["--connect-timeout", connect, "--round-timeout", ROUND]
        arguments = ["dealer"]
        if role != "dealer":
            arguments = [command, str(self.job[role]), "--party", role]
            arguments += [] if command in ("export", "import") else ["--data", str(self.data[role])]
            arguments += ["--state-dir", "state", "--json", f"{command}.json"]
        arguments += map(str, [*where, *patience, *more])
        self.roles[role] = Command(arguments, self.folder / role, self.program.get(role), stdin)
        self.running.append(self.roles[role])

    def start_all(self, command: str = "run") -> None:
        for role in ROLES:
            self.start(role, command=command)

    def ledger(self, party: str) -> Path:
        return self.folder / party / "state" / "ledger.jsonl"

    def wait_for_training(self) -> None:
        """Wait until both parties are in the middle of their work."""
        for party in PARTIES:
            wait_until(partial(_longer, self.ledger(party), 200_000))

    def ended(self) -> dict[str, Ended]:
        return {role: command.ended() for role, command in self.roles.items()}

    def codes(self) -> dict[str, int]:
        """The codes of all, each with its sentence if it failed."""
        ended = self.ended()
        for one in ended.values():
            assert one.code <= 0 or one.said["reason"]
            print(one.err)
        return {role: one.code for role, one in ended.items()}


def _longer(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size > size


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
