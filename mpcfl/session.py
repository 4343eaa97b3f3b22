"""A session: where parties, links or the lockstep world, protocols and the array type are put together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mpcfl import effects, operations, ring
from mpcfl.array import DTYPES, SecretArray
from mpcfl.correlation import Correlation
from mpcfl.drivers.cost import ShapesDriver
from mpcfl.drivers.profile import Profile
from mpcfl.engine import BOOLEAN, FIXED, KINDS, Engine, Runner, Value
from mpcfl.errors import InputError, UsageError
from mpcfl.ledger import Ledger
from mpcfl.protocol import Context, Position, Suite
from mpcfl.protocols import additive, disclosed
from mpcfl.ring import Ones, Shape, Words
from mpcfl.share import Share, on_shapes

FRACTION = 18
FRACTIONS = {64: range(8, 25), 128: range(8, 57)}
"""Fractional bits that a ring leaves room for."""


Program = Callable[..., Any]
"""`program(session)`, or `program(session, *arrays)` where `Session.run` is given arrays."""
Forecast = Callable[[Callable[[Correlation], None], int], None]
"""Calls its first argument with each correlation that a program will draw, from draw number (second argument) on."""


class Driver(Runner, Protocol):
    """What a session needs of a world."""

    @property
    def rounds(self) -> int: ...

    @property
    def bytes_sent(self) -> int: ...

    @property
    def offline_bytes(self) -> int: ...

    @property
    def ledger(self) -> Ledger | None: ...

    def foresee(self, forecast: Forecast) -> None:
        """Take a program's draws before it runs."""
        ...


