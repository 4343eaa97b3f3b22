"""Products modulo large odd numbers, eight at a time, with the 52-bit multipliers of AVX-512 (IFMA).

Import it only on a processor that has them: `processor.has(*processor.LARGE_MULTIPLY)`. A number is `limbs` digits of
52 bits, the lowest first. Eight numbers are worked on side by side, digit j of all eight in vector j of a slot; a slot
has one vector more, of zeros. With R = 2^(52 limbs), above 4 n, a product is

    t = 0;  for each digit b_i:   t = (t + a b_i + n m) / 2^52,   m = (t + a b_i) n' mod 2^52,   n n' = -1 mod 2^52

which is a b / R mod n and, for a and b below 2 n, again below 2 n. Digits of t gather four products of 52 bits in each
step and are carried only at the end: for up to 511 limbs they stay below 2^63. Two steps are taken at once, so that
digits are read and written half as often. No branch and no address depends on a number;
in `power` addresses depend on the exponent.

Reference   Montgomery, Mathematics of Computation 44 (1985); without a final subtraction: Walter, Electronics Letters
            35 (1999); 52-bit digits: Gueron and Krasnov, ARITH 2016.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import int64, njit, types, uint64, void
from numba.extending import intrinsic
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
Places = NDArray[np.int64]

LANES = 8
STEP = 4
"""Limbs are a multiple of it."""
WINDOW = 5
"""Bits of an exponent that one product of `power` takes."""

_I64 = ir.IntType(64)
_ZMM = ir.VectorType(_I64, LANES)
_DIGIT = 52


def _every(value: int) -> Any:
    return ir.Constant(_ZMM, [value] * LANES)


class _Writer:
    """What the steps below are written with."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        kind = ir.FunctionType(_ZMM, [_ZMM] * 3)
        self._low, self._high = (
            builder.module.declare_intrinsic(f"llvm.x86.avx512.vpmadd52{part}.uq.512", (), kind) for part in "lh"
        )

    def pointer(self, base: Any, place: Any) -> Any:
        """Of a vector."""
        words = self._builder.mul(place, _I64(LANES))
        return self._builder.bitcast(self._builder.gep(base, [words]), _ZMM.as_pointer())

    def load(self, base: Any, place: Any) -> Any:
        return self._builder.load(self.pointer(base, place), align=8)

    def store(self, value: Any, base: Any, place: Any) -> None:
        self._builder.store(value, self.pointer(base, place), align=8)

    def low(self, total: Any, x: Any, y: Any) -> Any:
        """`total` plus the low 52 bits of products."""
        return self._builder.call(self._low, [total, x, y])

    def high(self, total: Any, x: Any, y: Any) -> Any:
        """`total` plus the high 52 bits of products."""
        return self._builder.call(self._high, [total, x, y])

    def loop(self, count: Any, begin: list[Any], body: Any) -> list[Any]:
        """Values that `body(number, values)` passes on, `count` times, at least once."""
        builder = self._builder
        before, inside, end = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(inside)
        builder.position_at_end(inside)
        number = builder.phi(_I64)
        number.add_incoming(_I64(0), before)
        passed = [builder.phi(value.type) for value in begin]
        for phi, value in zip(passed, begin, strict=True):
            phi.add_incoming(value, before)
        values = body(number, passed)
        following = builder.add(number, _I64(1))
        last = builder.block
        number.add_incoming(following, last)
        for phi, value in zip(passed, values, strict=True):
            phi.add_incoming(value, last)
        builder.cbranch(builder.icmp_signed("<", following, count), inside, end)
        builder.position_at_end(end)
        return list(values)


