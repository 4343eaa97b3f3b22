"""The methods that have no file of their own, and what a party's process does for each.

A cell of encryption is a function `(session, size, bits) -> Done`. A cell on shares is a function `(size) -> program`:
the program is recorded with a dealer and then played from the tape, or runs without one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.parties import ROUND_TIMEOUT
from bench.versus import keyring
from bench.versus.tasks import Clock, Done, Meter, Method, Place, Played, Size, sent_by_round
from mpcfl.connection import connect, recording
from mpcfl.dealerless import DealerlessDriver, Paillier
from mpcfl.session import Program, Session

DEALS = ("what the task computes, its shapes and row numbers, to the dealer; with one party in league all data",)
NOTHING = ("nothing but sizes",)
STRENGTH = {2048: "112", 3072: "128", 4096: "more than 128"}
"""Bits of security of a modulus by its length: NIST SP 800-57, part 1, table 2."""


def directly(place: Place, run: Callable[[Session, Size, Any], Done], size: Size, bits: int) -> Played:
    """A function of a session."""
    with connect(place.roster, place.key, place.name, round_timeout=ROUND_TIMEOUT) as session:
        return _played(session, run(session, size, bits))


def from_a_tape(place: Place, program: Callable[[Size], Program], size: Size, bits: int) -> Played:
    """A program on shares, its correlations recorded with the dealer beforehand."""
    who, tape = (place.roster, place.key, place.name), place.folder / f"{place.name}.tape"
    with recording(*who, tape, round_timeout=ROUND_TIMEOUT) as recorded:
        clock = Clock()
        recorded.record(program(size))
        sent = recorded.offline_bytes
    offline, _ = clock.read()
    with connect(*who, tape=tape, round_timeout=ROUND_TIMEOUT) as session:
        meter = Meter(session, offline)
        return _played(session, meter.done(session.run(program(size)), DEALS, sent))


def without_a_dealer(place: Place, program: Callable[[Size], Program], size: Size, bits: Any) -> Played:
    """A program on shares, its correlations made by the two parties."""
    how = Paillier(bits, secret=keyring.own(place.rank, bits))
    with connect(place.roster, place.key, place.name, offline=how, round_timeout=ROUND_TIMEOUT) as session:
        meter = Meter(session, 0.0)
        done = meter.done(session.run(program(size)), NOTHING, session.offline_bytes)
        driver = session._driver
        assert isinstance(driver, DealerlessDriver)
        spent = driver.offline_seconds
        return _played(session, replace(done, offline_s=spent, online_s=done.online_s - spent))


def _played(session: Session, done: Done) -> Played:
    driver = session._driver
    last = session.rounds + (driver.offline_rounds if isinstance(driver, DealerlessDriver) else 0)
    return Played(done, sent_by_round(session.ledger, done.rounds, last))


def modulus(bits: int) -> str:
    """What breaks Paillier."""
    return f"{STRENGTH[bits]} bits, semi-honest"


PAILLIER = Method("paillier", directly, modulus)
ARBITER = Method(
    "paillier, arbiter", directly, lambda bits: f"{modulus(bits)}; arbiter in league with nobody", parties=3
)
SHARED = Method("paillier, shared", directly, modulus)
SHARES = Method(
    "shares",
    from_a_tape,
    lambda _: "perfect against one semi-honest party; the dealer and a party in league see all",
    keyed=False,
    dealer=True,
)
NO_DEALER = Method("shares, no dealer", without_a_dealer, modulus)
