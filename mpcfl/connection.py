"""A session over authenticated links: roster, keys, handshake, ledger and driver put together."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mpcfl import suites
from mpcfl.drivers.network import NetworkDriver, session_name
from mpcfl.errors import Interrupted, MpcflError, UsageError
from mpcfl.keys import Identity
from mpcfl.ledger import Disclosures, Ledger
from mpcfl.link import Endpoint
from mpcfl.protocol import Suite
from mpcfl.protocols import semi2k
from mpcfl.roster import Roster
from mpcfl.saving import check_target, replacing
from mpcfl.session import FRACTION, Session


@contextlib.contextmanager
def connect(
    roster: Roster | str | Path,
    key: Identity | str | Path,
    party: str,
    *,
    terms: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    fraction: int = FRACTION,
    suite: Suite | str = semi2k.suite,
    ring: int = 64,
    disclosures: Disclosures | None = None,
    ledger: str | Path | None = None,
    view: str | Path | None = None,
    connect_timeout: float = 60.0,
    round_timeout: float = 60.0,
) -> Iterator[Session]:
    """A session over authenticated links with all others of a roster; use it in a with statement.

    Parameters
    ----------
    roster : Roster or path
    key : Identity or path
    party : str
        This party's name, which the key must bear.
    terms : mapping of str to str, optional
        What all parties must hold equal before any data is sent, besides version, roster, suite, ring, fraction
        and disclosures.
    names : sequence of str, optional
        The parties by rank; by default in the order of the roster.
    fraction : int
    suite : Suite or str
        Of this library or of the entry-point group, where the dealer finds it by its name.
    ring : int
        Numbers are elements of Z_2^ring: 64 or 128.
    disclosures : Disclosures, optional
        What may be revealed; by default everything, as in an interactive session.
    ledger : path, optional
        Where the ledger is written as the session goes on; the file must not exist.
    view : path, optional
        Where all received tensors are saved at the end (.npz, mode 0600), for tests.
    connect_timeout, round_timeout : float
        Seconds.

    Yields
    ------
    Session

    Raises
    ------
    MpcflError
        Of the side at fault, also when that is a peer; all sides end with its code.
    """
    roster = roster if isinstance(roster, Roster) else Roster.load(Path(roster))
    identity = key if isinstance(key, Identity) else Identity.load(Path(key))
    if identity.name != party:
        raise UsageError(f"the key is that of {identity.name}, not of {party}", party=party)
    listed = [entry.name for entry in roster.parties]
    order = listed if names is None else list(names)
    if sorted(order) != sorted(listed) or party not in order:
        raise UsageError(f"the parties {', '.join(order)} are not those of the roster", party=party)
    if view is not None:
        check_target(Path(view))
    chosen = suites.find(suite).over(ring)
    allowed = Disclosures.any() if disclosures is None else disclosures
    common = {
        "parties": ",".join(str(listed.index(name)) for name in order),
        "suite": chosen.name,
        "ring": str(ring),
        "fraction": str(fraction),
        "disclosures": hashlib.sha256(json.dumps([allowed.unlisted, allowed.entries]).encode()).hexdigest(),
        **(terms or {}),
    }
    endpoint = Endpoint(identity, roster, connect_timeout=connect_timeout, round_timeout=round_timeout)
    with contextlib.ExitStack() as stack:
        stack.callback(endpoint.close)
        try:
            links = endpoint.connect(common)
            rank = order.index(party)
            name = session_name(order, rank, links)
            book = stack.enter_context(Ledger(name, party, disclosures=allowed, sink=ledger))
            dealer = None if roster.dealer is None else roster.dealer.name
            driver = NetworkDriver(order, rank, links, dealer, book, keep_view=view is not None)
            stack.callback(driver.wipe)
            session = Session(order, rank, driver, fraction, chosen)
            yield session
            session.barrier()
            driver.finish(session.position)
            if view is not None and driver.view is not None:
                with replacing(Path(view)) as file:
                    np.savez(file, allow_pickle=False, **driver.view)
        except MpcflError as error:
            endpoint.abort(error)
            raise
        except KeyboardInterrupt:
            interrupted = Interrupted(f"{party} was interrupted", party=party)
            endpoint.abort(interrupted)
            raise interrupted from None
        except BaseException as error:
            endpoint.abort(MpcflError(f"the program of {party} failed ({type(error).__name__})", party=party))
            raise
