"""`PaillierArray`: NumPy's array type for numbers encrypted under a Paillier key.

Sums, differences, products with plain numbers and plain matrices, indexing and arrangement work as on an ndarray; what
Paillier cannot compute (a product of two encrypted arrays, a comparison) raises TypeError. Fraction and bound are
public and follow from the program alone (`mpcfl.he.encoding`). What leaves by `to_words` is randomised first, unless
it was encrypted here and not computed with.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from gmpy2 import mpz
from numpy.typing import ArrayLike, NDArray

from mpcfl.errors import InputError, IntegrityError, Mismatch
from mpcfl.he import functions
from mpcfl.he.encoding import FRACTION, Plain, plain
from mpcfl.he.functions import Encrypted, aligned
from mpcfl.he.limbs import from_words, stamp, to_words
from mpcfl.he.packing import Packed
from mpcfl.he.powers import inverses, products_of_powers, scaled
from mpcfl.he.randomisers import Exponents

if TYPE_CHECKING:
    from mpcfl.he.keys import PublicKey

SIGMA = 64
"""Bits by which a statistical mask is longer than what it hides."""


class PaillierArray(Encrypted):
    """An array of ciphertexts. Made by `PublicKey.encrypt` and `SecretKey.encrypt`, and by computing with such arrays.

    Attributes
    ----------
    key : PublicKey
    shape : tuple of int
    dtype : numpy.dtype
        float64 or int64: what `SecretKey.decrypt` gives.
    fraction : int
        The plaintexts are integers that stand for multiples of 2^-fraction.
    bound : int
        No plaintext is larger in absolute value; below n / 2.
    """

    __slots__ = ("_cells", "_sendable", "bound", "dtype", "fraction", "key")
    __array_priority__ = 1000

    def __init__(
        self,
        key: PublicKey,
        cells: NDArray[Any],
        fraction: int,
        bound: int,
        dtype: np.dtype[Any],
        *,
        sendable: bool = False,
    ) -> None:
        if 2 * bound >= key.n:
            raise InputError(
                f"numbers below 2^{bound.bit_length()} are too large for a key of {key.bits} bits: give limits, "
                "smaller fractions, or a larger key"
            )
        self.key, self.fraction, self.bound, self.dtype = key, fraction, bound, dtype
        self._cells = cells
        self._sendable = sendable

    @staticmethod
    def of(
        key: PublicKey,
        ciphertexts: Sequence[mpz],
        shape: tuple[int, ...],
        fraction: int,
        bound: int,
        dtype: np.dtype[Any],
        *,
        sendable: bool = False,
    ) -> PaillierArray:
        """An array of given ciphertexts, in C order."""
        return PaillierArray(key, _shaped(ciphertexts, shape), fraction, bound, dtype, sendable=sendable)

    # ------------------------------------------------------------------------------------------------------ description

    @property
    def shape(self) -> tuple[int, ...]:
        return self._cells.shape

    @property
    def ndim(self) -> int:
        return self._cells.ndim

    @property
    def size(self) -> int:
        return self._cells.size

    @property
    def T(self) -> PaillierArray:
        return self.transpose()

    @property
    def ciphertexts(self) -> list[mpz]:
        """All ciphertexts in C order."""
        cells: list[mpz] = self._cells.reshape(-1).tolist()
        return cells

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a Paillier array without dimensions")
        return self.shape[0]

    def __iter__(self) -> Iterator[PaillierArray]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"PaillierArray(shape={self.shape}, dtype={self.dtype}, fraction={self.fraction}, {self.key.bits} bits)"

    # ------------------------------------------------------------------------------------------------------ arrangement

    def __getitem__(self, index: Any) -> PaillierArray:
        return self._like(self._cells[index])

    def reshape(self, *shape: Any) -> PaillierArray:
        """The same elements in another shape."""
        return self._like(self._cells.reshape(*shape), sendable=self._sendable)

    def ravel(self) -> PaillierArray:
        return self.reshape(-1)

    flatten = ravel

    def transpose(self, *axes: Any) -> PaillierArray:
        """The same elements with their axes in another order."""
        return self._like(self._cells.transpose(*axes), sendable=self._sendable)

    # ------------------------------------------------------------------------------------------------------- arithmetic

    def __add__(self, other: PaillierArray | ArrayLike | Plain) -> PaillierArray:
        if isinstance(other, PaillierArray):
            left, right = aligned([self, other])
            cells = left._cells * right._cells % self.key.n_squared
            return left._made(cells, left.fraction, left.bound + right.bound, np.result_type(left.dtype, right.dtype))
        return self._plus(other, 1)

    __radd__ = __add__

    def __sub__(self, other: PaillierArray | ArrayLike | Plain) -> PaillierArray:
        return self + -other if isinstance(other, PaillierArray) else self._plus(other, -1)

    def __rsub__(self, other: ArrayLike | Plain) -> PaillierArray:
        return -self + other

    def __neg__(self) -> PaillierArray:
        within = self.key.residues
        cells = _shaped(within.give(inverses(within, within.take(self.ciphertexts))), self.shape)
        return self._made(cells, self.fraction, self.bound, self.dtype)

    def __pos__(self) -> PaillierArray:
        return self

    def __mul__(self, other: ArrayLike | Plain) -> PaillierArray:
        factor = _operand(other, "a product of two encrypted arrays")
        bases, exponents = np.broadcast_arrays(self._cells, factor.integers)
        made = scaled(self.key.residues, bases.reshape(-1).tolist(), exponents.reshape(-1))
        return self._times(_shaped(made, bases.shape), factor, 1)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> PaillierArray:
        if np.ndim(divisor):
            raise TypeError("a Paillier array is divided by one number; multiply it by the reciprocals of an array")
        return self * (1.0 / divisor)

    def __matmul__(self, other: ArrayLike | Plain) -> PaillierArray:
        factor = _operand(other, "a matrix product of two encrypted arrays")
        turned = Plain(factor.integers.T, factor.fraction, factor.bound)
        return self.transpose()._multiplied(turned).transpose()

    def __rmatmul__(self, other: ArrayLike | Plain) -> PaillierArray:
        return self._multiplied(_operand(other, "a matrix product of two encrypted arrays"))

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> PaillierArray:
        """Sum over axes, by default over all."""
        modulus, terms = self.key.n_squared, self.size // max(1, int(np.prod(_left(self.shape, axis), dtype=object)))

        def product(left: mpz, right: mpz) -> mpz:
            return left * right % modulus

        multiply = np.frompyfunc(product, 2, 1, identity=mpz(1))
        cells = multiply.reduce(self._cells, axis=_all(axis, self.ndim), keepdims=keepdims)
        return self._made(cells, self.fraction, self.bound * max(1, terms), self.dtype)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> PaillierArray:
        """Mean over axes: the sum times a constant of 18 significant bits or more."""
        total = self.sum(axis, keepdims)
        terms = self.size // max(1, total.size)
        return total * plain(1.0 / terms, FRACTION + terms.bit_length(), 1.0)

    def dot(self, other: ArrayLike | Plain) -> PaillierArray:
        """Matrix product with plain numbers."""
        return self @ other

    # --------------------------------------------------------------------------------------------------- what may leave

    def randomised(self, exponents: Exponents = "full") -> PaillierArray:
        """The same plaintexts under fresh randomness, of which the key's holder learns nothing but them.

        With "half" or "short" exponents (`mpcfl.he.randomisers`) that holds against all but the key's holder.
        """
        fresh = self.key.randomised(self.ciphertexts, exponents)
        return PaillierArray.of(self.key, fresh, self.shape, self.fraction, self.bound, self.dtype, sendable=True)

    def masked(self, sigma: int = SIGMA) -> tuple[PaillierArray, NDArray[Any]]:
        """Add uniform masks, `sigma` bits longer than the bound: what is then decrypted tells nothing but 2^-sigma.

        Returns
        -------
        PaillierArray
            The masked numbers.
        ndarray of int
            The masks (dtype object), of the same shape, as encoded integers.
        """
        bits = self.bound.bit_length() + sigma
        masks = np.frompyfunc(lambda _: secrets.randbits(bits), 1, 1)(self._cells)
        masks = np.asarray(masks, object)
        return self + Plain(masks, self.fraction, 1 << bits), masks

    def packed(self) -> Packed:
        """Several to a ciphertext: as many as the key holds of the bound. It takes some 2 bound bits squarings each."""
        return Packed.of(self.key, self.ciphertexts, self.shape, self.fraction, self.bound, self.dtype)

    def to_words(self) -> NDArray[np.uint64]:
        """One word for key, shape, fraction and bound, then the ciphertexts, randomised first if they need it."""
        leaving = self if self._sendable else self.randomised()
        words = to_words(leaving.ciphertexts, self.key.limbs).reshape(-1)
        return np.concatenate([stamp(self.key.fingerprint, self.shape, self.fraction, self.bound, self.dtype), words])

    @staticmethod
    def words(key: PublicKey, shape: tuple[int, ...]) -> int:
        """How many words `to_words` gives."""
        return 1 + key.limbs * int(np.prod(shape, dtype=np.int64))

    @staticmethod
    def of_words(
        key: PublicKey,
        words: NDArray[np.uint64],
        shape: tuple[int, ...],
        fraction: int,
        bound: int,
        dtype: np.dtype[Any] | type,
    ) -> PaillierArray:
        """The array of `to_words`; what it is follows from the program, and is compared with what was sent.

        Raises
        ------
        Mismatch
            It was encrypted under another key, or is of another shape, fraction or bound.
        IntegrityError
            What is there is no encryption under this key.
        """
        kind = np.dtype(dtype)
        if words.size != PaillierArray.words(key, shape):
            raise IntegrityError("encrypted numbers of another size than told have come")
        if words[0] != stamp(key.fingerprint, shape, fraction, bound, kind)[0]:
            raise Mismatch("encrypted numbers of another key, shape, fraction or bound than told have come")
        ciphertexts = from_words(words[1:].reshape(-1, key.limbs))
        key.check(ciphertexts)
        return PaillierArray.of(key, ciphertexts, shape, fraction, bound, kind)

    # ----------------------------------------------------------------------------------------------- NumPy's interfaces

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return functions.apply_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return functions.apply_function(function, args, kwargs)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a Paillier array does not turn plain by itself: SecretKey.decrypt it")

    def __bool__(self) -> NoReturn:
        raise TypeError("an encrypted number cannot decide a branch: SecretKey.decrypt it")

    __float__ = __int__ = __index__ = __array__

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("a Paillier array is not assigned to: make a new one with np.where or np.concatenate")

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("encrypted numbers cannot be compared")

    __lt__ = __le__ = __gt__ = __ge__ = __ne__ = __eq__
    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Paillier array is not pickled: use to_words and PaillierArray.of_words")

    # ---------------------------------------------------------------------------------------------------------- inwards

    def _like(self, cells: Any, sendable: bool = False) -> PaillierArray:
        return PaillierArray(self.key, _boxed(cells), self.fraction, self.bound, self.dtype, sendable=sendable)

    def _made(self, cells: Any, fraction: int, bound: int, dtype: np.dtype[Any]) -> PaillierArray:
        return PaillierArray(self.key, _boxed(cells), fraction, bound, dtype)

    def _plus(self, other: Any, sign: int) -> PaillierArray:
        if isinstance(other, Plain):
            term = other
        else:
            whole = np.asarray(other).dtype.kind != "f" and self.fraction == 0
            term = plain(other, 0 if whole else self.fraction or FRACTION)
        left = self._raised(term.fraction)
        integers = term.integers << (left.fraction - term.fraction) if left.fraction > term.fraction else term.integers
        n, modulus = self.key.n, self.key.n_squared
        cells = left._cells * (1 + integers * n * sign) % modulus
        bound = left.bound + (term.bound << (left.fraction - term.fraction))
        dtype = np.dtype(np.float64) if term.fraction else self.dtype
        return left._made(cells, left.fraction, bound, dtype)

    def _raised(self, fraction: int) -> PaillierArray:
        """The same numbers with at least so many fractional bits."""
        more = fraction - self.fraction
        if more <= 0:
            return self
        within = self.key.residues
        cells = _shaped(within.give(within.doubled(within.take(self.ciphertexts), more)), self.shape)
        return self._made(cells, fraction, self.bound << more, np.dtype(np.float64))

    def _times(self, cells: Any, factor: Plain, terms: int) -> PaillierArray:
        dtype = self.dtype if not factor.fraction else np.dtype(np.float64)
        return self._made(cells, self.fraction + factor.fraction, self.bound * factor.bound * terms, dtype)

    def _multiplied(self, factor: Plain) -> PaillierArray:
        """The matrix product of plain numbers and these."""
        left, right = factor.integers, self._cells
        if not 1 <= left.ndim <= 2 or not 1 <= right.ndim <= 2 or left.shape[-1] != right.shape[0]:
            raise ValueError(f"no matrix product of shapes {left.shape} and {right.shape} (of one or two dimensions)")
        if left.size and not -(1 << 63) <= left.min() <= left.max() < 1 << 63:
            raise InputError("a matrix product takes plain numbers below 2^63 after encoding: use a smaller fraction")
        exponents = np.atleast_2d(left).astype(np.int64)
        bases = right.reshape(len(right), -1)
        within = self.key.residues
        columns = [products_of_powers(bases[:, j].tolist(), exponents, within) for j in range(bases.shape[1])]
        cells = np.empty((len(exponents), len(columns)), object)
        for j, column in enumerate(columns):
            cells[:, j] = column
        return self._times(cells.reshape(left.shape[:-1] + right.shape[1:]), factor, max(1, len(right)))


def _operand(other: Any, what: str) -> Plain:
    if isinstance(other, PaillierArray):
        raise TypeError(f"{what} cannot be had from Paillier: one of the two must be plain")
    return other if isinstance(other, Plain) else plain(other)


def _boxed(cells: Any) -> NDArray[Any]:
    """An array of objects, of no dimensions for a single one."""
    if isinstance(cells, np.ndarray):
        return cells
    box = np.empty((), object)
    box[()] = cells
    return box


def _shaped(numbers: Sequence[mpz], shape: tuple[int, ...]) -> NDArray[Any]:
    """Numbers in C order as an array."""
    cells = np.empty(len(numbers), object)
    cells[:] = numbers
    return cells.reshape(shape)


def _all(axis: Any, dimensions: int) -> Any:
    return tuple(range(dimensions)) if axis is None else axis


def _left(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape that a reduction leaves."""
    gone = {one % len(shape) for one in (axis if isinstance(axis, tuple) else (axis,))} if axis is not None else None
    return () if gone is None else tuple(n for i, n in enumerate(shape) if i not in gone)
