"""Key files: who may read them, what they hold, what they never show."""

import os
import stat

import pytest

from mpcfl.errors import AuthenticationError, InputError, UsageError
from mpcfl.keys import Identity, generate


def test_a_saved_identity_loads_again(tmp_path):
    identity = generate("bank", "party")
    identity.save(tmp_path / "bank.key")
    assert Identity.load(tmp_path / "bank.key") == identity
    assert identity.entry().sign_key == identity.sign_public
    assert identity.entry().curve_public == identity.curve_public.decode()


def test_two_identities_share_no_key():
    first, second = generate("bank", "party"), generate("bank", "party")
    assert first.curve_secret != second.curve_secret
    assert first.sign_secret != second.sign_secret


def test_the_file_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        generate("bank", "party").save(tmp_path / "bank.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "bank.key").stat().st_mode) == 0o600


def test_a_key_is_never_overwritten(tmp_path):
    path = tmp_path / "bank.key"
    generate("bank", "party").save(path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="never overwritten"):
        generate("bank", "party").save(path)
    assert path.read_bytes() == before


def test_no_link_is_followed_when_saving(tmp_path):
    (tmp_path / "elsewhere").touch()
    (tmp_path / "bank.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        generate("bank", "party").save(tmp_path / "bank.key")
    assert (tmp_path / "elsewhere").read_bytes() == b""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_open_to_others_is_refused(tmp_path, mode):
    path = tmp_path / "bank.key"
    generate("bank", "party").save(path)
    path.chmod(mode)
    with pytest.raises(AuthenticationError, match="chmod 600"):
        Identity.load(path)


def test_a_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"none\.key"):
        Identity.load(tmp_path / "none.key")


def test_secrets_are_not_shown(tmp_path):
    identity = generate("bank", "party")
    path = tmp_path / "bank.key"
    identity.save(path)
    assert identity.curve_secret.decode() not in repr(identity)
    assert repr(identity.sign_secret) not in repr(identity)
    damaged = path.read_text().replace('role = "party"', 'role = "king"')
    path.write_text(damaged)
    with pytest.raises(InputError) as caught:
        Identity.load(path)
    assert identity.curve_secret.decode() not in str(caught.value)
    assert caught.value.__cause__ is None


def _damages():
    key = generate("bank", "party")
    return {
        "empty": lambda text: "",
        "not toml": lambda text: text + "=",
        "not utf-8": None,
        "a field more": lambda text: text + 'more = "1"\n',
        "a field less": lambda text: "".join(text.splitlines(keepends=True)[:-1]),
        "short secret": lambda text: text.replace('sign_secret = "', 'sign_secret = "AAAA'),
        "no z85": lambda text: text.replace('curve_secret = "', 'curve_secret = "\\"'),
        "bad name": lambda text: text.replace('"bank"', '"../bank"'),
        "number": lambda text: text.replace('"party"', "1"),
        "long": lambda text: text + "#" * 5000,
        "z85 overflow": lambda text: text.replace(text.split('curve_secret = "')[1][:40], "#" * 40),
        "unused": lambda text: text.replace("sign_secret", key.name),
    }


@pytest.mark.parametrize("damage", sorted(_damages()))
def test_a_malformed_file_is_refused(tmp_path, damage):
    path = tmp_path / "bank.key"
    generate("bank", "party").save(path)
    change = _damages()[damage]
    path.write_bytes(b"\xff\xfe" if change is None else change(path.read_text()).encode())
    with pytest.raises(InputError, match="keygen"):
        Identity.load(path)


def test_a_folder_is_no_key_file(tmp_path):
    with pytest.raises(UsageError):
        Identity.load(tmp_path)


@pytest.mark.parametrize("name", ["", "1bank", "bank bureau", "bänk", "a" * 65, "bank\n", "../x"])
def test_a_name_must_fit_a_roster(name):
    with pytest.raises(UsageError):
        generate(name, "party")


def test_a_role_is_party_or_dealer():
    with pytest.raises(UsageError):
        generate("bank", "king")
