"""The ported models: one program on ndarrays and on secrets, at the cost foreseen; the guide shows the files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import mpcfl
from mpcfl.examples import kmeans, ridge

ROOT = Path(__file__).resolve().parent.parent
FILES = ["ridge.py", "kmeans.py"]

rng = np.random.default_rng(11)
X = rng.normal(size=(150, 5))
Y = X @ np.array([2.0, -1.0, 0.0, 0.5, 1.0]) - 3 + rng.normal(0, 0.2, 150)
SPOTS = np.array([[0.0, 0.0, 1.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [4.0, 4.0, 4.0]])
POINTS = rng.permutation(np.concatenate([rng.normal(spot, 0.6, (25, 3)) for spot in SPOTS]))


def by_columns(session, x):
    """Each party owns some columns."""
    n = len(session.parties)
    return np.concatenate([session.share(part, i) for i, part in enumerate(np.array_split(x, n, axis=1))], axis=1)


@pytest.mark.parametrize("parties", [2, 3])
def test_ridge(parties):
    def program(session):
        x, y = by_columns(session, X), session.share(Y, 0)
        weights, intercept = ridge.fit(x, y)
        return [v.reveal() for v in (weights, intercept, ridge.score(x, y, weights, intercept))]

    run = mpcfl.simulate(program, parties, shadow=parties == 2)
    weights, intercept = ridge.fit(X, Y)
    expected = weights, intercept, ridge.score(X, Y, weights, intercept)
    for got, plain in zip(run.results[0], expected, strict=True):
        np.testing.assert_allclose(got, plain, atol=1e-4)
    assert not run.shadow


def test_ridge_is_the_minimum():
    weights, _ = ridge.fit(X, Y, 0.3)
    centred, target = X - X.mean(axis=0), Y - Y.mean()
    np.testing.assert_allclose(centred.T @ (target - centred @ weights) / len(X), 0.3 * weights, atol=1e-12)


@pytest.mark.parametrize("parties", [2, 3])
def test_kmeans(parties):
    start = np.concatenate([SPOTS + 0.7, [[90.0, 90.0, 90.0]]])  # the last one never has a point

    def program(session):
        points = by_columns(session, POINTS)
        centres = kmeans.fit(points, start, 3)
        return [v.reveal() for v in (centres, kmeans.inertia(points, centres), kmeans.nearest(points, centres))]

    got = mpcfl.simulate(program, parties).results[0]
    centres = kmeans.fit(POINTS, start, 3)
    np.testing.assert_allclose(got[0], centres, atol=1e-4)
    np.testing.assert_array_equal(centres[-1], start[-1])
    np.testing.assert_allclose(got[1], kmeans.inertia(POINTS, centres), atol=1e-4)
    np.testing.assert_array_equal(got[2], kmeans.nearest(POINTS, centres))


@pytest.mark.parametrize(
    ("model", "shapes"), [(ridge.fit, ((60, 3), (60,))), (lambda p: kmeans.fit(p, SPOTS, 2), ((40, 3),))]
)
def test_the_cost_is_exact(model, shapes):
    """What is foreseen from shapes is what a run sends; inputs that state their shapes cost no round of their own."""
    foreseen = mpcfl.cost(model, *shapes)

    def program(session):
        inputs = [session.share(np.full(shape, 0.25), 0, shape) for shape in shapes]
        session.barrier()
        begun = session.rounds, session.bytes_sent
        model(*inputs)
        session.barrier()
        return session.rounds - begun[0], session.bytes_sent - begun[1]

    run = mpcfl.simulate(program)
    assert run.results == [(foreseen.rounds, sent) for sent in foreseen.bytes_sent]


@pytest.mark.parametrize("name", FILES)
def test_the_guide_shows_the_files(name):
    text = (ROOT / "docs" / "guide.md").read_text("utf-8")
    shown = re.search(rf"<!-- {re.escape(name)} -->\n```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    file = (ROOT / "mpcfl" / "examples" / name).read_text("utf-8")
    assert shown is not None
    assert shown[1] == file
    assert len(file.splitlines()) <= 50
