"""Every public function of NumPy on secrets: it works as NumPy's, or says what to use. `docs/numpy.md` is the list."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy_calls import MATRIX, call_of
from numpy_check import revealed
from simulation import perform

import mpcfl
from mpcfl import dispatch

PAGE = Path(__file__).resolve().parent.parent / "docs" / "numpy.md"
MODULES = {"": np, "linalg.": np.linalg, "fft.": np.fft}


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """NumPy's public functions, by their names."""
    for prefix, module in MODULES.items():
        for name in sorted(module.__all__):
            function = getattr(module, name)
            if callable(function) and not isinstance(function, type):
                yield prefix + name, function


def dispatched(function: Callable[..., Any]) -> bool:
    """Whether NumPy asks the type of its arguments what to do, for a ufunc or by `__array_function__`."""
    return isinstance(function, np.ufunc) or type(function).__name__ == "_ArrayFunctionDispatcher"


# NumPy's own makers of arrays, which ask the type of `like`
LIKE = {"arange", "array", "asarray", "empty", "eye", "full", "identity", "ones", "tri", "zeros"}
NAMES = {name: function for name, function in functions() if dispatched(function) or name in LIKE}
LISTED = {name: function for name, function in NAMES.items() if dispatch.offered(function)}
REFUSED = {name: function for name, function in NAMES.items() if name not in LISTED}
OTHERS = {name: function for name, function in functions() if name not in NAMES}

TOLERANCE = {"corrcoef": 1e-3, "tanh": 1e-3, "linalg.cond": 1e-2}


def refusal(name: str) -> str | None:
    """What a function that is in the tables says that secrets do not have; None if they do."""
    call = call_of(LISTED[name])
    try:
        mpcfl.forecast(lambda session: call(session.share(MATRIX, owner=0, shape=MATRIX.shape)))
    except TypeError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", LISTED)
def test_what_is_offered_gives_what_numpy_gives(name: str) -> None:
    assert dispatch.alternative(LISTED[name]) is None, f"{name} is offered: take it out of mpcfl/dispatch/refusals.py"
    said = refusal(name)
    if said is not None:
        assert re.search(r": .{10}", said), f"{name} does not say what to use"
        return
    call = call_of(LISTED[name])
    with np.errstate(all="ignore"):
        expected = call(MATRIX)
    got = perform(lambda session: revealed(call(session.share(MATRIX, owner=0))))[0][0]
    close(got, expected, TOLERANCE.get(name, 2e-4))


def close(got: Any, expected: Any, tolerance: float) -> None:
    if isinstance(expected, list | tuple):
        assert len(got) == len(expected)
        for pair in zip(got, expected, strict=True):
            close(*pair, tolerance)
    elif isinstance(expected, np.ndarray | np.generic):
        assert np.shape(got) == np.shape(expected)
        assert np.asarray(got).dtype.kind == np.asarray(expected).dtype.kind
        np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=tolerance, atol=tolerance)
    else:
        assert got == expected


def refused(function: Callable[..., Any], x: mpcfl.SecretArray) -> None:
    """Whatever its arguments are: NumPy asks the type of x first."""
    if isinstance(function, np.ufunc):
        function(*[x] * function.nin)
    else:
        x.__array_function__(function, (type(x),), (x,), {})


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_to_use(name: str) -> None:
    function = REFUSED[name]
    instead = dispatch.alternative(function)
    assert instead, f"{name} falls through"

    def program(session: mpcfl.Session) -> None:
        x = session.share(np.array([5.125, -6.25]), owner=0)
        with pytest.raises(TypeError) as caught:
            refused(function, x)
        message = str(caught.value)
        assert message.startswith("numpy.")
        assert instead in message
        assert not any(digits in message for digits in ("5.125", "6.25"))

    perform(program)


ANSWERS = {"bmat": None, "isscalar": False, "iterable": True}
"""What NumPy says of a secret without asking it for its value."""
PRINTS = {"info", "test"}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.filterwarnings("ignore")
def test_what_numpy_does_not_dispatch_refuses_secrets(name: str) -> None:
    def program(session: mpcfl.Session) -> None:
        x = session.share(np.array([5.125, -6.25]), owner=0)
        if name in ANSWERS:
            assert OTHERS[name](x) is ANSWERS[name]
            return
        with pytest.raises((TypeError, ValueError, AttributeError)) as caught:
            OTHERS[name](x)
        assert not any(digits in str(caught.value) for digits in ("5.125", "6.25"))

    if name not in PRINTS and not takes_nothing(OTHERS[name]):
        perform(program)


def takes_nothing(function: Callable[..., Any]) -> bool:
    """Whether it can be called without arguments: then it has no use for an array."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function()
    except TypeError:
        return False
    return True


# The page


def names(chosen: dict[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in chosen)


def lists() -> str:
    """What the page says of every function."""
    refused = {name: said for name in LISTED if (said := refusal(name)) is not None}
    offered = {name: function for name, function in LISTED.items() if name not in refused}
    ours = {name: function for name, function in offered.items() if "." not in name}
    linalg = {name: function for name, function in offered.items() if name.startswith("linalg.")}
    fft = {name: function for name, function in offered.items() if name.startswith("fft.")}
    lines = [f"{len(offered)} of {len(NAMES)} functions are offered.\n"]
    lines += [f"**`np`** ({len(ours)}): {names(ours)}\n"]
    lines += [f"**`np.linalg`** ({len(linalg)}): {names(linalg)}\n", f"**`np.fft`** ({len(fft)}): {names(fft)}\n"]
    lines += ["| Not offered | Instead |", "|---|---|"]
    by_text: dict[str, list[str]] = {}
    refused |= {name: dispatch.alternative(function) or "" for name, function in REFUSED.items()}
    for name in (name for name in NAMES if name in refused):
        by_text.setdefault(refused[name].replace("|", "\\|"), []).append(f"`{name}`")
    return "\n".join([*lines, *(f"| {', '.join(which)} | {text} |" for text, which in by_text.items())]) + "\n"


def page() -> str:
    """The page with new lists."""
    head, _, _ = PAGE.read_text("utf-8").partition("<!-- lists -->\n")
    return head + "<!-- lists -->\n" + lists()


def test_the_page_is_what_the_functions_do() -> None:
    assert PAGE.read_text("utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
