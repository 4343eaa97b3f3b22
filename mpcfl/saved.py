"""What a session keeps on disk: one party's shares of secret arrays, sealed, with what is public beside them.

    magic 16 | id 16 | length of the sealed head 8 | head | frames of 1 MiB, the last one shorter

The head is sealed under HKDF-SHA256(signing secret of the party, salt = id) and holds the key of the frames, which is
fresh for this file. The id is a hash of the program so far and of all that is public in the file, so the files of all
parties that belong together bear the same one, and no others do.

No mask and no state of a generator is in the file. What is read back is shared anew: a fresh sharing of zero is added,
and its masks are new ones, so a file that is read twice, or restored from a backup, repeats nothing.

Reference   AES-GCM: NIST SP 800-38D; HKDF: RFC 5869.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, Self

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.array import SecretArray
from mpcfl.errors import IntegrityError, Mismatch, ResourceError, UsageError
from mpcfl.frames import FrameReader, FrameWriter, sealed_size
from mpcfl.ring import Shape, Spec, Words
from mpcfl.saving import replacing
from mpcfl.session import Session

MAGIC: Final = b"mpcfl saved 1\n\0\0"
ID_BYTES: Final = 16
PURPOSE: Final = "saved"
"""Purpose of a party's key for the heads of what it saves."""

_LENGTH: Final = 8
_START: Final = len(MAGIC) + ID_BYTES + _LENGTH
_NONCE: Final = 12
_MAX_HEAD: Final = 16 << 20
_SECRET, _PLAIN, _LIST, _TUPLE, _MAP = "secret", "plain", "list", "tuple", "map"


class Keys(Protocol):
    """What a file needs of its party's identity."""

    def derive(self, purpose: str, salt: bytes) -> bytes:
        """A key of 32 bytes for one purpose."""
        ...


@dataclass(frozen=True)
class Head:
    """What a file says of itself.

    Attributes
    ----------
    name : str
    party : str
    parties : tuple of str
        Who holds shares.
    suite : str
    ring, fraction : int
    facts : mapping
        What the program noted: JSON.
    tree : object
        The saved value, with the places of arrays in `secrets` and `plains` for them.
    secrets : tuple of (str, Shape)
        Kind and shape of each secret array.
    plains : tuple of (str, Shape)
        Dtype and shape of each public one.
    plain_digest : str
        Over the public arrays.
    own : mapping
        What this party alone noted: JSON, sealed like the rest and told to nobody.
    body : int
        Bytes in the frames before sealing.
    key : bytes
        Of the frames.
    """

    name: str
    party: str
    parties: tuple[str, ...]
    suite: str
    ring: int
    fraction: int
    facts: Mapping[str, Any]
    tree: Any
    secrets: tuple[tuple[str, Shape], ...]
    plains: tuple[tuple[str, Shape], ...]
    plain_digest: str
    own: Mapping[str, Any] = field(default_factory=dict, repr=False)
    body: int = 0
    key: bytes = field(default=b"", repr=False)

    def common(self) -> bytes:
        """What the heads of all parties say alike."""
        own = ("party", "own", "body", "key")
        return json.dumps({k: v for k, v in self._document().items() if k not in own}, sort_keys=True).encode()

    def to_json(self) -> bytes:
        """Its form in the file."""
        return json.dumps(self._document()).encode()

    def _document(self) -> dict[str, Any]:
        return {**{one.name: getattr(self, one.name) for one in dataclasses.fields(self)}, "key": self.key.hex()}

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """What `to_json` wrote."""
        document = json.loads(text)
        arrays = {part: tuple((kind, tuple(shape)) for kind, shape in document[part]) for part in ("secrets", "plains")}
        key = bytes.fromhex(document["key"])
        return cls(**{**document, **arrays, "parties": tuple(document["parties"]), "key": key})


# -------------------------------------------------------------------------------------------------------------- writing


