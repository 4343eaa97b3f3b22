"""CKKS keys: the public part encrypts and computes, the secret part decrypts and never leaves its process.

A public key is an encryption key, and keys that switch a ciphertext back to the secret key after a product of two and
after each rotation that a program needs. `mpcfl.ckks.plan` tells which those are, so no others are made or sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcfl.ckks.array import CkksArray
from mpcfl.ckks.inputs import fresh, placed
from mpcfl.ckks.library import context, library, read, written
from mpcfl.ckks.machine import GENERATOR, Seal
from mpcfl.ckks.packing import Name
from mpcfl.ckks.parameters import Parameters
from mpcfl.ckks.planning import Plan
from mpcfl.ckks.wire import from_words, key_words, to_words
from mpcfl.errors import InputError, IntegrityError, Mismatch

TOLD_BITS = 40
"""A ciphertext whose numbers are told is as close as 2^-40 to one without the key's noise."""


class PublicKey:
    """What encrypts and computes; it can go to anyone.

    Attributes
    ----------
    parameters : Parameters
    machine : Seal
        Computes with its keys.
    steps : tuple of int
        Rotations that it has keys for.
    products : bool
        Whether two ciphertexts can be multiplied.
    fingerprint : int
        64 bits that stand for it.
    """

    def __init__(self, parameters: Parameters, steps: tuple[int, ...], products: bool, parts: list[bytes]) -> None:
        seal, degree, bits = library(), parameters.degree, parameters.bits
        self.parameters, self.steps, self.products = parameters, steps, products
        self._parts = parts
        rest = iter(parts)
        encryption = read(seal.PublicKey(), degree, bits, next(rest))
        relinearisation = read(seal.RelinKeys(), degree, bits, next(rest)) if products else None
        galois = read(seal.GaloisKeys(), degree, bits, next(rest)) if steps else None
        if galois is not None and not all(galois.has_key(one) for one in _elements(parameters, steps)):
            raise IntegrityError("a CKKS key has come without the rotations that it was to have")
        digest = hashlib.blake2b(b"".join(parts), digest_size=8, person=b"ckks").digest()
        self.fingerprint = int.from_bytes(digest, "little")
        self.machine = Seal(parameters, encryption, relinearisation, galois, self.fingerprint)

    def encrypt(self, values: ArrayLike, limit: float, packing: Name | None = None) -> CkksArray:
        """Encrypt a vector or matrix.

        Parameters
        ----------
        values : array_like
        limit : float
            No number is larger in absolute value; public.
        packing : str, optional
            As of `mpcfl.ckks.sketch`.

        Raises
        ------
        InputError
            A number is NaN, infinite or beyond the limit, or the shape is no one's.
        """
        of = self.parameters
        slots, shape = _slots(of, values, limit, packing)
        cells = [self.machine.encrypted(one, of.depth) for one in slots]
        return fresh(self.machine, cells, shape, limit, packing, symmetric=False)

    def serves(self, plan: Plan) -> bool:
        """Whether it has the keys that a program needs."""
        return (
            self.parameters == plan.parameters and set(plan.steps) <= set(self.steps) and plan.products <= self.products
        )

    def to_words(self) -> NDArray[np.uint64]:
        """The key as 64-bit words, as many as `words` says."""
        return to_words(self._parts, PublicKey.words(self.parameters, self.steps, self.products))

    @staticmethod
    def words(parameters: Parameters, steps: Iterable[int], products: bool) -> int:
        """How many words `to_words` gives."""
        return key_words(parameters, len(set(steps)), products)

    @staticmethod
    def of_words(words: NDArray[np.uint64], parameters: Parameters, steps: Iterable[int], products: bool) -> PublicKey:
        """The key of `to_words`; what it is for follows from the program.

        Raises
        ------
        IntegrityError
            What is there is no key of these parameters.
        """
        needed = tuple(sorted(set(steps)))
        return PublicKey(parameters, needed, products, from_words(words, 1 + products + bool(needed)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self._parts == other._parts

    def __hash__(self) -> int:
        return self.fingerprint

    def __repr__(self) -> str:
        return f'PublicKey("{self.parameters.name}", {len(self.steps)} rotations, {self.fingerprint:016x})'


class SecretKey:
    """What decrypts; `generate` makes one. It is not printed, pickled, copied or written anywhere.

    Attributes
    ----------
    public : PublicKey
    """

    __slots__ = ("_decryptor", "_encryptor", "public")

    def __init__(self, parameters: Parameters, steps: Iterable[int], products: bool) -> None:
        seal, ring = library(), context(parameters.degree, parameters.bits)
        maker = seal.KeyGenerator(ring)
        needed = tuple(sorted(set(steps)))
        encryption = seal.PublicKey()
        maker.create_public_key(encryption)
        parts = [written(encryption)]
        if products:
            parts.append(written(maker.create_relin_keys()))
        if needed:
            parts.append(written(maker.create_galois_keys(_elements(parameters, needed))))
        self.public = PublicKey(parameters, needed, products, parts)
        self._encryptor = seal.Encryptor(ring, maker.secret_key())
        self._decryptor = seal.Decryptor(ring, maker.secret_key())

    def encrypt(self, values: ArrayLike, limit: float, packing: Name | None = None) -> CkksArray:
        """As of `PublicKey.encrypt`, with less noise; a ciphertext carries a seed in place of half of it."""
        of, machine = self.public.parameters, self.public.machine
        slots, shape = _slots(of, values, limit, packing)
        scale = of.scale(of.depth)
        cells = [self._encryptor.encrypt_symmetric(machine.encoded(one, of.depth, scale)) for one in slots]
        return fresh(machine, cells, shape, limit, packing, symmetric=True)

    def decrypt(self, array: CkksArray) -> NDArray[np.float64]:
        """The numbers of an encrypted array, for whoever holds this key: they must not be told to others as they are.

        Raises
        ------
        Mismatch
            The array is encrypted under another key.
        IntegrityError
            A number is beyond what the operations on it allow: it was altered, or encrypted under another key.
        """
        if array.machine.fingerprint != self.public.fingerprint:
            raise Mismatch("the array is encrypted under another key than the one to decrypt it with")
        seal, machine = library(), self.public.machine
        opened = []
        for cell in array.cells:
            plaintext = seal.Plaintext()
            self._decryptor.decrypt(machine.opened(cell), plaintext)
            opened.append(machine.decoded(plaintext))
        values = array.layout.unpacked(opened).reshape(array.shape)
        # compared so that NaN is refused as well
        if not bool((np.abs(np.concatenate(opened)) <= array.bound + array.error.total).all()):
            raise IntegrityError("a ciphertext decrypts to more than its bound: it was altered, or is of another key")
        return values

    def decrypt_to_tell(self, array: CkksArray, bits: int = TOLD_BITS) -> NDArray[np.float64]:
        """The numbers of an encrypted array under noise that hides how the key made them be off: others may know them.

        Each ciphertext is flooded before it is decrypted (`CkksArray.flooded`, whose result has the error of these
        numbers). What is told of several arrays adds up: q of them are within q 2^-bits of telling nothing of the key.

        Raises
        ------
        InputError
            The noise would drown the numbers.
        """
        return self.decrypt(array.flooded(bits))

    def __repr__(self) -> str:
        return f'SecretKey("{self.public.parameters.name}")'

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret key is not pickled or copied")


def generate(parameters: Parameters, steps: Iterable[int] = (), products: bool = False) -> SecretKey:
    """A fresh key.

    Parameters
    ----------
    parameters : Parameters
    steps : iterable of int
        Rotations that it allows, see `mpcfl.ckks.plan`.
    products : bool
        Whether it allows products of two encrypted arrays.
    """
    return SecretKey(parameters, steps, products)


def _slots(
    of: Parameters, values: ArrayLike, limit: float, packing: Name | None
) -> tuple[list[NDArray[np.float64]], tuple[int, ...]]:
    array = np.asarray(values, np.float64)
    if not bool((np.abs(array) <= limit).all()):  # so that NaN is refused as well
        raise InputError(f"a number to encrypt is NaN, or beyond the limit of {limit:g} that was told for it")
    place = placed(of, array.shape, packing)
    return place.packed(array.reshape(place.rows, place.columns)), array.shape


def _elements(of: Parameters, steps: Iterable[int]) -> list[int]:
    return [pow(GENERATOR, step, 2 * of.degree) for step in steps]
