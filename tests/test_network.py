"""Rules and programs over real sockets: the same results, rounds and bytes as in lockstep and on shapes alone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sockets
from cases import CASES, WIDE_CASES, Case
from checks import oracle
from simulation import FRACTIONS, cost, parts, sum_of

import mpcfl
from mpcfl import audit, pieces, requests
from mpcfl.drivers.network import NetworkDriver
from mpcfl.errors import InputError, IntegrityError, Mismatch, MpcflError, PeerLost, UsageError
from mpcfl.ledger import Disclosures, Ledger
from mpcfl.link import Endpoint
from mpcfl.protocol import START, Context, Suite
from mpcfl.protocols import semi2k
from mpcfl.session import Session
from mpcfl.share import Share

NAMES = ("party0", "party1", "party2")
FIRST_CASES = [
    (semi2k.suite.over(width), cases[0])
    for width, table in ((64, CASES), (128, WIDE_CASES))
    for cases in table.values()
]


def run_case(suite: Suite, case: Case, clear: list[Any], folder: Path, parties: int) -> list[tuple[Any, NetworkDriver]]:
    """One rule at all parties, each with its own endpoint; the result and the driver by rank."""
    names = NAMES[:parties]
    roster, identities = sockets.made(folder, names)
    operands = [parts(x, parties, np.random.default_rng(3)) for x in clear]

    def role(rank: int) -> tuple[Any, NetworkDriver]:
        endpoint = Endpoint(identities[names[rank]], roster, connect_timeout=20, round_timeout=20)
        try:
            terms = {"parties": ",".join(map(str, range(parties)))}
            links = endpoint.connect({**terms, "suite": suite.name, "ring": str(suite.width)})
            with Ledger("rules", names[rank], disclosures=None) as ledger:
                driver = NetworkDriver(names, rank, links, sockets.DEALER, ledger)
                context = Context(rank, parties, FRACTIONS[suite.width], suite.width)
                result = driver.run(case.start(suite, context, *(Share(operand[rank]) for operand in operands)))
                driver.finish(START)
                ledger.save(folder / f"{names[rank]}.jsonl")
            return result, driver
        finally:
            endpoint.close()

    roles: dict[str, Callable[[], Any]] = {name: partial(role, rank) for rank, name in enumerate(names)}
    roles[sockets.DEALER] = sockets.deal(roster, identities, connect_timeout=20, round_timeout=20)
    results = sockets.together(roles)
    for result in results.values():
        if isinstance(result, BaseException):
            raise result
    return [results[name] for name in names]


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize(("suite", "case"), FIRST_CASES, ids=lambda one: str(getattr(one, "width", one.name)))
def test_sockets_agree_with_the_cost_driver(suite: Suite, case: Case, parties: int, tmp_path: Path) -> None:
    shapes = case.shapes[2]
    clear = case.inputs(np.random.default_rng(1), shapes)
    played = run_case(suite, case, clear, tmp_path, parties)
    assert case.agrees(sum_of([result for result, _ in played]), oracle(case, clear), clear)
    foreseen = cost(partial(case.start, suite), *shapes, parties=parties, width=suite.width)
    for rank, (_, driver) in enumerate(played):
        assert driver.rounds == foreseen.rounds
        assert driver.bytes_sent == foreseen.bytes_sent[rank]
        assert driver.offline_bytes == foreseen.offline_bytes
        audit.verify(tmp_path / f"{NAMES[rank]}.jsonl")
    assert not audit.compare(tmp_path / "party0.jsonl", tmp_path / "party1.jsonl")


Play = Callable[..., dict[str, Any]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run one program a party over real links; by name what it returned, or the exception."""

    def run(*programs: Callable[[Session], Any], options: dict[str, Any] | None = None) -> dict[str, Any]:
        names = NAMES[: len(programs)]
        roster, identities = sockets.made(tmp_path, names)
        wait = {"connect_timeout": 20.0, "round_timeout": 5.0}

        def role(name: str, program: Callable[[Session], Any]) -> Any:
            own = {key: value(name) if callable(value) else value for key, value in (options or {}).items()}
            with mpcfl.connect(roster, identities[name], name, **wait, **own) as session:
                return program(session)

        roles: dict[str, Callable[[], Any]] = {n: partial(role, n, p) for n, p in zip(names, programs, strict=True)}
        roles[sockets.DEALER] = sockets.deal(roster, identities, **wait)
        return sockets.together(roles)

    return run


