"""A tall matrix transposed times few columns, in Z_2^64, with 64-bit multiplications of AVX-512 lanes.

The matrix is read once, a few rows at a time, which stay in the first cache while a tile of sums in registers passes
over all its columns; nothing is packed. Import it where `processor.has(*processor.LONG_LANES)`: elsewhere a tile does
not fit the registers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types, uint64, void
from numba.extending import intrinsic
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]

LANES = 8
ROWS = 16
"""Rows that stay in the first cache while sums pass over them."""

_I64 = ir.IntType(64)
_ZMM = ir.VectorType(_I64, LANES)
_BYTES = ir.IntType(8).as_pointer()


def _tile(high: int, wide: int) -> Callable[..., None]:
    """The intrinsic `(a, place, stride, rows, w, factor, step, out, target, length)`.

    It adds to `high` rows of `wide` vectors of `out`, from `target` on and `length` apart, the sums over so many `rows`
    of vectors of `a`, from `place` on and `stride` apart, times words of `w`, from `factor` on and `step` apart.
    """
    sums_at = [(i, j) for i in range(high) for j in range(wide)]

    @intrinsic
    def run(
        typingctx: Any,
        a: Any,
        place: Any,
        stride: Any,
        rows: Any,
        w: Any,
        factor: Any,
        step: Any,
        out: Any,
        target: Any,
        length: Any,
    ) -> Any:
        number = types.int64
        signature = types.void(a, number, number, number, w, number, number, out, number, number)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data, factors, results = (
                context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 4, 7)
            )
            place, stride, rows, factor, step, target, length = (args[i] for i in (1, 2, 3, 5, 6, 8, 9))
            flag = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [_BYTES, flag, flag, flag])
            fetch = builder.module.declare_intrinsic("llvm.prefetch.p0", (), kind)

            def number_of(value: int) -> Any:
                return ir.Constant(_I64, value)

            def vector(base: Any, where: Any) -> Any:
                return builder.bitcast(builder.gep(base, [where]), _ZMM.as_pointer())

            def spread(where: Any) -> Any:
                word = builder.load(builder.gep(factors, [where]), align=8)
                nothing = ir.Constant(_ZMM, ir.Undefined)
                one = builder.insert_element(nothing, word, ir.Constant(flag, 0))
                return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(flag, LANES), [0] * LANES))

            def sum_at(i: int, j: int) -> Any:
                here = builder.add(target, builder.mul(length, number_of(i)))
                return vector(results, builder.add(here, number_of(LANES * j)))

            begun = {key: builder.load(sum_at(*key), align=8) for key in sums_at}
            ahead = builder.mul(stride, number_of(ROWS))
            before, body, end = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(body)
            builder.position_at_end(body)
            row, here, word = (builder.phi(_I64) for _ in range(3))
            for phi, value in ((row, number_of(0)), (here, place), (word, factor)):
                phi.add_incoming(value, before)
            totals = {key: builder.phi(_ZMM) for key in sums_at}
            for key, total in totals.items():
                total.add_incoming(begun[key], before)
            vectors = []
            for j in range(wide):
                where = builder.add(here, number_of(LANES * j))
                vectors.append(builder.load(vector(data, where), align=8))
                later = builder.gep(data, [builder.add(where, ahead)])
                builder.call(fetch, [builder.bitcast(later, _BYTES), flag(0), flag(2), flag(1)])
            after = {}
            for i in range(high):
                times = spread(builder.add(word, number_of(i)))
                for j, one in enumerate(vectors):
                    after[i, j] = builder.add(totals[i, j], builder.mul(one, times))
            for key, total in totals.items():
                total.add_incoming(after[key], body)
            following = builder.add(row, number_of(1))
            row.add_incoming(following, body)
            here.add_incoming(builder.add(here, stride), body)
            word.add_incoming(builder.add(word, step), body)
            builder.cbranch(builder.icmp_signed("<", following, rows), body, end)
            builder.position_at_end(end)
            for key, total in after.items():
                builder.store(total, sum_at(*key), align=8)
            return context.get_dummy_value()

        return signature, generate

    return run


_eight, _four, _two, _one = _tile(8, 2), _tile(4, 4), _tile(2, 8), _tile(1, 8)
_eight_last, _four_last, _two_last, _one_last = (_tile(high, 1) for high in (8, 4, 2, 1))


@njit(void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def transposed(a: Words, w: Words, out: Words) -> None:
    """out += w^T a, of shapes (v, m), (m, k), (v, k): a^T w transposed."""
    m, k = a.shape
    v = w.shape[1]
    if w.shape[0] != m or out.shape[0] != v or out.shape[1] != k:
        raise ValueError("transposed: shapes must be (m, k), (m, v), (v, k)")
    whole = k - k % LANES
    for first in range(0, m, ROWS):
        rows = min(ROWS, m - first)
        c = 0
        while c < v:
            high = 8 if v - c >= 8 else 4 if v - c >= 4 else 2 if v - c >= 2 else 1
            wide = LANES * (2 if high == 8 else 4 if high == 4 else 8)
            j = 0
            while j < whole:
                place, factor, target = first * k + j, first * v + c, c * k + j
                if j + wide <= whole:
                    if high == 8:
                        _eight(a, place, k, rows, w, factor, v, out, target, k)
                    elif high == 4:
                        _four(a, place, k, rows, w, factor, v, out, target, k)
                    elif high == 2:
                        _two(a, place, k, rows, w, factor, v, out, target, k)
                    else:
                        _one(a, place, k, rows, w, factor, v, out, target, k)
                    j += wide
                else:
                    if high == 8:
                        _eight_last(a, place, k, rows, w, factor, v, out, target, k)
                    elif high == 4:
                        _four_last(a, place, k, rows, w, factor, v, out, target, k)
                    elif high == 2:
                        _two_last(a, place, k, rows, w, factor, v, out, target, k)
                    else:
                        _one_last(a, place, k, rows, w, factor, v, out, target, k)
                    j += LANES
            for i in range(first, first + rows):
                for b in range(c, c + high):
                    for j in range(whole, k):
                        out[b, j] += w[i, b] * a[i, j]
            c += high
