"""The shadow names the line where fixed point goes wrong, and is silent where it does not."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpcfl
from mpcfl import numerics
from mpcfl.engine import Value
from mpcfl.findings import Bound
from mpcfl.learn.linear import LogisticRegression
from mpcfl.protocols import semi2k
from mpcfl.shadow import Shadow, ShadowSession
from mpcfl.twins import TWINS


def secret(session, value, owner=0):
    value = np.asarray(value)
    return session.share(value if session.rank == owner else None, owner, value.shape, value.dtype)


def shadowed(program, **options):
    return mpcfl.simulate(program, shadow=True, seed=1, **options).shadow


# A page of planted faults: each program has one, on the line that says so


def product_too_large(session):
    x = secret(session, [3.0, 16384.0])
    y = secret(session, [2.0, 33000.0], 1)
    z = x * y  # product
    return (z + 1).reveal()


def square_too_large(session):
    x = secret(session, np.linspace(0, 9000, 10))
    y = x / 2
    return np.square(x).sum().reveal() + y.reveal().sum()  # product


def sum_of_products_too_large(session):
    x = secret(session, np.full((2, 1000), 300.0))
    y = secret(session, np.full(1000, 300.0), 1)
    small = x[:, :3] @ y[:3]
    z = x @ y  # product
    return z.reveal(), small.reveal()


def gradient_of_unscaled_columns(session):
    x = secret(session, np.linspace(0, 4.3e5, 800).reshape(400, 2))
    w = secret(session, [0.0, 0.0], 1)
    residual = numerics.sigmoid(x @ w) - 0.1
    g = x.T @ residual  # product
    return (g / 400).reveal()


def sum_out_of_range(session):
    x = secret(session, np.full(5, 1e13))
    half = x[:1] + 1
    z = x.sum()  # range
    return z.reveal(), half.reveal()


def difference_out_of_range(session):
    x, y = secret(session, [1.7e13]), secret(session, [-1.7e13], 1)
    z = x - y  # range
    return (z[0] * 0.001).reveal()


def scaled_out_of_range(session):
    x = secret(session, [1.0, 2e8])
    z = x * 123456.5  # range
    return z.reveal()


def whole_factor_out_of_range(session):
    x = secret(session, [1.0, -2e10])
    z = x * 1000  # range
    return z.reveal()


def integers_out_of_range(session):
    x = secret(session, np.array([3, 1 << 40]))
    z = x * x  # range
    return z.reveal()


def array_product_too_large(session):
    x = secret(session, [2e6, 1.0])
    w = np.array([0.9, 0.3])
    z = x * w  # product
    return z.reveal()


def factor_without_digits(session):
    x = secret(session, [1000.0, 4000.0])
    z = x * np.array([0.9, 2e-7])  # factor
    return z.reveal()


def divisor_without_digits(session):
    x = secret(session, [1000.0, 4000.0])
    z = x / np.array([0.5, 3e6])  # factor
    return z.reveal()


def digits_lost_and_found(session):
    x = secret(session, [1.0, 2.0])
    tiny = x * 1e-7
    other = x * 3
    z = tiny * 1e7  # error
    return (z + other).reveal()


def input_too_small(session):
    x = secret(session, [1e-7, 3e-7])
    z = x * 1e6  # error
    return z.reveal()


def variance_of_large_numbers(session):
    x = secret(session, np.linspace(0, 2e4, 50))
    centred = x - x.mean()
    return (centred * centred).mean().reveal()  # product


def only_one_branch(session):
    x, y = secret(session, [5e4]), secret(session, [1e-3], 1)
    z = np.where(y < 0, x * x, y)  # product
    return z.reveal()


def logarithm_of_a_negative(session):
    x = secret(session, [1.0, -2.0])
    z = np.log(x) + 1  # domain
    chosen = np.where(x > 0, np.log(x), 0.0)
    return z.reveal(), chosen.reveal()


def exponential_too_large(session):
    x = secret(session, [1.0, 33.0])
    z = np.exp(x)  # range
    return (z - 1).reveal()


PLANTED = [
    product_too_large,
    square_too_large,
    sum_of_products_too_large,
    gradient_of_unscaled_columns,
    sum_out_of_range,
    difference_out_of_range,
    scaled_out_of_range,
    whole_factor_out_of_range,
    integers_out_of_range,
    array_product_too_large,
    factor_without_digits,
    divisor_without_digits,
    digits_lost_and_found,
    input_too_small,
    variance_of_large_numbers,
    only_one_branch,
    logarithm_of_a_negative,
    exponential_too_large,
]


def planted(program):
    """The line and the kind of a program's fault."""
    lines, start = inspect.getsourcelines(program)
    ((number, kind),) = [(start + i, line.split("  # ")[1].strip()) for i, line in enumerate(lines) if "  # " in line]
    return f"test_shadow.py:{number}", kind


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("program", PLANTED)
def test_the_first_finding_names_the_planted_line(program, parties):
    findings = shadowed(program, parties=parties)
    assert (findings[0].line, findings[0].kind) == planted(program), str(findings)
    assert len({finding.line for finding in findings}) == 1, str(findings)


