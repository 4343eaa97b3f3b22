"""`SecretArray`: NumPy's array type for values that nobody holds in the clear.

Operators, ufuncs and NumPy functions work as on an ndarray, by one table keyed by the NumPy function
(`mpcfl.dispatch`). What would turn a secret plain by accident raises TypeError and names the alternative; `repr` shows
shape and dtype alone. Only `reveal` discloses, and only to those it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from mpcfl import array_api, dispatch
from mpcfl.array_api.functions import check_version
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.overrides import Overriding, overridden
from mpcfl.ring import Shape

DTYPES = {FIXED: np.dtype(np.float64), INTEGER: np.dtype(np.int64), BOOLEAN: np.dtype(np.bool_)}


class Outputs(Protocol):
    """How secret arrays are disclosed; a session is one."""

    def _reveal(self, value: Value, to: str | Sequence[str], purpose: str) -> Any:
        """The array at those named, None elsewhere."""

    def _told(self, x: Value, y: Value, purpose: str) -> Value:
        """x @ y, for columns of x that each belong to one party, which is told the rows of y that they meet."""


class SecretArray(NDArrayOperatorsMixin):
    """A secret array. Made by `session.share` and `session.private`, and by computing with secret arrays.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        float64 (fixed point), int64 or bool.

    Notes
    -----
    `x[index] = value` assigns to public places, and aliasing is NumPy's: a slice, a transpose or what else NumPy calls
    a view (`mpcfl.dispatch.assignment.VIEWS`) reads what is assigned to the array that it views, and an assignment to
    it changes that array; a copy, an integer-array or mask index, and any result of arithmetic stand alone. Operators
    such as `x += y` are no assignments: they bind the name to a new array. What is assigned to loses its mask, so its
    next product opens it anew.
    """

    __slots__ = ("_base", "_held", "_layout", "_outputs", "_version")
    __array_priority__ = 1000

    def __init__(self, value: Value, outputs: Outputs) -> None:
        self._held = value
        self._outputs = outputs
        self._base: SecretArray | None = None  # whose elements a view shows
        self._layout: dispatch.Layout | None = None
        self._version = 0  # how often the base was assigned to

    @property
    def _value(self) -> Value:
        base = self._base
        if base is not None and base._version != self._version:
            assert base._layout is not None
            assert self._layout is not None
            self._held = dispatch.arranged(base._value, dispatch.places_in(base._layout, self._layout))
            self._version = base._version
        return self._held

    @property
    def _root(self) -> SecretArray:
        """The array whose elements this one shows: its own, unless it is a view."""
        return self if self._base is None else self._base

    def _laid_out(self) -> dispatch.Layout:
        if self._layout is None:
            self._layout = dispatch.layout_of(self.shape)
        return self._layout

    def _viewing(self, result: Any, layout: Any) -> Any:
        """A result, or a sequence of them, tied to the array whose elements it shows, as its layout tells."""
        if isinstance(result, list | tuple):
            return type(result)(self._viewing(*pair) for pair in zip(result, layout, strict=True))
        if isinstance(result, SecretArray) and np.may_share_memory(layout, self._laid_out()):
            result._base, result._layout = self._root, layout
            result._version = result._base._version
        return result

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

    @property
    def mT(self) -> SecretArray:
        return self._as(np.matrix_transpose)

    @property
    def device(self) -> str:
        """Where the shares are: "cpu", always."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: None = None) -> SecretArray:
        """The array itself."""
        if device != "cpu" or stream is not None:
            raise ValueError(f"secret arrays are on the device 'cpu', not on {device!r}, and have no streams")
        return self

    @property
    def fraction(self) -> int:
        """Fractional bits of its session: fixed-point numbers are multiples of 2^-fraction."""
        return self._value.engine.ctx.fraction

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
        return self._outputs._reveal(self._value, to, purpose)

    def told(self, other: SecretArray, purpose: str = "result") -> SecretArray:
        """This matrix times another one, which is disclosed to the owners of this one's columns.

        Parameters
        ----------
        other : SecretArray, shape (m, k)
            The owner of columns of this array, shape (n, m), learns the rows of `other` that these meet.
        purpose : str
            As of `reveal`; the same for all owners.

        Returns
        -------
        SecretArray, shape (n, k)
            Each owner multiplies for itself, whence a round and no product: m k words in all, whatever n is.

        Raises
        ------
        UsageError
            Not all columns are somebody's own (`Session.private`, side by side).
        TypeError
            `other` is not secret, or both have fractions: then the product would have to be rounded.
        IntegrityError
            The disclosure was not agreed.
        """
        if not isinstance(other, SecretArray):
            raise TypeError("told discloses a secret array; multiply by a public one with @")
        return self._made(self._outputs._told(self._value, other._value, purpose))

    # --------------------------------------------------------------------------------------------------------- dispatch

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if overridden(*inputs) is not None:
            return NotImplemented
        out = kwargs.pop("out", None)
        if out is not None and not all(isinstance(target, SecretArray) for target in out):
            raise TypeError("a secret cannot be written into a plain array: assign the result to a new name")
        result = self._wrap(dispatch.ufunc(ufunc, method, [_unwrap(x) for x in inputs], _unwrap(kwargs)))
        if out is None:
            return result
        for target, part in zip(out, result if isinstance(result, tuple) else (result,), strict=True):
            target[...] = part
        return out if isinstance(result, tuple) else out[0]

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        if any(issubclass(kind, Overriding) for kind in types):
            return NotImplemented
        if function in dispatch.PROGRAMS:
            return dispatch.program(function, args, kwargs)
        result = self._wrap(dispatch.function(self._value.engine, function, _unwrap(args), _unwrap(kwargs)))
        if function in dispatch.VIEWS:
            layout = self._laid_out()
            plain = {key: layout if part is self else part for key, part in kwargs.items()}
            return self._viewing(result, function(*(layout if part is self else part for part in args), **plain))
        return result

    # `x += y` binds the name to a new array; NumPy's mixin would assign
    __iadd__ = NDArrayOperatorsMixin.__add__
    __isub__ = NDArrayOperatorsMixin.__sub__
    __imul__ = NDArrayOperatorsMixin.__mul__
    __imatmul__ = NDArrayOperatorsMixin.__matmul__
    __itruediv__ = NDArrayOperatorsMixin.__truediv__
    __ifloordiv__ = NDArrayOperatorsMixin.__floordiv__
    __imod__ = NDArrayOperatorsMixin.__mod__
    __ipow__ = NDArrayOperatorsMixin.__pow__
    __ilshift__ = NDArrayOperatorsMixin.__lshift__
    __irshift__ = NDArrayOperatorsMixin.__rshift__
    __iand__ = NDArrayOperatorsMixin.__and__
    __ixor__ = NDArrayOperatorsMixin.__xor__
    __ior__ = NDArrayOperatorsMixin.__or__

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        """The functions of the Python array API standard on secret and plain arrays, `mpcfl.array_api`.

        Raises
        ------
        ValueError
            A version of the standard that is not known.
        """
        check_version(api_version)
        return array_api

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "a secret array does not become plain: use reveal() to disclose it, and np.stack or np.concatenate to "
            "combine secret arrays (np.array, np.asarray and ndarray methods cannot)"
        )

    def apply(self, operation: Callable[..., Value], *operands: Any) -> SecretArray:
        """An operation of `mpcfl.operations` on this array's value."""
        return self._made(operation(self._value, *(_unwrap(x) for x in operands)))

    def _made(self, value: Value) -> SecretArray:
        return type(self)(value, self._outputs)

    def _wrap(self, result: Any) -> Any:
        if isinstance(result, Value):
            return self._made(result)
        if isinstance(result, list | tuple):
            return _rebuilt(result, self._wrap)
        return result

    def _as(self, called: Callable[..., Any], *args: Any, **kwargs: Any) -> SecretArray:
        """A method by the NumPy function of its name."""
        result: SecretArray = called(self, *args, **kwargs)
        return result

    # ---------------------------------------------------------------------------------------------------------- methods

    def __getitem__(self, index: Any) -> SecretArray:
        result: SecretArray = self._wrap(dispatch.getitem(self._value, _unwrap(index)))
        return self._viewing(result, self._laid_out()[index]) if dispatch.is_view(index) else result

    def __setitem__(self, index: Any, value: Any) -> None:
        layout, base = self._laid_out(), self._root
        if not layout.flags.writeable:
            raise ValueError("assignment destination is read-only: a broadcast array or a diagonal, take its copy()")
        places = dispatch.places_in(base._laid_out(), layout)
        base._held = dispatch.assigned(base._value, places, _unwrap(index), _unwrap(value))
        base._version += 1

    def __iter__(self) -> Iterator[SecretArray]:
        return (self[i] for i in range(len(self)))

    def transpose(self, *axes: Any) -> SecretArray:
        return self._as(np.transpose, axes[0] if len(axes) == 1 else axes or None)

    def reshape(self, *shape: Any) -> SecretArray:
        return self._as(np.reshape, shape[0] if len(shape) == 1 else shape)

    def ravel(self) -> SecretArray:
        return self._as(np.ravel)

    def flatten(self) -> SecretArray:
        return self.ravel().copy()

    def astype(self, dtype: Any) -> SecretArray:
        return self._wrap(dispatch.astype(self._value, np.dtype(dtype)))  # type: ignore[no-any-return]

    def swapaxes(self, axis1: int, axis2: int) -> SecretArray:
        return self._as(np.swapaxes, axis1, axis2)

    def squeeze(self, axis: Any = None) -> SecretArray:
        return self._as(np.squeeze, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> SecretArray:
        return self._as(np.diagonal, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> SecretArray:
        return self._as(np.trace, offset, axis1, axis2)

    def take(self, indices: Any, axis: int | None = None) -> SecretArray:
        return self._as(np.take, indices, axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> SecretArray:
        return self._as(np.repeat, repeats, axis)

    def compress(self, condition: Any, axis: int | None = None) -> SecretArray:
        compress: Any = np.compress
        result: SecretArray = compress(condition, self, axis)
        return result

    def clip(self, min: Any = None, max: Any = None) -> SecretArray:
        return self._as(np.clip, min, max)

    def round(self, decimals: int = 0) -> SecretArray:
        return self._as(np.round, decimals)

    def sum(self, axis: Any = None, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.sum, axis=axis, keepdims=keepdims, **further)

    def prod(self, axis: Any = None, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.prod, axis=axis, keepdims=keepdims, **further)

    def mean(self, axis: Any = None, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.mean, axis=axis, keepdims=keepdims, **further)

    def min(self, axis: Any = None, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.min, axis=axis, keepdims=keepdims, **further)

    def max(self, axis: Any = None, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.max, axis=axis, keepdims=keepdims, **further)

    def ptp(self, axis: Any = None, keepdims: bool = False) -> SecretArray:
        return self._as(np.ptp, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.all, axis=axis, keepdims=keepdims, **further)

    def any(self, axis: Any = None, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.any, axis=axis, keepdims=keepdims, **further)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> SecretArray:
        return self._as(np.argmin, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> SecretArray:
        return self._as(np.argmax, axis=axis, keepdims=keepdims)

    def var(self, axis: Any = None, ddof: float = 0, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.var, axis=axis, ddof=ddof, keepdims=keepdims, **further)

    def std(self, axis: Any = None, ddof: float = 0, keepdims: bool = False, **further: Any) -> SecretArray:
        return self._as(np.std, axis=axis, ddof=ddof, keepdims=keepdims, **further)

    def cumsum(self, axis: int | None = None) -> SecretArray:
        return self._as(np.cumsum, axis=axis)

    def cumprod(self, axis: int | None = None) -> SecretArray:
        return self._as(np.cumprod, axis=axis)

    def argsort(self, axis: int | None = -1, **further: Any) -> SecretArray:
        return self._as(np.argsort, axis=axis, **further)

    def searchsorted(self, v: Any, side: str = "left") -> SecretArray:
        return self._as(np.searchsorted, v, side)

    def dot(self, other: Any) -> SecretArray:
        return self._as(np.dot, other)

    def copy(self) -> SecretArray:
        """The same secret, apart from what is assigned later; it shares its mask."""
        return self._made(self._value)

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
        raise TypeError("a secret cannot index: read by mpcfl.ordering.gather, choose by np.where, or reveal() it")

    def item(self, *args: Any) -> NoReturn:
        raise TypeError("an element of a secret array does not become plain: use reveal() to disclose it")

    def tolist(self) -> NoReturn:
        raise TypeError("a secret array does not become a list: use reveal() to disclose it, list(x) for its rows")

    def nonzero(self) -> NoReturn:
        raise TypeError("the shape of nonzero() would tell a count: keep x != 0 as a secret mask and multiply by it")

    def __dlpack__(self, **kwargs: Any) -> NoReturn:
        raise TypeError("a secret array is not exchanged by DLPack, which would hand over a share: use reveal()")

    __dlpack_device__ = __dlpack__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret array is not pickled: its shares belong to one session at one party")

    def __contains__(self, item: Any) -> NoReturn:
        raise TypeError("whether a secret array contains a value is secret: compare with == and sum the result")


def _unwrap(x: Any) -> Any:
    if isinstance(x, SecretArray):
        return x._value
    if isinstance(x, list | tuple):
        return _rebuilt(x, _unwrap)
    if isinstance(x, dict):
        return {key: _unwrap(part) for key, part in x.items()}
    return x


def _rebuilt(parts: Any, function: Callable[[Any], Any]) -> Any:
    """A function of each part of a list or a tuple, which may be a named one."""
    make: Callable[[Any], Any] = getattr(parts, "_make", type(parts))
    return make(function(part) for part in parts)
