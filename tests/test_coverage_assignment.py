"""Assignment to secret arrays: values and aliasing are NumPy's."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib.stride_tricks import sliding_window_view
from numpy_check import DTYPES, ULP, agree, arrays, check, on_secrets, spent
from simulation import perform

FEW = settings(max_examples=25, deadline=None)


def owned(x):
    """A copy to assign to: `check` runs its function on the ndarray itself."""
    return x.copy()


@pytest.mark.parametrize("kind", "fib")
@given(data=st.data())
@FEW
def test_assignment(kind, data):
    x = data.draw(arrays(kind))
    index = data.draw(
        st.one_of(
            hnp.basic_indices(x.shape),
            hnp.integer_array_indices(x.shape),
            hnp.arrays(np.bool_, x.shape),
            hnp.arrays(np.bool_, x.shape[:1]),
        )
    )
    value = data.draw(hnp.arrays(DTYPES[kind], np.shape(x[index]), elements=st.integers(0, 1)))

    def public(a):
        a = owned(a)
        a[index] = value
        return a

    def secret(a, v):
        a = owned(a)
        a[index] = v
        return a

    check(public, x)
    check(secret, x, value)


ASSIGNMENTS = {
    "a scalar": lambda a, b: a.__setitem__((0, 1), 2.5),
    "a row": lambda a, b: a.__setitem__(1, b[0]),
    "all": lambda a, b: a.__setitem__(..., b),
    "a broadcast row": lambda a, b: a.__setitem__(slice(None), b[0]),
    "leading axes of length one": lambda a, b: a.__setitem__(0, b[None, :1]),
    "an integer into a float": lambda a, b: a.__setitem__(0, np.arange(3)),
    "a boolean into a float": lambda a, b: a.__setitem__(0, b[0] > 0),
    "places that repeat": lambda a, b: a.__setitem__(([0, 0, 1], [2, 2, 0]), b[:, 0].sum() + np.arange(3)),
    "itself, shifted": lambda a, b: a.__setitem__((slice(None), slice(1, None)), a[:, :-1]),
    "itself, reversed": lambda a, b: a.__setitem__(slice(None), a[::-1]),
    "in place": lambda a, b: a.__setitem__(0, a[0] + b[1]),
    "a view": lambda a, b: a[1].__setitem__(slice(0, 2), b[0, 1:]),
    "a view of a view": lambda a, b: a.T[1:].__setitem__((0, 1), -7.0),
    "a transpose": lambda a, b: a.T.__setitem__(2, b[:, 0]),
    "a reshape": lambda a, b: a.reshape(-1).__setitem__(slice(1, 5, 2), 9.0),
    "a reshape that copies": lambda a, b: a.T.reshape(-1).__setitem__(0, 9.0),
    "a ravel": lambda a, b: a.ravel().__setitem__(3, 9.0),
    "a flattened copy": lambda a, b: a.flatten().__setitem__(3, 9.0),
    "a flip": lambda a, b: np.flip(a).__setitem__((0, 0), 9.0),
    "a part of a split": lambda a, b: np.split(a, 3, axis=1)[1].__setitem__(0, 9.0),
    "a swap of axes": lambda a, b: a.swapaxes(0, 1).__setitem__(0, 9.0),
    "an added axis": lambda a, b: np.expand_dims(a, 1).__setitem__((0, 0), 9.0),
    "a copy": lambda a, b: a.copy().__setitem__(0, 9.0),
    "copy.copy": lambda a, b: copy.copy(a).__setitem__(0, 9.0),
    "a gather": lambda a, b: a[[0, 1]].__setitem__(0, 9.0),
    "a mask": lambda a, b: a[np.array([True, False])].__setitem__(0, 9.0),
    "a sum": lambda a, b: (a + 0).__setitem__(0, 9.0),
    "the same name": lambda a, b: a,
}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_what_is_assigned_to_and_what_sees_it(name):
    """The array, and views and copies of it that were taken before."""

    def program(a, b):
        a = owned(a)
        before = [a[0], a[:, 1:], a.T, a.reshape(3, 2)[1:], a[::-1, ::2], a.copy(), a[[0, 1]], a + 0, a[1, 2]]
        before.append(sliding_window_view(a, 2, axis=1))
        alias = a
        ASSIGNMENTS[name](a, b)
        return [a, alias, *before, a.T[1:], a[0] * 2]

    x, y = np.arange(6.0).reshape(2, 3), -np.arange(1.0, 7.0).reshape(2, 3)
    check(program, x, y, tolerance=ULP)


@given(st.data())
@FEW
def test_views_of_views(data):
    """Random chains of views, assignments to any of them: all read what NumPy's read."""
    x = np.arange(24.0).reshape(4, 3, 2)
    steps = st.sampled_from(
        [
            lambda v: v.T,
            lambda v: v[::-1],
            lambda v: v[1:] if v.shape[0] > 1 else v,
            lambda v: v[..., :1],
            lambda v: v.reshape(-1),
            lambda v: np.swapaxes(v, 0, -1),
            lambda v: v[:, None],
            lambda v: np.squeeze(v),
            lambda v: v[None],
        ]
    )
    chain = data.draw(st.lists(st.tuples(steps, st.integers(0, 3)), min_size=1, max_size=6))
    targets = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=3))

    def program(a):
        views = [owned(a)]
        for step, source in chain:
            parent = views[source % len(views)]
            views.append(step(parent) if parent.ndim else parent)
        for number, target in enumerate(targets):
            views[target % len(views)][...] = -1.0 - number
        return views

    check(program, x)


