"""Bugs planted on purpose: for each, the check that is there to find it does."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from cases import CASES, Case
from checks import (
    check_cost,
    check_every_message_is_sent,
    check_ledgers,
    check_no_word_repeats,
    check_result,
    check_uniform,
    masked_words,
)
from simulation import perform
from test_layers import insecure_randomness

from mpcfl import keystream, ring
from mpcfl.correlation import Correlation
from mpcfl.drivers.lockstep import World
from mpcfl.effects import Draw, Open, Protocol, Reveal, Send
from mpcfl.errors import IntegrityError, ProtocolViolation
from mpcfl.ledger import Disclosures, Ledger
from mpcfl.message import Exposure, Message
from mpcfl.protocol import Context, Rule, Suite, rule
from mpcfl.protocols import semi2k
from mpcfl.protocols.beaver import OPERAND, Mask, Triple, masked, mul, operand_bits, square
from mpcfl.protocols.comparison import Digits
from mpcfl.protocols.conversion import DaBit
from mpcfl.protocols.folded import Folded
from mpcfl.protocols.leading import Factors
from mpcfl.protocols.powers import Powers
from mpcfl.protocols.series import Waves
from mpcfl.protocols.truncation import PRODUCT, TruncPair, shifted, trunc_pr
from mpcfl.protocols.upper import TruncMux
from mpcfl.ring import Words
from mpcfl.share import Share

VECTOR = [(4096,)]


def planted(*rules: Rule) -> Suite:
    return semi2k.suite.derive("planted", rules)


def case_of(primitive: str) -> Case:
    return CASES[primitive][-1]


def tried(suite: Suite, primitive: str):
    case = case_of(primitive)
    return check_result(suite, case, case.shapes[-1], 2)


# A mask used twice


def test_a_stream_that_repeats_itself(monkeypatch):
    """Every tensor is the first: all results are right, all words uniform, and only the repeats tell."""
    expand = keystream.expand
    monkeypatch.setattr(keystream, "expand", lambda keys, number, *rest, **named: expand(keys, 0, *rest, **named))
    tried(semi2k.suite, "mul")
    said = masked_words(semi2k.suite, "mul", VECTOR * 2, 2)
    with pytest.raises(AssertionError, match="a mask was used again"):
        check_no_word_repeats(said)


def test_a_protocol_that_opens_two_values_under_one_mask():
    @rule("mul", rounds=1, bits=operand_bits, messages=[OPERAND], correlations=[Mask, Triple])
    def thrifty(ctx: Context, x: Share, y: Share) -> Protocol:
        dealt = yield Draw(Mask(x.shape))
        d = yield Open(OPERAND, x.words - dealt["a"])
        e = yield Open(OPERAND, y.words - dealt["a"])
        c = (yield Draw(Triple("mul", dealt.leaf("a"), dealt.leaf("a"))))["c"]
        return c + d * dealt["a"] + e * dealt["a"] + ctx.first * d * e

    suite = planted(thrifty)
    tried(suite, "mul")
    with pytest.raises(AssertionError, match="a mask was used again"):
        check_no_word_repeats(masked_words(suite, "mul", VECTOR * 2, 2))


def test_a_base_that_forgets_its_mask_and_is_opened_under_it_again(monkeypatch):
    """A stale correlation: the same draw answered twice, as after a restored backup."""

    def again(ctx: Context, x: Share) -> Protocol:
        (first,) = yield from masked(ctx, x)
        opened = yield Open(OPERAND, x.words + np.uint64(1) * ctx.first - first.a)
        return opened

    suite = planted(Rule("square", again, 2, operand_bits, (OPERAND,), (Mask,)))
    said = masked_words(suite, "square", VECTOR, 2)
    with pytest.raises(AssertionError, match="a mask was used again"):
        check_no_word_repeats(said)


def test_a_truncated_number_opened_under_the_mask_of_its_truncation():
    """It is open as it is: what is opened again under r would be a second value."""

    @rule("trunc_pr", rounds=2, bits=trunc_pr.bits, messages=[PRODUCT], correlations=[TruncPair])
    def twice(ctx: Context, x: Words, multiplier: int, shift: int) -> Protocol:
        pair = yield Draw(TruncPair(x.shape[0], multiplier, shift))
        c = yield Open(PRODUCT, shifted(ctx, x, pair["r"]))
        y = ring.truncate(c, pair["rho"], pair["mu"], multiplier, shift, ctx.first)
        yield Open(PRODUCT, shifted(ctx, y, pair["r"]))
        return Share(y)

    suite = planted(twice)
    tried(suite, "trunc_pr")
    with pytest.raises(AssertionError, match="a mask was used again"):
        check_no_word_repeats(masked_words(suite, "trunc_pr", VECTOR, 2))


# An opening without a mask


def test_an_operand_opened_as_it_is():
    @rule("square", rounds=1, bits=operand_bits, messages=[OPERAND])
    def bare(ctx: Context, x: Share) -> Protocol:
        clear = yield Open(OPERAND, x.words)
        return ctx.constant(clear * clear)

    suite = planted(bare)
    played = tried(suite, "square")
    assert played.world.rounds == 1
    with pytest.raises(AssertionError, match="not uniform"):
        check_uniform(masked_words(suite, "square", VECTOR, 2))


def test_a_mask_that_is_too_short():
    """sigma = 40 bits of mask over a 64-bit ring: right, never repeated, and not uniform."""

    @rule("trunc_pr", rounds=1, bits=trunc_pr.bits, messages=[PRODUCT], correlations=[TruncPair])
    def short(ctx: Context, x: Words, multiplier: int, shift: int) -> Protocol:
        dealt = yield Draw(TruncPair(x.shape[0], 1, 24))
        clear = yield Open(PRODUCT, x + dealt["rho"])
        return clear

    with pytest.raises(AssertionError, match="not uniform"):
        check_uniform(masked_words(planted(short), "trunc_pr", VECTOR, 2))


# Messages


EXTRA = Message("planted/extra", "party", "party", "words", Exposure.MASKED, "nobody was told")
EXTRA_OUTPUT = Message("planted/output", "party", "party", "words", Exposure.OUTPUT, "nobody was told")


def test_a_message_that_was_not_declared():
    def chatty(ctx: Context, x: Share) -> Protocol:
        result = yield from square.function(ctx, x)
        yield Send(EXTRA, 0, 1, x.words)
        return result

    suite = planted(Rule("square", chatty, 1, operand_bits, (OPERAND,), (Mask, Triple)))
    with pytest.raises(ProtocolViolation, match="sends 'planted/extra', which it does not declare"):
        tried(suite, "square")


@pytest.mark.parametrize(
    ("effect", "wrong"),
    [
        (Open(EXTRA_OUTPUT, np.zeros(2, np.uint64)), "declared output"),
        (Send(EXTRA_OUTPUT, 0, 1, np.zeros(2, np.uint64)), "declared output"),
        (Reveal(EXTRA, np.zeros(2, np.uint64), (0,), "result"), "declared masked"),
        (Open(EXTRA, np.zeros(2)), "holds float64"),
    ],
)
def test_a_message_of_another_kind_than_declared(effect, wrong):
    def protocol() -> Protocol:
        return (yield effect)

    world = World(["a", "b"])
    with pytest.raises(ProtocolViolation, match=wrong):
        world.run([protocol(), protocol()])
    assert world.bytes_sent == [0, 0]


def test_a_correlation_that_was_not_declared():
    suite = planted(Rule("square", square.function, 1, operand_bits, (OPERAND,), (Mask,)))
    with pytest.raises(ProtocolViolation, match="draws 'triple', which it does not declare"):
        tried(suite, "square")


def test_a_message_that_is_declared_and_never_sent():
    suite = planted(Rule("square", square.function, 1, operand_bits, (OPERAND, EXTRA), (Mask, Triple)))
    sent = {delivery.message.name for delivery in tried(suite, "square").world.deliveries}
    with pytest.raises(AssertionError, match="planted/extra, which no rule sends"):
        check_every_message_is_sent(suite, sent | semi2k.suite.messages.keys())


@pytest.mark.parametrize(
    ("rounds", "bits"),
    [(2, operand_bits), (0, operand_bits), (1, lambda shapes, parties: operand_bits(shapes, parties) - 64)],
)
def test_a_cost_that_is_not_the_declared_one(rounds, bits):
    suite = planted(Rule("square", square.function, rounds, bits, (OPERAND,), (Mask, Triple)))
    with pytest.raises(AssertionError):
        check_cost(suite, case_of("square"), case_of("square").shapes[-1], tried(suite, "square"))


def test_a_ledger_that_leaves_something_out(monkeypatch, tmp_path):
    record, seen = Ledger.record, []

    def forgetful(self, message, **what):
        seen.append(message)
        if len(seen) != 3:
            record(self, message, **what)

    monkeypatch.setattr(Ledger, "record", forgetful)
    played = tried(semi2k.suite, "msb")
    with pytest.raises(AssertionError):
        check_ledgers(played.world, tmp_path)


# Randomness


@pytest.mark.parametrize(
    "line",
    [
        "words = np.random.default_rng().integers(0, 1 << 64, shape, dtype=np.uint64)",
        "from numpy.random import Generator",
        "import random",
    ],
)
def test_numpy_randomness_in_a_share(line):
    source = f"import numpy as np\n\ndef share(x, shape):\n    {line}\n    return x - words, words\n"
    assert insecure_randomness(ast.parse(source))
    assert not insecure_randomness(ast.parse(source.replace(line, "words = stream.fresh(0, shape)")))


# Dealing


def spoiled(kind: type[Correlation], name: str, change) -> tuple[type[Correlation], object]:
    """`kind.sample` with one field changed in its first element."""
    sample = kind.sample

    def wrong(self, uniform, *masks):
        fields = dict(sample(self, uniform, *masks))
        changed = fields[name].copy()
        changed.reshape(-1)[:1] = change(changed.reshape(-1)[:1])
        return {**fields, name: changed}

    return kind, wrong


ONE_MORE = lambda v: v + np.uint64(1)  # noqa: E731
FLIPPED = lambda v: v ^ np.uint64(1)  # noqa: E731


@pytest.mark.parametrize(
    ("primitive", "kind", "field", "change"),
    [
        ("mul", Triple, "c", ONE_MORE),
        ("matmul", Triple, "c", ONE_MORE),
        ("double_matmul", Folded, "c", ONE_MORE),
        ("square", Triple, "c", ONE_MORE),
        ("mux", Triple, "c", ONE_MORE),
        ("trunc_pr", TruncPair, "mu", FLIPPED),
        ("trunc_pr", TruncPair, "rho", lambda v: v + np.uint64(1 << 40)),
        ("msb", Digits, "top", FLIPPED),
        ("msb", DaBit, "beta", FLIPPED),
        ("sigmoid", TruncMux, "mu", ONE_MORE),
        ("exp", Powers, "base", lambda v: v + v),
        ("exp", Powers, "zones", FLIPPED),
        ("reciprocal", Factors, "products", ONE_MORE),
        ("sigmoid", Waves, "u", lambda v: v + np.uint64(1 << 40)),
    ],
)
def test_a_correlation_dealt_wrong(primitive, kind, field, change, monkeypatch):
    case = case_of(primitive)
    shapes = [shape for shape in case.shapes if all(np.prod(s) for s in shape)][-1]
    check_result(semi2k.suite, case, shapes, 2)
    monkeypatch.setattr(kind, "sample", spoiled(kind, field, change)[1])
    with pytest.raises(AssertionError, match="differs from the plain suite"):
        check_result(semi2k.suite, case, shapes, 2)


# Disclosure


def test_an_output_that_was_not_agreed():
    def program(session):
        x = session.share(np.ones(3) if session.rank == 0 else None, owner=0, shape=(3,))
        x.sum().reveal(purpose="sum")
        x.reveal(purpose="all rows")

    seen = []
    with pytest.raises(IntegrityError, match="'all rows' to party0, party1 is not on the agreed list"):
        perform(
            program,
            disclosures=Disclosures((("sum", ("party0", "party1")),)),
            fault=lambda delivery: seen.append(delivery.words.shape) or delivery.words,
        )
    assert seen == [(), ()]  # the sum went out, the rows did not


def test_the_plain_product_is_not_what_is_wrong():
    """The planted suites differ from the default one in the planted rule alone."""
    assert planted(mul).table == semi2k.suite.table