def test_a_finding_says_what_and_what_to_do():
    (finding,) = shadowed(product_too_large)
    assert (finding.operation, finding.shape) == ("multiply", (2,))
    assert finding.largest == 16384.0 * 33000.0
    assert "2^26" in finding.what
    assert "fraction of 16 or less" in finding.advice
    assert shadowed(product_too_large, fraction=16) == []


@pytest.mark.parametrize(("largest", "found"), [(5700.0, 0), (5900.0, 1)])
def test_a_matrix_product_has_one_bit_less_room(largest, found):
    """Two products of 5900 by 2900 pass 2^25, and stay below 2^26."""

    def program(session):
        x = session.share(np.full((2, 2), largest), 0, (2, 2))
        y = session.share(np.full((2, 2), 2900.0), 1, (2, 2))
        return (x @ y).reveal()

    findings = shadowed(program)
    assert len(findings) == found
    for finding in findings:
        assert (finding.kind, finding.operation) == ("product", "matmul")
        assert "reached 2^25 before" in finding.what
        assert "fraction of 17 or less" in finding.advice
    assert shadowed(program, fraction=17) == []


def test_an_error_names_where_its_digits_were_lost():
    (finding,) = shadowed(digits_lost_and_found)
    start = inspect.getsourcelines(digits_lost_and_found)[1]
    assert f"lost at test_shadow.py:{start + 2}" in finding.advice
    assert str(finding).startswith(finding.line)


def test_a_line_in_a_loop_is_reported_once():
    def program(session):
        x = secret(session, [5e4])
        for _ in range(7):
            x * x
        return x.reveal()

    (finding,) = shadowed(program)
    assert finding.count == 7
    assert "7 times" in str(finding)


def test_the_bound_can_be_set():
    def drifts(session):
        x = secret(session, [1.0])
        for _ in range(20):
            x = x * 0.77 + 0.23
        return x.reveal()

    assert shadowed(drifts) == []
    strict = Bound(absolute=0.0, relative=0.0)
    assert mpcfl.simulate(drifts, shadow=strict, fraction=18).shadow == []  # below 16 units in the last place
    exact = Bound(absolute=1e-9, relative=0.0)
    assert mpcfl.simulate(digits_lost_and_found, shadow=exact).shadow[0].kind == "error"


# What is right


def correct(session):
    x, y = secret(session, np.linspace(-3, 3, 65)), secret(session, np.linspace(-3, 2, 65), 1)
    z = np.where(x < y, x * y, np.abs(x)) * (x == y)
    table = np.stack([x, y, z], axis=1)
    w = numerics.sigmoid(x) + np.maximum(y, 0.5) + np.rint(x * 2) - numerics.softplus(table[:, 1])
    counts = (x > 0.25).sum() + 1
    gram = table.T @ table / 65
    return w.sum().reveal(), gram.reveal(), counts.reveal(), (~(x <= y) | (x != 0)).reveal()


