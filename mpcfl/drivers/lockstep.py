"""The lockstep world: all parties in one process, stepped round by round, deterministic under a seed.

A round is what every party's protocol yields next. The world checks that all parties yield the same messages, moves the
payloads, records both sides in the ledgers and answers. Whole programs run one thread a party under a baton: only its
holder runs, and it changes hands when a program needs a round, so a run is the same every time.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpcfl import prg, requests, ring
from mpcfl.correlation import Dealt
from mpcfl.dealing import Dealer, Holder, combine
from mpcfl.drivers.profile import Network
from mpcfl.drivers.rounds import Single, alike, flatten, purpose, sends, unflatten
from mpcfl.drivers.timeline import Timeline
from mpcfl.effects import Draw, Effect, Open, Protocol, Reveal, Send
from mpcfl.errors import Mismatch, MpcflError
from mpcfl.ledger import Direction, Disclosures, Ledger
from mpcfl.message import Message
from mpcfl.pairwise import Pairwise
from mpcfl.prg import Stream
from mpcfl.protocol import START, Position
from mpcfl.ring import Words


@dataclass(frozen=True)
class Delivery:
    """One message on its way; a fault hook sees it, and may change the words or raise."""

    round: int
    message: Message
    sender: int
    receiver: int
    words: Words


Fault = Callable[[Delivery], Words]
IDEAL = Network(0.0, 1e12)
"""A network that takes no time."""


def _secret(seed: int | None, purpose_: str) -> bytes:
    if seed is None:
        return prg.fresh_key()
    return hashlib.sha256(f"mpcfl lockstep seed {seed}: {purpose_}".encode()).digest()


class World:
    """All parties of a computation, and their dealer.

    Parameters
    ----------
    names : sequence of str
        The parties, by rank.
    seed : int, optional
        Fixes every random choice; by default the operating system's generator is used.
    disclosures : Disclosures, optional
        What may be revealed; by default everything.
    fault : callable, optional
        Called with each `Delivery`; returns the words that arrive, or raises.
    transcript : bool
        Keep every delivery in `deliveries`.
    network : Network, optional
        For the timeline; by default one on which nothing takes time.

    Attributes
    ----------
    rounds : int
    bytes_sent : list of int
        Online payload bytes, by rank.
    offline_bytes : int
        Corrections, from the dealer to the last party.
    ledgers : list of Ledger
    deliveries : list of Delivery
    timeline : Timeline
        When the parties would be where on the network.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        seed: int | None = None,
        disclosures: Disclosures | None = None,
        fault: Fault | None = None,
        transcript: bool = False,
        network: Network | None = None,
    ) -> None:
        self.names = tuple(names)
        self.parties = len(self.names)
        ranks = range(self.parties)
        keys = [_secret(seed, f"dealer and rank {i}") for i in ranks]
        self._dealer = Dealer([Stream(key) for key in keys])
        self._holders = [Holder(Stream(key), i, self.parties) for i, key in enumerate(keys)]
        pairs = {(i, j): _secret(seed, f"ranks {i} and {j}") for i in ranks for j in ranks if i < j}
        self.common = [Pairwise(i, {j: pairs[min(i, j), max(i, j)] for j in ranks if j != i}) for i in ranks]
        allowed = Disclosures.any() if disclosures is None else disclosures
        session = f"lockstep {_secret(seed, 'session')[:8].hex()}"
        self.ledgers = [Ledger(session, name, disclosures=allowed) for name in self.names]
        self.rounds = 0
        self.bytes_sent = [0] * self.parties
        self.offline_bytes = 0
        self.deliveries: list[Delivery] = []
        self.timeline = Timeline(self.parties, network or IDEAL)
        self._fault = fault
        self._transcript = transcript
        self._seq = 0

    # --------------------------------------------------------------------------------------------- one protocol a party

    def run(self, protocols: Sequence[Protocol], at: Position = START) -> list[Any]:
        """Run one protocol a party to its end, all in this thread; the results by rank."""
        results: list[Any] = [None] * self.parties
        answers: list[Any] = [None] * self.parties
        while True:
            effects: list[Effect | None] = []
            for rank, protocol in enumerate(protocols):
                with self._working(rank):
                    try:
                        effects.append(protocol.send(answers[rank]))
                    except StopIteration as stop:
                        results[rank] = stop.value
                        effects.append(None)
            if all(effect is None for effect in effects):
                return results
            present = [effect for effect in effects if effect is not None]
            if len(present) < self.parties or len({isinstance(effect, Draw) for effect in present}) > 1:
                raise Mismatch("the parties' protocols differ: one asks for a round where another does not")
            answers = self._draw(present) if isinstance(present[0], Draw) else self._round(present, at)

    @contextlib.contextmanager
    def _working(self, rank: int) -> Iterator[None]:
        """A party's local work, on its clock."""
        begun = time.perf_counter()
        yield
        self.timeline.worked(rank, time.perf_counter() - begun)

    def _draw(self, draws: Sequence[Any]) -> list[Dealt]:
        correlation = draws[0].correlation
        if len({requests.encode(draw.correlation) for draw in draws}) > 1:
            raise Mismatch("the parties' protocols differ: they draw different correlations")
        begun = time.perf_counter()
        corrections = self._dealer.deal(correlation)
        size = sum(words.nbytes for words in corrections)
        self.timeline.dealt(time.perf_counter() - begun, size)
        self.offline_bytes += size
        taken = []
        for rank, (holder, draw) in enumerate(zip(self._holders, draws, strict=True)):
            with self._working(rank):
                taken.append(holder.take(draw.correlation, corrections))
        return taken

    def _round(self, effects: Sequence[Any], at: Position) -> list[Any]:
        flat = [flatten(effect) for effect in effects]
        if any(list(map(alike, singles)) != list(map(alike, flat[0])) for singles in flat):
            raise Mismatch("the parties' protocols differ: they send different messages in one round")
        columns = list(zip(*flat, strict=True))
        frames: dict[tuple[int, int], list[tuple[Single, Words]]] = {}
        answered: list[list[Any]] = [[] for _ in range(self.parties)]
        inboxes = [self._exchange(column, frames) for column in columns]
        if frames:
            self.timeline.exchanged({way: sum(words.nbytes for _, words in parts) for way, parts in frames.items()})
        for column, inbox in zip(columns, inboxes, strict=True):
            for rank, single in enumerate(column):
                with self._working(rank):
                    answered[rank].append(self._answer(single, inbox[rank], rank))
        if frames:
            self._record(frames, at)
            self.rounds += 1
        return [unflatten(effect, iter(answers)) for effect, answers in zip(effects, answered, strict=True)]

    def _exchange(
        self, column: Sequence[Single], frames: dict[tuple[int, int], list[tuple[Single, Words]]]
    ) -> list[list[Words]]:
        """Move one message of every party; by rank what it then has of each."""
        ranks = range(self.parties)
        payloads = [single.payload for single in column]
        if isinstance(column[0], Reveal):
            for ledger in self.ledgers:  # refused before any word of it is on its way
                ledger.disclosures.check(column[0].purpose, [self.names[rank] for rank in column[0].to])
            payloads = [ring.add(p, self.common[rank].zero(p.shape, ring.width(p))) for rank, p in enumerate(payloads)]
        # inbox[j][i] is what rank j has of rank i
        inbox = [list(payloads) for _ in ranks]
        for i in ranks:
            for j in ranks:
                if sends(column[i], i, j):
                    inbox[j][i] = self._deliver(column[i], i, j, payloads[i])
                    frames.setdefault((i, j), []).append((column[i], payloads[i]))
        return inbox

    def _answer(self, single: Single, parts: list[Words], rank: int) -> Any:
        if isinstance(single, Send):
            return parts[single.sender] if single.to in (None, rank) else single.payload
        if isinstance(single, Open) and single.owner is not None:
            return parts[single.owner]
        if isinstance(single, Reveal) and rank not in single.to:
            return None
        return combine(single.message.payload, parts)

    def _deliver(self, single: Single, sender: int, receiver: int, words: Words) -> Words:
        delivery = Delivery(self.rounds, single.message, sender, receiver, words)
        if self._transcript:
            self.deliveries.append(delivery)
        return words if self._fault is None else self._fault(delivery)

    def _record(self, frames: dict[tuple[int, int], list[tuple[Single, Words]]], at: Position) -> None:
        self._seq += 1
        for (i, j), parts in frames.items():
            digest = hashlib.blake2b(b"".join(np.ascontiguousarray(w).tobytes() for _, w in parts), digest_size=16)
            for single, words in parts:
                self.bytes_sent[i] += words.nbytes
                sides: tuple[tuple[Ledger, Direction, int], ...]
                sides = ((self.ledgers[i], "out", j), (self.ledgers[j], "in", i))
                for ledger, direction, peer in sides:
                    ledger.record(
                        single.message,
                        direction=direction,
                        peer=self.names[peer],
                        epoch=0,
                        round=self.rounds,
                        op=at.op,
                        seq=self._seq,
                        dtype=ring.name(words.dtype),
                        shape=words.shape,
                        payload_bytes=words.nbytes,
                        wire_bytes=words.nbytes,
                        digest=digest.hexdigest(),
                        time=None,
                        purpose=purpose(single),
                    )


