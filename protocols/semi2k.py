"""The default suite: two or more semi-honest parties, additive shares in Z_2^64 or Z_2^128, correlated randomness
from a dealer.

Security    any n - 1 parties together learn nothing but outputs. The dealer, who sees no message between the parties,
            learns the program and its shapes; the dealer together with any one party learns everything.
Reference   each rule's file. The combination of Beaver triples over Z_2^64 with a trusted dealer is that of CrypTen
            (Knott et al., NeurIPS 2021) and of SPU's semi2k (Ma et al., USENIX ATC 2023); truncation and comparison are
            different here.
"""

from mpcfl.protocol import Suite
from mpcfl.protocols import fourier128, inverse128, powering128, powers128
from mpcfl.protocols import logarithms128 as wide
from mpcfl.protocols.beaver import mul, mux, square
from mpcfl.protocols.comparison import eqz, msb
from mpcfl.protocols.conversion import parity
from mpcfl.protocols.division import divide, reciprocal
from mpcfl.protocols.exponential import exp, exp2
from mpcfl.protocols.folded import double_matmul, matmul
from mpcfl.protocols.inverse import arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh
from mpcfl.protocols.logarithm import log, log2, log10
from mpcfl.protocols.narrow import narrow_eqz
from mpcfl.protocols.oddness import matmul_parity
from mpcfl.protocols.permutation import permute
from mpcfl.protocols.powering import cbrt, hypot, power, public_power
from mpcfl.protocols.roots import rsqrt, sqrt
from mpcfl.protocols.tangent import tan, wide_tan
from mpcfl.protocols.trigonometry import cos, sin
from mpcfl.protocols.truncation import trunc_exact, trunc_pr
from mpcfl.protocols.windows import (
    erf,
    gelu,
    gelu_tanh,
    precise_sigmoid,
    precise_softplus,
    precise_tanh,
    sigmoid,
    silu,
    softplus,
)

_CORE = (mul, matmul, double_matmul, square, mux, trunc_pr, trunc_exact, msb, eqz, narrow_eqz, parity, permute)
_PRECISE = (precise_sigmoid, precise_softplus, precise_tanh, erf, gelu, gelu_tanh, silu)
_IN_BOTH_RINGS = (*_CORE, matmul_parity, sin, cos, *_PRECISE)
_WIDE = (
    *(fourier128.sigmoid, fourier128.softplus, powers128.exp, powers128.exp2),
    *(wide.divide, wide.reciprocal, wide.log, wide.log2, wide.log10, wide.sqrt, wide.rsqrt),
    *(wide_tan, inverse128.arctan, inverse128.arctan2, inverse128.arcsin, inverse128.arccos),
    *(inverse128.arcsinh, inverse128.arccosh, inverse128.arctanh),
    *(powering128.power, powering128.public_power, powering128.cbrt, powering128.hypot),
    *(rule.over(128) for rule in _IN_BOTH_RINGS),
)

suite = Suite(
    "semi2k",
    [
        *_CORE,
        matmul_parity,
        *(sigmoid, softplus, divide, reciprocal, exp, exp2, log, log2, log10, sqrt, rsqrt, sin, cos),
        *_PRECISE,
        *(tan, arctan, arctan2, arcsin, arccos, arcsinh, arccosh, arctanh),
        *(power, public_power, cbrt, hypot),
    ],
    wide=Suite("semi2k", _WIDE, width=128),
)
