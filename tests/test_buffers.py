"""Memory that is used again: never while somebody still sees it, and always when nobody does."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcfl import buffers
from mpcfl.buffers import SMALLEST, empty

WORDS = SMALLEST // 8


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(buffers, "_free", {})


def address(array):
    return array.__array_interface__["data"][0]


@given(st.lists(st.integers(0, 3 * WORDS), min_size=1, max_size=3), st.sampled_from([np.uint64, np.uint8, np.float64]))
def test_an_array_has_the_shape_and_type_asked_for(sizes, dtype):
    for size in sizes:
        array = empty((size,), dtype)
        assert type(array) is np.ndarray
        assert (array.shape, array.dtype) == ((size,), np.dtype(dtype))
        assert array.flags.c_contiguous
        assert array.flags.writeable


def test_memory_comes_back_when_the_last_view_is_gone():
    array = empty((WORDS,))
    place = address(array)
    views = [array[3:], array.reshape(2, -1).T, array.view(np.uint8), memoryview(array)]
    del array
    while views:
        other = empty((WORDS,))
        assert address(other) != place
        del other
        views.pop()
    held = [empty((WORDS,)) for _ in range(2)]
    assert place in [address(one) for one in held]


def test_arrays_in_use_never_share_memory():
    held = [empty((WORDS + i,)) for i in range(20)]
    for i, one in enumerate(held):
        one[:] = i
    del held[::2]
    more = [empty((WORDS + i,)) for i in range(20)]
    for one in more:
        one[:] = 99
    assert [int(one[0]) for one in held] == list(range(1, 20, 2))
    assert all((one == one[0]).all() for one in held)


def test_memory_of_about_the_size_serves_again_and_of_another_does_not():
    place = address(empty((2 * WORDS,)))
    assert address(empty((2 * WORDS - 100,))) == place
    assert address(empty((4 * WORDS,))) != place


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(buffers, "_kept", 3 * SMALLEST)
    held = [empty((WORDS,)) for _ in range(10)]
    del held
    assert sum(len(memory) for those in buffers._free.values() for memory in those) <= 3 * SMALLEST


def test_what_is_kept_is_a_part_of_the_machines_memory(monkeypatch):
    monkeypatch.setattr(buffers, "_kept", buffers.KEPT)
    buffers.keep(SMALLEST)
    held = [empty((WORDS,)) for _ in range(2)]
    del held
    assert [len(memory) for those in buffers._free.values() for memory in those] == [SMALLEST]
    buffers.keep(1 << 60)
    assert buffers._kept == buffers.KEPT


def test_small_arrays_are_numpys_own():
    assert empty((WORDS - 1,)).base is None


def test_threads_may_make_and_drop_arrays_at_once():
    wrong = []

    def work(mark):
        for size in range(WORDS, WORDS + 200):
            array = empty((size,))
            array[:] = mark
            copy = array[::64].copy()
            wrong.extend(copy[copy != mark])

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
