"""The binary logarithm of a secret's magnitude, one round after `leading`. Dealer model.

Parties hold v = |x| F and e with log2 |x| = e + log2(v / (3 2^62)), v from 3 2^59 to 3 2^62 (leading), and want
log2 |x|.

log2 of a number in [1/8, 1] is a trigonometric series with period 4/3 (what the series does in the rest of the period
does not matter), v has that period in the ring, and a series at v = d - r is local once v is opened:

    offline    r = -a for the mask a of v;  [U_k] with U_k = A_k cos(k w r) + B_k sin(k w r)
               and [V_k] with V_k = B_k cos(k w r) - A_k sin(k w r)
    online     d = open([v] - [a])                                                                   1 round
    local      [log2 |x|] = [e] + c + sum_k sin(k w d) [U_k] + cos(k w d) [V_k],    w = 2 pi / 2^64

Error       of log2 |x| below 2^-21.5, or 2^-23 of the long series: 2^-22.2 and 2^-25.7 of themselves, the rest of
            rounded sines and factors, 2^-25.9 in the mean (7 such are in the bound). For x = 0 the answer is about -4.
Realises    log2 |x| up to the stated error, a function of x and of the uniform public d. Simulator: d uniform; U and V
            depend on a alone and are shared uniformly.
Reference   Sines of a masked angle: Zheng et al., ACSAC 2023. Fourier extension: Boyd, J. Comput. Phys. 178 (2002).
            Coefficients: weighted least squares on [1/8, 1], weights moved until the error is near-minimax, rounded to
            2^-28, the constant then centred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mpcfl.correlation import Correlation, Field, MaskView
from mpcfl.effects import Draw, Protocol
from mpcfl.protocol import Context
from mpcfl.protocols.beaver import masked
from mpcfl.protocols.leading import LEVEL_AT_ZERO, Leading
from mpcfl.protocols.series import COEFFICIENT_BITS, evaluate, rotated
from mpcfl.ring import Words

LIMIT = 62
"""|x| stays below 2^62, the range of representable numbers."""
SCALE = 56
"""Fractional bits of a logarithm: 30 of the public sines, 26 of the shared factors."""


@dataclass(frozen=True)
class Logarithm:
    """log2(v / (3 2^62)) on [1/8, 1]: coefficients of sines and cosines times 2^28, the constant times 2^56."""

    sin: tuple[int, ...]
    cos: tuple[int, ...]
    constant: int


SERIES = {
    "short": Logarithm(
        sin=(
            -170120342, 30932648, 113270796, 122867290, 93081530, 53466419, 22438804, 5395863, -787203, -1566863,
            -858647, -278881, -53089, -4351,
        ),
        cos=(
            -503439763, -332860324, -194509559, -84263329, -14354225, 16537799, 21203767, 14645659, 7077371,
            2406203, 497184, 15108, -23603, -5397,
        ),
        constant=-122688229027016704,
    ),
    "long": Logarithm(
        sin=(
            -154613830, 59859771, 150968785, 162376753, 126998562, 76695569, 33994039, 8005149, -2818735, -4624868,
            -3102744, -1399974, -441704, -87376, -5238, 2173, 483,
        ),
        cos=(
            -552414674, -372956095, -220744758, -94265355, -9804285, 30247656, 37308053, 27879615, 15267764,
            6118352, 1524042, -17331, -231707, -123600, -36739, -6276, -460,
        ),
        constant=-129663561387551024,
    ),
}  # fmt: skip


_SUM_AT_ZERO = SERIES["short"].constant + (sum(SERIES["short"].cos) << SCALE - COEFFICIENT_BITS)
AT_ZERO = LEVEL_AT_ZERO + _SUM_AT_ZERO / (1 << SCALE)
"""What `logarithm` answers for x = 0, by the short series."""


@dataclass(frozen=True)
class LogHarmonics(Correlation):
    """U_k and V_k of the series of `unit` log2(v / (3 2^62)) for r = -a, times 2^26; `unit` is times 2^56."""

    family = "log_harmonics"
    mask: MaskView
    unit: int
    series: str = "short"

    def fields(self) -> tuple[Field, ...]:
        shape = (len(SERIES[self.series].sin), *self.mask.shape)
        return (Field("u", shape, determined=True), Field("v", shape, determined=True))

    def masks(self) -> tuple[MaskView, ...]:
        return (self.mask,)

    def elementwise(self) -> tuple[str, ...]:
        return ("mask",)

    def sample(self, uniform: Mapping[str, Words], *masks: Words) -> Mapping[str, Words]:
        own = SERIES[self.series]
        sin, cos = (tuple(scaled(c, self.unit) for c in row) for row in (own.sin, own.cos))
        return rotated(masks[0], sin, cos, 1)


def scaled(coefficient: int, unit: int) -> int:
    """A coefficient times unit / 2^56, to the nearest integer."""
    return (coefficient * unit + (1 << (SCALE - 1))) >> SCALE


def logarithm(ctx: Context, top: Leading, unit: int = 1 << SCALE, more: int = 0, series: str = "short") -> Protocol:
    """Share of `unit` log2 |x| + `more` on a vector, x not 0, |unit| <= 2^56: one round after `leading`."""
    (operand,) = yield from masked(ctx, top.value)
    dealt = yield Draw(LogHarmonics(operand.mask, unit, series))
    constant = ctx.first * (scaled(SERIES[series].constant, unit) + more)
    return evaluate(operand.d, dealt["u"], dealt["v"], 1, top.level, unit, constant)


def logarithm_bits(n: int, parties: int) -> int:
    """Payload bits of `logarithm`: v."""
    return (parties - 1) * 64 * n
