"""`python -m bench.he`: Paillier of `mpcfl.he` beside python-paillier, at the same key sizes in one run, one thread.

Each figure is the least of several repeats in CPU seconds of this process, so what else the machine does matters
little. Keys and tables of powers are made before, and their own times are given. python-paillier needs
`pip install 'mpcfl[he]'`; without it its columns stay empty.
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from bench.__main__ import machine
from mpcfl import he

REPEATS = 7
FRACTION = 18
LIMIT = 16.0
"""What the values of the gradient are below, as those of standardised columns are."""


def least(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Least CPU seconds of several calls."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return min(seconds)


def of_mpcfl(bits: Any, x: NDArray[Any], matrix: NDArray[Any]) -> dict[str, float]:
    """Seconds a number, and for the gradient."""
    began = time.process_time()
    secret = he.generate(bits)
    generation = time.process_time() - began
    public, n = secret.public, len(x)
    began = time.process_time()
    public.encrypt(x[:1])
    tables = time.process_time() - began
    encrypted = secret.encrypt(x)
    encrypted[:1].randomised()  # the tables of full exponents
    residual = secret.encrypt(x[np.arange(len(matrix)) % n], FRACTION, LIMIT)
    weights = he.plain(matrix.T, FRACTION, LIMIT)
    gradient = weights @ residual
    expected = matrix.T @ x[np.arange(len(matrix)) % n]
    np.testing.assert_allclose(secret.decrypt(gradient), expected, atol=1e-2)
    return {
        "key": generation,
        "tables": tables,
        "encrypt": least(lambda: public.encrypt(x)) / n,
        "encrypt, short exponents": least(lambda: public.encrypt(x, exponents="short")) / n,
        "encrypt by the key's holder": least(lambda: secret.encrypt(x)) / n,
        "randomise before sending": least(encrypted.randomised) / n,
        "add": least(lambda: encrypted + encrypted) / n,
        "multiply by plain": least(lambda: encrypted * x) / n,
        "decrypt": least(lambda: secret.decrypt(encrypted)) / n,
        "gradient": least(lambda: weights @ residual, 1),
    }


def of_phe(bits: int, x: NDArray[Any], matrix: NDArray[Any], rows: int) -> dict[str, float]:
    """The same of python-paillier, whose gradient is timed on some rows and told for all."""
    if find_spec("phe") is None:
        return {}
    phe: Any = importlib.import_module("phe")
    began = time.process_time()
    public, secret = phe.generate_paillier_keypair(n_length=bits)
    generation = time.process_time() - began
    numbers = [float(value) for value in x[: max(8, len(x) // 8)]]
    encrypted = [public.encrypt(value) for value in numbers]
    some = [public.encrypt(float(value)) for value in x[np.arange(rows) % len(x)]]

    def gradient() -> None:
        for column in matrix[:rows].T:
            total = some[0] * float(column[0])
            for one, factor in zip(some[1:], column[1:], strict=True):
                total += one * float(factor)

    n = len(numbers)
    return {
        "key": generation,
        "encrypt": least(lambda: [public.encrypt(value) for value in numbers]) / n,
        "add": least(lambda: [one + one for one in encrypted]) / n,
        "multiply by plain": least(lambda: [c * v for c, v in zip(encrypted, numbers, strict=True)]) / n,
        "decrypt": least(lambda: [secret.decrypt(one) for one in encrypted]) / n,
        "gradient": least(gradient, 1) * len(matrix) / rows,
    }


def table(bits: int, ours: dict[str, float], theirs: dict[str, float], shape: tuple[int, int]) -> str:
    """Milliseconds of CPU, as Markdown."""
    lines = [f"| {bits} bits, ms | mpcfl | python-paillier | times |", "|:--|--:|--:|--:|"]
    for name, seconds in ours.items():
        other = theirs.get(name)
        what = f"gradient {shape[0]} x {shape[1]}" if name == "gradient" else name
        both = ("", "") if other is None else (f"{1e3 * other:.4g}", f"{other / seconds:.1f}")
        lines.append(f"| {what} | {1e3 * seconds:.4g} | {' | '.join(both)} |")
    return "\n".join(lines)


def main(
    bits: Annotated[list[int] | None, typer.Option(help="Key sizes; by default 2048 and 3072.")] = None,
    numbers: Annotated[int, typer.Option(min=1, help="Numbers to encrypt.")] = 40,
    rows: Annotated[int, typer.Option(min=1, help="Rows of the gradient.")] = 1000,
    columns: Annotated[int, typer.Option(min=1, help="Columns of the gradient.")] = 100,
    timed_rows: Annotated[int, typer.Option(min=1, help="Rows that python-paillier is timed on.")] = 10,
    out: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
) -> None:
    """Print a table a key size: encryption, arithmetic, decryption, and the gradient of a logistic regression."""
    rng = np.random.default_rng(7)
    x, matrix = np.clip(rng.normal(size=numbers), -8, 8), np.clip(rng.normal(size=(rows, columns)), -8, 8)
    figures = []
    for size in bits or [2048, 3072]:
        ours, theirs = of_mpcfl(size, x, matrix), of_phe(size, x, matrix, min(timed_rows, rows))
        print(table(size, ours, theirs, (rows, columns)), end="\n\n", flush=True)
        figures.append({"bits": size, "machine": machine(), "mpcfl": ours, "python-paillier": theirs})
    print("Not hidden:", *(f"* {leak}" for leak in he.LEAKS), sep="\n")
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
