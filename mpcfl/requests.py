"""How a party names to the dealer the correlations that it will draw: encoding and strict decoding, no input or output.

A request is a msgpack list: the family, then the correlation's parameters in the order of its dataclass. A view of
masks is written as the steps that make it; its shape is computed anew by the reader, never trusted.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import operator
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

import msgpack
import numpy as np
from numpy.typing import NDArray

from mpcfl import view
from mpcfl.correlation import Correlation, Leaf
from mpcfl.errors import ProtocolViolation
from mpcfl.message import Exposure, Message
from mpcfl.ring import GROUPS, Shape
from mpcfl.view import View

REQUEST = Message(
    "dealer.request", "party", "dealer", "bytes", Exposure.PUBLIC, "names and shapes of the correlations to come"
)
CORRECTION = Message(
    "dealer.correction", "dealer", "party", "words", Exposure.SHARE, "the last party's shares of what seeds cannot give"
)
TAPE = Message(
    "dealer.tape",
    "party",
    "dealer",
    "bytes",
    Exposure.PUBLIC,
    "id, place and digest of a tape, to register it or use it",
)
REGISTER = Message(
    "dealer.register", "dealer", "party", "bytes", Exposure.PUBLIC, "the dealer has registered the tape, or its use"
)

SEED, TAPE_SEED = "correlations", "correlations of a tape"
"""Purposes of the secrets of a party and the dealer from which the party's stream is keyed: live, and on a tape."""
REQUESTS, CORRECTIONS, ALIVE, END = "requests", "corrections", "alive", "end"
"""Kinds of frames between a party and the dealer, beside those of `TAPE` and `REGISTER`."""
TERM, RECORD = "tape", "record"
"""The term of a handshake that says that a tape is recorded (with this value), or which one serves the session."""

MAX_ELEMENTS = 1 << 33
MAX_REQUEST = 1 << 28
RECENT_VIEWS = 8
_WRITTEN = "request"
_LEAF = operator.attrgetter(*(field.name for field in dataclasses.fields(Leaf)))
INTEGER_BYTES = 17
"""Of an element of Z_2^128 with its sign."""
_INDEX_TYPES: dict[str, np.dtype[Any]] = {"i4": np.dtype("<i4"), "i8": np.dtype("<i8"), "b1": np.dtype("?")}


def encode(correlation: Correlation) -> bytes:
    """The request for a correlation."""
    values = [_value(getattr(correlation, name)) for name in _parameters(cast("Any", type(correlation)))]
    return cast("bytes", msgpack.packb([correlation.family, *values]))


@functools.cache
def _parameters(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


class Recent:
    """Gathers that were named lately: a product of the same rows finds what was made of them before."""

    def __init__(self) -> None:
        self._views: OrderedDict[bytes, View[Leaf]] = OrderedDict()

    def known(self, parts: list[Any]) -> View[Leaf]:
        """The view of an encoding: the one of before, if it was named lately."""
        key = hashlib.blake2b(cast("bytes", msgpack.packb(parts)), digest_size=16).digest()
        found = self._views.pop(key, None)
        self._views[key] = view_ = _made_view(parts, self) if found is None else found
        if len(self._views) > RECENT_VIEWS:
            self._views.popitem(last=False)
        return view_


def digest(request: bytes) -> bytes:
    """16 bytes that stand for a request."""
    return hashlib.blake2b(request, digest_size=16).digest()


def decode(request: bytes, families: Mapping[str, type[Correlation]], recent: Recent | None = None) -> Correlation:
    """The correlation of a request.

    Raises
    ------
    ProtocolViolation
        The request is malformed, of an unknown family, or larger than any honest one.
    """
    try:
        parts = msgpack.unpackb(request, max_ext_len=0, strict_map_key=True, use_list=True)
        family, *values = parts
        kind = families[family]
        if len(values) != len(_parameters(cast("Any", kind))):
            raise ValueError("wrong number of parameters")
        correlation = kind(*(_parsed(value, recent) for value in values))
        if not all(_sized(f.shape) for f in correlation.tensors):
            raise ValueError("too large")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, msgpack.UnpackException) as error:
        raise ProtocolViolation(f"a request for correlations is malformed ({type(error).__name__})") from None
    return correlation


def _value(value: Any) -> Any:
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is View:
        return {"view": _view(value)}
    if isinstance(value, tuple):
        return [_value(part) for part in value]
    return _number(value) if isinstance(value, int) else value


def _number(value: int) -> Any:
    """An integer, which msgpack writes up to 64 bits."""
    return value if abs(value) < 1 << 63 else {"integer": value.to_bytes(INTEGER_BYTES, "big", signed=True)}


def _view(one: View[Leaf]) -> list[Any]:
    if one.operation == "leaf":
        return ["leaf", *_LEAF(one.argument)]
    sources = [_view(source) for source in one.sources]
    if one.operation != "take":
        return [one.operation, _value(one.argument), sources]
    if _WRITTEN not in one.memo:  # an array of rows: it is named again by every product of these rows
        one.memo[_WRITTEN] = _index(one.argument)
    return [one.operation, one.memo[_WRITTEN], sources]


