"""Rosters: their file format, the hash that all agree on, and sentences that say what is wrong with one."""

import pytest

from mpcfl.errors import InputError, UsageError
from mpcfl.keys import generate
from mpcfl.roster import Roster, to_toml

BANK, BUREAU, DEALER = generate("bank", "party"), generate("bureau", "party"), generate("dealer", "dealer")


def write(path, *entries):
    path.write_text("\n".join(to_toml(entry) for entry in entries))
    return path


def entry(identity, **addresses):
    return identity.entry().model_copy(update=addresses)


def table(identity, **fields):
    return {**identity.entry().model_dump(exclude_none=True), **fields}


def test_a_written_roster_loads_again(tmp_path):
    entries = (
        entry(BANK, bind="127.0.0.1:7101", address="bank.example:7101", addresses={"bureau": "10.0.0.1:9000"}),
        entry(BUREAU, bind="[::1]:7103", data_bind="[::1]:7200"),
        entry(DEALER),
    )
    roster = Roster.load(write(tmp_path / "roster.toml", *entries))
    assert roster.entries == entries
    assert [e.name for e in roster.parties] == ["bank", "bureau"]
    assert roster.dealer == entries[2]
    assert roster["bureau"] == entries[1]
    assert "bank" in roster
    assert "stranger" not in roster


def test_addresses_follow_the_documented_defaults():
    full = entry(BANK, bind="127.0.0.1:7101", address="bank.example:8101", addresses={"bureau": "proxy:9000"})
    assert full.listens() == ("127.0.0.1:7101", "127.0.0.1:7102")
    assert full.reached_by("dealer") == ("bank.example:8101", "bank.example:8102")
    assert full.reached_by("bureau") == ("proxy:9000", "proxy:9001")
    only_bind = entry(BANK, bind="10.1.1.1:7101", data_bind="10.1.1.1:9999")
    assert only_bind.listens() == ("10.1.1.1:7101", "10.1.1.1:9999")
    assert only_bind.reached_by("bureau") == ("10.1.1.1:7101", "10.1.1.1:9999")
    only_address = entry(BANK, address="bank.example:8101", data_address="bank.example:1234")
    assert only_address.listens() == ("127.0.0.1:8101", "127.0.0.1:8102")
    assert only_address.reached_by("bureau") == ("bank.example:8101", "bank.example:1234")
    with pytest.raises(InputError, match="no bind and no address for bank"):
        entry(BANK).listens()


def test_the_hash_covers_order_names_roles_and_keys_and_no_address():
    plain = Roster(party=(entry(BANK), entry(BUREAU)))
    placed = Roster(party=(entry(BANK, bind="127.0.0.1:7101"), entry(BUREAU, address="elsewhere:1")))
    assert plain.hash() == placed.hash()
    others = [
        Roster(party=(entry(BUREAU), entry(BANK))),
        Roster(party=(entry(BANK, name="bench"), entry(BUREAU))),
        Roster(party=(entry(BANK, role="dealer"), entry(BUREAU))),
        Roster(party=(entry(BANK, curve_public=DEALER.entry().curve_public), entry(BUREAU))),
        Roster(party=(entry(BANK, sign_public=DEALER.entry().sign_public), entry(BUREAU))),
        Roster(party=(entry(BANK), entry(BUREAU), entry(DEALER))),
    ]
    assert len({roster.hash() for roster in [plain, *others]}) == 1 + len(others)


def test_an_unknown_party_is_a_usage_error():
    roster = Roster(party=(entry(BANK), entry(BUREAU)))
    with pytest.raises(UsageError, match="stranger is not in the roster: its entries are bank, bureau"):
        roster["stranger"]


def test_a_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml"):
        Roster.load(tmp_path / "none.toml")


@pytest.mark.parametrize("content", [b"[[party", b"\xff", b"#" * (1 << 20) + b"##"])
def test_a_file_that_is_no_toml_is_bad_input(tmp_path, content):
    (tmp_path / "roster.toml").write_bytes(content)
    with pytest.raises(InputError, match=r"roster\.toml"):
        Roster.load(tmp_path / "roster.toml")


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([], "party must hold at least two entries"),
        ([table(BANK)], "party must hold at least two entries"),
        ([table(BANK), table(BUREAU, port=1)], r"entry 2 \(bureau\): port is not a field of a roster"),
        ([table(BANK), table(BUREAU, role="king")], r"entry 2 \(bureau\): role must be \"party\" or \"dealer\""),
        ([table(BANK), {"name": "bureau"}], r"entry 2 \(bureau\): curve_public is missing"),
        ([table(BANK), table(BUREAU, name="a b")], "entry 2: name must be a letter"),
        ([table(BANK), table(BUREAU, curve_public="x" * 39)], "curve_public must be 40 characters of Z85"),
        ([table(BANK), table(BUREAU, curve_public="#" * 40)], "curve_public must be 40 characters of Z85"),
        ([table(BANK), table(BUREAU, sign_public="AAAA")], "sign_public must be 32 bytes in base64"),
        ([table(BANK), table(BUREAU, bind="*:7101")], "bind must name one interface"),
        ([table(BANK), table(BUREAU, bind="0.0.0.0:7101")], "bind must name one interface"),
        ([table(BANK), table(BUREAU, bind="[::]:7101")], "bind must name one interface"),
        ([table(BANK), table(BUREAU, bind="tcp://1.2.3.4:7101")], "bind must be HOST:PORT"),
        ([table(BANK), table(BUREAU, bind="localhost")], "bind must be HOST:PORT"),
        ([table(BANK), table(BUREAU, bind="localhost:0")], "bind must be HOST:PORT"),
        ([table(BANK), table(BUREAU, bind="localhost:65535")], "no next port"),
        ([table(BANK), table(BUREAU, bind=7101)], "bind must be text"),
        ([table(BANK), table(BUREAU, addresses={"bureau": "a:1"})], "addresses of bureau names bureau"),
        ([table(BANK), table(BANK)], "two entries have the same name"),
        ([table(BANK), table(BANK, name="bureau")], "two entries have the same curve_public"),
        ([table(BANK, role="dealer"), table(DEALER)], "more than one entry has the role dealer"),
    ],
)
def test_bad_contents_are_named(entries, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        Roster.parse({"party": entries}, "roster.toml")
    assert str(caught.value).startswith("roster.toml")
    assert "\n" not in str(caught.value)


def test_long_values_are_not_echoed():
    with pytest.raises(InputError) as caught:
        Roster.parse({"party": [table(BANK), table(BUREAU, address="y" * 5000)]})
    assert len(str(caught.value)) < 300
