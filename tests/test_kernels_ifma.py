"""Matrix products by packed panels and 52-bit multipliers: word for word those of integers, whatever the strides."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels_ring64 import SIZE, frozen, integer_matmul, random_words, words

from mpcfl import product
from mpcfl.kernels import processor, ring64

if product.PACKED:
    from mpcfl.kernels import ifma

packed = pytest.mark.skipif(not product.PACKED, reason="this processor has other kernels")
WAYS = [pytest.param("packed", marks=packed), "plain"]


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    monkeypatch.setattr(product, "_matrices", ifma.matmul if request.param == "packed" else product._plain)


@packed
@settings(deadline=None, max_examples=60)
@given(st.data(), SIZE, SIZE, SIZE)
def test_it_has_the_words_of_python_integers(data, m, k, n):
    a, b = frozen(data.draw(words(m, k))), frozen(data.draw(words(k, n)))
    out = data.draw(words(m, n))
    before = out.copy()
    ifma.matmul(a, b, out)
    np.testing.assert_array_equal(out, before + integer_matmul(a, b))


LARGER = [
    (1, 1, 1),
    (4, 2, 16),
    (8, 192, 8),
    (9, 193, 17),
    (257, 385, 25),
    (9, 336, 9),
    (17, 673, 31),
    (260, 5, 40),
    (3, 1000, 5),
    (64, 64, 64),
    (300, 1, 9),
    (0, 5, 5),
    (5, 0, 5),
    (5, 5, 0),
]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", LARGER)
@pytest.mark.parametrize("extreme", [False, True])
def test_every_way_through_memory_gives_the_same_words(shape, extreme):
    m, k, n = shape
    a, b, held = random_words(1, m, k), random_words(2, k, n), random_words(3, m, n)
    if extreme:
        a[:], b[:] = np.uint64(2**64 - 1), np.uint64(2**64 - 1)
    expected = held + a @ b
    spaced = np.zeros((2 * m, 3 * k), np.uint64)
    spaced[::2, 1::3] = a
    for left in (a, np.asfortranarray(a), spaced[::2, 1::3], a[::-1][::-1], frozen(a.copy())):
        for right in (b, np.asfortranarray(b), frozen(np.ascontiguousarray(b[:, ::-1]))[:, ::-1]):
            out = held.copy()
            product.add(left, right, out)
            np.testing.assert_array_equal(out, expected)


@pytest.mark.usefixtures("way")
@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.sampled_from("abc"))
def test_stacks_are_products_one_by_one(count, m, k, n, side):
    left = (count, m, k) if side in "ab" else (m, k)
    right = (count, k, n) if side in "ac" else (k, n)
    a, b = random_words(1, *left), random_words(2, *right)
    out = np.zeros((count, m, n), np.uint64)
    product.add(a, b, out)
    np.testing.assert_array_equal(out, a @ b)


@pytest.mark.usefixtures("way")
def test_a_frame_needs_no_copy():
    """Received words are read-only and may begin at any byte."""
    frame = np.frombuffer(b"\x01" + random_words(5, 900).tobytes(), np.uint64, offset=1).reshape(30, 30)
    out = np.zeros((30, 30), np.uint64)
    product.add(frame, frame.T, out)
    np.testing.assert_array_equal(out, frame @ frame.T)


@packed
@pytest.mark.parametrize("shapes", [((2, 3), (4, 5), (2, 5)), ((2, 3), (3, 5), (2, 4)), ((2, 3), (3, 5), (1, 5))])
def test_shapes_that_do_not_fit_are_refused(shapes):
    a, b, out = (np.zeros(shape, np.uint64) for shape in shapes)
    with pytest.raises(ValueError, match="matmul: shapes must be"):
        ifma.matmul(a, b, out)


def test_another_processor_uses_the_kernel_that_all_have():
    code = (
        "import sys, numpy as np; from mpcfl import product, ring; a = np.arange(12, dtype=np.uint64).reshape(3, 4);"
        "print(product.PACKED, 'mpcfl.kernels.ifma' in sys.modules, bool((ring.matmul(a, a.T) == a @ a.T).all()))"
    )
    environment = os.environ | {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True"]


def test_the_plain_kernel_adds_to_what_is_there():
    a, b, held = random_words(1, 7, 9), random_words(2, 9, 5), random_words(3, 7, 5)
    for kernel, x, y, out in (
        (ring64.matmul, a, b, held.copy()),
        (ring64.matvec, a, b[:, 0].copy(), held[:, 0].copy()),
        (ring64.vecmat, a[0].copy(), b, held[0].copy()),
    ):
        before = out.copy()
        kernel(x, y, out)
        np.testing.assert_array_equal(out, before + x @ y)


def test_a_processor_is_known_by_its_name():
    assert not processor.named(())
    assert not processor.named(("a processor that nobody makes",))
