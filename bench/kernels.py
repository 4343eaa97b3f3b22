"""Time every kernel against the same words computed by NumPy, in one run on one thread: `python -m bench.kernels`.

Times are the least of several repeats. Each pair is compared before it is timed, so a row cannot be fast and wrong;
the trigonometric ones, which NumPy computes in floating point, are compared within a tolerance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from mpcfl import product
from mpcfl.kernels import bits, digits, fixed, ring64, waves

Words = NDArray[np.uint64]

PRODUCTS = ((1000, 1000, 1000), (128, 784, 128), (18_432, 25, 16), (64, 64, 64))
"""Rows, inner length and columns: a large one, a layer, a convolution, a small one."""
N = 1_000_000
PLANE = -(-N // 64)
FRACTION = 18
HARMONICS = 8
LOW_63 = np.uint64((1 << 63) - 1)
LOW_32 = np.uint64(0xFFFFFFFF)
DIGIT_PLACES = np.arange(0, 64, 4, dtype=np.uint64)


@dataclass(frozen=True)
class Case:
    """One row: a call that fills `out`, and NumPy's way to the same words."""

    name: str
    size: str
    kernel: Callable[[], object]
    numpy: Callable[[], NDArray[np.generic]]
    out: NDArray[np.generic]
    tolerance: float = 0.0


def words(*shape: int) -> Words:
    return np.random.default_rng(len(shape)).integers(0, 1 << 64, shape, dtype=np.uint64)


def added(x: Words, y: Words, out: Words) -> None:
    """The product alone: the kernel adds to what is there."""
    out.fill(0)
    product.add(x, y, out)


def matrix_product(a: Words, b: Words) -> Case:
    out = np.empty((a.shape[0], b.shape[1]), np.uint64)
    size = " x ".join(map(str, (*a.shape, b.shape[1])))
    return Case("matmul", size, lambda: added(a, b, out), lambda: a @ b, out)


def ring_cases() -> Iterator[Case]:
    for m, k, n in PRODUCTS:
        yield matrix_product(words(m, k), words(k, n))
    x, weights = words(100_000, 100), words(100)
    rows = words(100_000)
    right, left = np.empty(100_000, np.uint64), np.empty(100, np.uint64)
    yield Case("matvec", "100000 x 100", lambda: added(x, weights, right), lambda: x @ weights, right)
    yield Case("vecmat", "100000 x 100", lambda: added(rows, x, left), lambda: rows @ x, left)
    c, p, q, d, e = words(5, N)
    t, out = c & np.uint64(1), np.empty(N, np.uint64)
    two = np.uint64(2)
    yield Case("beaver", "1e6", lambda: ring64.beaver(c, p, q, d, e, 1, out), lambda: c + d * q + p * e + d * e, out)
    yield Case("square", "1e6", lambda: ring64.square(c, p, d, 1, out), lambda: c + two * d * p + d * d, out)
    yield Case(
        "select",
        "1e6",
        lambda: ring64.select(t, p, q, d, e, 1, out),
        lambda: t * (q + d) + (np.uint64(1) - two * t) * (q * p + e),
        out,
    )


def numpy_scale_floor(x: Words, multiplier: int, shift: int) -> Words:
    """The 128-bit product from 32-bit halves; shift from 1 to 63."""
    x = x & LOW_63
    m0, m1, half = np.uint64(multiplier & 0xFFFFFFFF), np.uint64(multiplier >> 32), np.uint64(32)
    middle = (x >> half) * m0 + ((x & LOW_32) * m0 >> half)
    low_middle = (x & LOW_32) * m1 + (middle & LOW_32)
    high = (x >> half) * m1 + (middle >> half) + (low_middle >> half)
    result: Words = (high << np.uint64(64 - shift)) | (x * np.uint64(multiplier) >> np.uint64(shift))
    return result


def numpy_truncate(c: Words, rho: Words, mu: Words, shift: int) -> Words:
    top = c >> np.uint64(63)
    public = ((c & LOW_63) >> np.uint64(shift)) - np.uint64(1 << 62 - shift)
    share = public - rho + (top + (np.uint64(1) - np.uint64(2) * top) * mu) * np.uint64(1 << 63 - shift)
    return share.astype(np.uint64, copy=False)