def regression(session):
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    y = (x[:, 0] - z[:, 1] > 0).astype(np.int64)
    left = session.private(x if session.rank == 0 else None, 0, x.shape)
    right = session.private(z if session.rank == 1 else None, 1, z.shape)
    x = np.concatenate([left, right], axis=1)
    model = LogisticRegression(epochs=3, batch_size=16).fit(x, secret(session, y, 1))
    return model.coef_.reveal(), model.predict(left[:, [0, 1, 2, 0, 1]]).reveal()


def ties(session):
    """Halves, equal numbers and public numbers that fixed point cannot hold: decided as on shares."""
    x = secret(session, np.array([0.5, 1.5, -0.5, 0.3, 0.1]))
    third = x / 3
    return np.rint(x).reveal(), (x < 0.3).reveal(), (third * 3 == x).reveal(), np.rint(third * 3 + 0.5).reveal()


def assignments(session):
    """A view reads what is assigned to its base, and so does its twin."""
    x = secret(session, np.arange(12.0).reshape(3, 4))
    column, turned = x[:, 1], x.T
    x[1:, 1] = x[0, :2] * 0.5
    turned[3] = 7.25
    column[0] = column[2] + 0.125
    return (column * 2).reveal(), (x @ turned).reveal(), (x[-1] - 1).reveal()


def cancelling_residuals(session):
    """Gradients near zero: a sum is as exact as its terms are."""
    x = secret(session, np.ones((160, 3)))
    y = secret(session, np.arange(160) % 2, 1)
    return LogisticRegression(epochs=6, batch_size=16).fit(x, y).coef_.reveal()


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("program", [correct, regression, ties, assignments, cancelling_residuals])
def test_correct_programs_have_no_findings(program, parties):
    findings = shadowed(program, parties=parties)
    assert str(findings) == "no findings"


@pytest.mark.parametrize("program", [correct, regression, assignments, product_too_large])
def test_the_shadow_changes_nothing(program):
    plain, run = (mpcfl.simulate(program, seed=3, shadow=shadow) for shadow in (False, True))
    assert plain.shadow is None
    assert repr(run.results) == repr(plain.results)
    assert (run.rounds, run.bytes_sent, run.offline_bytes) == (plain.rounds, plain.bytes_sent, plain.offline_bytes)
    assert [list(ledger.entries) for ledger in run.ledgers] == [list(ledger.entries) for ledger in plain.ledgers]


UNARY = [
    np.negative,
    np.abs,
    np.rint,
    lambda x: x * 0.37,
    lambda x: x / 7,
    lambda x: 1.5 - x,
    lambda x: x[::-1],
    lambda x: x - x.mean(),
    lambda x: np.maximum(x, 0.25),
    lambda x: x * np.linspace(-1, 1, 6),
    numerics.sigmoid,
]
BINARY = [
    np.add,
    np.subtract,
    lambda x, y: x * y * 0.125,
    lambda x, y: np.where(x < y, x, y * 0.5),
    lambda x, y: (x @ y) * np.full(6, 0.02),
    lambda x, y: x * (y >= 0.5),
    np.minimum,
]
STEP = st.one_of(
    st.tuples(st.just(1), st.integers(0, len(UNARY) - 1), st.integers(0, 99)),
    st.tuples(st.just(2), st.integers(0, len(BINARY) - 1), st.integers(0, 99)),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=12), seed=st.integers(0, 1000))
