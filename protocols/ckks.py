"""A program on CKKS arrays between two parties: one has the numbers and the key, the other the program's operands.

    once        holder -> other    the public key, made for what the program needs
    round 1     holder -> other    its numbers, encrypted
    round 2     other -> holder    the result, sanitised

Both plan the program on sketches (`mpcfl.ckks.plan`): the holder from the public bounds of operands that it does not
have. So each knows beforehand how many words come, and what the result's error is.

Realises    the program's output to the holder against semi-honest parties: the other sees ciphertexts (ring learning
            with errors); the holder the output with noise that parameters with flooding hide up to 2^-flood a
            ciphertext. Without flooding the noise shows something of the operands. See `mpcfl.ckks.LEAKS`.
Reference   Cheon, Kim, Kim and Song, ASIACRYPT 2017; Gilad-Bachrach et al. (CryptoNets), ICML 2016, for networks. What
            noise shows, and to whom: Li and Micciancio, EUROCRYPT 2021; Kluczniak and Santato, ePrint 2023/301.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcfl import ckks
from mpcfl.ckks.planning import Program
from mpcfl.effects import Protocol, Send
from mpcfl.errors import UsageError
from mpcfl.message import Exposure, Message

KEY = Message("ckks.key", "party", "party", "words", Exposure.PUBLIC, "the public part of a CKKS key")
INPUT = Message("ckks.input", "party", "party", "words", Exposure.CIPHERTEXT, "numbers under their holder's key")
RESULT = Message("ckks.result", "party", "party", "words", Exposure.CIPHERTEXT, "a result under its reader's key")


def exchange(rank: int, holder: int, plan: ckks.Plan, secret: ckks.SecretKey | None) -> Protocol:
    """The holder's public key, at both parties: one round.

    Parameters
    ----------
    rank, holder : int
        Of this party, and of the one that gives `secret`.
    plan : Plan
        What the key must do.
    secret : SecretKey or None

    Raises
    ------
    UsageError
        The holder gives no key for this plan.
    """
    words = np.zeros(ckks.PublicKey.words(plan.parameters, plan.steps, plan.products), np.uint64)
    if rank == holder:
        if secret is None or not secret.public.serves(plan):
            raise UsageError("the holder of a CKKS key gives one that was made for the program's plan")
        words = secret.public.to_words()
    told = yield Send(KEY, holder, 1 - holder, words)
    if secret is not None and rank == holder:
        return secret.public
    return ckks.PublicKey.of_words(told, plan.parameters, plan.steps, plan.products)


def evaluated(
    rank: int,
    holder: int,
    key: ckks.PublicKey,
    program: Program,
    told: ckks.CkksArray,
    plan: ckks.Plan,
    secret: ckks.SecretKey | None = None,
    values: ArrayLike | None = None,
) -> Protocol:
    """The program of the holder's numbers, at the holder; None at the other: two rounds.

    Parameters
    ----------
    rank, holder : int
        Of this party, and of the one that gives `secret` and `values`.
    key : PublicKey
        As of `exchange`.
    program : callable
        Of a CKKS array, to one; the holder's is not called.
    told : CkksArray
        The sketch of the numbers.
    plan : Plan
        Of the program for that sketch.
    secret : SecretKey or None
    values : array_like or None
    """
    own = np.zeros(ckks.array_length(told), np.uint64)
    if secret is not None:
        assert values is not None
        own = ckks.to_words(key, secret.encrypt(values, told.bound, told.packing if told.ndim == 2 else None))
    words = yield Send(INPUT, holder, 1 - holder, own)
    back = np.zeros(ckks.array_length(plan.result), np.uint64)
    if rank != holder:
        back = ckks.to_words(key, ckks.evaluate(program, ckks.of_words(key, words, told)))
    words = yield Send(RESULT, 1 - holder, holder, back)
    if secret is None:
        return None
    result: NDArray[np.float64] = secret.decrypt(ckks.of_words(key, words, plan.result))
    return result
