"""How a frame enters the ledger: one entry a declared message, the same at both ends."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from mpcfl import ring
from mpcfl.ledger import Direction, Ledger, Said
from mpcfl.message import Message
from mpcfl.ring import Shape
from mpcfl.stream import Frame, Sealed

Payload: TypeAlias = tuple[Message, str, Shape, np.dtype[Any]]
"""A message, its purpose, and the shape and dtype of its payload."""


def record(
    ledger: Ledger,
    direction: Direction,
    peer: str,
    payloads: Sequence[Payload],
    frame: Frame | Sealed,
    round_: int,
    op: int,
) -> None:
    """Record the messages of one frame; what sealing and headers add to the payloads is counted with the first."""
    sizes = [dtype.itemsize * math.prod(shape) for _, _, shape, dtype in payloads]
    extra, said = frame.wire_bytes - sum(sizes), []
    for (message, purpose, shape, dtype), size in zip(payloads, sizes, strict=True):
        said.append(Said(message, purpose, ring.name(dtype), shape, size, size + extra))
        extra = 0
    now, digest = round(time.time(), 6), frame.digest.hex()
    ledger.record_frame(said, direction, peer, frame.epoch, round_, op, frame.seq, digest, now)
