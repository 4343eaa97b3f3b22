"""How a frame enters the ledger: one entry a declared message, the same at both ends."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from mpcfl import ring
from mpcfl.ledger import Direction, Ledger
from mpcfl.message import Message
from mpcfl.ring import Shape
from mpcfl.stream import Frame, Sealed

Said: TypeAlias = tuple[Message, str, Shape, np.dtype[Any]]
"""A message, its purpose, and the shape and dtype of its payload."""


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
    sizes = [dtype.itemsize * math.prod(shape) for _, _, shape, dtype in said]
    extra, now, digest = frame.wire_bytes - sum(sizes), round(time.time(), 6), frame.digest.hex()
    for (message, purpose, shape, dtype), size in zip(said, sizes, strict=True):
        ledger.record(
            message,
            direction=direction,
            peer=peer,
            epoch=frame.epoch,
            round=round_,
            op=op,
            seq=frame.seq,
            dtype=ring.name(dtype),
            shape=shape,
            payload_bytes=size,
            wire_bytes=size + extra,
            digest=digest,
            time=now,
            purpose=purpose,
        )
        extra = 0
