"""What guest and host of boosted trees say to each other in the SecureBoost way, by Paillier.

Both have the same rows. The guest (rank 0) has labels, columns and the key, and keeps all scores; the host (rank 1) has
columns. The guest's slope g and curvature h of each row are one plaintext, g 2^w + h, whole numbers of public bounds,
with w so wide that no sum of h over the rows reaches it. A tree takes 2 + 2 depth rounds:

    round 1        guest -> host      Enc(g 2^w + h) of every row that the tree reads
    each level     host -> guest      sums by node, column and bin, several to a ciphertext, randomised anew;
                                      and which rows its splits of the level above sent left
                   guest -> host      for each node whose split is best, and of the guest's which rows go left
    last round     host -> guest      which rows its splits of the last level sent left

The host sums the smaller child of every split node, and the guest subtracts that from what it knows of the parent. It
also leaves out a bin of each column, the one with most rows, which is the node's sum less the others.

What one party learns of the other leaves as an output, under the purposes `HISTOGRAMS`, `CHOICES`, `SIDES` and
`ANSWERS`: a session whose list of disclosures lacks them does not train so.

Leaks       `LEAKS`.
Reference   Cheng, Fan, Jin, Liu, Chen, Papadopoulos and Yang (SecureBoost), IEEE Intelligent Systems 36 (2021); Chen,
            Ma, Fan, Kang, Xu and Yang (SecureBoost+), arXiv 2110.10927 (2021): g and h in one plaintext, subtraction,
            several sums to a ciphertext. What is made of it: Weng, Zhang, Ma, Xue, Ji and Zong, arXiv 2011.09290, by
            the guest; Takahashi, Liu and Liu, arXiv 2307.10318, by the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mpcfl import he
from mpcfl.effects import Protocol, Reveal, Round, Send
from mpcfl.errors import InputError
from mpcfl.message import Exposure, Message
from mpcfl.ring import Words

HISTOGRAMS = "sums of slopes and curvatures over the host's bins, node by node"
SIDES = "which rows go left in the host's nodes"
CHOICES = "which of the host's splits is best in each node, and which rows go left in the guest's nodes"
ANSWERS = "which way each row to predict goes in each of the host's nodes"

KEY = Message("secureboost.key", "guest", "host", "words", Exposure.PUBLIC, "the guest's Paillier key")
SLOPES = Message(
    "secureboost.slopes", "guest", "host", "words", Exposure.CIPHERTEXT, "slope and curvature of each row, encrypted"
)
HISTOGRAM = Message("secureboost.histogram", "host", "guest", "words", Exposure.OUTPUT, "sums by node, column and bin")
CHOICE = Message("secureboost.choice", "guest", "host", "words", Exposure.OUTPUT, "splits chosen, and sides of rows")
SIDE = Message("secureboost.side", "host", "guest", "words", Exposure.OUTPUT, "sides of rows in the host's nodes")
ANSWER = Message("secureboost.answer", "host", "guest", "words", Exposure.OUTPUT, "sides of rows to predict")

LEAKS = (
    "The guest sees, for every node of every tree, exact sums of slopes and curvatures over each bin of each of the "
    "host's columns, in the order of the bins. Where all rows have one curvature, as in the first tree, that counts "
    "the rows of each bin; in a node of few rows it shows which of them are in which bin, and a guest that chooses the "
    "low digits of slopes for that can read it from all.",
    "The guest sees which rows the host's splits send left, in training and for every row predicted, in all of the "
    "host's nodes.",
    "The host sees which rows are in each node of each tree, those of the guest's splits included, which nodes are "
    "split and by whom. Rows that end in one leaf tend to have one label: who knows the labels of a few can guess "
    "those of the others.",
    "The host sees which of its splits are chosen; it sees neither leaves nor scores, slopes nor labels otherwise.",
    "All see numbers of rows, columns and bins, the fullest bin of each of the host's columns, and all parameters.",
)

INTEGER = np.dtype(np.int64)
WORD = 64
GUESTS, HOSTS = 1, 2
"""In a choice: whose split it is; 0 for none."""
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """How slopes and curvatures share a plaintext.

    Parameters
    ----------
    slope, curvature : int
        Bounds on the absolute value of one row's, as whole numbers; curvatures are at least 0.
    rows : int
        Most that are added up.
    """

    slope: int
    curvature: int
    rows: int

    @property
    def width(self) -> int:
        """Bits of the curvatures' slot, the lower one."""
        return (self.curvature * self.rows).bit_length()

    @property
    def bound(self) -> int:
        """On the plaintext of one row."""
        return (self.slope << self.width) + self.curvature

    def joined(self, slopes: NDArray[np.int64], curvatures: NDArray[np.int64]) -> he.Plain:
        """The plaintexts of rows.

        Raises
        ------
        InputError
            A number is beyond its bound.
        """
        if (np.abs(slopes) > self.slope).any() or (curvatures < 0).any() or (curvatures > self.curvature).any():
            raise InputError("a slope or curvature is beyond its public bound: bring targets nearer to 0, or raise it")
        return he.Plain((slopes.astype(object) << self.width) + curvatures.astype(object), 0, self.bound, INTEGER)

    def parted(self, sums: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sums of slopes and of curvatures, from sums of plaintexts."""
        return (sums >> self.width).astype(np.int64), (sums & ((1 << self.width) - 1)).astype(np.int64)


class Choice(NamedTuple):
    """What the guest tells of a level's nodes.

    Attributes
    ----------
    whose : ndarray of int, shape (nodes,)
        0, `GUESTS` or `HOSTS`.
    columns, places : ndarray of int, shape (nodes,)
        The host's column that splits a node of its, and which of that column's splits.
    left : ndarray of bool, shape (rows,)
        Rows that go left in the guest's nodes.
    """

    whose: NDArray[np.int64]
    columns: NDArray[np.int64]
    places: NDArray[np.int64]
    left: Flags


def told_key(rank: int, key: he.PublicKey | None, bits: int, insecure: bool) -> Protocol:
    """The guest's key, told the host: one round."""
    own = np.zeros(-(-bits // WORD), np.uint64) if key is None else key.to_words()
    words = yield Send(KEY, 0, 1, own)
    return key if rank == 0 else he.PublicKey.of_words(words, insecure=insecure)


def told_slopes(key: he.PublicKey, cells: Cells, rows: int, encrypted: he.PaillierArray | None) -> Protocol:
    """The guest's encrypted slopes and curvatures of so many rows, told the host: one round."""
    own = np.zeros(he.PaillierArray.words(key, (rows,)), np.uint64) if encrypted is None else encrypted.to_words()
    words = yield Send(SLOPES, 0, 1, own)
    return he.PaillierArray.of_words(key, words, (rows,), 0, cells.bound, INTEGER) if encrypted is None else encrypted


def told_sums(
    key: he.PublicKey, cells: Cells, shape: tuple[int, int], rows: int, sums: he.PaillierArray | None, left: Flags
) -> Protocol:
    """A level's sums over the host's bins and what its splits above sent left, told the guest: one round.

    Parameters
    ----------
    shape : tuple of int
        Nodes and bins that are summed; without either there are no sums, and without `rows` no sides.
    rows : int
    sums : PaillierArray or None
        The host's.
    left : ndarray of bool, shape (rows,)
        The host's.

    Returns
    -------
    packed : Packed or None
        The sums, at the guest.
    left : ndarray of bool or None
        At the guest.
    """
    bound, size = cells.bound * cells.rows, shape[0] * shape[1]
    effects = []
    if size:
        words = np.zeros(he.Packed.words(key, size, bound), np.uint64) if sums is None else _packed(sums, bound)
        effects.append(Reveal(HISTOGRAM, words, (0,), HISTOGRAMS))
    if rows:
        effects.append(Reveal(SIDE, packed_flags(left), (0,), SIDES))
    told: Any = (yield Round(tuple(effects))) if effects else []
    if all(one is None for one in told):
        return None, None
    sides = flags(told[-1], rows) if rows else None
    return (he.Packed.of_words(key, told[0], shape, 0, bound, INTEGER) if size else None), sides


def _packed(sums: he.PaillierArray, bound: int) -> Words:
    """The words of sums, whose bound is raised to that over all rows: its slots show how many there are."""
    return he.PaillierArray.of(sums.key, sums.ciphertexts, sums.shape, 0, bound, INTEGER).packed().to_words()


def told_choice(nodes: int, rows: int, choice: Choice | None) -> Protocol:
    """The guest's `Choice` for so many nodes, told the host: one round."""
    words = np.zeros(nodes + -(-rows // WORD), np.uint64)
    if choice is not None:
        words[:nodes] = (choice.whose | choice.columns << 2 | choice.places << 32).view(np.uint64)
        words[nodes:] = packed_flags(choice.left)
    told = yield Reveal(CHOICE, words, (1,), CHOICES)
    if told is None:
        return choice
    codes = told[:nodes].view(np.int64)
    return Choice(codes & 3, codes >> 2 & ((1 << 30) - 1), codes >> 32, flags(told[nodes:], rows))


def told_answers(count: int, answers: Flags | None) -> Protocol:
    """Which way rows go in the host's nodes, told the guest, who has them as flags: one round."""
    words = np.zeros(-(-count // WORD), np.uint64) if answers is None else packed_flags(answers)
    told = yield Reveal(ANSWER, words, (0,), ANSWERS)
    return None if told is None else flags(told, count)


def packed_flags(values: Flags) -> Words:
    """Flags, 64 to a word."""
    size = -(-values.size // WORD) * WORD
    padded = np.zeros(size, np.bool_)
    padded[: values.size] = values.reshape(-1)
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def flags(words: Words, count: int) -> Flags:
    """So many flags of `packed_flags`."""
    octets = words.astype("<u8").view(np.uint8)
    return np.unpackbits(octets, count=count, bitorder="little").astype(np.bool_)
