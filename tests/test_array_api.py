"""The array API standard on secrets, function by function, with array-api-strict as oracle: `docs/array-api.md`.

The published test suite makes its arrays by `asarray` and looks into them, which secrets refuse; so the cases of
`array_api_functions` and `array_api_object` share their arguments, call the same of both namespaces and compare what is
revealed. The table of the page is what the calls do; `python tests/test_array_api.py` writes it anew.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import array_api_strict
import numpy as np
import pytest
from array_api_arguments import ULP, Case, Public, Secret
from array_api_functions import FUNCTIONS
from array_api_object import OBJECT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulation import perform

import mpcfl
from mpcfl import array_api

CASES = sorted([*FUNCTIONS, *OBJECT], key=lambda case: (case.name.startswith("array."), "." in case.name, case.title))
PAGE = Path(__file__).resolve().parent.parent / "docs" / "array-api.md"
FEW = settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
MORE = settings(FEW, max_examples=30)
ONE = settings(FEW, max_examples=1)
KINDS = {"float64", "int64", "bool"}


# ------------------------------------------------------------------------------------------------ running one function


def mapped(part: Any, array: Any) -> Any:
    """Arguments with other arrays for those that stand in them."""
    if isinstance(part, np.ndarray | Public | Secret):
        return array(part)
    if isinstance(part, list):
        return [mapped(one, array) for one in part]
    if isinstance(part, dict):
        return {key: mapped(one, array) for key, one in part.items()}
    return part


def strict(part: Any) -> Any:
    return array_api_strict.asarray(part if isinstance(part, np.ndarray) else part.array)


def clear(result: Any) -> Any:
    """What was computed, as NumPy arrays and Python numbers."""
    if isinstance(result, mpcfl.SecretArray):
        return np.asarray(result.reveal())
    if isinstance(result, list | tuple):
        return [clear(part) for part in result]
    return np.asarray(result) if hasattr(result, "__array_namespace__") else result


def expected(case: Case, args: Any, kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return clear(case(array_api_strict, *mapped(args, strict), **mapped(kwargs, strict)))


def on_secrets(case: Case, args: Any, kwargs: Any, choose: Any) -> Any:
    """The revealed result of the same call with secrets, of two owners, for those arrays that `choose` chooses."""

    def program(session: mpcfl.Session) -> Any:
        count = 0

        def given_array(part: Any) -> Any:
            nonlocal count
            if isinstance(part, Public):
                return part.array
            value = part.array if isinstance(part, Secret) else part
            if not isinstance(part, Secret) and not choose[count % len(choose)]:
                count += 1
                return value
            count += 1
            return session.share(value, owner=count % 2)

        return clear(case(array_api, *mapped(args, given_array), **mapped(kwargs, given_array)))

    return perform(program)[0][0]


def agree(case: Case, got: Any, right: Any) -> None:
    if isinstance(right, list):
        assert isinstance(got, list)
        assert len(got) == len(right)
        for pair in zip(got, right, strict=True):
            agree(case, *pair)
        return
    if not isinstance(right, np.ndarray):
        assert got == right
        return
    assert got.shape == right.shape
    assert got.dtype == right.dtype
    if right.dtype.kind == "f":
        np.testing.assert_allclose(got, right, rtol=case.relative, atol=case.ulps * ULP + 1e-12)
    else:
        np.testing.assert_array_equal(got, right)


def refusal(case: Case) -> str | None:
    """What a function says that secrets do not have; None if they do."""
    said: list[str] = []

    @ONE
    @given(st.data())
    def once(data: st.DataObject) -> None:
        args, kwargs = case.arguments(data.draw)
        try:
            on_secrets(case, args, kwargs, [True])
        except TypeError as error:
            said.append(str(error))

    once()
    return said[-1] if said else None


# ---------------------------------------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_conformance(case: Case) -> None:
    """It gives what the standard says within the stated error, or refuses with a TypeError that names what to do."""
    said = refusal(case)
    if said is not None:
        assert len(said) > 30
        return
    hold(case, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_conformance_on_more_examples(case: Case) -> None:
    if refusal(case) is None:
        hold(case, MORE)


def hold(case: Case, examples: settings) -> None:
    """Compare a function on secrets with the oracle."""

    @examples
    @given(st.data())
    def law(data: st.DataObject) -> None:
        args, kwargs = case.arguments(data.draw)
        choose = data.draw(st.sampled_from([[True, True, True], [True, False, False], [False, True, False]]))
        agree(case, on_secrets(case, args, kwargs, choose), expected(case, args, kwargs))

    law()


def standard() -> set[str]:
    """All that the standard names, as its strict implementation has it."""
    own = {"Device", "ArrayAPIStrictFlags", "__version__", "__array_api_version__", "linalg", "fft"}
    names = {name for name in array_api_strict.__all__ if name not in own and "strict_flags" not in name}
    constants = {"e", "inf", "nan", "newaxis", "pi"}
    dtypes = {name for name in names if isinstance(getattr(array_api_strict, name), type(array_api_strict.int8))}
    linalg = {f"linalg.{name}" for name in [*array_api_strict.linalg.__all__, "eig", "eigvals"]}
    methods = {
        f"array.{name}"
        for name in dir(array_api_strict.asarray(1.0))
        if name not in dir(object()) and not (name.startswith("_") and not name.startswith("__"))
    }
    beside = {
        "array.__annotations__",
        "array.__array__",
        "array.__buffer__",
        "array.__iter__",
        "array.__module__",
        "array.__slots__",
    }
    comparisons = {f"array.__{name}__" for name in ("lt", "le", "gt", "ge", "eq", "ne")}
    return (names - constants - dtypes) | linalg | (methods - beside - {"array.__weakref__"}) | comparisons


def test_nothing_of_the_standard_is_left_out() -> None:
    assert {case.name for case in CASES} == standard()
    for name in array_api_strict.__all__:
        if not name.endswith(("flags", "Flags", "Device", "__version__", "fft")):
            assert hasattr(array_api, name), name
    assert array_api.__array_api_version__ == "2025.12" == array_api_strict.__array_api_version__
    assert not hasattr(array_api, "fft")


def test_versions_of_the_standard() -> None:
    def program(session: mpcfl.Session) -> None:
        x = session.share(np.zeros(2), 0)
        assert x.__array_namespace__() is x.__array_namespace__(api_version="2021.12") is array_api
        with pytest.raises(ValueError, match=r"2025\.12"):
            x.__array_namespace__(api_version="2020.12")

    perform(program)


def test_plain_arrays_keep_to_numpy() -> None:
    x = array_api.asarray([3, 1, 2], dtype=array_api.uint8)
    assert array_api.argsort(x, descending=True).tolist() == [0, 2, 1]
    assert array_api.sort(x, descending=True).tolist() == [3, 2, 1]
    assert array_api.argsort(np.array([1, 1, 2, 2], np.uint8), descending=True).tolist() == [2, 3, 0, 1]
    assert array_api.argsort(np.array([1.0, 1.0, 2.0]), descending=True).tolist() == [2, 0, 1]
    assert array_api.finfo(array_api.float32).bits == 32


def test_what_a_namespace_says_of_secrets() -> None:
    def program(session: mpcfl.Session) -> None:
        x = session.share(np.zeros(2), 0)
        info = array_api.finfo(x)
        assert (info.eps, info.max, info.min) == (2.0**-18, np.nextafter(2.0**44, 0), -info.max)
        assert (x * 0 + info.max).reveal().tolist() == [info.max] * 2
        with pytest.raises(ValueError, match="iinfo"):
            array_api.finfo(x > 0)
        assert array_api.asarray(x) is x
        assert array_api.asarray(x, copy=True) is not x
        assert array_api.asarray(x, dtype=array_api.int64).dtype == np.int64
        with pytest.raises(TypeError, match="stack"):
            array_api.asarray([x, x])
        with pytest.raises(ValueError, match="cpu"):
            x.to_device("gpu")

    perform(program)
    namespace = array_api.__array_namespace_info__()
    assert set(namespace.dtypes()) == KINDS
    assert set(namespace.dtypes(kind="integral")) == {"int64"}
    assert not namespace.capabilities()["data-dependent shapes"]
    assert namespace.devices() == [namespace.default_device()]
    assert set(namespace.default_dtypes().values()) == {np.dtype(t) for t in ("f8", "c16", "i8")}
    with pytest.raises(ValueError, match="cpu"):
        namespace.dtypes(device="gpu")


# ----------------------------------------------------------------------------------------------------------- the page


def error_of(case: Case) -> str:
    """The bound that a case is held to."""
    ulps = case.ulps * ULP
    parts = [f"{case.ulps:g} ulp" if case.ulps < 32 else f"{ulps:.1e}"] if case.ulps else []
    parts += [f"2^{np.log2(case.relative):g} relative"] if case.relative else []
    return " + ".join(parts) or "none"


def rows() -> list[str]:
    lines = []
    for case in CASES:
        said = refusal(case)
        told = f"no: {said}" if said is not None else f"yes{', ' + case.note if case.note else ''}"
        name, _, variant = case.title.partition(", ")
        told = told.replace("|", "\\|")
        lines.append(f"| `{name}`{', ' + variant if variant else ''} | {'' if said else error_of(case)} | {told} |")
    return lines


def page() -> str:
    """The page with a new table."""
    lines, text = rows(), PAGE.read_text("utf-8")
    passed = [line for line in lines if "| no: " not in line]
    functions = {case.name for case, line in zip(CASES, lines, strict=True) if "| no: " not in line}
    head, _, _ = text.partition("<!-- table -->\n")
    names = {case.name for case in CASES}
    count = f"{len(functions)} of {len(names)} names, {len(passed)} of {len(lines)} ways to call them:\n\n"
    return (
        head + "<!-- table -->\n" + count + "| Name | Error | On secrets |\n|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def test_the_page_is_what_the_functions_do() -> None:
    assert PAGE.read_text("utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
