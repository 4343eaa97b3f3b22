"""Additive sharing over Z_2^64: input, private input and output, for two or more parties.

An owner's input needs no bytes: every other party expands its share from a seed that it has with the owner, and the
owner keeps x less all of these. Only where the shape is not agreed beforehand does the owner announce it (public). An
operand private to its owner is not shared at all: the owner holds x, the others zero, and what leaves the owner is
masked by the first product.

An output is sent as shares to its readers. Before that every party adds its part of a fresh sharing of zero, made from
pairwise seeds without communication, so the shares that a reader sees are uniform subject to their sum: they tell the
output and no more.

Realises    input and output against any n - 1 semi-honest parties. Simulator of an output: uniform shares that add up
            to it.
Reference   Cramer, Damgard and Nielsen, "Secure Multiparty Computation and Secret Sharing", 2015, chapter 3; zero
            sharing by pairwise seeds: Cramer, Damgard and Ishai, TCC 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol, Reveal, Send
from mpcfl.errors import InputError, ProtocolViolation
from mpcfl.message import Exposure, Message
from mpcfl.ring import Shape, Words

SHAPE = Message("additive.shape", "owner", "party", "words", Exposure.PUBLIC, "type and shape of an input")
PUBLIC = Message(
    "additive.public", "owner", "party", "words", Exposure.PUBLIC, "numbers about the program that a party tells all"
)
OUTPUT = Message(
    "additive.output", "party", "reader", "words", Exposure.OUTPUT, "share of a result, re-randomised by zero"
)

MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 33


def announce(owner: int, kind: int, shape: Shape | None) -> Protocol:
    """The owner's (kind, shape), told to all: one round of ten words."""
    if shape is not None and len(shape) > MAX_DIMENSIONS:
        raise InputError(f"an input has {len(shape)} dimensions; at most {MAX_DIMENSIONS} can be shared")
    header = np.zeros(2 + MAX_DIMENSIONS, np.uint64)
    if shape is not None:
        header[:2] = kind, len(shape)
        header[2 : 2 + len(shape)] = shape
    told: Any = yield Send(SHAPE, owner, None, header)
    if told[1] > MAX_DIMENSIONS:
        raise ProtocolViolation("an announced shape has too many dimensions")
    dimensions = tuple(int(n) for n in told[2 : 2 + int(told[1])])
    if np.prod([float(n) for n in dimensions]) > MAX_ELEMENTS:
        raise ProtocolViolation("an announced shape has too many elements")
    return int(told[0]), dimensions


def tell(owner: int, numbers: Sequence[int] | None, count: int) -> Protocol:
    """So many public numbers of 0 to 2^64 - 1 of the owner's, told to all: one round."""
    words = np.zeros(count, np.uint64)
    if numbers is not None:
        words[:] = numbers
    told: Any = yield Send(PUBLIC, owner, None, words)
    return tuple(told.tolist())


def reveal(words: Words, to: tuple[int, ...], purpose: str) -> Protocol:
    """The sum of all shares at the ranks in `to`, None elsewhere: one round."""
    return (yield Reveal(OUTPUT, ring.reshape(words, words.shape), to, purpose))
