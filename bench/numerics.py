"""`python -m bench numerics`: measure what the operations of `mpcfl.bounds` state, and renew docs/numerics.md by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from mpcfl import ring
from mpcfl.bounds import SECTIONS, TABLE, Entry
from mpcfl.bounds.stated import Array
from mpcfl.errors import InputError, UsageError
from mpcfl.session import FRACTION, Session
from mpcfl.simulation import simulate

FRACTIONS = (16, 18, 20)
SLICE = 20_000
"""Elements of an operand at a time, to bound memory."""
COUNTED = 640
"""Elements, or rows, over which bytes are counted: packed bits fill their words."""
PAGE, FOUND = (Path(__file__).resolve().parent.parent / "docs" / name for name in ("numerics.md", "numerics.jsonl"))
"""The page, and the measurement that it shows."""


class Found(BaseModel):
    """What a measurement of one operation at one fraction found; written as one line of JSON.

    Attributes
    ----------
    name : str
        Of the entry.
    fraction, inputs : int
        Inputs counts elements of the largest operand.
    max_abs_err : float or None
        Largest error of results r with |r| <= 1.
    max_rel_err : float or None
        Largest of error / |r| for |r| > 1.
    of_bound : float
        Largest error as a part of the stated bound; 0 where none is stated and none was found.
    worst : str
        The inputs there.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    fraction: int
    inputs: int
    max_abs_err: float | None
    max_rel_err: float | None
    of_bound: float
    worst: str


def _representable(x: Array, fraction: int, width: int = 64) -> Array:
    return ring.decode(ring.encode(x, fraction, width), fraction) if x.dtype.kind == "f" else x


def inputs_of(entry: Entry, samples: int, fraction: int, seed: int = 0) -> list[Array]:
    """The operands of a measurement, as encoded."""
    rng = np.random.default_rng([seed, fraction])
    return [_representable(np.asarray(x), fraction) for x in entry.domain.sample(rng, samples, fraction)]


