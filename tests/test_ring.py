"""Ring words: NumPy's rules for shapes, wrapping arithmetic, exact fixed point, and specs that go where arrays go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from simulation import random_words, signed, words

from mpcfl import ring
from mpcfl.errors import InputError
from mpcfl.ring import Spec

WORD = st.sampled_from([0, 1, (1 << 62) - 1, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]) | st.integers(
    0, (1 << 64) - 1
)
ARRAYS = hnp.arrays(np.uint64, hnp.array_shapes(max_dims=3, max_side=4, min_side=0), elements=WORD)
VECTORS = hnp.arrays(np.uint64, st.integers(0, 70), elements=WORD)


@given(ARRAYS, WORD)
def test_arithmetic_wraps(x, y):
    other = ring.scalar(y)
    for operation, exact in (
        (ring.add, lambda v: v + y),
        (ring.subtract, lambda v: v - y),
        (ring.multiply, lambda v: v * y),
    ):
        result = operation(x, other)
        assert result.shape == x.shape
        assert result.reshape(-1).tolist() == [exact(v) % ring.MODULUS for v in x.reshape(-1).tolist()]
    assert ring.negative(x).reshape(-1).tolist() == [-v % ring.MODULUS for v in x.reshape(-1).tolist()]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 4), (4, 5)),
        ((3, 4), (4,)),
        ((4,), (4, 5)),
        ((4,), (4,)),
        ((2, 3, 4), (4, 5)),
        ((2, 1, 3, 4), (6, 4, 5)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 4, 5)),
        ((1, 4), (4, 1)),
        ((3, 1), (1, 3)),
        ((3, 0), (0, 2)),
        ((0, 3), (3, 2)),
    ],
)
def test_matmul_is_numpys(left, right):
    rng = np.random.default_rng(0)
    x, y = random_words(rng, left), random_words(rng, right)
    expected = x @ y
    for a in (x, np.asfortranarray(x)):
        for b in (y, np.asfortranarray(y)):
            result = ring.matmul(a, b)
            assert result.shape == np.shape(expected)
            np.testing.assert_array_equal(result, expected)
    assert ring.matmul(Spec(left), Spec(right)).shape == np.shape(expected)


@pytest.mark.parametrize(("left", "right"), [((3, 4), (3, 4)), ((4,), (3,)), ((2, 3, 4), (3, 4, 5)), ((), (3,))])
def test_matmul_refuses_what_numpy_refuses(left, right):
    with pytest.raises(ValueError, match=r"matmul|broadcast"):
        ring.matmul(np.zeros(left, np.uint64), np.zeros(right, np.uint64))


@given(st.lists(st.integers(0, 1), max_size=200))
def test_pack_and_unpack_are_inverse(bits):
    vector = np.array(bits, np.uint64)
    plane = ring.pack(vector)
    assert plane.shape == (ring.packed(len(bits)),)
    assert [int(plane[i // 64]) >> i % 64 & 1 for i in range(len(bits))] == bits
    np.testing.assert_array_equal(ring.unpack(plane, len(bits)), vector)


@given(st.integers(8, 24), st.lists(st.floats(-(2.0**30), 2.0**30), max_size=20))
def test_encoding_rounds_to_the_nearest(fraction, values):
    array = np.array(values)
    encoded = ring.encode(array, fraction)
    assert signed(encoded) == np.rint(array * 2.0**fraction).astype(np.int64).tolist()
    assert (np.abs(ring.decode(encoded, fraction) - array) <= 2.0 ** -(fraction + 1)).all()


@pytest.mark.parametrize("fraction", [8, 18, 24])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, "limit", "-limit"])
def test_encoding_refuses_and_names_the_place_alone(fraction, bad):
    value = {"limit": 2.0 ** (62 - fraction), "-limit": -(2.0 ** (62 - fraction))}.get(bad, bad)
    array = np.zeros((3, 4))
    array[1, 2] = value
    with pytest.raises(InputError, match=r"the value at \(1, 2\) is not representable") as caught:
        ring.encode(array, fraction)
    assert str(value) not in str(caught.value)
    array[1, 2] = np.nextafter(2.0 ** (62 - fraction), 0)
    ring.encode(array, fraction)


@given(VECTORS, st.integers(0, (1 << 63) - 1), st.integers(0, 62))
def test_scale_floor_is_exact(x, multiplier, shift):
    low = (1 << 63) - 1
    expected = [((v & low) * multiplier >> shift) % ring.MODULUS for v in x.tolist()]
    assert ring.scale_floor(x, multiplier, shift).tolist() == expected


def test_take_never_gives_a_scalar():
    assert isinstance(ring.take(words(1, 2, 3), 1), np.ndarray)
    assert ring.take(words(1, 2, 3), 1).shape == ()


# A spec has the shape that the array would have


X, Y = (3, 1, 4), (2, 4)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x, y: ring.add(x, y),
        lambda x, y: ring.subtract(y, x),
        lambda x, y: ring.multiply(x, ring.scalar(3)),
        lambda x, y: ring.negative(x),
        lambda x, y: ring.take(x, (slice(None), 0, [1, 1, 2])),
        lambda x, y: ring.take(x, (..., None, -1)),
        lambda x, y: ring.transpose(x, (2, 0, 1)),
        lambda x, y: ring.reshape(x, (6, 2)),
        lambda x, y: ring.broadcast(x, (3, 2, 4)),
        lambda x, y: ring.concatenate([y, y, y], 1),
        lambda x, y: ring.total(x, 1),
        lambda x, y: ring.like(x, (5, 6), 7),
        lambda x, y: x - y,
        lambda x, y: x ^ y,
        lambda x, y: 1 - x,
        lambda x, y: -x,
        lambda x, y: x[1:, :, ::2],
        lambda x, y: x.reshape(-1),
        lambda x, y: x.reshape((4, 3)),
        lambda x, y: x.transpose((1, 0, 2)),
        lambda x, y: next(iter(y)),
    ],
)
def test_a_spec_goes_where_an_array_goes(operation):
    rng = np.random.default_rng(1)
    real = operation(random_words(rng, X), random_words(rng, Y))
    spec = operation(Spec(X), Spec(Y))
    assert ring.is_spec(spec)
    assert spec.shape == real.shape
    assert (spec.size, spec.ndim, spec.nbytes) == (real.size, real.ndim, real.nbytes)


@pytest.mark.parametrize("n", [0, 1, 64, 65])
def test_specs_of_packed_bits(n):
    vector = np.zeros(n, np.uint64)
    assert ring.pack(Spec((n,))).shape == ring.pack(vector).shape
    assert ring.unpack(Spec((ring.packed(n),)), n).shape == (n,)