def _sized(shape: Shape) -> bool:
    """Whether a shape is one, and no larger than any honest one."""
    return min(shape, default=0) >= 0 and math.prod(shape) <= MAX_ELEMENTS


def _readable(leaf: Leaf) -> bool:
    """Whether fewer bits are read as zeros than an element has; of packed bits none."""
    return 0 <= leaf.low < (1 if leaf.group == "bits" else 8 * GROUPS[leaf.group].itemsize)


def _index(index: Any) -> Any:
    if isinstance(index, tuple):
        return {"tuple": [_index(part) for part in index]}
    if isinstance(index, slice):
        return {"slice": [None if n is None else int(n) for n in (index.start, index.stop, index.step)]}
    if index is None:
        return {"axis": True}
    if index is Ellipsis:
        return {"rest": True}
    if isinstance(index, int | np.integer):
        return int(index)
    array = np.asarray(index)
    small = array.size == 0 or max(int(array.max()), -int(array.min())) < 1 << 31
    code = "b1" if array.dtype == np.bool_ else "i4" if small else "i8"
    return {"array": [code, list(array.shape), array.astype(_INDEX_TYPES[code]).tobytes()]}


def _parsed(value: Any, recent: Recent | None) -> Any:
    if isinstance(value, dict):
        return _parsed_number(value) if "integer" in value else _parsed_view(value["view"], recent)
    if isinstance(value, list):
        return tuple(_parsed(part, recent) for part in value)
    return value


def _parsed_view(parts: list[Any], recent: Recent | None) -> View[Leaf]:
    gathers = parts[0] in ("concatenate", "sum") or (
        parts[0] == "take" and isinstance(parts[1], dict) and "array" in parts[1]
    )
    return _made_view(parts, recent) if recent is None or not gathers else recent.known(parts)


def _parsed_number(value: Any) -> int:
    if not isinstance(value, dict):
        return int(value)
    data = value["integer"]
    if len(data) != INTEGER_BYTES:
        raise ValueError("an integer of another size")
    return int.from_bytes(data, "big", signed=True)


def _made_view(parts: list[Any], recent: Recent | None) -> View[Leaf]:
    operation = parts[0]
    if operation == "leaf":
        draw, place, shape, group, owner, bits, low = parts[1:]
        leaf = Leaf(int(draw), int(place), tuple(int(n) for n in shape), str(group), owner, bits, int(low))
        if leaf.draw < 0 or leaf.group not in GROUPS or not _sized(leaf.shape) or not _readable(leaf):
            raise ValueError("bad leaf")
        return View.leaf(leaf, leaf.shape if bits is None else (int(bits),))
    _, argument, sources = parts
    inner = [_parsed_view(source, recent) for source in sources]
    if operation == "concatenate":
        return view.concatenate(inner, int(argument))
    if operation == "sum":
        first, second = inner
        if first.shape != second.shape:
            raise ValueError("a sum of two shapes")
        return view.add(first, second)
    (source,) = inner
    if operation == "take":
        return view.take(source, _parsed_index(argument))
    if operation == "transpose":
        return view.transpose(source, tuple(int(axis) for axis in argument))
    if operation == "scale":
        return view.scale(source, _parsed_number(argument))
    shape = tuple(int(n) for n in argument)
    if not _sized(shape):
        raise ValueError("bad shape")
    if operation == "reshape" and math.prod(shape) == math.prod(source.shape):
        return view.reshape(source, shape)
    if operation == "broadcast" and np.broadcast_shapes(source.shape, shape) == shape:
        return view.broadcast(source, shape)
    raise ValueError("unknown operation")


def _parsed_index(index: Any) -> Any:
    if isinstance(index, int):
        return index
    ((kind, value),) = index.items()
    if kind == "tuple":
        return tuple(_parsed_index(part) for part in value)
    if kind == "slice":
        return slice(*value)
    if kind == "array":
        code, shape, data = value
        array: NDArray[Any] = np.frombuffer(data, _INDEX_TYPES[code]).reshape([int(n) for n in shape])
        return array
    return {"axis": None, "rest": Ellipsis}[kind]


def pack(requests: list[bytes]) -> bytes:
    """Several requests as the body of one frame."""
    return cast("bytes", msgpack.packb(requests))


def unpack(body: bytes) -> list[bytes]:
    """The requests of a frame's body.

    Raises
    ------
    ProtocolViolation
        It is no list of byte strings.
    """
    try:
        requests = msgpack.unpackb(body, max_ext_len=0, max_bin_len=MAX_REQUEST)
    except (ValueError, msgpack.UnpackException):
        requests = None
    if not isinstance(requests, list) or not all(isinstance(request, bytes) for request in requests):
        raise ProtocolViolation("a frame of requests for correlations is malformed")
    return requests
