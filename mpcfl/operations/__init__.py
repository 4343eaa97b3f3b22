"""What the array type can do, on values: which operations are local, which are protocols, and how kinds combine.

Kinds follow NumPy: fixed point stands for float64, integers for int64, booleans for bool. A boolean in arithmetic is
the integer 0 or 1. Public numbers are exact where they can be: an integer multiplies locally, any other scalar at up to
62 bits (see truncation).
"""

from mpcfl.operations.comparisons import (
    absolute,
    equal,
    extremum,
    function,
    greater,
    invert,
    less,
    quotient,
    rounded,
    where,
)
from mpcfl.operations.linear import add, broadcast, concatenate, negative, reshape, subtract, take, total, transpose
from mpcfl.operations.operands import (
    Operand,
    Public,
    as_boolean,
    as_kind,
    constant,
    digest,
    encoded,
    joined,
    public,
    public_kind,
)
from mpcfl.operations.products import ARRAY_SIGNIFICANT_BITS, array_scale, divide, matmul, multiply

__all__ = [
    "ARRAY_SIGNIFICANT_BITS",
    "Operand",
    "Public",
    "absolute",
    "add",
    "array_scale",
    "as_boolean",
    "as_kind",
    "broadcast",
    "concatenate",
    "constant",
    "digest",
    "divide",
    "encoded",
    "equal",
    "extremum",
    "function",
    "greater",
    "invert",
    "joined",
    "less",
    "matmul",
    "multiply",
    "negative",
    "public",
    "public_kind",
    "quotient",
    "reshape",
    "rounded",
    "subtract",
    "take",
    "total",
    "transpose",
    "where",
]