def product(session: Session) -> Any:
    x = session.share(np.array([1.5, -2.0]) if session.rank == 0 else None, owner=0)
    y = session.private(np.array([3.0, 0.5]) if session.rank == 1 else None, owner=1, shape=(2,))
    return np.where(x < y, x * y, x - y).reveal()


def test_a_program_gives_what_it_gives_in_lockstep(play: Play, tmp_path: Path) -> None:
    results = play(product, product, options={"ledger": lambda name: tmp_path / f"{name}.jsonl"})
    for name in NAMES[:2]:
        np.testing.assert_allclose(results[name], [4.5, -1.0], atol=1e-4)
    assert results[sockets.DEALER] is None
    assert not audit.compare(tmp_path / "party0.jsonl", tmp_path / "party1.jsonl")


def test_ring_128_over_real_links(play: Play, tmp_path: Path) -> None:
    ledgers = {"ledger": lambda name: tmp_path / f"{name}.jsonl"}
    results = play(product, product, options={"ring": 128, "fraction": 40, **ledgers})
    for name in NAMES[:2]:
        np.testing.assert_allclose(results[name], [4.5, -1.0], atol=2.0**-39)
    assert not audit.compare(tmp_path / "party0.jsonl", tmp_path / "party1.jsonl")


def test_a_foreseen_program_in_ring_128(play: Play) -> None:
    def least_squares(session: Session) -> Any:
        x = session.private(np.ones((50, 4)) if session.rank == 0 else None, owner=0, shape=(50, 4))
        w = session.share(np.ones(4) if session.rank == 1 else None, owner=1, shape=(4,))
        return (w - 0.01 * (x.T @ np.maximum(x @ w, 0))).reveal()

    def spent(session: Session) -> tuple[int, int, int]:
        session.run(least_squares)
        return session.rounds, session.bytes_sent, session.offline_bytes

    wide = {"ring": 128, "fraction": 40}
    again = play(spent, spent, options=wide)
    foreseen = mpcfl.forecast(least_squares, **wide)
    for rank, name in enumerate(NAMES[:2]):
        assert again[name] == (foreseen.rounds, foreseen.bytes_sent[rank], foreseen.offline_bytes)


def test_parties_in_different_rings_do_not_begin(play: Play) -> None:
    results = play(product, product, options={"ring": lambda name: 64 if name == "party0" else 128})
    for name in NAMES[:2]:
        assert isinstance(results[name], Mismatch)
        assert "ring" in str(results[name])


def counted(session: Session) -> tuple[int, int, int]:
    session.run(fitted)
    return session.rounds, session.bytes_sent, session.offline_bytes


def fitted(session: Session) -> Any:
    x = session.private(np.ones((50, 4)) if session.rank == 0 else None, owner=0, shape=(50, 4))
    w = session.share(np.ones(4) if session.rank == 1 else None, owner=1, shape=(4,))
    for start in (0, 10, 20):
        rows = np.arange(start, start + 10)[::-1]
        w = w - 0.01 * (x[rows].T @ mpcfl.numerics.sigmoid(x[rows] @ w))
    return w.reveal()


def test_a_foreseen_program_costs_what_the_forecast_says(play: Play) -> None:
    results = play(counted, counted)
    foreseen = mpcfl.forecast(fitted)
    for rank, name in enumerate(NAMES[:2]):
        assert results[name] == (foreseen.rounds, foreseen.bytes_sent[rank], foreseen.offline_bytes)


def long(session: Session) -> Any:
    x = session.share(np.linspace(-9, 9, 2_000) if session.rank == 0 else None, owner=0, shape=(2_000,))
    return np.where(x < 0, x * x, mpcfl.numerics.sigmoid(x)).reveal()


@pytest.mark.parametrize("programs", [2, 3])
def test_what_is_dealt_in_pieces_is_what_is_dealt_as_one(
    programs: int, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreseen = mpcfl.forecast(long, programs)
    expected = mpcfl.simulate(long, programs).results
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 12)

    def counted(session: Session) -> Any:
        return session.run(long), session.rounds, session.bytes_sent, session.offline_bytes

    results = play(*[counted] * programs)
    for rank, name in enumerate(NAMES[:programs]):
        value, *counts = results[name]
        assert counts == [foreseen.rounds, foreseen.bytes_sent[rank], foreseen.offline_bytes]
        np.testing.assert_allclose(value, expected[rank], atol=1e-4)  # other coins


