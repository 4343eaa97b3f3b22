"""The virtual network: clocks add up, waits are those of the model, and programs get the prediction. No wall times."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpcfl
from mpcfl.drivers.profile import Network
from mpcfl.drivers.timeline import Prediction, Timeline

SECOND_A_BYTE = Network(rtt_ms=20_000, mbit=8e-6)
"""Ten seconds there, ten back, and one byte a second."""


def test_a_round_is_one_way_and_the_longest_transfer():
    line = Timeline(2, SECOND_A_BYTE)
    line.worked(0, 3.0)
    line.exchanged({(0, 1): 5, (1, 0): 2})
    assert line.prediction == Prediction(computing=3.0, sending=5.0, latency=10.0)


def test_an_uplink_carries_one_frame_after_the_other():
    line = Timeline(3, SECOND_A_BYTE)
    line.exchanged({(0, 1): 5, (0, 2): 5})
    assert line.prediction == Prediction(sending=10.0, latency=10.0)
    line.exchanged({(1, 0): 1})  # which rank 1 sends at 15, when the frame for rank 2 is still leaving
    assert line.prediction.seconds == 26.0


def test_who_sends_does_not_wait():
    line = Timeline(2, SECOND_A_BYTE)
    line.exchanged({(0, 1): 4})
    line.worked(0, 1.0)
    line.exchanged({(0, 1): 4})  # the uplink is busy until 4
    assert line.prediction == Prediction(sending=8.0, latency=10.0)


def test_the_dealer_works_and_sends_beside_the_parties():
    line = Timeline(2, SECOND_A_BYTE)
    line.dealt(1.0, 4)  # asked at 10, dealt at 11, left at 15, there at 25
    assert line.prediction == Prediction(dealing=1.0, correcting=4.0, latency=20.0)
    line.dealt(2.0, 4)  # dealt at 13, leaves from 15 to 19
    assert line.prediction == Prediction(dealing=1.0, correcting=8.0, latency=20.0)
    line.worked(1, 100.0)
    line.dealt(1.0, 4)
    assert line.prediction.seconds == 129.0
    line.dealt(500.0, 0)  # only seeds: nobody waits
    assert line.prediction.seconds == 129.0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 50)), max_size=20))
def test_clocks_never_go_back_and_their_parts_add_up(events):
    line, before = Timeline(3, SECOND_A_BYTE), 0.0
    for kind, rank, size in events:
        if kind == 0:
            line.worked(rank, float(size))
        elif kind == 1:
            line.dealt(float(size), 8 * rank)
        else:
            line.exchanged({(rank, (rank + 1) % 3): size})
        now = line.prediction
        assert now.seconds >= before
        assert now.seconds == pytest.approx(sum(getattr(now, part.name) for part in fields(now)))
        before = now.seconds


def product(session):
    x = session.share(np.ones(1000) if session.rank == 0 else None, 0, (1000,))
    y = session.share(np.ones(1000) if session.rank == 1 else None, 1, (1000,))
    return (x * y).reveal()


def test_a_program_takes_its_rounds_bytes_and_its_own_work():
    run = mpcfl.simulate(product, network=(20_000, 1e6))
    foreseen = mpcfl.forecast(product)
    # the first correction comes at 20 s, there and back, when the first round has ended at 10
    assert run.prediction.latency == pytest.approx(10 * foreseen.rounds + 10)
    assert run.prediction.computing > 0
    assert run.predicted_seconds == pytest.approx(
        sum(getattr(run.prediction, part.name) for part in fields(run.prediction))
    )
    assert f"{run.predicted_seconds:.3g} s: computing" in str(run.prediction)


def test_bandwidth_is_waited_for_where_it_is_the_bound():
    # 8000 bytes of a mask's opening take 8 s on the uplinks; the dealer's 8000 for the triple take as long beside them
    run = mpcfl.simulate(product, network=(0, 8e-3))
    foreseen = mpcfl.forecast(product)
    assert run.prediction.latency == 0
    moved = run.prediction.sending + run.prediction.correcting
    assert max(foreseen.bytes_sent) <= round(moved * 1000) <= max(foreseen.bytes_sent) + foreseen.offline_bytes


def test_without_a_network_nothing_is_predicted():
    run = mpcfl.simulate(product)
    assert run.prediction is None
    assert run.predicted_seconds is None


def test_the_same_seed_gives_the_same_run_on_any_network():
    runs = [mpcfl.simulate(product, seed=5, network=network) for network in (None, (20, 100))]
    assert np.array_equal(runs[0].results[0], runs[1].results[0])
    assert runs[0].bytes_sent == runs[1].bytes_sent
