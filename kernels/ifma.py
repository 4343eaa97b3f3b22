"""Matrix products in Z_2^64 with the 52-bit multipliers of AVX-512 (IFMA): packed panels and a register tile.

Import it only on a processor that has them: `processor.has(*processor.FUSED_MULTIPLY)`. With a = a0 + 2^52 a1, where a1
has 12 bits, and the same for b,

    sum of a b  =  sum of lo52(a0 b0)  +  2^52 (sum of hi52(a0 b0)  +  sum of (a0 b1 + a1 b0) mod 2^12)       mod 2^64

The multiplier takes the low 52 bits of its operands by itself, so the first two sums need no splitting. The third is
one of products of 12 bits: 16-bit pairs hold both of its terms, two steps of k to a lane (VNNI). All sums may wrap.
That is 2.5 instructions for 8 products, where a multiplication of 64-bit lanes and an addition are 4 on Intel's cores.

Reference   panels and loop order: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS
            2008. The 52-bit limbs: Gueron and Krasnov, "Accelerating big integer arithmetic using Intel IFMA
            extensions", ARITH 2016.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import njit, types, uint64, void
from numba.extending import intrinsic
from numpy.typing import NDArray

from mpcfl.kernels.signature import strided, writes

Words = NDArray[np.uint64]

DEPTH = 336
"""Steps of k in a panel, at most: the deeper, the less often a sum is read and written."""
HALF = DEPTH // 2
BLOCK = 256
"""Rows of the left factor that stay in the second-level cache (1 MiB) while the panels of the right one pass."""
LANES = 8
PANEL = 16
"""Columns of a panel; a last one of at most 8 columns is half as wide."""
PADDING = 8
"""Rows of the left factor are filled up to a multiple of it: what the higher of the two tiles takes."""

ZERO = np.uint64(0)
TOP, ONE, TWO, THREE = np.uint64(52), np.uint64(16), np.uint64(32), np.uint64(48)
LOW = np.uint64(0xFFF)

binding.initialize_native_asmparser()  # the compiler would take a fused 16-bit product apart, so it is written out

_I64 = ir.IntType(64)
_ZMM, _ZMM32 = ir.VectorType(_I64, 8), ir.VectorType(ir.IntType(32), 16)
_BYTES = ir.IntType(8).as_pointer()


def _number(value: int) -> Any:
    return ir.Constant(_I64, value)


def _every(value: int) -> Any:
    return ir.Constant(_ZMM, [value] * 8)


def _load(builder: Any, base: Any, place: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(base, [place]), _ZMM.as_pointer()), align=8)


def _spread(builder: Any, base: Any, place: Any) -> Any:
    """One word in every lane."""
    word = builder.load(builder.gep(base, [place]), align=8)
    nothing = ir.Constant(_ZMM, ir.Undefined)
    one = builder.insert_element(nothing, word, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8))


def _tile(high: int, wide: int) -> Callable[..., None]:
    """The intrinsic `(left, left_cross, row, right, right_cross, column, pairs, out, place, stride)`.

    It adds `pairs` times two steps of k of `high` packed rows by `wide` packed vectors of columns to as many words of
    `out` from `place` on, rows `stride` apart.
    """
    places = [(i, j) for i in range(high) for j in range(wide)]

    @intrinsic
    def run(
        typingctx: Any,
        left: Any,
        left_cross: Any,
        row: Any,
        right: Any,
        right_cross: Any,
        column: Any,
        pairs: Any,
        out: Any,
        place: Any,
        stride: Any,
    ) -> Any:
        signature = types.void(
            left,
            left_cross,
            types.int64,
            right,
            right_cross,
            types.int64,
            types.int64,
            out,
            types.int64,
            types.int64,
        )

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, a_cross, b, b_cross, c = (
                context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 1, 3, 4, 7)
            )
            row, column, pairs, place, stride = (args[i] for i in (2, 5, 6, 8, 9))
            three = ir.FunctionType(_ZMM, [_ZMM] * 3)
            declare = builder.module.declare_intrinsic
            low = declare("llvm.x86.avx512.vpmadd52l.uq.512", (), three)
            high_part = declare("llvm.x86.avx512.vpmadd52h.uq.512", (), three)
            flag = ir.IntType(32)
            fetch = declare("llvm.prefetch.p0", (), ir.FunctionType(ir.VoidType(), [_BYTES, flag, flag, flag]))

            def target(i: int, j: int) -> Any:
                here = builder.add(place, builder.mul(stride, _number(i)))
                return builder.gep(c, [builder.add(here, _number(LANES * j))])

            def crossed(total: Any, x: Any, y: Any) -> Any:
                kind = ir.FunctionType(_ZMM32, [_ZMM32] * 3)
                return builder.asm(kind, "vpdpwssd $3, $2, $0", "=v,0,v,v", [total, x, y], False)

            for i, j in places:
                builder.call(fetch, [builder.bitcast(target(i, j), _BYTES), flag(1), flag(3), flag(1)])
            a = builder.gep(a, [builder.mul(row, _number(DEPTH))])
            a_cross = builder.gep(a_cross, [builder.mul(row, _number(HALF))])
            b = builder.gep(b, [builder.mul(column, _number(DEPTH))])
            b_cross = builder.gep(b_cross, [builder.mul(column, _number(HALF))])

            before, body, end = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(body)
            builder.position_at_end(body)
            step = builder.phi(_I64)
            step.add_incoming(_number(0), before)
            begun = {(i, j): [builder.phi(kind) for kind in (_ZMM, _ZMM, _ZMM32)] for i, j in places}
            for totals in begun.values():
                for total, nothing in zip(totals, (_every(0), _every(0), ir.Constant(_ZMM32, [0] * 16)), strict=True):
                    total.add_incoming(nothing, before)
            sums = {key: list(totals) for key, totals in begun.items()}
            for part in range(2):
                k = builder.add(builder.shl(step, _number(1)), _number(part))
                rows_of_b = builder.mul(k, _number(LANES * wide))
                vectors = [_load(builder, b, builder.add(rows_of_b, _number(LANES * j))) for j in range(wide)]
                for i in range(high):
                    factor = _spread(builder, a, builder.add(k, _number(DEPTH * i)))
                    for j, vector in enumerate(vectors):
                        totals = sums[i, j]
                        totals[0] = builder.call(low, [totals[0], factor, vector])
                        totals[1] = builder.call(high_part, [totals[1], factor, vector])
            rows_of_b = builder.mul(step, _number(LANES * wide))
            vectors = [
                builder.bitcast(_load(builder, b_cross, builder.add(rows_of_b, _number(LANES * j))), _ZMM32)
                for j in range(wide)
            ]
            for i in range(high):
                factor = builder.bitcast(_spread(builder, a_cross, builder.add(step, _number(HALF * i))), _ZMM32)
                for j, vector in enumerate(vectors):
                    sums[i, j][2] = crossed(sums[i, j][2], factor, vector)
            following = builder.add(step, _number(1))
            step.add_incoming(following, body)
            for key, totals in begun.items():
                for total, value in zip(totals, sums[key], strict=True):
                    total.add_incoming(value, body)
            builder.cbranch(builder.icmp_signed("<", following, pairs), body, end)

            builder.position_at_end(end)
            for (i, j), (lows, highs, cross) in sums.items():
                lanes = builder.bitcast(cross, _ZMM)
                both = builder.add(lanes, builder.lshr(lanes, _every(32)))
                upper = builder.shl(builder.add(highs, both), _every(52))
                pointer = builder.bitcast(target(i, j), _ZMM.as_pointer())
                builder.store(builder.add(builder.load(pointer, align=8), builder.add(lows, upper)), pointer, align=8)
            return context.get_dummy_value()

        return signature, generate

    return run


_wide_tile, _high_tile = _tile(4, 2), _tile(8, 1)
"""Four rows by 16 columns, and eight by 8: both keep 24 sums in registers."""


@njit(void(strided(uint64, 2), writes(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def _pack_left(a: Words, words: Words, cross: Words) -> None:
    """A block of rows as it is, filled up with zeros, and the 16-bit pairs of its cross terms."""
    rows, depth = a.shape
    even = depth + depth % 2
    if a.strides[1] <= a.strides[0]:
        for i in range(rows):
            for p in range(depth):
                words[i, p] = a[i, p]
    else:  # columns are contiguous: eight rows of them at a time, a cache line of each
        for first in range(0, rows, LANES):
            for p in range(depth):
                for i in range(first, min(first + LANES, rows)):
                    words[i, p] = a[i, p]
    for i in range(-(-rows // PADDING) * PADDING):
        if i >= rows:
            words[i, :even] = ZERO
        elif depth < even:
            words[i, depth] = ZERO
        for h in range(even // 2):
            x, y = words[i, 2 * h], words[i, 2 * h + 1]
            cross[i, h] = (x & LOW) | (x >> TOP) << ONE | (y & LOW) << TWO | (y >> TOP) << THREE


@njit(void(strided(uint64, 2), types.int64, writes(uint64, 1), writes(uint64, 1)), cache=True, nogil=True)
def _pack_right(b: Words, width: int, words: Words, cross: Words) -> None:
    """A panel of columns, filled up with zeros, row after row, and the 16-bit pairs of its cross terms."""
    depth, columns = b.shape
    even = depth + depth % 2
    if columns < width or depth < even:
        words[: even * width] = ZERO
    if b.strides[1] <= b.strides[0]:
        for p in range(depth):
            for j in range(columns):
                words[p * width + j] = b[p, j]
    else:
        for j in range(columns):
            for p in range(depth):
                words[p * width + j] = b[p, j]
    for h in range(even // 2):
        for j in range(width):
            x, y = words[2 * h * width + j], words[(2 * h + 1) * width + j]
            cross[h * width + j] = (x >> TOP) | (x & LOW) << ONE | (y >> TOP) << TWO | (y & LOW) << THREE


@njit(void(strided(uint64, 2), strided(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def matmul(a: Words, b: Words, out: Words) -> None:
    """Matrix product added to `out`: out += a b, of shapes (m, k), (k, n), (m, n).

    The factors may have any strides; a transposed one is not copied as a whole.
    """
    m, k = a.shape
    n = b.shape[1]
    if b.shape[0] != k or out.shape[0] != m or out.shape[1] != n:
        raise ValueError("matmul: shapes must be (m, k), (k, n), (m, n)")
    if m == 0 or n == 0:
        return
    padded = -(-n // LANES) * LANES
    words, cross = np.empty(padded * DEPTH, np.uint64), np.empty(padded * HALF, np.uint64)
    most = min(BLOCK, -(-m // PADDING) * PADDING)
    rows, row_cross = np.empty((most, DEPTH), np.uint64), np.empty((most, HALF), np.uint64)
    edge = np.empty(PADDING * PANEL, np.uint64)
    flat = out.reshape(-1)
    depth = -(-k // max(1, -(-k // DEPTH)))  # panels of one depth
    depth += depth % 2
    for start in range(0, k, max(1, depth)):
        stop = min(start + depth, k)
        pairs = (stop - start + 1) // 2
        for column in range(0, padded, PANEL):
            width = min(PANEL, padded - column)
            panel = b[start:stop, column : min(column + width, n)]
            _pack_right(panel, width, words[column * DEPTH :], cross[column * HALF :])
        for first in range(0, m, BLOCK):
            count = min(BLOCK, m - first)
            _pack_left(a[first : first + count, start:stop], rows, row_cross)
            for column in range(0, padded, PANEL):
                width = min(PANEL, padded - column)
                columns = min(width, n - column)
                high = 4 if width == PANEL else 8
                for row in range(0, count, high):
                    whole = columns == width and row + high <= count
                    target = flat if whole else edge
                    place, stride = ((first + row) * n + column, n) if whole else (0, width)
                    if not whole:
                        edge[:] = ZERO
                    if high == 4:
                        _wide_tile(rows, row_cross, row, words, cross, column, pairs, target, place, stride)
                    else:
                        _high_tile(rows, row_cross, row, words, cross, column, pairs, target, place, stride)
                    if not whole:
                        for i in range(min(high, count - row)):
                            for j in range(columns):
                                out[first + row + i, column + j] += edge[i * width + j]