def save(
    session: Session,
    path: str | os.PathLike[str],
    key: Keys,
    value: Any,
    *,
    name: str,
    facts: Mapping[str, Any],
    own: Mapping[str, Any] | None = None,
) -> bytes:
    """Write this party's shares of the secret arrays in a value, and what is public in it. All parties do so together.

    Parameters
    ----------
    session : Session
        Runs all that the arrays still wait for. On shapes alone nothing is written.
    path : path
        Replaced in one step, mode 0600.
    key : Identity
        The party's.
    value : object
        Secret and plain arrays, numbers, text, None, and lists, tuples and str-keyed maps of these.
    name : str
    facts : mapping
        JSON, the same at every party.
    own : mapping, optional
        JSON of this party alone, which stays in its file.

    Returns
    -------
    bytes
        The id, 16 bytes, the same at every party.

    Raises
    ------
    UsageError
        Something in the value cannot be saved, or the path cannot be written.
    ResourceError
        The disk does not take it.
    """
    tree, held, plains = gathered(session, value)
    plain_digest = hashlib.sha256()
    for array in plains:
        plain_digest.update(array.tobytes())
    head = Head(
        name,
        session.name,
        session.parties,
        session.suite,
        session.ring,
        session.fraction,
        dict(facts),
        tree,
        tuple((kind, words.shape) for kind, words in held),
        tuple((array.dtype.str, array.shape) for array in plains),
        plain_digest.hexdigest(),
        dict(own or {}),
    )
    file_id = session.noted("save", head.common())
    if not session.shapeless:
        with replacing(Path(path)) as file:
            _write(file, head, file_id, key, [words for _, words in held], plains)
    return file_id


def gathered(session: Session, value: Any) -> tuple[Any, list[tuple[str, Words]], list[NDArray[Any]]]:
    """What `save` writes of a value: as JSON, this party's shares with their kinds, and the public arrays.

    Runs all that the arrays still wait for, so a forecast of what is saved does it too.
    """
    secrets: list[SecretArray] = []
    plains: list[NDArray[Any]] = []
    tree = taken_apart(value, secrets, plains)
    session.barrier()
    return tree, [session.held(array) for array in secrets], plains


def _write(file: BinaryIO, head: Head, own: bytes, key: Keys, words: list[Words], plains: list[NDArray[Any]]) -> None:
    frames = FrameWriter(file, MAGIC + own)
    head = dataclasses.replace(head, key=frames.key, body=_size(head))
    text = head.to_json()
    nonce = os.urandom(_NONCE)
    sealed = nonce + AESGCM(key.derive(PURPOSE, own)).encrypt(nonce, text, MAGIC + own)
    if len(sealed) > _MAX_HEAD:
        raise UsageError(f"what is to be saved has too many parts: its description takes over {_MAX_HEAD} bytes")
    try:
        file.write(MAGIC + own + len(sealed).to_bytes(_LENGTH, "big") + sealed)
        for plain in plains:
            frames.write(_as_words(plain))
        for one in words:
            frames.write(np.ascontiguousarray(one).reshape(-1).view(np.uint64))
        frames.close()
    except OSError as error:
        raise ResourceError(f"the shares cannot be saved: {error.strerror or error}") from None


def _size(head: Head) -> int:
    """Bytes of the stream that a head describes."""
    secret = sum(math.prod(shape) for _, shape in head.secrets) * head.ring // 8
    return secret + sum(8 * _words_of(dtype, shape) for dtype, shape in head.plains)