def _product() -> Callable[..., None]:
    """The intrinsic `(a, place_a, b, place_b, n, factor, t, out, place_out, limbs)`.

    It writes the products of two slots, whose vectors begin at `place`, into a third, which may be one of the two.
    """

    @intrinsic
    def run(
        typingctx: Any,
        a: Any,
        place_a: Any,
        b: Any,
        place_b: Any,
        n: Any,
        factor: Any,
        t: Any,
        out: Any,
        place_out: Any,
        limbs: Any,
    ) -> Any:
        at = types.int64
        signature = types.void(a, at, b, at, n, types.uint64, t, out, at, at)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, b, n, t, out = (
                context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 2, 4, 6, 7)
            )
            place_a, place_b, factor, place_out, limbs = (args[i] for i in (1, 3, 5, 8, 9))
            write = _Writer(builder)
            a, b, out = (
                builder.gep(base, [builder.mul(place, _I64(LANES))])
                for base, place in ((a, place_a), (b, place_b), (out, place_out))
            )
            one = builder.insert_element(ir.Constant(_ZMM, ir.Undefined), factor, ir.IntType(32)(0))
            spread = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            inverse = builder.shuffle_vector(one, ir.Constant(_ZMM, ir.Undefined), spread)
            zero, digit = _every(0), _every(_DIGIT)

            def clear(number: Any, _: Any) -> list[Any]:
                write.store(zero, t, number)
                return []

            def two_steps(number: Any, _: Any) -> list[Any]:
                place = builder.shl(number, _I64(1))
                x, y = write.load(b, place), write.load(b, builder.add(place, _I64(1)))
                a0, n0 = write.load(a, _I64(0)), write.load(n, _I64(0))
                a1, n1 = write.load(a, _I64(1)), write.load(n, _I64(1))
                first = write.low(write.load(t, _I64(0)), a0, x)
                u = write.low(zero, first, inverse)
                first = write.low(first, u, n0)
                second = builder.add(write.load(t, _I64(1)), builder.lshr(first, digit))
                second = write.low(write.high(second, a0, x), a1, x)
                second = write.low(write.high(second, n0, u), n1, u)
                second = write.low(second, a0, y)
                v = write.low(zero, second, inverse)
                second = write.low(second, n0, v)
                carry = builder.lshr(second, digit)

                def steps(number: Any, held: list[Any]) -> list[Any]:
                    carry, a_two, a_one, n_two, n_one = held
                    for part in range(STEP):
                        j = builder.add(builder.mul(number, _I64(STEP)), _I64(part + 2))
                        a_here, n_here = write.load(a, j), write.load(n, j)
                        total = builder.add(write.load(t, j), carry) if part == 0 else write.load(t, j)
                        other = write.low(write.high(zero, n_one, u), n_here, u)
                        total = write.low(write.high(total, a_one, x), a_here, x)
                        other = write.low(write.high(other, n_two, v), n_one, v)
                        total = write.low(write.high(total, a_two, y), a_one, y)
                        write.store(builder.add(total, other), t, builder.sub(j, _I64(2)))
                        a_two, a_one, n_two, n_one = a_one, a_here, n_one, n_here
                    return [zero, a_two, a_one, n_two, n_one]

                write.loop(builder.sdiv(limbs, _I64(STEP)), [carry, a0, a1, n0, n1], steps)
                return []

            def carried(number: Any, held: list[Any]) -> list[Any]:
                total = builder.add(write.load(t, number), held[0])
                write.store(builder.and_(total, _every((1 << _DIGIT) - 1)), out, number)
                return [builder.lshr(total, digit)]

            write.loop(builder.add(limbs, _I64(2)), [], clear)
            write.loop(builder.sdiv(limbs, _I64(2)), [], two_steps)
            write.loop(limbs, [zero], carried)
            return context.get_dummy_value()

        return signature, generate

    return run


_multiply = _product()

X, Y, TABLE = 2, 3, 4
"""Slots of the room: after the modulus in every lane and digits to be carried, operands and powers of one."""
SLOTS = TABLE + (1 << WINDOW)
BLOCK = SLOTS - TABLE
"""Slots of products that go on side by side: what one factor of each reads stays in the cache."""


@njit(void(reads(uint64, 2), reads(int64, 1), writes(uint64, 1), int64), cache=True, nogil=True)
def _gather(pool: Words, places: Places, room: Words, slot: int) -> None:
    """Up to eight rows of the pool into a slot; lanes that are left over hold what they held."""
    limbs = pool.shape[1]
    start = slot * (limbs + 2) * LANES
    for lane in range(places.shape[0]):
        place = places[lane]
        for j in range(limbs):
            room[start + j * LANES + lane] = pool[place, j]


@njit(void(writes(uint64, 1), int64, writes(uint64, 2)), cache=True, nogil=True)
def _scatter(room: Words, slot: int, out: Words) -> None:
    """The first lanes of a slot into rows."""
    limbs = out.shape[1]
    start = slot * (limbs + 2) * LANES
    for lane in range(out.shape[0]):
        for j in range(limbs):
            out[lane, j] = room[start + j * LANES + lane]


@njit(void(reads(uint64, 1), writes(uint64, 1)), cache=True, nogil=True)
def _lay_out(n: Words, room: Words) -> None:
    """The modulus in every lane of the first slot, and zeros in all others."""
    room[:] = np.uint64(0)
    for j in range(n.shape[0]):
        for lane in range(LANES):
            room[j * LANES + lane] = n[j]