class LockstepDriver:
    """One party's hold on the world, for whole programs in threads."""

    def __init__(self, stage: Stage, rank: int) -> None:
        self._stage = stage
        self.rank = rank
        self.parties = stage.world.parties
        self.common = stage.world.common[rank]

    @property
    def rounds(self) -> int:
        return self._stage.world.rounds

    @property
    def bytes_sent(self) -> int:
        return self._stage.world.bytes_sent[self.rank]

    @property
    def offline_bytes(self) -> int:
        return self._stage.world.offline_bytes

    @property
    def ledger(self) -> Ledger:
        return self._stage.world.ledgers[self.rank]

    def foresee(self, forecast: object) -> None:
        """Nothing to do: correlations are dealt where they are drawn."""

    def run(self, protocol: Protocol, at: Position = START) -> Any:
        """Wait until every party needs a round, run all protocols, and answer this one's result."""
        return self._stage.rendezvous(self.rank, protocol, at)


class Stage:
    """Runs one program a party in threads, of which only the holder of the baton runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._turn = threading.Condition(threading.RLock())
        self._holder = 0
        self._waiting: dict[int, tuple[Protocol, Position]] = {}
        self._answers: dict[int, Any] = {}
        self._ended: set[int] = set()
        self._error: BaseException | None = None
        self._since = 0.0

    def run(self, programs: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run the programs, one a rank; their results. The first exception in any of them is raised here."""
        results: list[Any] = [None] * self.world.parties
        threads = [
            threading.Thread(
                target=self._perform, args=(rank, program, results), name=self.world.names[rank], daemon=True
            )
            for rank, program in enumerate(programs)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException as error:  # Ctrl-C: the programs stop where they next need a round
            self._fail(error)
            raise
        if self._error is not None:
            raise self._error
        return results

    def rendezvous(self, rank: int, protocol: Protocol, at: Position) -> Any:
        with self._turn:
            self._worked(rank)
            self._waiting[rank] = (protocol, at)
            self._pass_on(rank)
            self._turn.wait_for(lambda: self._error is not None or (rank in self._answers and self._holder == rank))
            if self._error is not None:
                raise _Stopped from self._error
            self._since = time.perf_counter()
            return self._answers.pop(rank)

    def _worked(self, rank: int) -> None:
        """The holder of the baton gives it up: its program's own work ends here."""
        self.world.timeline.worked(rank, time.perf_counter() - self._since)

    def _perform(self, rank: int, program: Callable[[], Any], results: list[Any]) -> None:
        try:
            with self._turn:
                self._turn.wait_for(lambda: self._holder == rank or self._error is not None)
                self._since = time.perf_counter()
            if self._error is None:
                results[rank] = program()
            with self._turn:
                self._worked(rank)
                self._ended.add(rank)
                if self._error is None:
                    self._pass_on(rank)
        except _Stopped:
            pass
        except BaseException as error:
            self._fail(error)

    def _pass_on(self, rank: int) -> None:
        """Hand the baton to the next program that can run; if all wait, run the round first. Called with the lock."""
        parties = self.world.parties
        if len(self._waiting) + len(self._ended) == parties and self._waiting:
            try:
                self._meet()
            except BaseException as error:
                self._fail(error)
                return
        ready = [
            r for r in ((rank + 1 + i) % parties for i in range(parties)) if r not in self._ended | set(self._waiting)
        ]
        if ready:
            self._holder = ready[0]
        self._turn.notify_all()

    def _meet(self) -> None:
        positions = [at for _, at in self._waiting.values()]
        if self._ended:
            raise Mismatch(
                f"a party's program ended while others wait for it at {positions[0].line}", line=positions[0].line
            )
        if len({at.history for at in positions}) > 1:
            lines = " and ".join(sorted({at.line for at in positions}))
            raise Mismatch(f"the parties' programs took different branches, at {lines}", lines=lines)
        ordered = [self._waiting[rank][0] for rank in range(self.world.parties)]
        self._answers = dict(enumerate(self.world.run(ordered, positions[0])))
        self._waiting.clear()

    def _fail(self, error: BaseException) -> None:
        with self._turn:
            if self._error is None:
                self._error = error
            self._turn.notify_all()


class _Stopped(MpcflError):
    """Raised in the programs that wait when another failed."""

    def __init__(self) -> None:
        super().__init__("another party's program failed")