def _words_of(dtype: str, shape: Shape) -> int:
    return -(-math.prod(shape) * np.dtype(dtype).itemsize // 8)


def _as_words(plain: NDArray[Any]) -> NDArray[np.uint64]:
    raw = plain.tobytes()
    return np.frombuffer(raw.ljust(-(-len(raw) // 8) * 8, b"\0"), np.uint64)


def taken_apart(value: Any, secrets: list[SecretArray], plains: list[NDArray[Any]]) -> Any:
    """A value as JSON; its secret and public arrays are added to the lists, in whose place JSON has their numbers.

    Raises
    ------
    UsageError
        Something in the value cannot be saved.
    """
    if isinstance(value, SecretArray):
        secrets.append(value)
        return {_SECRET: len(secrets) - 1}
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value, order="C")
        if array.dtype.kind not in "biufSU":
            raise UsageError(f"an array of {array.dtype} cannot be saved: numbers, booleans and text can")
        plains.append(array)
        return {_PLAIN: len(plains) - 1}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return {_LIST if isinstance(value, list) else _TUPLE: [taken_apart(part, secrets, plains) for part in value]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {_MAP: {key: taken_apart(part, secrets, plains) for key, part in value.items()}}
    raise UsageError(
        f"a {type(value).__name__} cannot be saved: arrays, numbers, text, None, and lists, tuples and maps by text can"
    )


def put_together(tree: Any, secrets: list[Any], plains: list[Any]) -> Any:
    """The value that `taken_apart` took apart, of such arrays."""
    if not isinstance(tree, dict):
        return tree
    ((kind, part),) = tree.items()
    if kind == _SECRET:
        return secrets[part]
    if kind == _PLAIN:
        return plains[part]
    if kind == _MAP:
        return {key: put_together(one, secrets, plains) for key, one in part.items()}
    parts = [put_together(one, secrets, plains) for one in part]
    return parts if kind == _LIST else tuple(parts)


# -------------------------------------------------------------------------------------------------------------- reading


class Saved:
    """A file of shares; `open` gives one.

    Attributes
    ----------
    path : Path
    id : bytes
        The same in the files of all parties that belong together.
    head : Head
    """

    def __init__(self, path: Path, own: bytes, head: Head, begin: int) -> None:
        self.path = path
        self.id = own
        self.head = head
        self._begin = begin

    @classmethod
    def open(cls, path: str | os.PathLike[str], key: Keys) -> Self:
        """Read what a file says of itself.

        Raises
        ------
        UsageError
            There is no such file.
        IntegrityError
            It is not one of this party's, or was altered or cut.
        """
        place = Path(path)
        try:
            with open(place, "rb") as file:
                start = file.read(_START)
                length = int.from_bytes(start[-_LENGTH:], "big")
                if len(start) < _START or not start.startswith(MAGIC) or length > _MAX_HEAD:
                    raise IntegrityError(f"{place} holds no shares saved by this version", file=str(place))
                sealed, size = file.read(length), os.fstat(file.fileno()).st_size
        except OSError as error:
            raise UsageError(f"{place} cannot be read: {error.strerror}", file=str(place)) from None
        own = start[len(MAGIC) : len(MAGIC) + ID_BYTES]
        try:
            text = AESGCM(key.derive(PURPOSE, own)).decrypt(sealed[:_NONCE], sealed[_NONCE:], MAGIC + own)
        except (InvalidTag, ValueError):
            raise IntegrityError(
                f"{place} was saved under another key than this party's, or was altered", file=str(place)
            ) from None
        head = Head.from_json(text)
        if size != _START + length + sealed_size(head.body):
            raise IntegrityError(f"{place} was cut or has more than it should", file=str(place))
        return cls(place, own, head, _START + length)

    def load(self, session: Session) -> Any:
        """The saved value, its secret arrays shared anew in this session. All parties load theirs together.

        Raises
        ------
        Mismatch
            It was saved among other parties, or in another ring or with another fraction. That the parties load files
            which do not belong together shows in the next round.
        IntegrityError
            The file was altered.
        """
        head = self.head
        here = {"parties": sorted(session.parties), "ring": session.ring, "fraction": session.fraction}
        there = {"parties": sorted(head.parties), "ring": head.ring, "fraction": head.fraction}
        differing = [what for what in here if here[what] != there[what]]
        if differing:
            raise Mismatch(f"{self.path} was saved in a session of other {', '.join(differing)}", file=str(self.path))
        session.noted("load", self.id)
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(self._begin)
                reader = FrameReader(file, MAGIC + self.id, head.key, head.body)
                plains = [self._plain(reader, dtype, shape) for dtype, shape in head.plains]
                secrets = [self._secret(session, reader, kind, shape) for kind, shape in head.secrets]
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}", file=str(self.path)) from None
        except IntegrityError as error:
            raise IntegrityError(f"{self.path} was altered: {error.reason}", file=str(self.path)) from None
        return put_together(head.tree, secrets, plains)

    def _secret(self, session: Session, reader: FrameReader, kind: str, shape: Shape) -> SecretArray:
        dtype = ring.dtype(session.ring)
        if session.shapeless:
            return session.restored(kind, Spec(shape, dtype))  # type: ignore[arg-type]
        flat = reader.words(math.prod(shape) * session.ring // 64)
        return session.restored(kind, flat.view(dtype).reshape(shape))

    @staticmethod
    def _plain(reader: FrameReader, dtype: str, shape: Shape) -> NDArray[Any]:
        raw = reader.words(_words_of(dtype, shape)).tobytes()
        kind = np.dtype(dtype)
        return np.frombuffer(raw[: math.prod(shape) * kind.itemsize], kind).reshape(shape).copy()
