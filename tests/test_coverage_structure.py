"""Arrangement, creation and indexing on secrets, against NumPy; all of it without a message."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib.stride_tricks import sliding_window_view
from numpy_check import DTYPES, arrays, check, on_secrets, spent
from simulation import perform

import mpcfl
from mpcfl import requests
from mpcfl.protocols import semi2k

FEW = settings(max_examples=15, deadline=None)

ARRANGEMENTS = {
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "moveaxis of several": lambda x: np.moveaxis(x, [0, 1], [2, 0]),
    "swapaxes": lambda x: np.swapaxes(x, 0, 2),
    "swapaxes, a method": lambda x: x.swapaxes(0, 1),
    "rollaxis": lambda x: np.rollaxis(x, 2),
    "permute_dims": lambda x: np.permute_dims(x, (2, 0, 1)),
    "matrix_transpose": np.matrix_transpose,
    "linalg.matrix_transpose": np.linalg.matrix_transpose,
    "mT": lambda x: x.mT,
    "squeeze": lambda x: np.squeeze(x[:1]),
    "squeeze, a method": lambda x: x[:, :1].squeeze(axis=1),
    "expand_dims": lambda x: np.expand_dims(x, (0, 3)),
    "atleast_1d": lambda x: np.atleast_1d(x[0, 0, 0]),
    "atleast_2d": lambda x: np.atleast_2d(x[0, 0], x),
    "atleast_3d": lambda x: np.atleast_3d(x[0, 0]),
    "split": lambda x: np.split(x, 2, axis=1),
    "split at": lambda x: np.split(x, [1, 3, 9], axis=-1),
    "split with overlap": lambda x: np.split(x, [3, 1], axis=-1),
    "array_split": lambda x: np.array_split(x, 3, axis=1),
    "hsplit": lambda x: np.hsplit(x, 2),
    "hsplit of a vector": lambda x: np.hsplit(x[0, 0], [1]),
    "vsplit": lambda x: np.vsplit(x, 2),
    "dsplit": lambda x: np.dsplit(x, [2]),
    "unstack": lambda x: np.unstack(x, axis=1),
    "delete": lambda x: np.delete(x, [0, 2], axis=1),
    "delete of a slice": lambda x: np.delete(x, slice(1, 3)),
    "tile": lambda x: np.tile(x, 2),
    "tile of several": lambda x: np.tile(x, (2, 1, 3, 1)),
    "tile of none": lambda x: np.tile(x, (0, 1, 1)),
    "repeat": lambda x: np.repeat(x, 3, axis=1),
    "repeat of all": lambda x: np.repeat(x, 2),
    "repeat by counts": lambda x: x.repeat([2, 0, 1, 1], axis=1),
    "roll": lambda x: np.roll(x, 2),
    "roll of an axis": lambda x: np.roll(x, -1, axis=2),
    "roll of axes": lambda x: np.roll(x, (1, 5), axis=(0, 1)),
    "flip": np.flip,
    "flip of axes": lambda x: np.flip(x, (0, -1)),
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "rot90": np.rot90,
    "rot90 twice": lambda x: np.rot90(x, 2, axes=(1, 2)),
    "rot90 back": lambda x: np.rot90(x, -1, axes=(2, 0)),
    "pad": lambda x: np.pad(x, 1),
    "pad of each side": lambda x: np.pad(x, ((1, 0), (0, 2), (0, 0))),
    "pad by a constant": lambda x: np.pad(x, ((1, 0), (0, 2), (0, 0)), constant_values=1),
    "pad by the edge": lambda x: np.pad(x, 2, mode="edge"),
    "pad by reflection": lambda x: np.pad(x, 1, mode="reflect"),
    "pad by symmetry": lambda x: np.pad(x, 1, mode="symmetric"),
    "pad around": lambda x: np.pad(x, 2, mode="wrap"),
    "windows": lambda x: sliding_window_view(x, (2, 3), axis=(0, 1)),
    "windows of all axes": lambda x: sliding_window_view(x, (1, 2, 2)),
    "tril": np.tril,
    "triu": lambda x: np.triu(x, 1),
    "tril of a vector": lambda x: np.tril(x[0, 0]),
    "diag of a vector": lambda x: np.diag(x[0, 0], 1),
    "diag of a matrix": lambda x: np.diag(x[0], -1),
    "diagflat": lambda x: np.diagflat(x[0], 2),
    "diagonal": lambda x: np.diagonal(x, 1, 1, 2),
    "diagonal, a method": lambda x: x.diagonal(),
    "linalg.diagonal": lambda x: np.linalg.diagonal(x, offset=-1),
    "append": lambda x: np.append(x, x),
    "append along an axis": lambda x: np.append(x, x[:, :1], axis=1),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, x[:1, 0], np.ones((1, 4, 1), x.dtype)),
    "meshgrid": lambda x: np.meshgrid(x[0, 0], x[0, :, 0]),
    "meshgrid by rows": lambda x: np.meshgrid(x[0, 0], np.arange(2).astype(x.dtype), x[:, 0, 0], indexing="ij"),
    "meshgrid, sparse": lambda x: np.meshgrid(x[0, 0], x[0, :, 0], sparse=True),
    "take": lambda x: x.take([3, 0, 3], axis=1),
    "take_along_axis": lambda x: np.take_along_axis(x, np.array([[[1], [0], [2], [1]]]), axis=2),
    "compress": lambda x: np.compress([True, False, True], x, axis=2),
    "compress, a method": lambda x: x.compress([False, True], axis=0),
    "extract": lambda x: np.extract(np.arange(24).reshape(2, 4, 3) % 3 == 1, x),
    "a mask of all axes": lambda x: x[np.arange(24).reshape(2, 4, 3) % 3 == 1],
    "a mask of one axis": lambda x: x[:, np.array([True, False, False, True])],
    "a mask and a place": lambda x: x[np.array([True, False]), 2],
    "an empty list": lambda x: x[[]],
    "ravel": lambda x: np.ravel(x.T),
    "flatten": lambda x: x.flatten(),
}


@pytest.mark.parametrize("name", ARRANGEMENTS)
@pytest.mark.parametrize("kind", "fib")
def test_arrangement(name, kind):
    check(ARRANGEMENTS[name], (np.arange(24).reshape(2, 4, 3) * 7 % 5 - 2).astype(DTYPES[kind]))


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_arrangement_is_free(name):
    assert spent(ARRANGEMENTS[name], (2, 4, 3)) == (0, 0)


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_a_dealer_understands_the_mask_of_what_was_arranged(name):
    def program(session):
        arranged = ARRANGEMENTS[name](session.share(np.ones((2, 4, 3)), owner=0, shape=(2, 4, 3)))
        for part in arranged if isinstance(arranged, list | tuple) else [arranged]:
            part * part

    def draw(correlation):
        understood = requests.decode(requests.encode(correlation), semi2k.suite.correlations)
        assert [view.shape for view in understood.masks()] == [view.shape for view in correlation.masks()]
        draws.append(correlation)

    draws = []
    mpcfl.forecast(program, on_draw=draw)
    assert draws


@pytest.mark.parametrize("kind", "fi")
@given(data=st.data())
@FEW
def test_diff(kind, data):
    x = data.draw(arrays(kind))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = data.draw(st.integers(0, 3))
    check(lambda a: np.diff(a, n, axis), x)
    check(lambda a: np.diff(a, axis=axis, prepend=0, append=a), x)


def test_diff_of_booleans_is_unequal():
    check(np.diff, np.array([True, True, False, True]))


@given(arrays("f"), st.data())
@FEW
def test_rolls_and_flips(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    by = data.draw(st.integers(-7, 7))
    check(lambda a: np.roll(a, by, axis), x)
    check(lambda a: np.flip(a, axis), x)


@given(arrays("i"), st.data())
@FEW
def test_masks_and_indices(x, data):
    mask = data.draw(hnp.arrays(np.bool_, x.shape))
    check(lambda a: a[mask], x)
    places = data.draw(hnp.integer_array_indices(x.shape))
    check(lambda a: a[places], x)
    basic = data.draw(hnp.basic_indices(x.shape))
    check(lambda a: a[basic], x)


def test_a_product_after_an_arrangement_opens_nothing_again():
    def both(x):
        y = x * x
        return y, np.roll(np.flip(np.tile(x, 2).reshape(2, -1), 0).T, 1, axis=1) * 2, np.pad(x, 1)[1:-1] * x

    once = spent(lambda x: x * x, (6,))[1]
    assert spent(both, (6,))[1] == once + 8 * 6  # the second product's truncation


def test_creation_beside_a_secret():
    def program(session):
        s = session.share(np.ones((2, 3)), owner=0)
        made = [
            np.zeros(3, like=s),
            np.ones((2, 2), dtype=int, like=s),
            np.full((2,), 2.5, like=s),
            np.eye(3, 4, k=1, like=s),
            np.identity(2, like=s),
            np.tri(3, like=s),
            np.arange(2, 8, 3, like=s),
            np.asarray([True, False], like=s),
            np.array([1.5], like=s),
            np.zeros_like(s, dtype=bool),
            np.empty_like(s, shape=(2,)),
            np.full_like(s, 7, shape=2, dtype=int),
            np.full_like(s, s[0, 0] * 4),
        ]
        return [(one.dtype, one.reveal().tolist()) for one in made], session.rounds

    values, _ = perform(program)[0][0]
    expected = [
        np.zeros(3),
        np.ones((2, 2), int),
        np.full(2, 2.5),
        np.eye(3, 4, k=1),
        np.identity(2),
        np.tri(3),
        np.arange(2, 8, 3),
        np.array([True, False]),
        np.array([1.5]),
        np.zeros((2, 3), bool),
        np.zeros(2),
        np.full(2, 7),
        np.full((2, 3), 4.0),
    ]
    assert values == [(one.dtype, one.tolist()) for one in expected]


@pytest.mark.parametrize("parties", [3])
def test_select(parties):
    x = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    check(lambda a: np.select([a < -1, a > 1], [a + 1, a - 1], default=0.25), x, parties=parties)
    check(lambda a: np.select([a < -1, np.array([False, True, True, False, False])], [a, 3.0]), x)


REFUSED = {
    "nonzero": (np.nonzero, "secret mask"),
    "nonzero, a method": (lambda s: s.nonzero(), "secret mask"),
    "flatnonzero": (np.flatnonzero, "secret mask"),
    "argwhere": (np.argwhere, "np.argmax"),
    "where alone": (lambda s: np.where(s > 0), "does not take these arguments"),
    "unique_values": (np.unique_values, "public candidates"),
    "a secret mask": (lambda s: s[s > 0], "weigh by the mask"),
    "compress by a secret": (lambda s: np.compress(s > 0, s), "np.where"),
    "take by a secret": (lambda s: np.take_along_axis(s, s, 0), "secret cannot index"),
    "repeat by a secret": (lambda s: np.repeat(s, s), "public counts"),
    "isnan": (np.isnan, "never NaN"),
    "isinf": (np.isinf, "always finite"),
    "nansum": (np.nansum, "np.sum"),
    "nan_to_num": (np.nan_to_num, "never NaN"),
    "copyto": (lambda s: np.copyto(np.zeros(3), s), "reveal"),
    "item": (lambda s: s[0].item(), "reveal"),
    "tolist": (lambda s: s.tolist(), "reveal"),
    "pad by a function": (lambda s: np.pad(s, 1, mode=lambda *_: None), "concatenate the borders"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_with_the_alternative(what):
    act, alternative = REFUSED[what]

    def program(session):
        with pytest.raises(TypeError, match=alternative):
            act(session.share(np.array([5.125, -6.25, 7.375]), owner=0))

    perform(program)


def test_what_numpy_refuses_is_refused():
    x = np.arange(6.0).reshape(2, 3)
    for wrong in (
        lambda a: np.split(a, 2, axis=1),
        lambda a: a[:, 3],
        lambda a: a.reshape(4),
        lambda a: np.moveaxis(a, 0, 2),
        lambda a: np.sum(a, axis=2),
        lambda a: np.tile(a, -1),
    ):
        with pytest.raises((ValueError, IndexError)):
            wrong(x)
        with pytest.raises((ValueError, IndexError)):
            on_secrets(wrong, x)