def test_a_loop_over_rows():
    x, y = np.arange(6.0).reshape(3, 2), np.ones((3, 2)) / 2

    def program(a, b):
        out = np.zeros_like(a)
        for i in range(3):
            out[i] = a[i] * b[i] + (out[i - 1] if i else 0)
        return out

    check(program, x, y, tolerance=3 * ULP)


def test_an_assignment_is_local_and_drops_the_mask():
    def twice(x):
        y = x * x
        x[0] = 1.0
        return y, x * x

    assert spent(lambda x: x.__setitem__(0, 1.0), (5,)) == (0, 0)
    assert spent(twice, (5,)) == (2, 2 * spent(lambda x: x * x, (5,))[1])


def test_a_choice_by_an_assigned_boolean():
    def program(a):
        mask = a > 0
        mask[0] = True
        return np.where(mask, a, -a)

    check(program, np.array([-1.0, 2.0, -3.0]))


def test_a_private_operand_is_assigned_to():
    def program(session):
        x = session.private(np.array([1.0, 2.0, 3.0]), owner=0)
        y = session.share(np.array([4.0, 5.0, 6.0]), owner=1)
        x[1] = y[1]
        return (x * y).reveal()

    agree(perform(program)[0][0], np.array([4.0, 25.0, 18.0]), ULP)


REFUSED = {
    "a secret index": (lambda a: a.__setitem__(a > 0, 0.0), TypeError, "np.where"),
    "a secret index in a tuple": (lambda a: a.__setitem__((0, a), 0.0), TypeError, "np.where"),
    "a wider secret": (lambda a: (a > 0).__setitem__(0, a[0]), TypeError, "narrowed"),
    "a broadcast array": (lambda a: np.broadcast_to(a, (2, 3)).__setitem__(0, 1.0), ValueError, "read-only"),
    "a diagonal": (lambda a: np.outer(a, a).diagonal().__setitem__(0, 1.0), ValueError, "read-only"),
    "a place that is not": (lambda a: a.__setitem__(3, 1.0), IndexError, "out of bounds"),
    "a shape that does not fit": (lambda a: a.__setitem__(slice(0, 2), np.ones(3)), ValueError, "broadcast"),
    "what is not finite": (lambda a: a.__setitem__(0, np.nan), ValueError, "not representable"),
    "an element of a row": (lambda a: a[0].__setitem__(0, 1.0), IndexError, "too many indices"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_changes_nothing(what):
    act, error, words = REFUSED[what]

    def program(session):
        x = session.share(np.array([1.0, 2.0, 3.0]), owner=0)
        with pytest.raises(error, match=words):
            act(x)
        return x.reveal()

    assert perform(program)[0][0].tolist() == [1.0, 2.0, 3.0]


def test_public_values_are_cast_as_by_numpy():
    def program(a):
        a = owned(a)
        a[0] = 2.75
        a[1] = True
        return a

    check(program, np.array([1, 2, 3]))


def test_three_parties():
    def program(a, b):
        a = owned(a)
        a[1:] = b[:2]
        return a * b

    agree(on_secrets(program, np.ones(3), np.arange(3.0), parties=3), np.array([0.0, 0.0, 2.0]), ULP)