def test_random_small_programs_have_no_findings(steps, seed):
    numbers = np.random.default_rng(seed).uniform(-4, 4, (2, 6))

    def program(session):
        values = [secret(session, numbers[0]), secret(session, numbers[1], 1)]
        for arity, which, place in steps:
            operands = [values[-1 - place % len(values)], values[-1]][:arity]
            values.append((UNARY if arity == 1 else BINARY)[which](*operands) * 0.5)
        return [value.reveal() for value in values[2:]]

    findings = shadowed(program)
    assert findings == [], str(findings)
    assert findings.notes == []


NAMED = {
    "sigmoid": lambda x: numerics.sigmoid(x, precise=True),
    "softplus": lambda x: numerics.softplus(x, precise=True),
    "tanh": lambda x: numerics.tanh(x, precise=True),
    "erf": numerics.erf,
    "erfc": numerics.erfc,
    "silu": numerics.silu,
    "gelu": numerics.gelu,
    "gelu by tanh": lambda x: numerics.gelu(x, "tanh"),
    "tan": np.tan,
    "arctan": np.arctan,
    "arctan2": lambda x: np.arctan2(x, 1.5),
    "arcsin": lambda x: np.arcsin(x / 4),
    "arccos": lambda x: np.arccos(x / 4),
    "arcsinh": np.arcsinh,
    "arccosh": lambda x: np.arccosh(x + 5),
    "arctanh": lambda x: np.arctanh(x / 4),
    "cbrt": np.cbrt,
    "hypot": lambda x: np.hypot(x, 3),
    "log10": lambda x: np.log10(x + 5),
    "a public power": lambda x: (x + 5) ** 0.3,
    "a negative power": lambda x: x**-3.0,
    "a secret power": lambda x: (x + 5) ** x,
    "logaddexp2": lambda x: np.logaddexp2(x, 1.5),
    "ldexp": lambda x: np.ldexp(x, -3),
    "rad2deg": np.rad2deg,
}


@pytest.mark.parametrize("name", NAMED)
def test_elementary_functions_have_twins(name):
    findings = shadowed(lambda session: NAMED[name](secret(session, [-3.5, -0.25, 0.5, 2.0])).reveal())
    assert findings == []
    assert findings.notes == []


@pytest.mark.parametrize("function", [np.arcsin, np.arccosh, np.arctanh, lambda x: x**-2.0, lambda x: (x - 1) ** 0.3])
def test_elementary_functions_outside_their_domain(function):
    findings = shadowed(lambda session: function(secret(session, [0.0, 1.0, -1.0, -7.0])).reveal())
    assert [finding.kind for finding in findings] == ["domain"]


# What the shadow does not know


def test_an_operation_without_a_twin_is_noted_and_followed():
    def unknown(value: Value) -> Value:
        return value.engine.local("frobnicate", value.kind, value.shape, [value], lambda: value.share.scale(2))

    def program(session):
        x = secret(session, [1.0, 2.0])
        return (x.apply(unknown) + x).reveal()

    findings = shadowed(program)
    assert findings == []
    assert len(findings.notes) == 1
    assert "frobnicate" in findings.notes[0]


def test_a_twin_can_be_declared(monkeypatch):
    def wrong(value: Value) -> Value:
        return value.engine.local("frobnicate", value.kind, value.shape, [value], lambda: value.share.scale(2))

    monkeypatch.setitem(TWINS, "frobnicate", lambda inputs, public: inputs[0] * 3)
    findings = shadowed(lambda session: secret(session, [1.0, 2.0]).apply(wrong).reveal())
    assert [finding.kind for finding in findings] == ["error"]
    assert findings.notes == []


def test_a_shadow_takes_no_links():
    """Whatever driver is not the lockstep world's is refused: a shadow sees every secret."""

    class Other:
        rank = 0

    with pytest.raises(TypeError, match="simulation alone"):
        ShadowSession(["a", "b"], Other(), 18, semi2k.suite, Shadow(2, 18, Bound()))


def test_connect_has_no_shadow():
    assert "shadow" not in inspect.signature(mpcfl.connect).parameters
