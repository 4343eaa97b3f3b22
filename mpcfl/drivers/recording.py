"""How a frame enters the ledger: one entry a declared message, the same at both ends."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TypeAlias

from mpcfl.ledger import Direction, Ledger
from mpcfl.message import Message
from mpcfl.ring import Shape
from mpcfl.stream import Frame, Sealed

Said: TypeAlias = tuple[Message, str, Shape]
"""A message, its purpose, and the shape of its payload in words (in bytes for a message of bytes)."""


def record(
    ledger: Ledger,
    direction: Direction,
    peer: str,
    said: Sequence[Said],
    frame: Frame | Sealed,
    round_: int,
    op: int,
) -> None:
    """Record the messages of one frame; what sealing and headers add to the payloads is counted with the first."""
    widths = [1 if message.payload == "bytes" else 8 for message, _, _ in said]
    sizes = [width * math.prod(shape) for width, (_, _, shape) in zip(widths, said, strict=True)]
    extra, now, digest = frame.wire_bytes - sum(sizes), round(time.time(), 6), frame.digest.hex()
    for (message, purpose, shape), width, size in zip(said, widths, sizes, strict=True):
        ledger.record(
            message,
            direction=direction,
            peer=peer,
            epoch=frame.epoch,
            round=round_,
            op=op,
            seq=frame.seq,
            dtype="uint8" if width == 1 else "uint64",
            shape=shape,
            payload_bytes=size,
            wire_bytes=size + extra,
            digest=digest,
            time=now,
            purpose=purpose,
        )
        extra = 0
