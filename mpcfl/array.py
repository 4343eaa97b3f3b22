"""`SecretArray`: NumPy's array type for values that nobody holds in the clear.

Operators, ufuncs and NumPy functions work as on an ndarray, by one table keyed by the NumPy function
(`mpcfl.dispatch`). What would turn a secret plain by accident raises TypeError and names the alternative; `repr` shows
shape and dtype alone. Only `reveal` discloses, and only to those it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from mpcfl import dispatch
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.ring import Shape

DTYPES = {FIXED: np.dtype(np.float64), INTEGER: np.dtype(np.int64), BOOLEAN: np.dtype(np.bool_)}

Reveal = Callable[[Value, Any, str], Any]


class SecretArray(NDArrayOperatorsMixin):
    """A secret array. Made by `session.share` and `session.private`, and by computing with secret arrays.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        float64 (fixed point), int64 or bool.
    """

    __slots__ = ("_reveal", "_value")
    __array_priority__ = 1000

    def __init__(self, value: Value, reveal: Reveal) -> None:
        self._value = value
        self._reveal = reveal

    # ------------------------------------------------------------------------------------------------------ description

    @property
    def shape(self) -> Shape:
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return DTYPES[self._value.kind]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def T(self) -> SecretArray:
        return self.transpose()

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a secret array without dimensions")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"SecretArray(shape={self.shape}, dtype={self.dtype})"

    # ------------------------------------------------------------------------------------------------------- disclosure

    def reveal(self, to: str | Sequence[str] = "all", purpose: str = "result") -> NDArray[Any] | Any | None:
        """Disclose the array to the named parties.

        Parameters
        ----------
        to : "all", a name, or a sequence of names
        purpose : str
            What the ledger says of it; in a job it must be on the agreed list of disclosures.

        Returns
        -------
        ndarray, NumPy scalar or None
            float64, int64 or bool; a scalar for an array without dimensions; None at parties that are not named.

        Raises
        ------
        IntegrityError
            The disclosure was not agreed.
        UsageError
            A name that is no party.
        """
        return self._reveal(self._value, to, purpose)

    # --------------------------------------------------------------------------------------------------------- dispatch

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if out is not None and not all(isinstance(target, SecretArray) for target in out):
            raise TypeError("a secret cannot be written into a plain array: assign the result to a new name")
        # `s += x` rebinds s to a new secret array; nothing is changed in place
        return self._wrap(dispatch.ufunc(ufunc, method, [_unwrap(x) for x in inputs], kwargs))

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        return self._wrap(dispatch.function(function, _unwrap(args), _unwrap(kwargs)))

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "a secret array does not become plain: use reveal() to disclose it, and np.stack or np.concatenate to "
            "combine secret arrays (np.array, np.asarray and ndarray methods cannot)"
        )

    def apply(self, operation: Callable[..., Value], *operands: Any) -> SecretArray:
        """An operation of `mpcfl.operations` on this array's value."""
        return SecretArray(operation(self._value, *(_unwrap(x) for x in operands)), self._reveal)

    def _wrap(self, result: Any) -> Any:
        if isinstance(result, Value):
            return SecretArray(result, self._reveal)
        if isinstance(result, list):
            return [self._wrap(part) for part in result]
        return result

    def _as(self, called: Callable[..., Any], *args: Any, **kwargs: Any) -> SecretArray:
        """A method by the NumPy function of its name."""
        result: SecretArray = called(self, *args, **kwargs)
        return result

    # ---------------------------------------------------------------------------------------------------------- methods

    def __getitem__(self, index: Any) -> SecretArray:
        return self._wrap(dispatch.getitem(self._value, index))  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[SecretArray]:
        return (self[i] for i in range(len(self)))

    def transpose(self, *axes: Any) -> SecretArray:
        return self._as(np.transpose, axes[0] if len(axes) == 1 else axes or None)

    def reshape(self, *shape: Any) -> SecretArray:
        return self._as(np.reshape, shape[0] if len(shape) == 1 else shape)

    def ravel(self) -> SecretArray:
        return self.reshape(-1)

    flatten = ravel

    def astype(self, dtype: Any) -> SecretArray:
        return self._wrap(dispatch.astype(self._value, np.dtype(dtype)))  # type: ignore[no-any-return]

    def sum(self, axis: Any = None, keepdims: bool = False) -> SecretArray:
        return self._as(np.sum, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> SecretArray:
        return self._as(np.mean, axis=axis, keepdims=keepdims)

    def dot(self, other: Any) -> SecretArray:
        return self._as(np.dot, other)

    def copy(self) -> SecretArray:
        """The same secret; it shares its mask."""
        return SecretArray(self._value, self._reveal)

    def __copy__(self) -> SecretArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> SecretArray:
        return self.copy()

    # ------------------------------------------------------------------------------------------ what a secret cannot be

    def __bool__(self) -> NoReturn:
        raise TypeError("the truth of a secret is not known: use np.where to choose by it, or reveal() to disclose it")

    def __float__(self) -> NoReturn:
        raise TypeError("a secret is no float: use reveal() to disclose it")

    __int__ = __complex__ = __float__

    def __index__(self) -> NoReturn:
        raise TypeError("a secret cannot index: choose by np.where, or reveal() it to disclose the position")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("a secret array is not assigned to in place: build the new one by np.where or np.concatenate")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret array is not pickled: its shares belong to one session at one party")

    def __contains__(self, item: Any) -> NoReturn:
        raise TypeError("whether a secret array contains a value is secret: compare with == and sum the result")


def _unwrap(x: Any) -> Any:
    if isinstance(x, SecretArray):
        return x._value
    if isinstance(x, list | tuple):
        return type(x)(_unwrap(part) for part in x)
    if isinstance(x, dict):
        return {key: _unwrap(part) for key, part in x.items()}
    return x
