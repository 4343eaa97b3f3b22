"""Programs on CKKS arrays: planned before they run, and their inputs and results on the way between parties.

plan       what a program needs of a key, and what its result is, from what is public
evaluate   the program, after it was planned: one that runs out of levels or room is refused before it computes
to_words, of_words
           an array as it crosses a link; what was computed is sanitised first
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mpcfl.ckks.array import CkksArray
from mpcfl.ckks.keys import PublicKey
from mpcfl.ckks.library import written
from mpcfl.ckks.planning import Program, plan
from mpcfl.ckks.wire import array_words, from_words, stamp
from mpcfl.ckks.wire import to_words as joined
from mpcfl.errors import IntegrityError, Mismatch


def evaluate(program: Program, *arrays: CkksArray) -> CkksArray:
    """Run a program on encrypted arrays, once it is known to have levels and room enough."""
    plan(program, *arrays)
    return program(*arrays)


def to_words(key: PublicKey, array: CkksArray) -> NDArray[np.uint64]:
    """One word for key, shape, packing and level, then the ciphertexts, sanitised first if they were computed.

    Raises
    ------
    Mismatch
        The array is encrypted under another key.
    """
    if array.machine.fingerprint != key.fingerprint:
        raise Mismatch("the array is encrypted under another key than the one it is to be sent for")
    leaving = array if array.fresh else array.sanitised()
    words = joined([written(cell) for cell in leaving.cells], array_length(leaving) - 1)
    return np.concatenate([np.array([_stamp(key, leaving)], np.uint64), words])


def array_length(array: CkksArray) -> int:
    """How many words `to_words` gives of an array or of its sketch."""
    return array_words(array.parameters, array.level, len(array.cells), array.seeded)


def of_words(key: PublicKey, words: NDArray[np.uint64], told: CkksArray) -> CkksArray:
    """The array of `to_words`.

    Parameters
    ----------
    key : PublicKey
        Under which it is encrypted.
    words : ndarray of uint64
    told : CkksArray
        A sketch of it, by the same program.

    Raises
    ------
    Mismatch
        It is of another key, shape, packing or level.
    IntegrityError
        What is there are no ciphertexts of that level.
    """
    if words.size != array_length(told):
        raise IntegrityError("encrypted numbers of another size than told have come")
    if int(words[0]) != _stamp(key, told):
        raise Mismatch("encrypted numbers of another key, shape, packing or level than told have come")
    machine, of = key.machine, told.parameters
    cells = [machine.read(data) for data in from_words(words[1:], len(told.cells))]
    for cell in cells:
        if (cell.size(), cell.coeff_modulus_size(), cell.scale) != (2, of.kept(told.level), of.scale(told.level)):
            raise IntegrityError("a ciphertext of another level or scale than told has come")
        if cell.is_transparent():
            raise IntegrityError("a ciphertext is not encrypted at all: it would show its numbers to anyone")
    return CkksArray(machine, cells, told.shape, told.layout, told.level, told.bound, told.error)


def _stamp(key: PublicKey, array: CkksArray) -> int:
    of = array.parameters
    return stamp(key.fingerprint, of.degree, of.bits, array.shape, array.layout, array.level)
