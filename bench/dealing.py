"""What each correlation costs at the dealer and at the parties, an element: `python -m bench.dealing [FAMILY ...]`.

All in this process, on one thread, and without links: the dealer makes the corrections, the first party expands its
shares from its seed, and the last one takes the corrections and expands the rest. Times are of the processor, the
least of several repeats, for `--elements` elements and two parties.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from mpcfl import view
from mpcfl.correlation import Correlation, Leaf, MaskView
from mpcfl.dealer import FRAME_BYTES
from mpcfl.dealing import Dealer, Holder
from mpcfl.pieces import Cut, collect
from mpcfl.prg import Stream
from mpcfl.protocols.beaver import Mask, Triple
from mpcfl.protocols.comparison import LAST_LESS, MERGE_BOTH, BitProducts, Digits
from mpcfl.protocols.conversion import DaBit
from mpcfl.protocols.leading import Factors
from mpcfl.protocols.nearness import CHOICES, GROUPS, DigitProducts
from mpcfl.protocols.normalisation import LogHarmonics
from mpcfl.protocols.permutation import Permutation
from mpcfl.protocols.powers import Powers
from mpcfl.protocols.series import Waves
from mpcfl.protocols.trigonometry import Sines
from mpcfl.protocols.truncation import TruncPair
from mpcfl.protocols.upper import TruncMux
from mpcfl.ring import Words, packed
from mpcfl.view import View

PARTIES = 2
ELEMENTS = 1_000_000
REPEATS = 9
FRACTION = 18
SIDE_BY_SIDE = {"within": GROUPS, "tests": GROUPS - 1}
"""Groups of digits that a polynomial of `nearness` is evaluated on at once."""
KEYS = [bytes([rank]) * 32 for rank in range(PARTIES)]


@dataclass(frozen=True)
class Row:
    """One correlation: nanoseconds an element by role, and bytes an element from the dealer to the last party."""

    name: str
    what: str
    dealer: float
    first: float
    last: float
    sent: float


def correlations(n: int) -> Iterator[tuple[str, str, Correlation]]:
    """What is measured: a name, what it serves, and the correlation for n elements of an operation."""
    mask: MaskView = View.leaf(Leaf(0, 0, (n,)), (n,))
    beta: MaskView = View.leaf(Leaf(1, 0, (packed(n),), "bits", None, n), (n,))
    yield "mask", "every operand", Mask((n,))
    yield "triple", "products", Triple("mul", mask, mask)
    yield "triple of a bit", "mux, relu", Triple("mul", beta, mask)
    side = int(n**0.5)
    square = view.reshape(view.take(mask, slice(0, side * side)), (side, side))
    yield "triple of matrices", f"a square product of {side} rows", Triple("matmul", square, square)
    yield "trunc_pair", "fixed-point products", TruncPair(n, 1, FRACTION)
    product: MaskView = View.leaf(Leaf(0, 0, (n,), low=FRACTION), (n,))
    yield "trunc_mux", "mux, relu, sigmoid of a product", TruncMux(beta, product, FRACTION)
    yield "digits", "comparisons", Digits(mask, True)
    yield "digits of a product", "comparisons", Digits(view.scale(product, -1), True)
    yield "bit_products (first)", "comparisons", _products(MERGE_BOTH.variables, MERGE_BOTH.subsets, 4 * packed(n))
    last = LAST_LESS[4]
    yield "bit_products (last)", "comparisons", _products(last.variables, last.subsets, packed(n))
    yield "dabit", "comparisons", DaBit(n)
    yield "powers", "exp", Powers(mask, 56, 64, 4)
    yield "log_harmonics", "quotients, roots, log", LogHarmonics(mask, 1 << 56)
    for name in CHOICES:
        yield f"digit_products ({name})", "quotients, roots", DigitProducts(name, SIDE_BY_SIDE.get(name, 1) * packed(n))
    yield "factors", "log, roots", Factors(mask, False)
    yield "factors (signed)", "quotients", Factors(mask, True)
    yield "sines", "sin, cos", Sines(mask, False)
    yield "waves (fast sigmoid)", "sigmoid", Waves(mask, "fast_sigmoid")
    yield "waves (erf)", "erf", Waves(mask, "erf")
    yield "permutation", "shuffles", Permutation(mask, 1)


def _products(variables: int, subsets: Sequence[int], width: int) -> BitProducts:
    return BitProducts(variables, tuple(subsets), width)


def measured(name: str, what: str, correlation: Correlation, n: int) -> Row:
    """The row of a correlation."""

    def dealer() -> Callable[[], object]:
        dealing = Dealer([Stream(key) for key in KEYS])
        for _ in range(2):  # the masks that it names
            dealing.deal(Mask((1,)))

        def deal() -> None:
            for _ in dealing.pieces(correlation):
                pass

        return deal

    cut = Cut(correlation)
    determined = [stripes for field, stripes in zip(cut.fields, cut.stripes, strict=True) if field.determined]
    frame = np.zeros(FRAME_BYTES // 8, np.uint64)

    def holder(rank: int) -> Callable[[], object]:
        holding = Holder(Stream(KEYS[rank]), rank, PARTIES)

        def take() -> None:
            corrections: list[Words] | None = None
            if rank == PARTIES - 1:
                words = collect(determined, lambda size: np.zeros(size, np.uint64), lambda size: frame[:size])
                fields = [field for field in cut.fields if field.determined]
                corrections = [
                    one.view(field.dtype).reshape(field.shape) for one, field in zip(words, fields, strict=True)
                ]
            holding.take(correlation, corrections)

        return take

    by_dealer, by_first, by_last = (least(call) * 1e9 / n for call in (dealer(), holder(0), holder(PARTIES - 1)))
    return Row(name, what, by_dealer, by_first, by_last, correlation.correction_bytes / n)


def least(call: Callable[[], object]) -> float:
    """Least seconds of the processor for several calls, after one that warms up: waiting does not count."""
    call()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main(
    names: Annotated[list[str] | None, typer.Argument(help="families; by default all")] = None,
    elements: Annotated[int, typer.Option(min=1, help="elements of each operation")] = ELEMENTS,
) -> None:
    """Print a table, in the form of docs/performance.md."""
    print("| correlation | for | dealer ns | first party ns | last party ns | sent B |\n|:--|:--|--:|--:|--:|--:|")
    for name, what, correlation in correlations(elements):
        if not names or correlation.family in names:
            row = measured(name, what, correlation, elements)
            figures = " | ".join(f"{value:.3g}" for value in (row.dealer, row.first, row.last, row.sent))
            print(f"| {row.name} | {row.what} | {figures} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