def continued(session: Session) -> Any:
    """A foreseen program on arrays that the session has: one opened before, one a bit, one fresh, one a shift."""
    x = session.private(np.arange(20.0).reshape(5, 4) if session.rank == 0 else None, owner=0, shape=(5, 4))
    w = session.share(np.full(4, 0.5) if session.rank == 1 else None, owner=1, shape=(4,))
    positive = (x @ w) > 10
    session.barrier()
    before = session.bytes_sent

    def program(on: Session, x: Any, w: Any, positive: Any, shifted: Any) -> Any:
        return (positive * (x[1:] @ w)).reveal(), (x.T @ shifted).reveal()

    results = session.run(program, x[:3], w, positive[1:3], x[:3, 0] + 1)
    return [part.tolist() for part in results], session.bytes_sent - before


@pytest.mark.parametrize("ring", [64, 128])
def test_a_foreseen_program_takes_arrays_of_the_session(play: Play, ring: int) -> None:
    results = play(continued, continued, options={"ring": ring})
    run = mpcfl.simulate(continued, ring=ring)
    for rank, name in enumerate(NAMES[:2]):
        (masked, product), sent = results[name]
        np.testing.assert_allclose(masked, [11.0, 19.0], atol=1e-4)
        np.testing.assert_allclose(product, [92.0, 107.0, 122.0, 137.0], atol=1e-4)
        assert sent == run.results[rank][1]


def test_a_program_can_be_foreseen_more_than_once(play: Play) -> None:
    def program(session: Session) -> Any:
        before = product(session)
        first, second = session.run(fitted), session.run(fitted)
        return before, np.allclose(first, second, atol=1e-3)

    results = play(program, program)
    assert results["party0"][1]
    assert results["party1"][1]


def test_a_program_that_branches_on_data_is_told_so(play: Play) -> None:
    def branching(session: Session) -> Any:
        x = session.share(np.array([2.0]) if session.rank == 0 else None, owner=0, shape=(1,))
        return (x * x if float(x.reveal()[0]) > 1 else x < 1).reveal()

    results = play(lambda s: s.run(branching), lambda s: s.run(branching))
    assert all(isinstance(results[name], Mismatch) for name in NAMES[:2])
    assert "branches on data" in str(results["party0"])


def test_a_branch_that_one_party_takes_names_both_lines(play: Play) -> None:
    def other(session: Session) -> Any:
        x = session.share(np.array([1.5, -2.0]) if session.rank == 0 else None, owner=0)
        y = session.private(np.array([3.0, 0.5]) if session.rank == 1 else None, owner=1, shape=(2,))
        return (x + y).reveal()

    results = play(product, other)
    for name in NAMES[:2]:
        assert isinstance(results[name], Mismatch), results[name]
    assert str(results["party0"]).count("test_network.py:") == 2


def test_a_program_that_ends_early_is_noticed_in_that_round(play: Play) -> None:
    results = play(product, lambda session: None)
    assert {type(results[name]) for name in NAMES[:2]} == {Mismatch}


def test_an_error_of_one_party_ends_all_with_its_code(play: Play) -> None:
    def failing(session: Session) -> Any:
        x = session.share(np.array([np.nan, 1.0]) if session.rank == 0 else None, owner=0, shape=(2,))
        return (x * x).reveal()

    results = play(failing, failing)
    assert {getattr(result, "code", None) for result in results.values()} == {InputError.code}
    assert "nan" not in str(results["party1"]).lower()


def test_an_unexpected_exception_shows_no_value_to_the_others(play: Play) -> None:
    def broken(session: Session) -> Any:
        if session.rank == 1:
            raise ValueError("secret 4711")
        return product(session)

    results = play(broken, broken)
    assert isinstance(results["party1"], ValueError)
    assert isinstance(results["party0"], MpcflError)
    assert "4711" not in str(results["party0"])
    assert isinstance(results[sockets.DEALER], MpcflError)


