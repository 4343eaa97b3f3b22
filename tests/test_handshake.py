"""The handshake: both ends derive the same keys from what both signed, or neither has any."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcfl import handshake as module
from mpcfl.errors import AuthenticationError, Mismatch, MpcflError, ProtocolViolation
from mpcfl.handshake import NEW_SESSION, Handshake, Hello, export
from mpcfl.keys import generate
from mpcfl.roster import Roster
from mpcfl.wire import pack, unpack

BANK, BUREAU, DEALER = generate("bank", "party"), generate("bureau", "party"), generate("dealer", "dealer")
ROSTER = Roster(party=(BANK.entry(), BUREAU.entry(), DEALER.entry()))
TERMS = {"program": "aa", "rows": "4454"}


def two(bank_terms=TERMS, bureau_terms=TERMS, *, roster=ROSTER, bank=BANK, bureau=BUREAU, **renewal):
    """The connector (bureau, the later entry) and the binder."""
    connector = Handshake(bureau, roster, roster["bank"], bureau_terms, **renewal)
    binder = Handshake(bank, roster, roster[bureau.name], bank_terms, attempt=connector.attempt, **renewal)
    return connector, binder


def run(connector, binder):
    binder.meet(Hello.parse(connector.hello))
    connector.meet(Hello.parse(binder.hello))
    theirs = binder.finish(connector.signature())
    return connector.finish(binder.signature()), theirs


def test_both_ends_have_the_same_keys():
    bureau, bank = run(*two())
    assert (bureau.send, bureau.receive) == (bank.receive, bank.send)
    assert (bureau.session, bureau.exporter) == (bank.session, bank.exporter)
    assert bureau.terms == bank.terms == TERMS
    assert len({bureau.send, bureau.receive, bureau.exporter}) == 3
    assert bureau.send.hex() not in repr(bureau)


def test_no_two_runs_share_a_key():
    first, second = run(*two())[0], run(*two())[0]
    assert first.session != second.session
    keys = {first.send, first.receive, first.exporter, second.send, second.receive, second.exporter}
    assert len(keys) == 6


def test_an_exported_secret_has_one_purpose():
    bureau, bank = run(*two())
    assert export(bureau.exporter, "zero") == export(bank.exporter, "zero")
    assert export(bureau.exporter, "zero") != export(bureau.exporter, "audit")
    assert len(export(bureau.exporter, "zero")) == 32


def test_a_renewal_keeps_the_session():
    session = run(*two())[0].session
    bureau, bank = run(*two(session=session, epoch=4, received=17))
    assert bureau.session == bank.session == session
    assert (bureau.epoch, bureau.received) == (4, 17)
    assert bureau.send == bank.receive


def test_a_renewal_of_another_epoch_or_session_is_refused():
    connector, _ = two(session=bytes(16), epoch=4)
    for other in ({"session": bytes(16), "epoch": 3}, {"session": NEW_SESSION, "epoch": 4}):
        with pytest.raises(ProtocolViolation, match="another session"):
            Handshake(BANK, ROSTER, ROSTER["bureau"], TERMS, **other).meet(Hello.parse(connector.hello))


def test_terms_that_differ_are_named_at_both_sides_without_their_values():
    connector, binder = two({**TERMS, "rows": "4453", "only": "here"}, {**TERMS, "seed": "x"})
    sentences = []
    for side, other in itertools.permutations((connector, binder)):
        with pytest.raises(Mismatch) as caught:
            side.meet(Hello.parse(other.hello))
        sentences.append(str(caught.value))
    for sentence in sentences:
        assert "disagree on only, rows, seed" in sentence
        assert "4453" not in sentence
        assert "program" not in sentence


def test_a_library_version_that_differs_is_named(monkeypatch):
    _, binder = two()
    monkeypatch.setattr(module, "VERSION", "9.9.9")
    newer, _ = two()
    with pytest.raises(Mismatch, match="disagree on version"):
        binder.meet(Hello.parse(newer.hello))
    with pytest.raises(Mismatch, match="disagree on version"):
        newer.meet(Hello.parse(binder.hello))


def test_rosters_that_differ_are_named():
    other = Roster(party=(BANK.entry(), BUREAU.entry()))
    connector, _ = two(roster=other)
    _, binder = two()
    with pytest.raises(Mismatch, match="disagree on roster"):
        binder.meet(Hello.parse(connector.hello))


def test_with_the_dealer_only_common_terms_are_compared():
    connector, binder = two(bureau=DEALER, bureau_terms={"tape": "1"})
    dealer, bank = run(connector, binder)
    assert dealer.terms == TERMS
    assert bank.terms == {"tape": "1"}
    connector, binder = two(bureau=DEALER, bureau_terms={"rows": "1"})
    with pytest.raises(Mismatch, match="disagree on rows"):
        binder.meet(Hello.parse(connector.hello))


def test_a_key_that_the_roster_does_not_hold_signs_nothing():
    impostor = generate("bureau", "party")
    connector, binder = two(bureau=impostor)
    binder.meet(Hello.parse(connector.hello))
    connector.meet(Hello.parse(binder.hello))
    with pytest.raises(AuthenticationError, match="signature of bureau"):
        binder.finish(connector.signature())


def test_a_name_that_is_not_the_connections_is_refused():
    connector, _ = two()
    with pytest.raises(AuthenticationError, match="another name"):
        Handshake(BANK, ROSTER, ROSTER["dealer"], TERMS).meet(Hello.parse(connector.hello))


def test_ones_own_messages_do_not_come_back():
    connector, binder = two()
    with pytest.raises(MpcflError):
        connector.meet(Hello.parse(connector.hello))
    binder.meet(Hello.parse(connector.hello))
    with pytest.raises(AuthenticationError):
        binder.finish(binder.signature())


def test_a_signature_needs_a_hello_first():
    connector, binder = two()
    with pytest.raises(ProtocolViolation, match="before it has introduced itself"):
        binder.finish(bytes(64))
    with pytest.raises(ProtocolViolation):
        connector.signature()


def test_a_degenerate_ephemeral_key_is_refused():
    connector, binder = two()
    weak = Hello.parse((pack({**unpack(connector.hello[0]), "ephemeral": bytes(32)}), connector.hello[1]))
    connector._mine = weak  # signs what it sends, as a dishonest peer would
    binder.meet(weak)
    connector.meet(Hello.parse(binder.hello))
    with pytest.raises(AuthenticationError, match="degenerate"):
        binder.finish(connector.signature())


@given(st.data())
def test_a_changed_transcript_gives_no_keys(data):
    connector, binder = two()
    hellos = {"connector": list(connector.hello), "binder": list(binder.hello)}
    side, frame = data.draw(st.sampled_from(sorted(hellos))), data.draw(st.integers(0, 1))
    raw = bytearray(hellos[side][frame])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    hellos[side][frame] = bytes(raw)

    def exchange():
        binder.meet(Hello.parse(hellos["connector"]))
        connector.meet(Hello.parse(hellos["binder"]))
        binder.finish(connector.signature())

    with pytest.raises(MpcflError):
        exchange()


@pytest.mark.parametrize(
    "change",
    [
        {"type": "helo"},
        {"nonce": bytes(31)},
        {"ephemeral": bytes(33)},
        {"session": bytes(8)},
        {"attempt": b""},
        {"epoch": -1},
        {"received": -1},
        {"protocol": "1"},
        {"more": 1},
    ],
)
def test_a_hello_out_of_form_is_refused(change):
    connector, _ = two()
    with pytest.raises(ProtocolViolation):
        Hello.parse((pack({**unpack(connector.hello[0]), **change}), connector.hello[1]))


def test_terms_are_texts_and_few():
    connector, _ = two()
    with pytest.raises(ProtocolViolation):
        Hello.parse((connector.hello[0], pack({"rows": 1})))
    with pytest.raises(ProtocolViolation):
        Hello.parse((connector.hello[0],))
    with pytest.raises(ValueError, match="malformed"):
        two({str(number): "" for number in range(65)})
