"""Every suite, found unasked: its rules against the plain oracle, their declarations against what they do.

Found is what this library lists and what installed packages offer under the entry point `mpcfl.suites`; one more suite
is derived here.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest
from cases import CASES, WIDE_CASES, Case, cases
from checks import (
    check_cost,
    check_declarations,
    check_every_message_is_sent,
    check_ledgers,
    check_no_word_repeats,
    check_result,
    check_uniform,
    masked_words,
)

from mpcfl import suites
from mpcfl.effects import Protocol
from mpcfl.protocol import Context, Rule, Suite, rule
from mpcfl.protocols import plain, semi2k
from mpcfl.protocols.beaver import OPERAND, Mask, Triple, mul, operand_bits
from mpcfl.share import Share

LARGE = 4096


@rule(
    "square",
    rounds=1,
    bits=operand_bits,
    messages=[OPERAND],
    correlations=[Mask, Triple],
)
def square_by_product(ctx: Context, x: Share) -> Protocol:
    """x x as any other product: the operand stands on both sides and is opened once."""
    return (yield from mul(ctx, x, x))


derived = semi2k.suite.derive("derived", [square_by_product])

NARROW = [*(suites.find(name) for name in suites.names()), derived]
SUITES = [*NARROW, *(suite.wide for suite in NARROW if suite.wide is not None)]
RULES = [(suite, primitive) for suite in SUITES for primitive in suite.table]
TRIALS = [
    (suite, case, shapes, parties)
    for suite, primitive in RULES
    for case in (CASES if suite.width == 64 else WIDE_CASES).get(primitive, ())
    for shapes in case.shapes
    for parties in (2, 3)
    if suite.parties[0] <= parties <= suite.parties[1]
]


def name_of_rule(value: object) -> str:
    if isinstance(value, Suite):
        return f"{value.name}-{value.width}"
    return value.name if isinstance(value, Case) else str(value)


@pytest.mark.parametrize(("suite", "primitive"), RULES, ids=name_of_rule)
def test_every_rule_has_cases(suite: Suite, primitive: str) -> None:
    assert cases(suite, primitive)


@pytest.mark.parametrize(("suite", "case", "shapes", "parties"), TRIALS, ids=name_of_rule)
def test_rule(suite: Suite, case: Case, shapes, parties: int, tmp_path) -> None:
    played = check_result(suite, case, shapes, parties)
    check_cost(suite, case, shapes, played)
    check_declarations(suite, case, played)
    check_ledgers(played.world, tmp_path)


@pytest.mark.parametrize("suite", SUITES, ids=name_of_rule)
def test_every_declared_message_is_sent(suite: Suite) -> None:
    sent = {
        delivery.message.name
        for primitive in suite.table
        for case in cases(suite, primitive)
        for delivery in check_result(suite, case, case.shapes[1], suite.parties[0]).world.deliveries
    }
    check_every_message_is_sent(suite, sent)


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize(("suite", "primitive"), RULES, ids=name_of_rule)
def test_masked_payloads_are_uniform_and_never_repeat(suite: Suite, primitive: str, parties: int) -> None:
    operands = len(cases(suite, primitive)[0].shapes[0])
    elements = LARGE * 64 // suite.width  # as many words
    shapes = [(64, 64)] * operands if "matmul" in primitive else [(elements,)] * operands
    said = masked_words(suite, primitive, shapes, parties)
    check_uniform(said)
    check_no_word_repeats(said)


# The search itself


def test_a_rule_without_a_case_is_named() -> None:
    odd = semi2k.suite.derive("odd", [Rule("fused", mul.function, 1, operand_bits)])
    with pytest.raises(AssertionError, match=r"suite odd has a rule for 'fused', and tests/cases\.py has no case"):
        cases(odd, "fused")


def test_suites_of_installed_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint(name="other", value=f"{semi2k.__name__}:suite", group=suites.GROUP)
    monkeypatch.setattr(
        suites, "entry_points", lambda **wanted: EntryPoints([entry]).select(**{"group": suites.GROUP, **wanted})
    )
    assert "other" in suites.names()
    assert suites.find("other") is semi2k.suite


def test_an_unknown_suite_is_refused_by_name() -> None:
    with pytest.raises(suites.UsageError, match="no suite is named 'nothing'; there are semi2k"):
        suites.find("nothing")


def test_a_derived_suite_keeps_all_other_rules() -> None:
    assert derived.table.keys() == semi2k.suite.table.keys()
    assert derived["square"] is square_by_product
    assert all(derived[p] is semi2k.suite[p] for p in derived.table if p != "square")


def test_the_oracle_knows_every_primitive_that_has_a_case() -> None:
    assert CASES.keys() == plain.suite.table.keys()
