"""The bench of private inference: real processes cost what is foreseen, and say what the model says in the clear."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from bench import inference
from mpcfl.job import Job


def test_its_job_is_one_for_a_model_that_is_brought_in() -> None:
    job = Job.from_text(
        inference.job_text(resources.files("mpcfl.examples").joinpath("digits.toml").read_text()), "job"
    )
    assert (job.save.model, job.disclose.predictions, job.disclose.model) == (True, (inference.ASKS,), ())
    assert len(job.columns[inference.ASKS]) == 64


@pytest.mark.slow
def test_a_request_costs_what_is_foreseen(tmp_path: Path) -> None:
    place = inference.Place(tmp_path)
    place.bring()
    found = inference.figures(place, 2)
    for what in ("rounds", "bytes", "dealer_bytes"):
        assert found[what] == found[f"foreseen_{what}"]
    assert found["max_abs_err"] < 2e-3
    assert found["median_ms"] > 0
