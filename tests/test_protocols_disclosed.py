"""A matrix that is told to those who own the columns that meet it: exact products, and nobody reads another's rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpcfl
from mpcfl import ordering
from mpcfl.errors import IntegrityError, UsageError

RNG = np.random.default_rng(4)


def blocks(session: Any, x: Any, owners: Any, widths: Any, dtype: Any = np.int64) -> Any:
    """Columns of x, so many of each owner."""
    ends = np.cumsum([0, *widths])
    parts = []
    for owner, first, last in zip(owners, ends, ends[1:], strict=False):
        own = x[:, first:last]
        parts.append(session.private(own if session.rank == owner else None, owner, own.shape, dtype))
    return np.concatenate(parts, axis=1)


@given(
    st.integers(2, 4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4),
    st.integers(0, 4),
    st.sampled_from([64, 128]),
    st.booleans(),
)
def test_the_product(parties: int, given_blocks: Any, k: int, ring: int, sliced: bool) -> None:
    owners, widths = zip(*((owner % parties, width) for owner, width in given_blocks), strict=True)
    x = RNG.integers(-(2**40), 2**40, (5, sum(widths)))
    y = RNG.integers(-(2**20), 2**20, (sum(widths), k))
    rows = slice(1, 4) if sliced else slice(None)

    def program(session: Any) -> Any:
        product = blocks(session, x, owners, widths)[rows].told(session.share(y, 0, y.shape, np.int64), "told")
        return product.reveal(), ordering.odd(product).reveal()

    run = mpcfl.simulate(program, parties, seed=1, ring=ring)
    for found, odd in run.results:
        assert (found == (x @ y)[rows]).all()
        assert (odd == ((x @ y)[rows] % 2 == 1)).all()


def test_fractions_and_booleans() -> None:
    x, y = RNG.random((6, 4)) < 0.5, RNG.normal(size=(4, 2))

    def program(session: Any) -> Any:
        told = blocks(session, x, (0, 1), (1, 3), np.bool_).told(session.share(y, 0, y.shape))
        return (told * 2.0).reveal()

    assert mpcfl.simulate(program).results[1] == pytest.approx(2 * x @ y, abs=1e-4)


def test_each_owner_reads_its_own_rows_in_one_round() -> None:
    x, y = RNG.integers(0, 2, (1000, 5)), RNG.integers(0, 2, (5, 3))

    def program(session: Any) -> None:
        blocks(session, x, (0, 1), (2, 3)).told(session.share(y, 0, y.shape, np.int64), "rows")
        session.barrier()

    run = mpcfl.simulate(program)
    assert run.rounds == 1
    assert run.bytes_sent == [8 * 3 * 3, 8 * 2 * 3]
    for ledger, rows in zip(run.ledgers, (2, 3), strict=True):
        (read,) = [entry for entry in ledger.entries if entry.direction == "in"]
        assert (read.shape, read.purpose, read.exposure) == ((rows, 3), "rows", "output")


def test_what_is_refused() -> None:
    def told(session: Any, x: Any) -> Any:
        return x.told(session.share(np.zeros((2, 1)), 0, (2, 1)))

    def two_fractions(session: Any) -> Any:
        return told(session, blocks(session, np.zeros((3, 2)), (0, 1), (1, 1), np.float64))

    def nobodys(session: Any) -> Any:
        return told(session, session.share(np.zeros((3, 2), np.int64), 0, (3, 2), np.int64))

    def of_rows(session: Any) -> Any:
        return told(
            session, np.concatenate([blocks(session, np.zeros((3, 2), np.bool_), (i,), (2,), np.bool_) for i in (0, 1)])
        )

    def public(session: Any) -> Any:
        return blocks(session, np.zeros((3, 2), np.bool_), (0, 1), (1, 1), np.bool_).told(np.zeros((2, 1)))

    with pytest.raises(TypeError, match="multiply by a public one with @"):
        mpcfl.simulate(public)
    with pytest.raises(TypeError, match="fractions with fractions"):
        mpcfl.simulate(two_fractions)
    for program in (nobodys, of_rows):
        with pytest.raises(UsageError, match="each belong to one party"):
            mpcfl.simulate(program)


def test_what_was_not_agreed_is_not_told() -> None:
    def program(session: Any) -> None:
        session.ledger.disclosures = mpcfl.ledger.Disclosures((("splits", (session.parties[0],)),))
        x = blocks(session, np.zeros((3, 2), np.bool_), (0, 1), (1, 1), np.bool_)
        x.told(session.share(np.zeros((2, 1)), 0, (2, 1)), "splits")
        session.barrier()

    with pytest.raises(IntegrityError, match="'splits' to"):
        mpcfl.simulate(program)