class Session:
    """One party's side of a joint computation.

    Parameters
    ----------
    names : sequence of str
        All parties, by rank.
    rank : int
        This party's.
    driver : Driver
    fraction : int
        Fractional bits of fixed-point numbers.
    suite : Suite
        Its width is the session's ring.

    Attributes
    ----------
    parties : tuple of str
    rank : int
    name : str
    fraction : int
    ring : int
        Numbers are elements of Z_2^ring: 64 or 128.
    suite : str
        Name of the suite.
    """

    def __init__(self, names: Sequence[str], rank: int, driver: Driver, fraction: int, suite: Suite) -> None:
        allowed = FRACTIONS[suite.width]
        if fraction not in allowed:
            raise UsageError(
                f"fraction {fraction} is outside {allowed.start} to {allowed.stop - 1}, the fractions of ring "
                f"{suite.width}"
            )
        if not suite.parties[0] <= len(names) <= suite.parties[1]:
            raise UsageError(
                f"suite {suite.name} takes {suite.parties[0]} to {suite.parties[1]} parties, not {len(names)}"
            )
        self.parties = tuple(names)
        self.rank = rank
        self.name = self.parties[rank]
        self.fraction = fraction
        self.ring = suite.width
        self.suite = suite.name
        self._driver = driver
        self._profile: Profile | None = None
        self._engine = Engine(Context(rank, len(self.parties), fraction, suite.width), suite, driver)

    @property
    def rounds(self) -> int:
        """Online rounds so far, input and reveal included."""
        return self._driver.rounds

    @property
    def bytes_sent(self) -> int:
        """Online payload bytes that this party has sent so far."""
        return self._driver.bytes_sent

    @property
    def offline_bytes(self) -> int:
        """Bytes of the correlations drawn so far, from the dealer to the last party."""
        return self._driver.offline_bytes

    @property
    def ledger(self) -> Ledger | None:
        """This party's ledger; None where a program runs on shapes alone."""
        return self._driver.ledger

    @property
    def shapeless(self) -> bool:
        """Whether the program runs on shapes alone, where nothing has a value and nothing is to be written."""
        return self._engine.common.shapeless

    @property
    def position(self) -> Position:
        """Where the program stands."""
        return self._engine.position

    def profile(self) -> Profile:
        """Count rounds, bytes, correlations and wall time by line of the program, from here on.

        Returns
        -------
        Profile
            It fills as the program runs; a second call answers the same one. Work is counted when it is done: ask
            after a reveal or a barrier.
        """
        if self._profile is None:
            self._profile = self._engine.meter = Profile(len(self.parties))
        return self._profile

    # ------------------------------------------------------------------------------------------------------------ input

    def share(
        self,
        value: ArrayLike | None,
        owner: int | str,
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
    ) -> SecretArray:
        """Share an array of one party with all.

        Parameters
        ----------
        value : array_like or None
            bool, int64 or float64 at the owner; ignored at the others.
        owner : int or str
            Rank or name.
        shape, dtype : optional
            Agreed beforehand, nobody waits; else the owner announces them, one round. The default dtype is float64.

        Returns
        -------
        SecretArray

        Raises
        ------
        InputError
            NaN, infinity or a number out of range, with its place; a shape or dtype that is not the announced one.
        """
        kind, shape, array = self._own(value, owner, shape, dtype)
        rank = self._rank(owner)
        words = None if array is None else operations.encoded(self._engine, array, kind)
        share = self._engine.common.share(rank, shape, words, self.ring)
        self._engine.note("share", rank, kind, shape)
        return self._array(self._engine.ready(kind, Share(share)))

    def private(
        self,
        value: ArrayLike | None,
        owner: int | str,
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
    ) -> SecretArray:
        """An array that its owner alone knows: arguments and result as of `share`.

        It is opened one way, by its owner, when it meets its first secret partner: half the bytes of a shared operand.
        """
        kind, shape, array = self._own(value, owner, shape, dtype)
        rank = self._rank(owner)
        few = ring.few_ones(array) if array is not None and kind == BOOLEAN and self.ring == 64 else None
        held: Words | Ones
        if few is not None:
            held = few
        else:
            held = self._nothing(shape) if array is None else operations.encoded(self._engine, array, kind)
        self._engine.note("private", rank, kind, shape)
        return self._array(self._engine.ready(kind, Share.private(held, rank)))

    def _nothing(self, shape: Shape) -> Words:
        return self._engine.common.nothing(shape, self.ring)

    def _own(
        self, value: ArrayLike | None, owner: int | str, shape: Shape | None, dtype: DTypeLike | None
    ) -> tuple[str, Shape, operations.Public | None]:
        """The kind and shape that all agree on, and the owner's numbers."""
        rank = self._rank(owner)
        kind = None if dtype is None else _kind(np.dtype(dtype))
        array = None
        if rank == self.rank and value is not None:
            array = operations.public(value)
            kind = operations.public_kind(array) if kind is None and shape is None else kind or FIXED
        elif rank == self.rank and not self._engine.common.shapeless:
            raise UsageError(f"{self.name} owns this input and must give its value", party=self.name)
        if shape is None:
            if array is None and self._engine.common.shapeless:
                raise UsageError("an input without a shape cannot be foreseen: give share and private its shape")
            self._engine.note("announce", rank)
            code = KINDS.index(kind or FIXED)
            code, shape = self._engine.run(additive.announce(rank, code, None if array is None else array.shape))
            if not 0 <= code < len(KINDS):
                raise InputError("an announced input has an unknown dtype")
            kind = KINDS[code]
        shape = tuple(int(n) for n in shape)
        kind = kind or FIXED
        if array is None:
            return kind, shape, None
        if array.shape != shape:
            raise InputError(f"the input has shape {array.shape}, announced was {shape}", party=self.name)
        if KINDS.index(operations.public_kind(array)) < KINDS.index(kind):
            raise InputError(f"the input is {array.dtype}, announced was {DTYPES[kind]}", party=self.name)
        return kind, shape, array

    def announce(self, shape: Shape | None, owner: int | str) -> Shape:
        """A shape that its owner knows, told to all: one round, public. The others pass None."""
        rank = self._rank(owner)
        self._engine.note("announce", rank)
        told: Shape = self._engine.run(additive.announce(rank, 0, shape))[1]
        return told

    def tell(self, numbers: Sequence[int] | None, owner: int | str, count: int) -> tuple[int, ...]:
        """Numbers about the program, 0 to 2^64 - 1, that their owner tells all: public, one round.

        The others pass None. On shapes alone the numbers are zeros.
        """
        rank = self._rank(owner)
        self._engine.note("tell", rank, count)
        told: tuple[int, ...] = self._engine.run(additive.tell(rank, numbers, count))
        return told

    # ---------------------------------------------------------------------------------------------------------- keeping

    def noted(self, what: str, public: bytes) -> bytes:
        """Add something public to the history of the program; 16 bytes that stand for the history and this session.

        Parties that note different things end with a mismatch in the next round.
        """
        self._engine.note(what, hashlib.sha256(public).digest())
        name = "" if self.ledger is None else self.ledger.session
        return hashlib.blake2b(name.encode(), key=self.position.history, digest_size=16).digest()

    def held(self, array: SecretArray) -> tuple[str, Words]:
        """The kind of an array's numbers, and this party's share of them. It must not leave the party."""
        return array._value.kind, array._value.share.words

    def restored(self, kind: str, words: Words) -> SecretArray:
        """An array of which every party gives the share that it held, in this session or an earlier one.

        It is shared anew: a fresh sharing of zero is added.
        """
        fresh = self._engine.common.zero(words.shape, self.ring)
        return self._array(self._engine.ready(kind, Share(ring.add(words, fresh))))

    # ---------------------------------------------------------------------------------------------------------- running

    def run(self, program: Program, *arrays: SecretArray) -> Any:
        """Run a program whose inputs state their shapes; the dealer is told beforehand what it will draw.

        Parameters
        ----------
        program : callable
            `program(session, *arrays)`; it is first run on shapes alone, where reveals answer zeros, and then for real.
        *arrays : SecretArray
            Of this session: the program gets them, and on shapes arrays of the same shape, dtype and history of masks.

        Returns
        -------
        What the program returns.
        """
        self.barrier()
        given = [array._value for array in arrays]
        blank = on_shapes([value.share for value in given])
        inputs = [(value.kind, share) for value, share in zip(given, blank, strict=True)]
        self._driver.foresee(lambda on_draw, first: self._on_shapes(program, on_draw, first, inputs))
        result = program(self, *arrays)
        self.barrier()
        return result

    def perform(self, protocol: effects.Protocol, *public: object) -> Any:
        """Run a protocol of one's own at this point of the program, on real values only.

        Parameters
        ----------
        protocol : generator
            Of effects (`mpcfl.effects`); every party gives its own side of it.
        *public : object
            What all parties must hold equal, for the history of the program.

        Raises
        ------
        UsageError
            The program runs on shapes alone.
        """
        if self.shapeless:
            raise UsageError("a protocol of one's own cannot be foreseen: do not perform it within Session.run")
        self.barrier()
        self._engine.note("perform", *public)
        return self._engine.run(protocol)

    def _on_shapes(
        self,
        program: Program,
        on_draw: Callable[[Correlation], None],
        first: int,
        inputs: Sequence[tuple[str, Share]] = (),
    ) -> None:
        driver = ShapesDriver(self.rank, len(self.parties), on_draw, first)
        shadow = Session(self.parties, self.rank, driver, self.fraction, self._engine.suite)
        program(shadow, *(shadow._array(shadow._engine.ready(kind, share)) for kind, share in inputs))
        shadow.barrier()

    # ----------------------------------------------------------------------------------------------------------- output

    def barrier(self) -> None:
        """Run all operations that wait."""
        self._engine.flush()

    def _array(self, value: Value) -> SecretArray:
        return SecretArray(value, self)

    def _reveal(self, value: Value, to: str | Sequence[str], purpose: str) -> Any:
        readers = self._readers(to)
        share = value.share
        self._engine.flush()
        self._engine.note("reveal", readers, purpose, value.number)
        words = self._engine.run(additive.reveal(share.words, readers, purpose))
        return None if words is None else self._decoded(words, value)

    def _told(self, x: Value, y: Value, purpose: str) -> Value:
        if x.kind == y.kind == FIXED:
            raise TypeError("told multiplies whole numbers or booleans with any others: not fractions with fractions")
        shape = ring.matmul_shape(x.shape, y.shape)
        disclosed.check(x.share)
        return self._engine.submit(
            "told",
            operations.joined(x.kind, y.kind),
            shape,
            [x, y],
            lambda left, right: disclosed.product(self._engine.ctx, left, right, shape, purpose),
            Share,
            purpose,
        )

    def _decoded(self, words: Words, value: Value) -> Any:
        if ring.is_spec(words):
            return np.zeros(value.shape, DTYPES[value.kind])[()]
        if value.kind == FIXED:
            return ring.decode(words, self.fraction)[()]
        return ring.int64(words).astype(DTYPES[value.kind])[()]

    def _readers(self, to: str | Sequence[str]) -> tuple[int, ...]:
        if isinstance(to, str) and to == "all":
            return tuple(range(len(self.parties)))
        return tuple(sorted({self._rank(name) for name in ([to] if isinstance(to, str) else to)}))

    def _rank(self, party: int | str) -> int:
        if isinstance(party, str):
            if party in self.parties:
                return self.parties.index(party)
        elif 0 <= party < len(self.parties):
            return int(party)
        raise UsageError(f"no party is {party!r}; there are {', '.join(self.parties)}", party=str(party))


def _kind(dtype: np.dtype[Any]) -> str:
    for kind, known in DTYPES.items():
        if known.kind == dtype.kind:
            return kind
    raise InputError(f"dtype {dtype} cannot be secret; use float64, int64 or bool")
