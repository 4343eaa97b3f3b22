"""The default suite: two or more semi-honest parties, additive shares in Z_2^64 or Z_2^128, correlated randomness
from a dealer.

Security    any n - 1 parties together learn nothing but outputs. The dealer, who sees no message between the parties,
            learns the program and its shapes; the dealer together with any one party learns everything.
Reference   each rule's file. The combination of Beaver triples over Z_2^64 with a trusted dealer is that of CrypTen
            (Knott et al., NeurIPS 2021) and of SPU's semi2k (Ma et al., USENIX ATC 2023); truncation and comparison are
            different here.
"""

from mpcfl.protocol import Suite
from mpcfl.protocols.beaver import matmul, mul, mux, square
from mpcfl.protocols.comparison import eqz, msb
from mpcfl.protocols.division import divide, reciprocal
from mpcfl.protocols.exponential import exp, exp2
from mpcfl.protocols.fourier import sigmoid, softplus
from mpcfl.protocols.logarithm import log, log2, log10
from mpcfl.protocols.permutation import permute
from mpcfl.protocols.roots import rsqrt, sqrt
from mpcfl.protocols.trigonometry import cos, sin
from mpcfl.protocols.truncation import trunc_exact, trunc_pr

_CORE = (mul, matmul, square, mux, trunc_pr, trunc_exact, msb, eqz, permute)

suite = Suite(
    "semi2k",
    [
        *_CORE,
        *(sigmoid, softplus, divide, reciprocal, exp, exp2, log, log2, log10, sqrt, rsqrt, sin, cos),
    ],
    wide=Suite("semi2k", [rule.over(128) for rule in _CORE], width=128),
)
