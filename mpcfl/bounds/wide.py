"""What elementary functions state in ring 128, at fractions up to 48; the rest of their entries is in `table`."""

from __future__ import annotations

from collections.abc import Mapping

from mpcfl.bounds.stated import Error, Wide

DIGITS = 2**-45
"""Of powers of two, hence of quotients, roots and exponentials."""
SUMS = 2**-45.4
"""Absolute, of sums that an exponential near 1 is a part of."""
WINDOWED = Wide(Error(ulps=1.2), 4, 49.8)
WAVES = Wide(Error(ulps=1.1), 2, 32, "|x| < 2^(72-f)")
LOGARITHM = Wide(Error(ulps=1.3), 12, 282.4)
EXPONENTIAL = Wide(Error(ulps=1.1, relative=DIGITS), 5, 88.9)
ARC = Wide(Error(ulps=1.5), 13, 566.5)

WIDE: Mapping[str, Wide] = {
    "x / y": Wide(Error(ulps=1.1, relative=DIGITS), 14, 882.6),
    "np.reciprocal": Wide(Error(ulps=1.1, relative=DIGITS), 14, 452.9),
    "np.exp": EXPONENTIAL,
    "np.exp2": EXPONENTIAL,
    "np.expm1": Wide(Error(absolute=SUMS, ulps=1.6, relative=DIGITS), 5, 88.9),
    "np.log": LOGARITHM,
    "np.log2": LOGARITHM,
    "np.log10": LOGARITHM,
    "np.log1p": LOGARITHM,
    "np.sqrt": Wide(Error(ulps=1.1, relative=DIGITS), 14, 355.2),
    "numerics.rsqrt": Wide(Error(ulps=1.1, relative=DIGITS), 13, 330.4),
    "np.sin": WAVES,
    "np.cos": WAVES,
    "np.sinh": Wide(Error(absolute=SUMS, ulps=2.6, relative=DIGITS), 6, 177.8),
    "np.cosh": Wide(Error(ulps=2.1, relative=DIGITS), 6, 177.8),
    "np.tanh": Wide(Error(absolute=4e-4, ulps=2), 4, 49.8),
    "np.logaddexp": Wide(Error(absolute=1.3e-4, ulps=1), 4, 49.8),
    "numerics.sigmoid": Wide(Error(absolute=2e-4, ulps=1.3), 4, 49.8),
    "numerics.softplus": Wide(Error(absolute=1.3e-4, ulps=1), 4, 49.8),
    "numerics.erf": WINDOWED,
    "numerics.erfc": WINDOWED,
    "numerics.gelu": WINDOWED,
    "numerics.silu": WINDOWED,
    "numerics.sigmoid, precise": WINDOWED,
    "numerics.softplus, precise": WINDOWED,
    "numerics.tanh": Wide(Error(absolute=4e-4, ulps=2), 4, 49.8),
    "numerics.tanh, precise": WINDOWED,
    "numerics.gelu, by tanh": WINDOWED,
    "np.tan": Wide(Error(ulps=1.1, relative=DIGITS), 15, 898.6, "|x| < 2^(68-f), |tan x| < 2^9"),
    "np.arctan": Wide(Error(ulps=1.2), 14, 456.2),
    "np.arctan2": Wide(Error(ulps=2.2), 16, 877.2),
    "np.arcsin": ARC,
    "np.arccos": ARC,
    "np.arcsinh": Wide(Error(ulps=1.4), 14, 472.2),
    "np.arccosh": Wide(Error(ulps=1.4), 13, 582.5),
    "np.arctanh": Wide(Error(ulps=1.5), 12, 532.8),
    "np.cbrt": Wide(Error(ulps=1.1, relative=DIGITS), 14, 477.8),
    "np.hypot": Wide(Error(ulps=1.1, relative=DIGITS), 17, 877.2),
    "x ** y": Wide(Error(ulps=1.1, relative=2**-41.3), 18, 412.1),
    "x ** 0.3": Wide(Error(ulps=1.1, relative=DIGITS), 17, 380.1),
    "x ** -2": Wide(Error(ulps=1.1, relative=2**-44.8), 21, 405),
    "2.5 ** x": Wide(Error(ulps=1.1, relative=2**-44.8, grain=1.2), 6, 104.9),
    "np.logaddexp2": Wide(Error(ulps=3.9), 6, 81.8),
    "numerics.softmax": Wide(Error(ulps=4, each=1, relative=2**-43.5), 37, 195.1),
    "numerics.logsumexp": Wide(Error(absolute=SUMS, ulps=2, each=1), 33, 142.4),
}
