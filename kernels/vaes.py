"""AES-256 in counter mode with the vector instructions of AVX-512 (VAES): four blocks to a register, eight registers at
a time.

Import it only on a processor that has them: `processor.has(*processor.VECTOR_AES)`. The key stream is byte for byte
that of NIST SP 800-38A; block j of a tensor is the encryption of the 16 bytes (high, j), big-endian.

Reference   Drucker, Gueron and Krasnov, "Making AES great again: the forthcoming vectorized AES instruction", ITNG
            2019 (several blocks a register); FIPS 197.
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

ROUNDS = 14
REGISTERS = 8
ONE, ZERO = np.uint64(1), np.uint64(0)
TILE = 1 << 12
"""Words that all keys' streams meet before the next: they stay in the first cache."""
STRIDE = 8 * REGISTERS
"""Words that one pass makes."""
STORE, ADD, SUBTRACT, XOR = range(4)
"""What becomes of the key stream and the words in `out`: replaced, plus, minus, exclusive or."""

_I64 = ir.IntType(64)
_ZMM = ir.VectorType(_I64, 8)
_XMM = ir.VectorType(_I64, 2)
_FOUR_TIMES = ir.Constant(ir.VectorType(ir.IntType(32), 8), [0, 1] * 4)


def _pointer(builder: Any, data: Any, words: Any, vector: Any) -> Any:
    return builder.bitcast(builder.gep(data, [words]), vector.as_pointer())


def _declared(builder: Any, name: str, arguments: list[Any]) -> Any:
    return builder.module.declare_intrinsic(name, (), ir.FunctionType(_ZMM, arguments))


def _pass(mode: int) -> Callable[..., None]:
    """The intrinsic `(keys, high, block, out, place)`: 32 blocks from `block` on, combined with `out[place:]`."""

    @intrinsic
    def run(typingctx: Any, keys: Any, high: Any, block: Any, out: Any, place: Any) -> Any:
        signature = types.void(keys, types.uint64, types.uint64, out, types.uint64)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            keys_type, _, _, out_type, _ = signature.args
            keys, high, block, out, place = args
            key_data = context.make_array(keys_type)(context, builder, keys).data
            out_data = context.make_array(out_type)(context, builder, out).data
            swap = _declared(builder, "llvm.bswap.v8i64", [_ZMM])
            step = _declared(builder, "llvm.x86.aesni.aesenc.512", [_ZMM, _ZMM])
            last = _declared(builder, "llvm.x86.aesni.aesenclast.512", [_ZMM, _ZMM])

            def key(number: int) -> Any:
                pointer = _pointer(builder, key_data, ir.Constant(_I64, 2 * number), _XMM)
                narrow = builder.load(pointer, align=8)
                return builder.shuffle_vector(narrow, ir.Constant(_XMM, ir.Undefined), _FOUR_TIMES)

            both = builder.insert_element(ir.Constant(_XMM, ir.Undefined), high, ir.Constant(ir.IntType(32), 0))
            both = builder.insert_element(both, block, ir.Constant(ir.IntType(32), 1))
            counters = builder.shuffle_vector(both, ir.Constant(_XMM, ir.Undefined), _FOUR_TIMES)
            state = []
            for register in range(REGISTERS):
                blocks = [0, 4 * register, 0, 4 * register + 1, 0, 4 * register + 2, 0, 4 * register + 3]
                state.append(builder.call(swap, [builder.add(counters, ir.Constant(_ZMM, blocks))]))
            white = key(0)
            state = [builder.xor(one, white) for one in state]
            for number in range(1, ROUNDS):
                round_key = key(number)
                state = [builder.call(step, [one, round_key]) for one in state]
            final = key(ROUNDS)
            for register, one in enumerate(state):
                stream = builder.call(last, [one, final])
                where = builder.add(place, ir.Constant(_I64, 8 * register))
                pointer = _pointer(builder, out_data, where, _ZMM)
                if mode != STORE:
                    held = builder.load(pointer, align=8)
                    stream = {ADD: builder.add, SUBTRACT: builder.sub, XOR: builder.xor}[mode](held, stream)
                builder.store(stream, pointer, align=8)
            return context.get_dummy_value()

        return signature, generate

    return run


_store, _add, _subtract, _xor = (_pass(mode) for mode in (STORE, ADD, SUBTRACT, XOR))


@njit(void(reads(uint64, 1), uint64, uint64, writes(uint64, 1), uint64), cache=True, nogil=True)
def _combine(keys: Words, high: int, block: int | np.uint64, out: Words, mode: int) -> None:
    """Combine `out` with the key stream from a block on."""
    n = out.shape[0]
    whole = n - n % STRIDE
    if mode == STORE:
        for place in range(0, whole, STRIDE):
            _store(keys, high, block + (np.uint64(place) >> ONE), out, np.uint64(place))
    elif mode == ADD:
        for place in range(0, whole, STRIDE):
            _add(keys, high, block + (np.uint64(place) >> ONE), out, np.uint64(place))
    elif mode == SUBTRACT:
        for place in range(0, whole, STRIDE):
            _subtract(keys, high, block + (np.uint64(place) >> ONE), out, np.uint64(place))
    else:
        for place in range(0, whole, STRIDE):
            _xor(keys, high, block + (np.uint64(place) >> ONE), out, np.uint64(place))
    if whole < n:
        rest = np.empty(STRIDE, np.uint64)
        _store(keys, high, block + (np.uint64(whole) >> ONE), rest, ZERO)
        for i in range(n - whole):
            if mode == STORE:
                out[whole + i] = rest[i]
            elif mode == ADD:
                out[whole + i] += rest[i]
            elif mode == SUBTRACT:
                out[whole + i] -= rest[i]
            else:
                out[whole + i] ^= rest[i]


@njit(void(reads(uint64, 2), uint64, uint64, writes(uint64, 1), uint64, uint64), cache=True, nogil=True)
def expand(keys: Words, high: int, block: int, out: Words, first: int, rest: int) -> None:
    """Combine `out` with the key streams of several keys.

    Parameters
    ----------
    keys : uint64 [m, 30]
        The 15 round keys of each, as they lie in memory.
    high : int
        Upper half of the counters.
    block : int
        Lower half of the first counter.
    out : uint64 [n]
    first, rest : int
        `STORE`, `ADD`, `SUBTRACT` or `XOR`, for the first key and for all others.
    """
    if keys.shape[1] != 2 * (ROUNDS + 1):
        raise ValueError("expand: AES-256 has 15 round keys")
    n = out.shape[0]
    for start in range(0, n, TILE):
        tile = out[start : min(start + TILE, n)]
        for key in range(keys.shape[0]):
            here = block + (np.uint64(start) >> ONE)
            _combine(keys[key], high, here, tile, first if key == 0 else rest)
