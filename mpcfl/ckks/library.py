"""TenSEAL, through which Microsoft SEAL computes: an extra that need not be installed, and what it writes and reads.

This is the one module that imports it. SEAL's objects are written to and read from paths alone; here those are files in
memory where the system has them.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from mpcfl.errors import IntegrityError, UsageError

if INSTALLED := find_spec("tenseal") is not None:  # the extra `he`
    from tenseal import sealapi

_FAULTS = (ValueError, RuntimeError, IndexError)
"""What SEAL's exceptions become."""


def library() -> Any:
    """SEAL's functions.

    Raises
    ------
    UsageError
        TenSEAL is not installed.
    """
    if not INSTALLED:
        raise UsageError('CKKS needs TenSEAL, which is not installed: pip install "mpcfl[he]"')
    return sealapi


@functools.cache
def moduli(degree: int, bits: tuple[int, ...]) -> tuple[int, ...]:
    """The primes of a chain: SEAL takes the largest of each size that suit the degree."""
    return tuple(int(one.value()) for one in library().CoeffModulus.Create(degree, list(bits)))


@functools.cache
def context(degree: int, bits: tuple[int, ...]) -> Any:
    """SEAL's tables for a ring, which it refuses to make below 128 bits of security.

    Raises
    ------
    UsageError
        SEAL does not take these parameters.
    """
    seal = library()
    asked = seal.EncryptionParameters(seal.SCHEME_TYPE.CKKS)
    asked.set_poly_modulus_degree(degree)
    asked.set_coeff_modulus(seal.CoeffModulus.Create(degree, list(bits)))
    made = seal.SEALContext(asked, True, seal.SEC_LEVEL_TYPE.TC128)
    if not made.parameters_set():
        raise UsageError(
            f"SEAL refuses a ring of degree {degree} with {sum(bits)} bits: {made.parameters_error_name()}"
        )
    return made


@functools.cache
def parms_ids(degree: int, bits: tuple[int, ...]) -> dict[int, Sequence[int]]:
    """How SEAL names the moduli of a ciphertext, by how many primes it has."""
    names, data = {}, context(degree, bits).first_context_data()
    while data is not None:
        names[len(data.parms().coeff_modulus())] = data.parms_id()
        data = data.next_context_data()
    return names


def written(item: Any) -> bytes:
    """What SEAL writes of a public object."""
    data: bytes = _through_file(item.save, None)
    return data


def read(item: Any, degree: int, bits: tuple[int, ...], data: bytes) -> Any:
    """Fill an object with what `written` gave, which SEAL checks against the ring.

    Raises
    ------
    IntegrityError
        That is no such object.
    """
    made = context(degree, bits)
    try:
        _through_file(lambda path: item.load(made, path), data)
    except _FAULTS:
        raise IntegrityError("what has come is no ciphertext or key of this ring: it was altered on its way") from None
    return item


def _through_file(call: Callable[[str], Any], data: bytes | None) -> bytes:
    """Let `call` read a file with some data, or write one, whose contents are the result."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryDirectory(prefix="mpcfl-") as folder:
            return _called(call, os.path.join(folder, "data"), data)
    handle = os.memfd_create("mpcfl")
    try:
        return _called(call, f"/proc/self/fd/{handle}", data)
    finally:
        os.close(handle)


def _called(call: Callable[[str], Any], path: str, data: bytes | None) -> bytes:
    if data is not None:
        with open(path, "wb") as file:
            file.write(data)
    call(path)
    if data is not None:
        return b""
    with open(path, "rb") as file:
        return file.read()