def test_a_party_that_stays_silent_is_lost_at_the_deadline(play: Play, tmp_path: Path) -> None:
    awake = threading.Event()

    def waiting(session: Session) -> Any:
        try:
            return product(session)
        finally:
            awake.set()

    def silent(session: Session) -> Any:
        awake.wait(30)
        return None

    results = play(waiting, silent)
    assert isinstance(results["party0"], PeerLost)
    assert "party1" in str(results["party0"])


def test_three_parties(play: Play, tmp_path: Path) -> None:
    results = play(product, product, product, options={"ledger": lambda name: tmp_path / f"{name}.jsonl"})
    for name in NAMES:
        np.testing.assert_allclose(results[name], [4.5, -1.0], atol=1e-4)
    for one, other in itertools.combinations(NAMES, 2):
        assert not audit.compare(tmp_path / f"{one}.jsonl", tmp_path / f"{other}.jsonl")


def test_an_output_that_was_not_agreed_does_not_leave(play: Play, tmp_path: Path) -> None:
    agreed = Disclosures((("the product", NAMES[:2]),))
    ledgers = {"ledger": lambda name: tmp_path / f"{name}.jsonl", "disclosures": agreed}
    results = play(product, product, options=ledgers)
    assert all(isinstance(results[name], IntegrityError) for name in NAMES[:2])
    for name in NAMES[:2]:
        assert not any(total.exposure == "output" for total in audit.verify(tmp_path / f"{name}.jsonl").totals)


def test_parties_that_agreed_on_different_outputs_do_not_begin(play: Play) -> None:
    def agreed(name: str) -> Disclosures:
        return Disclosures(((f"the product of {name}", NAMES[:2]),))

    results = play(product, product, options={"disclosures": agreed})
    assert [type(results[name]) for name in NAMES[:2]] == [Mismatch, Mismatch], results
    assert "disclosures" in str(results["party0"])


def test_the_view_holds_every_received_tensor(play: Play, tmp_path: Path) -> None:
    play(product, product, options={"view": lambda name: tmp_path / f"{name}.npz"})
    path = tmp_path / "party0.npz"
    assert path.stat().st_mode & 0o777 == 0o600
    with np.load(path, allow_pickle=False) as view:
        keys = list(view)
    fields = [key.split("/") for key in keys]
    assert {len(field) for field in fields} == {4}
    assert {field[3] for field in fields} == {"party1"}
    assert [int(field[0]) for field in fields] == list(range(len(keys)))
    assert {"beaver.operand", "additive.output"} <= {field[1] for field in fields}


def test_an_existing_ledger_is_not_written_over(play: Play, tmp_path: Path) -> None:
    (tmp_path / "party0.jsonl").write_text("kept")
    results = play(product, product, options={"ledger": lambda name: tmp_path / f"{name}.jsonl"})
    assert isinstance(results["party0"], IntegrityError)
    assert (tmp_path / "party0.jsonl").read_text() == "kept"


def test_a_roster_without_a_dealer_serves_what_needs_none(tmp_path: Path) -> None:
    roster, identities = sockets.made(tmp_path, NAMES[:2], with_dealer=False)

    def total(session: Session) -> Any:
        shared = [session.share(np.arange(3.0) * (k + 1) if session.rank == k else None, owner=k) for k in (0, 1)]
        return (shared[0] + shared[1]).reveal()

    def role(name: str, program: Callable[[Session], Any]) -> Any:
        with mpcfl.connect(roster, identities[name], name, connect_timeout=20, round_timeout=10) as session:
            return program(session)

    results = sockets.together({name: partial(role, name, total) for name in NAMES[:2]})
    np.testing.assert_array_equal(results["party1"], np.arange(3.0) * 3)
    results = sockets.together({name: partial(role, name, product) for name in NAMES[:2]})
    assert any(isinstance(result, UsageError) and "no dealer" in str(result) for result in results.values())


def test_parties_that_ask_the_dealer_for_different_things_are_stopped(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asking(session: Session) -> Any:
        if session.rank == 1:
            session._driver._dealer._ask([requests.encode(semi2k.suite.correlations["mask"]((3,)))])  # type: ignore[attr-defined]
        return product(session)

    results = play(asking, asking)
    assert isinstance(results[sockets.DEALER], Mismatch)
    assert all(isinstance(results[name], MpcflError) for name in NAMES[:2])
