"""A job in ring 128, with every role a process of its own: what it sends is what `plan` foresees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import mpcfl
from shops import BOTH, HEAD, files

from mpcfl import audit


@pytest.mark.slow
def test_a_job_in_ring_128(tmp_path: Path) -> None:
    costs = ("rounds", "bytes_sent", "offline_bytes")
    data = [part for name, path in files(tmp_path).items() for part in ("--data", f"{name}={path}")]
    job = tmp_path / "job.toml"
    job.write_text(HEAD.replace("epochs = 4", "epochs = 2") + "[engine]\nring = 128\nfraction = 40\n" + BOTH)
    assert mpcfl("plan", job, *data, "--json", "plan.json", folder=tmp_path).code == 0
    ended = mpcfl("local", job, *data, "--out", "out", "--json", "local.json", folder=tmp_path)
    assert ended.code == 0, ended.err
    document = json.loads((tmp_path / "local.json").read_text())
    foreseen = json.loads((tmp_path / "plan.json").read_text())
    assert {key: document[key] for key in costs} == {key: foreseen[key] for key in costs}
    assert document["auc"] > 0.7
    assert audit.compare(*(tmp_path / place for place in document["ledger"].values())) == []
    assert '"uint128"' in Path(tmp_path / document["ledger"]["bank"]).read_text()
