"""One program on ndarrays and on secrets: the same shapes, dtypes and numbers, and what it costs."""

from __future__ import annotations

import numpy as np
import simulation
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from simulation import FRACTIONS, perform

import mpcfl

ULP = 2.0 ** -FRACTIONS[simulation.RING]
"""One unit of the ring that programs run in."""
DTYPES = {"f": np.float64, "i": np.int64, "b": np.bool_}
ELEMENTS = {
    "f": st.integers(-20 * 64, 20 * 64).map(lambda n: n / 64),
    "i": st.integers(-50, 50),
    "b": st.booleans(),
}


def arrays(kind, shapes=None, **bounds):
    """Arrays of few elements, ties among them, exact in fixed point."""
    shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5) if shapes is None else shapes
    return hnp.arrays(DTYPES[kind], shapes, elements=bounds.get("elements", ELEMENTS[kind]))


def revealed(result):
    if isinstance(result, list | tuple):
        return getattr(result, "_make", type(result))(revealed(part) for part in result)
    return result.reveal() if isinstance(result, mpcfl.SecretArray) else result


def on_secrets(function, *operands, parties=2):
    """The revealed result of `function` on shared arrays, owned in turn."""

    def program(session):
        return revealed(function(*(session.share(x, owner=i % parties) for i, x in enumerate(operands))))

    return perform(program, parties)[0][0]


def agree(got, expected, tolerance=0.0):
    if isinstance(expected, list | tuple):
        assert type(got) is type(expected)
        assert len(got) == len(expected)
        for pair in zip(got, expected, strict=True):
            agree(*pair, tolerance)
        return
    expected = np.asarray(expected)
    assert np.shape(got) == expected.shape
    assert np.asarray(got).dtype == expected.dtype
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=tolerance)
    else:
        np.testing.assert_array_equal(got, expected)


def check(function, *operands, tolerance=0.0, parties=2):
    """`function` gives on secrets what it gives on ndarrays."""
    agree(on_secrets(function, *operands, parties=parties), function(*operands), tolerance)


def spent(function, *shapes, dtype=np.float64, ring=64):
    """Rounds and bytes a party of `function` on secrets of these shapes, sharing excluded."""

    def program(session):
        return function(*(session.share(np.ones(shape, dtype), owner=0, shape=shape, dtype=dtype) for shape in shapes))

    cost = mpcfl.forecast(program, ring=ring, fraction=FRACTIONS[ring])
    return cost.rounds, cost.bytes_sent[0]