def run(entry: Entry, inputs: Sequence[Array], finish: Callable[[Any, int], Any]) -> Callable[[Session], Any]:
    """A program that applies an operation to slices of its operands."""
    rows = max(1, SLICE // math.prod(inputs[0].shape[1:]))

    def program(session: Session) -> Any:
        parts = []
        for start in range(0, len(inputs[0]), rows):
            given = [x[start : start + rows] for x in inputs]
            parts.append(finish(entry.call(*(session.share(x, 0, x.shape, x.dtype) for x in given)), start))
        return np.concatenate(parts)

    return program


def errors(entry: Entry, inputs: Sequence[Array], fraction: int, width: int) -> tuple[Array, Array]:
    """The error of each result, and the exact results.

    A float64 has fewer digits than a fixed-point number may have, so the float nearest to the exact result is
    subtracted from the secret, and the difference revealed.
    """
    exact = entry.reference(inputs)
    if exact.dtype.kind != "f":
        found = simulate(run(entry, inputs, lambda result, start: result.reveal()), fraction=fraction, ring=width)
        got = found.results[0]
        return np.abs(got.astype(np.longdouble) - exact.astype(np.longdouble)), exact
    end = math.nextafter(2.0 ** (width - 2 - fraction), 0)
    near = _representable(np.clip(exact.astype(np.float64), -end, end), fraction, width)
    off = simulate(
        run(entry, inputs, lambda result, start: (result - near[start : start + len(result)]).reveal()),
        fraction=fraction,
        ring=width,
    ).results[0]
    return np.abs(off.astype(np.longdouble) - (exact - near)), exact


def measure(entry: Entry, samples: int, fraction: int, seed: int = 0, width: int = 64) -> Found:
    """The largest errors of an operation on `samples` inputs, edges and dense grids among them, in ring `width`."""
    entry = entry.over(width)
    inputs = inputs_of(entry, samples, fraction, seed)
    off, exact = errors(entry, inputs, fraction, width)
    size, bound = np.abs(exact.astype(np.longdouble)), entry.error.at(exact, inputs, fraction)
    bound = np.broadcast_to(bound, off.shape)
    part = np.divide(off, bound, out=np.where(off > 0, np.inf, 0.0).astype(np.longdouble), where=bound > 0)
    worst = np.unravel_index(int(np.argmax(part)), part.shape)
    small = size <= 1
    return Found(
        name=entry.name,
        fraction=fraction,
        inputs=max(x.size for x in inputs),
        max_abs_err=float(off[small].max()) if small.any() else None,
        max_rel_err=float((off[~small] / size[~small]).max()) if not small.all() else None,
        of_bound=float(part.max()),
        worst="; ".join(str(x[worst[0]].tolist()) for x in inputs),
    )


def cost(entry: Entry, width: int = 64) -> tuple[int, float]:
    """Rounds of an operation, and bytes that one of two parties sends an element of the largest operand."""
    inputs = [x[:COUNTED] for x in inputs_of(entry, 64 * COUNTED, FRACTION)]

    def program(session: Session) -> None:
        entry.call(*(session.share(x, 0, x.shape, x.dtype) for x in inputs))

    counted = simulate(program, ring=width)
    elements = max(x.size for x in inputs)
    return counted.rounds, round(counted.bytes_sent[0] / elements, 1)


def measurements(samples: int, names: Sequence[str] = ()) -> Iterator[Found]:
    """Operations, by default all, at all fractions.

    Raises
    ------
    UsageError
        No operation has such a name.
    """
    for name in names:
        if name not in TABLE:
            raise UsageError(f"no operation is called {name!r}; there are {', '.join(TABLE)}")
    for name in names or TABLE:
        for fraction in FRACTIONS:
            yield measure(TABLE[name], samples, fraction)


# ------------------------------------------------------------------------------------------------------------- the page


def load(path: Path = FOUND) -> list[Found]:
    """A measurement that was written to a file.

    Raises
    ------
    UsageError
        It cannot be read.
    InputError
        A line is none.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        raise UsageError(f"the measurement {path} cannot be read", file=str(path)) from None
    try:
        return [Found.model_validate_json(line) for line in lines]
    except ValidationError:
        raise InputError(f"{path} holds a line that is no measurement of numerics", file=str(path)) from None


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def stated(section: str) -> str:
    """The table of a section, as the page has it."""
    head = ["Operation", "Domain", "Error at most", "Outside", "Rounds", "Bytes"]
    rows = []
    for entry in SECTIONS[section]:
        name, comma, what = entry.name.partition(",")
        cells = [f"`{name}`{comma}{what}", entry.domain.text, str(entry.error), entry.outside]
        rows.append([*cells, str(entry.rounds), f"{entry.bytes:g}"])
    return _rows(head, rows)


def wide() -> str:
    """The table of ring 128, as the page has it."""
    head = ["Operation", "Domain", "Error at most", "Rounds", "Bytes"]
    rows = []
    for entry in SECTIONS["elementary"]:
        own = entry.over(128)
        name, comma, what = own.name.partition(",")
        rows.append([f"`{name}`{comma}{what}", own.domain.text, str(own.error), str(own.rounds), f"{own.bytes:g}"])
    return _rows(head, rows)


def measured(found: Sequence[Found]) -> str:
    """The table of what was found, as the page has it.

    Raises
    ------
    UsageError
        An operation was not measured.
    """
    by = {(one.name, one.fraction): one for one in found}
    head = ["Operation", *(f"abs. {f}" for f in FRACTIONS), *(f"rel. {f}" for f in FRACTIONS), "of the bound", "inputs"]
    rows = []
    for name in TABLE:
        if not all((name, fraction) in by for fraction in FRACTIONS):
            raise UsageError(f"{name} was not measured at every fraction: run python -m bench numerics --write")
        own = [by[name, fraction] for fraction in FRACTIONS]
        errors_ = [*(one.max_abs_err for one in own), *(one.max_rel_err for one in own)]
        share = max(one.of_bound for one in own)
        cells = [_short(error) for error in errors_]
        rows.append([f"`{name}`", *cells, f"{share:.2f}" if share else "", f"{min(one.inputs for one in own):,}"])
    return _rows(head, rows)


def _short(error: float | None) -> str:
    if error is None:
        return "-"
    return f"{error:.1e}".replace("e-0", "e-") if error else "0"


def page(text: str, found: Sequence[Found]) -> str:
    """A page with its tables renewed.

    Raises
    ------
    UsageError
        It has no place for one of them, or an operation was not measured.
    """
    tables = {section: stated(section) for section in SECTIONS} | {"wide": wide(), "measured": measured(found)}
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, opened, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            raise UsageError(f"the page has no place for a table: it needs the lines {begin.strip()} and {end.strip()}")
        text = before + begin + table + "\n" + end + after
    return text


def write(found: Sequence[Found]) -> None:
    """Keep a measurement beside those of other operations, and renew the page."""
    earlier = load(FOUND) if FOUND.exists() else []
    by = {(one.name, one.fraction): one for one in (*earlier, *found)}
    kept = [by[name, fraction] for name in TABLE for fraction in FRACTIONS if (name, fraction) in by]
    text = page(PAGE.read_text("utf-8"), kept)
    FOUND.write_text("".join(one.model_dump_json() + "\n" for one in kept), "utf-8")
    PAGE.write_text(text, "utf-8")
