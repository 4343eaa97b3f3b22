"""What NumPy has and a secret cannot have, with what to use instead."""

from __future__ import annotations

from typing import Any

import numpy as np

_COUNTS = "its result's shape would tell a count: "
_NEVER_NAN = "a secret is never NaN, encoding refuses it: "
_FINITE = "a secret is always finite, encoding refuses all else"
_STORED = "a secret is not stored: reveal() what may be known"
_WRITTEN = "a secret is not shown: reveal() what may be known"
_COMPLEX = "secrets are real numbers: "
_SPECTRUM = _COMPLEX + "multiply by public matrices of np.cos and np.sin, for real and imaginary parts"
_DATES = "secrets are numbers: share days as integers"
_BITS = "the bits of a secret are not at hand: x % 2**k are the low k bits, x >> k the others"

ALTERNATIVES: dict[Any, str] = {
    # shapes that depend on values
    np.nonzero: _COUNTS + "keep x != 0 as a secret mask, multiply or np.where by it",
    np.flatnonzero: _COUNTS + "keep x != 0 as a secret mask, multiply or np.where by it",
    np.argwhere: _COUNTS + "keep the condition as a secret mask, or np.argmax for the first place",
    np.unique: _COUNTS + "use np.sort, np.histogram with public edges, or np.bincount",
    np.unique_all: _COUNTS + "compare with public candidates, as in x[:, None] == candidates",
    np.unique_counts: _COUNTS + "compare with public candidates and sum over the first axis",
    np.unique_inverse: _COUNTS + "compare with public candidates, as in x[:, None] == candidates",
    np.unique_values: _COUNTS + "compare with public candidates, as in x[:, None] == candidates",
    np.union1d: _COUNTS + "compare all pairs, as in x[:, None] == y",
    np.intersect1d: _COUNTS + "compare all pairs, as in (x[:, None] == y).any(axis=1)",
    np.setdiff1d: _COUNTS + "compare all pairs, as in ~(x[:, None] == y).any(axis=1)",
    np.setxor1d: _COUNTS + "compare all pairs, as in (x[:, None] == y).any(axis=1)",
    np.trim_zeros: _COUNTS + "keep the zeros",
    np.histogramdd: "use np.histogram2d, or np.bincount of one secret number a cell",
    # not a number, not finite
    np.isnan: "a secret is never NaN, encoding refuses it",
    np.isinf: _FINITE,
    np.isfinite: _FINITE,
    np.isneginf: _FINITE,
    np.isposinf: _FINITE,
    np.isnat: _DATES,
    np.nansum: _NEVER_NAN + "use np.sum",
    np.nanprod: _NEVER_NAN + "use np.prod",
    np.nanmean: _NEVER_NAN + "use np.mean",
    np.nanvar: _NEVER_NAN + "use np.var",
    np.nanstd: _NEVER_NAN + "use np.std",
    np.nanmin: _NEVER_NAN + "use np.min",
    np.nanmax: _NEVER_NAN + "use np.max",
    np.nanargmin: _NEVER_NAN + "use np.argmin",
    np.nanargmax: _NEVER_NAN + "use np.argmax",
    np.nancumsum: _NEVER_NAN + "use np.cumsum",
    np.nancumprod: _NEVER_NAN + "use np.cumprod",
    np.nanmedian: _NEVER_NAN + "use np.median",
    np.nanquantile: _NEVER_NAN + "use np.quantile",
    np.nanpercentile: _NEVER_NAN + "use np.percentile",
    np.nan_to_num: _NEVER_NAN + "use it as it is",
    # in place
    np.copyto: "assign x[...] = value to a secret array; a plain one takes what reveal() discloses",
    np.put: "assign x[index] = value",
    np.put_along_axis: "assign x[index] = value",
    np.place: "assign x[mask] = value with a public mask, or np.where with a secret one",
    np.putmask: "assign x[mask] = value with a public mask, or np.where with a secret one",
    np.fill_diagonal: "assign x[range(n), range(n)] = value",
    # leaving the session
    np.save: _STORED,
    np.savez: _STORED,
    np.savez_compressed: _STORED,
    np.savetxt: _STORED,
    np.array_str: _WRITTEN,
    np.array_repr: _WRITTEN,
    np.array2string: _WRITTEN,
    # memory, floats and bits
    np.may_share_memory: "a secret has no address; docs/numpy.md says what is a view",
    np.shares_memory: "a secret has no address; docs/numpy.md says what is a view",
    np.frexp: "np.floor(np.log2(np.abs(x))) + 1 is the exponent",
    np.nextafter: "neighbours of a fixed-point number are 2^-fraction away",
    np.spacing: "neighbours of a fixed-point number are 2^-fraction away",
    np.bitwise_count: _BITS,
    np.packbits: _BITS + "; bits @ 2**np.arange(8)[::-1] packs eight of them",
    np.unpackbits: _BITS,
    # places
    np.ix_: "a secret cannot index: read by mpcfl.ordering.gather",
    np.unravel_index: "np.divmod by the number of columns gives row and column",
    np.ravel_multi_index: "row * columns + column is the place",
    # numbers
    np.gcd: "the steps of Euclid's algorithm would tell: test public candidates by x % d == 0",
    np.lcm: "the steps of Euclid's algorithm would tell: test public candidates by d % x == 0",
    np.i0: "np.exp and np.polyval make it for a known range",
    np.unwrap: "add np.cumsum of the jumps, (np.diff(x) < -np.pi) * period",
    np.piecewise: "np.select takes what the functions give",
    np.geomspace: "np.exp(np.linspace(np.log(start), np.log(stop), n))",
    np.logspace: "np.exp(np.linspace(start, stop, n) * np.log(base))",
    np.poly: "multiply the factors by np.polymul",
    np.polydiv: "multiply, subtract and shift by np.polymul and np.polysub",
    np.polyfit: "np.linalg.lstsq of np.vander",
    np.roots: "iterate a fixed number of Newton steps with np.polyval and np.polyder",
    # complex numbers
    np.angle: _COMPLEX + "np.where(x < 0, np.pi, 0.0)",
    np.sort_complex: _COMPLEX + "use np.sort",
    **dict.fromkeys(
        [
            np.fft.fft, np.fft.fft2, np.fft.fftn, np.fft.hfft, np.fft.ifft, np.fft.ifft2, np.fft.ifftn, np.fft.ihfft,
            np.fft.irfft, np.fft.irfft2, np.fft.irfftn, np.fft.rfft, np.fft.rfft2, np.fft.rfftn,
        ],
        _SPECTRUM,
    ),
    # dates
    np.busday_count: _DATES,
    np.busday_offset: _DATES,
    np.is_busday: _DATES,
    np.datetime_as_string: _DATES,
}  # fmt: skip
"""By NumPy's function or ufunc: the rest of a sentence that begins with its name."""