@njit(void(writes(uint64, 1), int64, int64, int64, int64, uint64), cache=True, nogil=True)
def _set_product(room: Words, out: int, a: int, b: int, limbs: int, factor: int | np.uint64) -> None:
    """The products of slots a and b into slot `out`, which may be one of them."""
    size = limbs + 2
    modulus, temporary = room[: size * LANES], room[size * LANES : 2 * size * LANES]
    _multiply(room, a * size, room, b * size, modulus, np.uint64(factor), temporary, room, out * size, limbs)


@njit(
    void(reads(uint64, 2), reads(int64, 2), reads(uint64, 1), uint64, writes(uint64, 1), writes(uint64, 2)),
    cache=True,
    nogil=True,
)
def products(pool: Words, places: Places, n: Words, factor: int, room: Words, out: Words) -> None:
    """Row i of `out` is the product of the pool's rows `places[i]`, over R to the power of their number less one.

    Parameters
    ----------
    pool : uint64 [rows, limbs]
        Digits of 52 bits of numbers below 2 n.
    places : int64 [k, m]
        m is at least 1.
    n : uint64 [limbs]
    factor : int
        -1 / n mod 2^52.
    room : uint64 [SLOTS * (limbs + 2) * LANES]
        Best at a multiple of 64 bytes.
    out : uint64 [k, limbs]
        Below 2 n.
    """
    limbs, k = n.shape[0], places.shape[0]
    word = np.uint64(factor)
    _lay_out(n, room)
    for block in range(0, k, BLOCK * LANES):
        end = min(block + BLOCK * LANES, k)
        for i in range(places.shape[1]):
            for start in range(block, end, LANES):
                slot = TABLE + (start - block) // LANES
                chosen = np.ascontiguousarray(places[start : min(start + LANES, end), i])
                if i == 0:
                    _gather(pool, chosen, room, slot)
                else:
                    _gather(pool, chosen, room, Y)
                    _set_product(room, slot, slot, Y, limbs, word)
        for start in range(block, end, LANES):
            _scatter(room, TABLE + (start - block) // LANES, out[start : min(start + LANES, end)])


@njit(
    void(
        reads(uint64, 2),
        reads(uint64, 1),
        reads(int64, 1),
        reads(uint64, 1),
        uint64,
        writes(uint64, 1),
        writes(uint64, 2),
    ),
    cache=True,
    nogil=True,
)
def power(bases: Words, one: Words, digits: Places, n: Words, factor: int, room: Words, out: Words) -> None:
    """Every base to one power; bases and results are times R.

    Parameters
    ----------
    bases : uint64 [k, limbs]
    one : uint64 [limbs]
        R mod n.
    digits : int64 [m]
        The exponent to base 2^WINDOW, the highest digit first.
    n, factor, room, out
        As of `products`.
    """
    limbs, k = n.shape[0], bases.shape[0]
    size, word = (limbs + 2) * LANES, np.uint64(factor)
    _lay_out(n, room)
    for j in range(limbs):
        for lane in range(LANES):
            room[TABLE * size + j * LANES + lane] = one[j]
    for start in range(0, k, LANES):
        stop = min(start + LANES, k)
        _gather(bases, np.arange(start, stop), room, TABLE + 1)
        for i in range(2, 1 << WINDOW):
            _set_product(room, TABLE + i, TABLE + i - 1, TABLE + 1, limbs, word)
        first = (TABLE + digits[0]) * size
        room[X * size : (X + 1) * size] = room[first : first + size]
        for digit in digits[1:]:
            for _ in range(WINDOW):
                _set_product(room, X, X, X, limbs, word)
            _set_product(room, X, X, TABLE + digit, limbs, word)
        _scatter(room, X, out[start:stop])


@njit(
    void(reads(uint64, 2), int64, reads(uint64, 1), uint64, writes(uint64, 1), writes(uint64, 2)),
    cache=True,
    nogil=True,
)
def squared(bases: Words, times: int, n: Words, factor: int, room: Words, out: Words) -> None:
    """Every base squared so many times; bases and results are times R, arguments as of `products`."""
    limbs, k = n.shape[0], bases.shape[0]
    word = np.uint64(factor)
    _lay_out(n, room)
    for start in range(0, k, LANES):
        stop = min(start + LANES, k)
        _gather(bases, np.arange(start, stop), room, X)
        for _ in range(times):
            _set_product(room, X, X, X, limbs, word)
        _scatter(room, X, out[start:stop])
