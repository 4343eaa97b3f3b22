"""What computes with ciphertexts, by SEAL; and its double that computes nothing, and notes what would be needed.

An array's operations are written once, for a `Machine`; on a `Sketch` they give the level, bounds and errors of their
result, and refuse what cannot be computed, before any ciphertext is touched.

Cells are ciphertexts of SEAL, or encryptions that carry a seed in place of their uniform half; those are read out when
they are first computed with. Plain operands are numbers (the same in all slots) or vectors of all slots.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.ckks import noise
from mpcfl.ckks.library import context, library, parms_ids, read, written
from mpcfl.ckks.parameters import Parameters
from mpcfl.errors import UsageError

Cell: TypeAlias = Any
Operand: TypeAlias = "float | NDArray[np.float64]"
GENERATOR = 3
"""Rotations of slots are powers of the automorphism X -> X^3 in SEAL."""


class Machine(Protocol):
    """Operations on ciphertexts; products come at the product of the scales, until `rescaled`."""

    parameters: Parameters
    computes: bool
    fingerprint: int

    def add(self, left: Cell, right: Cell) -> Cell: ...
    def subtract(self, left: Cell, right: Cell) -> Cell: ...
    def negated(self, cell: Cell) -> Cell: ...
    def plus(self, cell: Cell, operand: Operand, level: int) -> Cell: ...
    def times(self, cell: Cell, operand: Operand, level: int) -> Cell: ...
    def combined(self, terms: Iterable[tuple[Cell, Operand]], level: int) -> Cell: ...
    def product(self, left: Cell, right: Cell) -> Cell: ...
    def rescaled(self, cell: Cell, level: int) -> Cell: ...
    def lowered(self, cell: Cell, level: int, to: int) -> Cell: ...
    def rotated(self, cell: Cell, steps: int) -> Cell: ...
    def zero(self, level: int) -> Cell: ...
    def flooded(self, cell: Cell, width: int) -> Cell: ...


class Sketch:
    """Computes nothing.

    Attributes
    ----------
    steps : set of int
        Rotations that were asked for.
    switches : bool
        Whether two ciphertexts were multiplied.
    """

    computes = False
    fingerprint = 0

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.steps: set[int] = set()
        self.switches = False

    def add(self, left: Cell, right: Cell) -> Cell:
        return None

    subtract = add

    def negated(self, cell: Cell) -> Cell:
        return None

    def plus(self, cell: Cell, operand: Operand, level: int) -> Cell:
        return None

    times = plus

    def combined(self, terms: Iterable[tuple[Cell, Operand]], level: int) -> Cell:
        return None

    def product(self, left: Cell, right: Cell) -> Cell:
        self.switches = True

    def rescaled(self, cell: Cell, level: int) -> Cell:
        return None

    def lowered(self, cell: Cell, level: int, to: int) -> Cell:
        return None

    def rotated(self, cell: Cell, steps: int) -> Cell:
        self.steps.add(steps)

    def zero(self, level: int) -> Cell:
        return None

    def flooded(self, cell: Cell, width: int) -> Cell:
        return None


class Seal:
    """Computes, with public keys alone.

    Parameters
    ----------
    parameters : Parameters
    encryption, relinearisation, galois
        SEAL's keys, the last two None if they were not made.
    fingerprint : int
        64 bits that stand for them: ciphertexts under equal keys meet.
    """

    computes = True

    def __init__(
        self, parameters: Parameters, encryption: Any, relinearisation: Any, galois: Any, fingerprint: int
    ) -> None:
        seal, ring = library(), context(parameters.degree, parameters.bits)
        self.parameters, self.fingerprint = parameters, fingerprint
        self._seal = seal
        self._ids = parms_ids(parameters.degree, parameters.bits)
        self._encoder, self._evaluator = seal.CKKSEncoder(ring), seal.Evaluator(ring)
        self._encryptor = seal.Encryptor(ring, encryption)
        self._relinearisation, self._galois = relinearisation, galois

    def encoded(self, operand: Operand, level: int, scale: float) -> Any:
        """Plain numbers as SEAL's plaintext."""
        plaintext = self._seal.Plaintext()
        values = operand.tolist() if isinstance(operand, np.ndarray) else float(operand)
        self._encoder.encode(values, self._id(level), scale, plaintext)
        return plaintext

    def decoded(self, plaintext: Any) -> NDArray[np.float64]:
        """All slots of a plaintext."""
        return np.array(self._encoder.decode_double(plaintext))

    def encrypted(self, operand: Operand, level: int) -> Cell:
        """By the public key."""
        cell = self._seal.Ciphertext()
        self._encryptor.encrypt(self.encoded(operand, level, self.parameters.scale(level)), cell)
        return cell

    def opened(self, cell: Cell) -> Cell:
        """A ciphertext, of one that carries a seed."""
        if isinstance(cell, self._seal.Ciphertext):
            return cell
        return self.read(written(cell))

    def read(self, data: bytes) -> Cell:
        """A ciphertext of what SEAL wrote."""
        return read(self._seal.Ciphertext(), self.parameters.degree, self.parameters.bits, data)

    def add(self, left: Cell, right: Cell) -> Cell:
        return self._joined(self._evaluator.add, left, right)

    def subtract(self, left: Cell, right: Cell) -> Cell:
        return self._joined(self._evaluator.sub, left, right)

    def _joined(self, join: Callable[[Cell, Cell, Cell], None], left: Cell, right: Cell) -> Cell:
        made = self._seal.Ciphertext()
        try:
            join(self.opened(left), self.opened(right), made)
        except RuntimeError as error:
            if "transparent" not in str(error):
                raise
            raise UsageError("x - x of one encrypted array is zero for all to see, and no ciphertext") from None
        return made

    def negated(self, cell: Cell) -> Cell:
        made = self._seal.Ciphertext()
        self._evaluator.negate(self.opened(cell), made)
        return made

    def plus(self, cell: Cell, operand: Operand, level: int) -> Cell:
        made = self._seal.Ciphertext()
        self._evaluator.add_plain(self.opened(cell), self.encoded(operand, level, self.parameters.scale(level)), made)
        return made

    def times(self, cell: Cell, operand: Operand, level: int) -> Cell:
        return self.combined([(cell, operand)], level)

    def combined(self, terms: Iterable[tuple[Cell, Operand]], level: int) -> Cell:
        """The sum of products with plain numbers; one product at a time is held."""
        scale = self.parameters.plain_scale(level)
        total, made = None, self._seal.Ciphertext()
        for cell, operand in terms:
            plaintext = self.encoded(operand, level, scale)
            if plaintext.is_zero():  # SEAL makes no ciphertext of a product with zero
                continue
            if total is None:
                total = self._seal.Ciphertext()
                self._evaluator.multiply_plain(self.opened(cell), plaintext, total)
                continue
            self._evaluator.multiply_plain(self.opened(cell), plaintext, made)
            self._evaluator.add_inplace(total, made)
        if total is None:
            total = self.zero(level)
            total.scale = self.parameters.scale(level) * scale
        return total

    def product(self, left: Cell, right: Cell) -> Cell:
        if self._relinearisation is None:
            raise UsageError("the key was made without products of encrypted arrays: plan the program, then make it")
        made, whole = self._seal.Ciphertext(), self._seal.Ciphertext()
        self._evaluator.multiply(self.opened(left), self.opened(right), made)
        self._evaluator.relinearize(made, self._relinearisation, whole)
        return whole

    def rescaled(self, cell: Cell, level: int) -> Cell:
        made = self._seal.Ciphertext()
        self._evaluator.rescale_to(self.opened(cell), self._id(level - 1), made)
        made.scale = self.parameters.scale(level - 1)  # the same number, but for the last bits of a float
        return made

    def lowered(self, cell: Cell, level: int, to: int) -> Cell:
        parameters, made = self.parameters, self._seal.Ciphertext()
        if parameters.scale(level) == parameters.scale(to):
            self._evaluator.mod_switch_to(self.opened(cell), self._id(to), made)
            return made
        self._evaluator.mod_switch_to(self.opened(cell), self._id(to + 1), made)
        scale = parameters.scale(to) * parameters.dropped(to + 1) / parameters.scale(level)
        self._evaluator.multiply_plain_inplace(made, self.encoded(1.0, to + 1, scale))
        return self.rescaled(made, to + 1)

    def rotated(self, cell: Cell, steps: int) -> Cell:
        if self._galois is None or not self._galois.has_key(pow(GENERATOR, steps, 2 * self.parameters.degree)):
            raise UsageError(f"the key was made without rotations by {steps}: plan the program, then make it")
        made = self._seal.Ciphertext()
        self._evaluator.rotate_vector(self.opened(cell), steps, self._galois, made)
        return made

    def zero(self, level: int) -> Cell:
        cell = self._seal.Ciphertext()
        self._encryptor.encrypt_zero(self._id(level), cell)
        cell.scale = self.parameters.scale(level)
        return cell

    def flooded(self, cell: Cell, width: int) -> Cell:
        """At level 0, plus uniform integer coefficients of so many bits.

        They come as 2^b (2^b (Enc(0) + high) + middle) + low, of pieces that float64 transforms exactly. The encryption
        of zero is there for the pieces to be added to; what it adds is independent of all else.
        """
        scale, ident = self.parameters.scale(0), self._id(0)
        total = self.zero(0)
        for i, bits in enumerate(noise.cut(width)):
            if i:
                shift = self._seal.Plaintext()
                self._encoder.encode(2.0**bits, ident, 1.0, shift)
                self._evaluator.multiply_plain_inplace(total, shift)
            piece = self._seal.Plaintext()
            self._encoder.encode(slots_of(uniform(bits, self.parameters.degree, i == 0)).tolist(), ident, 1.0, piece)
            piece.scale = scale
            self._evaluator.add_plain_inplace(total, piece)
        return self.add(cell, total)

    def _id(self, level: int) -> Sequence[int]:
        return self._ids[self.parameters.kept(level)]


def uniform(bits: int, count: int, signed: bool) -> NDArray[np.int64]:
    """Uniform integers of the operating system's generator, from 0 or, signed, from -2^(bits - 1) on."""
    words = np.frombuffer(os.urandom(8 * count), np.uint64) >> np.uint64(64 - bits)
    return words.astype(np.int64) - (1 << (bits - 1) if signed else 0)


def slots_of(coefficients: NDArray[np.int64]) -> NDArray[np.complex128]:
    """What SEAL encodes as a polynomial: its values at the roots X = exp(i pi 3^j / N), shape (N / 2,)."""
    n = len(coefficients)
    twisted = coefficients * np.exp(1j * np.pi * np.arange(n) / n)
    values = np.fft.ifft(twisted) * n  # at exp(i pi (2 k + 1) / N)
    power, order = 1, np.empty(n // 2, np.int64)
    for j in range(n // 2):
        order[j] = (power - 1) // 2
        power = power * GENERATOR % (2 * n)
    found: NDArray[np.complex128] = values[order]
    return found
