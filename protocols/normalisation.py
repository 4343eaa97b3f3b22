"""The binary logarithm of a secret's magnitude, one round after `leading`. Dealer model.

Parties hold v = |x| F and e with log2 |x| = e + log2(v / (3 2^62)), v from 3 2^59 to 3 2^62 (leading), and want
log2 |x|.

log2 of a number in [1/8, 1] is a trigonometric series with period 4/3 (what the series does in the rest of the period
does not matter), v has that period in the ring, and a series at v = d - r is local once v is opened:

    offline    r = -a for the mask a of v;  [U_k] with U_k = A_k cos(k w r) + B_k sin(k w r)
               and [V_k] with V_k = B_k cos(k w r) - A_k sin(k w r)
    online     d = open([v] - [a])                                                                   1 round
    local      [log2 |x|] = [e] + c + sum_k sin(k w d) [U_k] + cos(k w d) [V_k],    w = 2 pi / 2^64

Error       of log2 |x| below 2^-23: 2^-25.7 of the series, the rest of rounded sines and factors. For x = 0 the answer
            is `AT_ZERO`, about -4.
Realises    log2 |x| up to the stated error, a function of x and of the uniform public d. Simulator: d uniform; U and V
            depend on a alone and are shared uniformly.
Reference   Sines of a masked angle: Zheng et al., ACSAC 2023. Fourier extension: Boyd, J. Comput. Phys. 178 (2002).
            Coefficients: weighted least squares on [1/8, 1], weights moved until the error is near-minimax, rounded to
            2^-28, the constant then centred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mpcfl import ring
from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context
from mpcfl.protocols.beaver import masked
from mpcfl.protocols.fourier import COEFFICIENT_BITS
from mpcfl.protocols.leading import LEVELS, Leading
from mpcfl.protocols.series import evaluate, rotated
from mpcfl.ring import Words

LIMIT = 62
"""|x| stays below 2^62, the range of representable numbers."""
SCALE = 56
"""Fractional bits of a logarithm: 30 of the public sines, 26 of the shared factors."""
SIN = (
    -154613830, 59859771, 150968785, 162376753, 126998562, 76695569, 33994039, 8005149, -2818735, -4624868, -3102744,
    -1399974, -441704, -87376, -5238, 2173, 483,
)  # fmt: skip
COS = (
    -552414674, -372956095, -220744758, -94265355, -9804285, 30247656, 37308053, 27879615, 15267764, 6118352, 1524042,
    -17331, -231707, -123600, -36739, -6276, -460,
)  # fmt: skip
CONSTANT = -129663561387551024
"""log2(v / (3 2^62)) on [1/8, 1]: coefficients of sines and cosines times 2^28, the constant times 2^56."""
AT_ZERO = LEVELS[0] + (CONSTANT + (sum(COS) << (SCALE - COEFFICIENT_BITS))) / (1 << SCALE)
"""What `logarithm` answers for x = 0."""


@dataclass(frozen=True)
class LogHarmonics(Correlation):
    """U_k and V_k of the series of `unit` log2(v / (3 2^62)) for r = -a, times 2^26; `unit` is times 2^56."""

    family = "log_harmonics"
    mask: MaskView
    unit: int

    def fields(self) -> tuple[Field, ...]:
        shape = (len(SIN), *self.mask.shape)
        return (Field("u", shape, determined=True), Field("v", shape, determined=True))

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        sin, cos = (tuple(scaled(c, self.unit) for c in row) for row in (SIN, COS))
        return rotated(masks[0], sin, cos, 1)


def scaled(coefficient: int, unit: int) -> int:
    """A coefficient times unit / 2^56, to the nearest integer."""
    return (coefficient * unit + (1 << (SCALE - 1))) >> SCALE


def logarithm(ctx: Context, top: Leading, unit: int = 1 << SCALE) -> Protocol:
    """Share of `unit` log2 |x| on a vector, |x| > 0 as an integer, |unit| <= 2^56: one round after `leading`."""
    (operand,) = yield from masked(ctx, top.value)
    dealt = yield Draw(LogHarmonics(operand.mask, unit))
    series = evaluate(operand.d, dealt["u"], dealt["v"], 1)
    whole = ring.multiply(top.level, ring.scalar(unit))
    return ring.add(ring.add(series, whole), ring.scalar(ctx.first * scaled(CONSTANT, unit)))


def logarithm_bits(n: int, parties: int) -> int:
    """Payload bits of `logarithm`: v."""
    return (parties - 1) * 64 * n
