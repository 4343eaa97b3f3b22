"""What NumPy has and a secret cannot have, with what to use instead."""

from __future__ import annotations

from typing import Any

import numpy as np

_COUNTS = "its result's shape would tell a count: "
_NEVER_NAN = "a secret is never NaN, encoding refuses it: "

ALTERNATIVES: dict[Any, str] = {
    np.nonzero: _COUNTS + "keep x != 0 as a secret mask, multiply or np.where by it",
    np.flatnonzero: _COUNTS + "keep x != 0 as a secret mask, multiply or np.where by it",
    np.argwhere: _COUNTS + "keep the condition as a secret mask, or np.argmax for the first place",
    np.unique_all: _COUNTS + "compare with public candidates, as in x[:, None] == candidates",
    np.unique_counts: _COUNTS + "compare with public candidates and sum over the first axis",
    np.unique_inverse: _COUNTS + "compare with public candidates, as in x[:, None] == candidates",
    np.unique_values: _COUNTS + "compare with public candidates, as in x[:, None] == candidates",
    np.union1d: _COUNTS + "compare all pairs, as in x[:, None] == y",
    np.intersect1d: _COUNTS + "compare all pairs, as in (x[:, None] == y).any(axis=1)",
    np.setdiff1d: _COUNTS + "compare all pairs, as in ~(x[:, None] == y).any(axis=1)",
    np.setxor1d: _COUNTS + "compare all pairs, as in (x[:, None] == y).any(axis=1)",
    np.trim_zeros: _COUNTS + "keep the zeros",
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
    np.copyto: "assign x[...] = value to a secret array; a plain one takes what reveal() discloses",
    np.put: "assign x[index] = value",
    np.place: "assign x[mask] = value with a public mask, or np.where with a secret one",
    np.putmask: "assign x[mask] = value with a public mask, or np.where with a secret one",
    np.fill_diagonal: "assign x[range(n), range(n)] = value",
    np.save: "a secret is not stored: reveal() what may be known",
    np.savez: "a secret is not stored: reveal() what may be known",
    np.array_str: "reveal() what may be known",
}
