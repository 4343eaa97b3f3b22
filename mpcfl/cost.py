"""Know the cost before paying: what a program will send, wait for and draw, by line, from the shapes of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl.drivers.cost import Cost
from mpcfl.drivers.profile import Line, Network, Profile, aligned
from mpcfl.errors import UsageError
from mpcfl.protocol import Suite
from mpcfl.protocols import semi2k
from mpcfl.session import FRACTION, Session
from mpcfl.simulation import forecast


def cost(
    program: Callable[..., Any],
    *shapes: Any,
    parties: int | Sequence[str] = 2,
    network: Network | tuple[float, float] | None = None,
    fraction: int = FRACTION,
    suite: Suite | str = semi2k.suite,
    ring: int = 64,
) -> Cost:
    """The exact cost of a program by line, without running it on data.

    Parameters
    ----------
    program : callable
        With shapes: `program(*arrays)`, an array program; it is given one secret array a shape, already shared, and
        nothing is revealed. Without: `program(session)` as `mpcfl.simulate` takes it, whose inputs state their shapes.
    *shapes : tuple of int, int, or array
        A tuple or a number stands for float64; of an array, shape and dtype are taken and no element is read.
    parties : int or sequence of str
    network : Network or (rtt_ms, mbit), optional
        Adds predicted seconds: half a round trip a round, what each round's busiest party sends and the dealer's bytes
        at that bandwidth. Local computation is not in it.
    fraction : int
    suite : Suite or str
    ring : int
        64 or 128.

    Returns
    -------
    Cost
        `lines` by line of the program, whose sums are the totals; `str` prints the table.

    Raises
    ------
    UsageError
        An input of a session's program has no shape; a shape is none.
    """
    if not shapes:
        return forecast(program, parties, fraction=fraction, suite=suite, ring=ring, network=network)
    inputs = [_input(shape) for shape in shapes]

    def on_arrays(session: Session) -> None:
        program(*(session.share(None, 0, shape, dtype) for shape, dtype in inputs))

    # At a party that is not the owner: an owner would have to give values.
    return forecast(on_arrays, parties, rank=1, fraction=fraction, suite=suite, ring=ring, network=network)


def _input(shape: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    if hasattr(shape, "shape") and hasattr(shape, "dtype"):
        return tuple(shape.shape), np.dtype(shape.dtype)
    try:
        sizes = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        if any(not isinstance(n, int | np.integer) or n < 0 for n in sizes):
            raise TypeError
    except TypeError:
        raise UsageError(f"a shape is a tuple of sizes, a size, or an array, not {type(shape).__name__}") from None
    return tuple(int(n) for n in sizes), np.dtype(np.float64)


def compare(foreseen: Cost, measured: Profile) -> str:
    """A forecast and the profile of a real run side by side, by line, as text.

    Parameters
    ----------
    foreseen : Cost
        Of `mpcfl.cost`, `mpcfl.forecast`.
    measured : Profile
        `Run.profile`, or what `session.profile()` gave over links.
    """
    network = foreseen.network
    before = {line.line: line for line in (*foreseen.lines, foreseen.total)}
    after = {line.line: line for line in (*measured.lines, measured.total)}
    order = [name for name in dict.fromkeys([*before, *after]) if name != "total"]
    rows = [["line", "rounds", "run", "bytes", "run", "offline bytes", "run", "predicted s", "run s"]]
    for name in (*order, "total"):
        cells = [_cells(before.get(name)), _cells(after.get(name))]
        pairs = [cell for pair in zip(*cells, strict=True) for cell in pair]
        seconds = "-" if network is None or name not in before else f"{network.seconds(before[name]):.3f}"
        rows.append([name, *pairs, seconds, f"{after[name].seconds:.3f}" if name in after else "-"])
    return aligned(rows)


def _cells(line: Line | None) -> list[str]:
    """Rounds, bytes of all parties, offline bytes."""
    if line is None:
        return ["-", "-", "-"]
    return [f"{line.rounds:,}", f"{sum(line.bytes_sent):,}", f"{line.offline_bytes:,}"]
