"""Whatever goes wrong between real processes, every one of them ends with the documented code and one sentence."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from commands import end, wait_until
from sites import PARTIES, ROLES, Site, listens
from wiring import Proxy

from mpcfl import audit
from mpcfl.examples import credit
from mpcfl.keys import generate
from mpcfl.roster import Roster, to_toml

pytestmark = pytest.mark.slow

OTHER_VERSION = (
    "-c",
    "import sys; import mpcfl.handshake; mpcfl.handshake.VERSION = '0.0.0'; "
    "from mpcfl.cli import call; sys.exit(call(sys.argv[1:]))",
)


SMALL_FILES = (
    "-c",
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    "from mpcfl.cli import call; sys.exit(call(sys.argv[1:]))",
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        end(made.running)


def disagreement(site: Site) -> list[str]:
    """The sentences of those who disagree before any data is sent: any two, of whom the bank is one.

    The third, which may come when both have gone, then waits for them in vain.
    """
    for role in ROLES:
        site.start(role, connect=12)
    said = {role: one.said for role, one in site.ended().items()}
    assert said["bank"]["code"] == 11
    assert sorted(one["code"] for one in said.values()) in ([10, 11, 11], [11, 11, 11])
    return [one["reason"] for one in said.values() if one["code"] == 11]


def all_end_with(code: int) -> dict[str, int]:
    return dict.fromkeys(ROLES, code)


def test_nothing_wrong(site: Site) -> None:
    site.start_all()
    assert site.codes() == all_end_with(0)
    assert audit.compare(*map(site.ledger, PARTIES)) == []


# Before the work


def test_a_key_that_the_roster_does_not_know(site: Site) -> None:
    key = site.folder / "bank" / "secret.key"
    key.unlink()
    generate("bank", "party").save(key)
    for role in ROLES:
        site.start(role, connect=10)
    codes = site.codes()
    assert codes == {"bank": 12, "shop": 10, "dealer": 10}


def test_a_party_that_the_roster_does_not_know(site: Site) -> None:
    site.edit(site.roster["bank"], 'name = "bank"', 'name = "bonk"')
    site.start("bank")
    said = site.ended()["bank"].said
    assert said["code"] == 2
    assert said["ids"] == {"party": "bank"}


def test_another_job_is_named_by_its_key(site: Site) -> None:
    site.edit(site.job["bank"], "epochs = 4", "epochs = 5")
    for reason in disagreement(site):
        assert "learner.epochs" in reason
        assert reason.count("learner.") == 1


def test_another_version(site: Site) -> None:
    site.program["bank"] = OTHER_VERSION
    assert all("version" in reason for reason in disagreement(site))


def test_a_row_too_few(site: Site) -> None:
    lines = site.data["bank"].read_text().splitlines()
    site.data["bank"].write_text("\n".join(lines[:-1]) + "\n")
    assert all("rows" in reason for reason in disagreement(site))


def test_an_id_that_differs(site: Site) -> None:
    site.edit(site.data["bank"], "c0042", "c9942")
    site.start_all()
    ended = site.ended()
    assert {role: one.said["code"] for role, one in ended.items()} == all_end_with(11)
    assert all("id columns differ" in ended[party].said["reason"] for party in PARTIES)
    assert not any("c0042" in one.err + one.out or "c9942" in one.err + one.out for one in ended.values())
    for party in PARTIES:
        said = audit.verify(site.ledger(party))
        assert {output.purpose for output in said.outputs} == {"ids agree"}
        assert {total.exposure for total in said.totals} <= {"masked", "output", "public", "share"}


@pytest.mark.parametrize("cell", ["nan", "inf", "12a", "1e400"])
def test_a_cell_that_is_no_number(site: Site, cell: str) -> None:
    path = site.data["bank"]
    header, first, *rest = path.read_text().splitlines()
    parts = first.split(",")
    path.write_text("\n".join([header, ",".join([parts[0], cell, *parts[2:]]), *rest]) + "\n")
    site.start("shop", connect=3)
    site.start("bank")
    ended = site.ended()
    said = ended["bank"].said
    assert (said["code"], said["ids"]) == (3, {"file": str(path), "row": 2, "column": "a"})
    assert cell not in said["reason"].replace("finite", "")
    assert ended["shop"].said["code"] == 10


def test_the_credit_files_of_different_customers(site: Site) -> None:
    for party, name in (("shop", "bank"), ("bank", "bureau")):
        site.job[party].write_text(
            credit.path("job.toml").read_text().replace("bank", "shop").replace("bureau", "bank")
        )
        site.data[party] = credit.path(f"{name}{'_partial' if party == 'shop' else ''}.csv")
    assert all("rows" in reason for reason in disagreement(site))


# In the middle of it


@pytest.mark.parametrize("victim", ROLES)
def test_a_role_that_is_killed(site: Site, victim: str) -> None:
    site.lengthen()
    site.start_all()
    site.wait_for_training()
    site.roles[victim].process.kill()
    codes = site.codes()
    assert codes == all_end_with(10) | {victim: -signal.SIGKILL}
    for party in set(PARTIES) - {victim}:
        assert audit.verify(site.ledger(party)).entries > 0


def test_a_role_that_stops_without_ending(site: Site) -> None:
    site.lengthen()
    site.start_all()
    site.wait_for_training()
    os.kill(site.roles["bank"].process.pid, signal.SIGSTOP)
    ended = {role: site.roles[role].ended() for role in ("shop", "dealer")}
    assert {role: one.said["code"] for role, one in ended.items()} == {"shop": 10, "dealer": 10}


@pytest.mark.parametrize("victim", ROLES)
def test_a_role_that_is_interrupted_tells_the_others(site: Site, victim: str) -> None:
    site.lengthen()
    site.start_all()
    site.wait_for_training()
    site.roles[victim].process.send_signal(signal.SIGINT)
    assert site.codes() == all_end_with(130)


@pytest.mark.parametrize("which", [(Proxy.CONTROL,), (Proxy.DATA,), (Proxy.CONTROL, Proxy.DATA)])
def test_a_connection_that_is_cut_comes_back_and_the_result_is_right(site: Site, which: tuple[int, ...]) -> None:
    for job in site.job.values():
        site.edit(job, "epochs = 4", "epochs = 60")
    proxy = Proxy(site.ports["shop"])
    try:
        table = Roster.load(site.roster["bank"])
        shop = table["shop"].model_copy(update={"addresses": {"bank": f"127.0.0.1:{proxy.port}"}})
        others = [entry for entry in table.entries if entry.name != "shop"]
        site.roster["bank"].write_text("".join(map(to_toml, [shop, *others])))
        site.start("shop")
        for port in (0, 1):
            wait_until(partial(listens, site.ports["shop"] + port))
        site.start("bank")
        site.start("dealer")
        site.wait_for_training()
        proxy.cut(*which)
        assert site.codes() == all_end_with(0)
        assert sum(proxy.forwarded) > 0
    finally:
        proxy.close()
    assert audit.compare(*map(site.ledger, PARTIES)) == []
    coefficients = [_model(site, party) for party in PARTIES]
    assert np.array_equal(coefficients[0], coefficients[1])
    assert np.abs(coefficients[0]).max() > 0.1


def _model(site: Site, party: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    summary = json.loads((site.folder / party / "run.json").read_text())
    return np.array(json.loads((site.folder / party / summary["model"]).read_text())["coef"])


def test_a_ledger_that_cannot_be_written(site: Site) -> None:
    """What cannot be recorded is not sent: all end with the code of the side at fault."""
    site.start("shop")
    site.program["bank"] = SMALL_FILES
    site.start("bank")
    site.start("dealer")
    ended = site.ended()
    assert {role: one.said["code"] for role, one in ended.items()} == all_end_with(14)
    assert "cannot be written" in ended["bank"].said["reason"]
    assert audit.verify(site.ledger("bank")).entries > 0