def fixed_cases() -> Iterator[Case]:
    values, reals = np.random.default_rng(0).normal(size=N), np.empty(N)
    c, rho, mu = words(3, N)
    out = np.empty(N, np.uint64)
    scale = float(1 << FRACTION)
    yield Case(
        "encode",
        "1e6",
        lambda: fixed.encode(values, FRACTION, out),
        lambda: np.rint(values * scale).astype(np.int64).view(np.uint64),
        out,
    )
    yield Case("decode", "1e6", lambda: fixed.decode(c, FRACTION, reals), lambda: c.view(np.int64) / scale, reals)
    factor, shift = 0x123456789ABCDEF, 57
    yield Case(
        "scale_floor",
        "1e6",
        lambda: fixed.scale_floor(c, factor, shift, out),
        lambda: numpy_scale_floor(c, factor, shift),
        out,
    )
    yield Case(
        "truncate",
        "1e6",
        lambda: fixed.truncate(c, rho, mu, 1, FRACTION, 1, out),
        lambda: numpy_truncate(c, rho, mu, FRACTION),
        out,
    )


def numpy_pack(values: NDArray[np.generic]) -> Words:
    return np.packbits(values.astype(np.uint8), axis=-1, bitorder="little").view(np.uint64)


def in_one_word(four_bytes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Rows of four bytes as words."""
    return np.ascontiguousarray(four_bytes).view(np.uint32)[:, 0]


def numpy_from_planes(planes: Words) -> NDArray[np.uint32]:
    columns = np.unpackbits(planes.view(np.uint8), axis=1, bitorder="little").T
    return in_one_word(np.packbits(columns, axis=1, bitorder="little"))


def numpy_products(planes: Words, subsets: NDArray[np.int64]) -> Words:
    """Row i is the product over subset i, from rows that are done: subsets count up from 0."""
    out = np.full((subsets.size, planes.shape[1]), np.uint64((1 << 64) - 1))
    for subset in subsets[1:].tolist():
        highest = subset.bit_length() - 1
        np.bitwise_and(out[subset ^ 1 << highest], planes[highest], out=out[subset])
    return out


def numpy_multilinear(opened: Words, shares: Words, terms: list[tuple[int, int, int]], rows: int) -> Words:
    out = np.zeros((rows, opened.shape[1]), np.uint64)
    for target, subset, index in terms:
        product = shares[index].copy()
        for j in range(opened.shape[0]):
            if subset >> j & 1:
                product &= opened[j]
        out[target] ^= product
    return out


def bits_cases() -> Iterator[Case]:
    ones = words(N) & np.uint64(1)
    packed, unpacked = np.empty(PLANE, np.uint64), np.empty(N, np.uint64)
    yield Case("pack", "1e6", lambda: bits.pack(ones, packed), lambda: numpy_pack(ones), packed)
    full = numpy_pack(ones)
    yield Case(
        "unpack",
        "1e6",
        lambda: bits.unpack(full, unpacked),
        lambda: np.unpackbits(full.view(np.uint8), bitorder="little").astype(np.uint64),
        unpacked,
    )
    halves = words(N).astype(np.uint32)
    planes, back = np.empty((32, PLANE), np.uint64), np.empty(N, np.uint32)
    places = np.arange(32, dtype=np.uint32)[:, None]
    yield Case(
        "to_planes",
        "1e6 x 32 bit",
        lambda: bits.to_planes(halves, planes),
        lambda: numpy_pack(halves >> places & np.uint32(1)),
        planes,
    )
    spread = numpy_pack(halves >> places & np.uint32(1))
    yield Case(
        "from_planes", "1e6 x 32 bit", lambda: bits.from_planes(spread, back), lambda: numpy_from_planes(spread), back
    )
    masks, subsets, products = words(4, PLANE), np.arange(16, dtype=np.int64), np.empty((16, PLANE), np.uint64)
    yield Case(
        "products",
        "16 products of 4 x 1e6 bit",
        lambda: bits.products(masks, subsets, products),
        lambda: numpy_products(masks, subsets),
        products,
    )
    opened, shares, sums = words(8, PLANE), words(22, PLANE), np.empty((4, PLANE), np.uint64)
    terms = [(t % 4, (t % 16) << (t % 5), t % 22) for t in range(64)]
    table = np.array(terms, np.int64)
    yield Case(
        "multilinear",
        "64 terms, degree <= 5, 1e6 bit",
        lambda: bits.multilinear(opened, shares, table, 1, sums),
        lambda: numpy_multilinear(opened, shares, terms, 4),
        sums,
    )


def numpy_digits(x: Words) -> NDArray[np.uint16]:
    return (x[:, None] >> DIGIT_PLACES & np.uint64(15)).astype(np.uint16)


def numpy_lookup(c: Words, tables: Words) -> NDArray[np.uint32]:
    entries, at = tables.view(np.uint16), numpy_digits(c)
    less = np.bitwise_count(entries >> at >> np.uint16(1)) & np.uint8(1)
    equal = entries >> at & np.uint16(1)
    return in_one_word(np.packbits(np.hstack([less, equal.astype(np.uint8)]), axis=1, bitorder="little"))


def digits_cases() -> Iterator[Case]:
    c, tables = words(N), words(N, 4)
    hot, answers = np.empty((N, 4), np.uint64), np.empty(N, np.uint32)
    yield Case(
        "onehot", "1e6", lambda: digits.onehot(c, hot), lambda: (np.uint16(1) << numpy_digits(c)).view(np.uint64), hot
    )
    yield Case("lookup", "1e6", lambda: digits.lookup(c, tables, answers), lambda: numpy_lookup(c, tables), answers)


def waves_cases() -> Iterator[Case]:
    steps = np.arange(4096) * (2 * np.pi / 4096)
    coarse_sin, coarse_cos, fine_sin, fine_cos = (
        np.rint(function(steps / part) * 2**30).astype(np.int64) for part in (1, 4096) for function in (np.sin, np.cos)
    )
    tables = (coarse_sin, coarse_cos, fine_sin, fine_cos)
    d = words(N)
    r, angle = -d, (d >> np.uint64(32)).astype(np.uint32)
    multiples = np.arange(1, HARMONICS + 1)[:, None] * (2 * np.pi / (1 << 32))
    ones, zeros = (np.full(HARMONICS, one, np.int64) for one in (1 << 28, 0))
    sines, cosines = (np.empty((HARMONICS, N), np.uint64) for _ in range(2))
    yield Case(
        "rotated",
        f"1e6, K = {HARMONICS}",
        lambda: waves.rotated(r, 1, *tables, ones, zeros, cosines, sines),
        lambda: (np.sin(angle * multiples), np.rint(np.cos(angle * multiples) * 2**26))[1],
        cosines.view(np.int64),
        tolerance=4.0,
    )
    u, v = (words(HARMONICS, N) >> np.uint64(44) for _ in range(2))
    out = np.empty(N, np.uint64)

    def numpy_series() -> NDArray[np.generic]:
        s, c = (np.rint(f(angle * multiples) * 2**30).astype(np.int64).view(np.uint64) for f in (np.sin, np.cos))
        series: Words = (s * u + c * v).sum(axis=0)
        return series

    yield Case(
        "evaluate",
        f"1e6, K = {HARMONICS}",
        lambda: waves.evaluate(d, 1, *tables, u, v, d, 0, 0, out),
        numpy_series,
        out,
        tolerance=3.0 * HARMONICS * (HARMONICS + 1) * 2**20,  # 3 (1 + k) units of the k-th sine and cosine
    )


CASES = (ring_cases, fixed_cases, bits_cases, digits_cases, waves_cases)


def least(call: Callable[[], object], budget: float, most: int) -> float:
    """Least seconds of at most `most` calls within a budget of seconds."""
    best, spent, count = float("inf"), 0.0, 0
    while count < most and (count == 0 or spent < budget):
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
        best, spent, count = min(best, seconds), spent + seconds, count + 1
    return best


def check(case: Case) -> None:
    case.kernel()
    got, wanted = case.out, case.numpy()
    if case.tolerance:
        signed = got.astype(np.int64, copy=False).view(np.int64)
        equal = np.abs(signed - wanted.astype(np.int64)).max() <= case.tolerance
    else:
        equal = np.array_equal(got, wanted)
    if not equal:
        raise SystemExit(f"{case.name} and NumPy disagree")


def main() -> None:
    table = Table(title="kernels, one thread, least of several repeats")
    table.add_column("kernel")
    table.add_column("size")
    for column in ("ms", "NumPy ms", "times faster"):
        table.add_column(column, justify="right")
    for cases in CASES:
        for case in cases():
            check(case)
            kernel, numpy = least(case.kernel, 1.0, 100), least(case.numpy, 2.0, 20)
            table.add_row(case.name, case.size, f"{kernel * 1e3:.2f}", f"{numpy * 1e3:.1f}", f"{numpy / kernel:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
