"""What may cross the boundary of a party: every message is declared once, as data.

The static table of these constants is what can ever be said; the ledger is what was said.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Exposure(enum.Enum):
    """What a reader of the message's plaintext learns."""

    SHARE = "share"
    """One share of a value: uniform to its reader."""
    MASKED = "masked"
    """A difference opened under a fresh uniform mask: uniform to all."""
    CIPHERTEXT = "ciphertext"
    """An encryption under a key that its reader does not hold."""
    PUBLIC = "public"
    """A shape, a size, a request for correlations: nothing of the data."""
    OUTPUT = "output"
    """A result, disclosed on purpose; must be on the agreed list."""


@dataclass(frozen=True)
class Message:
    """One declared message.

    Parameters
    ----------
    name : str
        Unique, prefixed by its protocol: "beaver.operand".
    sender, receiver : str
        Roles: "party", "owner", "dealer", "reader".
    payload : str
        "words" (elements of the ring), "bits" (64 to a word), "bytes".
    exposure : Exposure
    purpose : str
        One sentence for an auditor.
    """

    name: str
    sender: str
    receiver: str
    payload: str
    exposure: Exposure
    purpose: str
