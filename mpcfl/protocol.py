"""How protocols are written, declared, composed and grouped into suites.

A rule is one protocol for one primitive, with its cost declared beside it; a suite is a value that maps primitives to
rules. Nothing is registered by being imported: a suite lists its rules, and `suite.derive("mine", rules=[...])`
replaces some of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from mpcfl import ring
from mpcfl.correlation import Correlation
from mpcfl.effects import Communication, Draw, Effect, Protocol, Round
from mpcfl.errors import ProtocolViolation, UsageError
from mpcfl.message import Message
from mpcfl.ring import Words


@dataclass(frozen=True)
class Context:
    """What a rule knows of the world.

    Parameters
    ----------
    rank, parties : int
    fraction : int
        Fractional bits of fixed-point numbers.
    width : int
        The ring is Z_2^width: 64 or 128.
    """

    rank: int
    parties: int
    fraction: int
    width: int = 64

    @property
    def group(self) -> str:
        """How ring words are shared, as the fields of correlations name it."""
        return "wide" if self.width == 128 else "words"

    @property
    def bound(self) -> int:
        """Representable numbers are below 2^bound as ring words."""
        return self.width - 2

    @property
    def first(self) -> int:
        """1 at the party that carries public constants, 0 elsewhere."""
        return int(self.rank == 0)

    def constant(self, public: Words) -> Words:
        """Lift public words to a share: the first party holds them, the others zeros."""
        return public if self.rank == 0 else ring.like(public, public.shape)


@dataclass(frozen=True)
class Position:
    """Where a party's program stands when it needs a round.

    Parameters
    ----------
    history : bytes
        Digest of all operations so far, the same at every party that runs the same program.
    line : str
        "file:line" of the newest operation.
    op : int
        Its number.
    """

    history: bytes
    line: str
    op: int


START = Position(b"", "", 0)


@dataclass(frozen=True)
class Rule:
    """A protocol for a primitive and what it declares to cost.

    Parameters
    ----------
    primitive : str
    function : callable
        `function(ctx, *operands, **parameters)`, a generator of effects.
    rounds : int
        Rounds on fresh operands.
    bits : callable
        `bits(shapes, parties)`: payload bits that a party sends, on fresh shared operands of these shapes. A rule that
        serves Z_2^128 as well takes `width` as a third argument.
    messages : tuple of Message
        Every message that it sends.
    correlations : tuple of type
        Every correlation that it draws.
    """

    primitive: str
    function: Callable[..., Protocol]
    rounds: int
    bits: Callable[..., int]
    messages: tuple[Message, ...] = ()
    correlations: tuple[type[Correlation], ...] = ()

    def __call__(self, ctx: Context, *operands: Any, **parameters: Any) -> Protocol:
        """The protocol on these operands; it ends where it would send or draw what the rule does not declare."""
        return self._held(self.function(ctx, *operands, **parameters))

    def over(self, width: int) -> Rule:
        """This rule for another ring, with what it costs there."""
        return replace(self, bits=functools.partial(self.bits, width=width))

    def _held(self, protocol: Protocol) -> Protocol:
        answer: Any = None
        while True:
            try:
                effect = protocol.send(answer)
            except StopIteration as stop:
                return stop.value
            self._check(effect)
            answer = yield effect

    def _check(self, effect: Effect) -> None:
        if isinstance(effect, Round):
            for part in effect.effects:
                self._check(part)
        elif isinstance(effect, Draw):
            if type(effect.correlation) not in self.correlations:
                raise ProtocolViolation(
                    f"the rule for {self.primitive} draws {effect.correlation.family!r}, which it does not declare"
                )
        elif effect.message not in self.messages:
            raise ProtocolViolation(
                f"the rule for {self.primitive} sends {effect.message.name!r}, which it does not declare"
            )


def rule(
    primitive: str,
    *,
    rounds: int,
    bits: Callable[..., int],
    messages: Iterable[Message] = (),
    correlations: Iterable[type[Correlation]] = (),
) -> Callable[[Callable[..., Protocol]], Rule]:
    """Declare a generator function as the rule of a primitive."""

    def decorate(function: Callable[..., Protocol]) -> Rule:
        return Rule(primitive, function, rounds, bits, tuple(messages), tuple(correlations))

    return decorate


@dataclass(frozen=True)
class Suite:
    """A set of rules, one a primitive.

    Parameters
    ----------
    name : str
    rules : sequence of Rule
    parties : tuple of int
        Smallest and largest number of parties.
    width : int
        The ring of its rules: Z_2^width.
    wide : Suite, optional
        The rules of the same suite over Z_2^128.
    """

    name: str
    rules: Sequence[Rule]
    parties: tuple[int, int] = (2, 64)
    width: int = 64
    wide: Suite | None = None
    table: Mapping[str, Rule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        table = {one.primitive: one for one in self.rules}
        if len(table) < len(self.rules):
            raise ValueError(f"suite {self.name}: two rules for one primitive")
        object.__setattr__(self, "table", MappingProxyType(table))

    def __getitem__(self, primitive: str) -> Rule:
        try:
            return self.table[primitive]
        except KeyError:
            where = f" in ring {self.width}; run this program in ring 64" if self.width != 64 else ""
            raise NotImplementedError(f"suite {self.name} has no rule for {primitive}{where}") from None

    def over(self, width: int) -> Suite:
        """The suite's rules for the ring Z_2^width.

        Raises
        ------
        UsageError
            It has none.
        """
        if width == self.width:
            return self
        if self.wide is None or width != self.wide.width:
            raise UsageError(f"suite {self.name} has no rules for ring {width}", suite=self.name)
        return self.wide

    def derive(self, name: str, rules: Iterable[Rule]) -> Suite:
        """This suite under another name, with the given rules in place of its own for the same primitives."""
        table = {one.primitive: one for one in (*self.rules, *rules)}
        return Suite(name, tuple(table.values()), self.parties, self.width)

    @property
    def messages(self) -> dict[str, Message]:
        """Every message that the suite's rules can send, by name."""
        return {message.name: message for one in self.rules for message in one.messages}

    @property
    def correlations(self) -> dict[str, type[Correlation]]:
        """Every family of correlations that a dealer must know to serve this suite, in its own ring."""
        return {kind.family: kind for one in self.rules for kind in one.correlations}


def together(*protocols: Protocol) -> Generator[Effect, Any, list[Any]]:
    """Run protocols side by side, their n-th rounds merged; the answer is the list of their results.

    The order of draws and payloads is that of the arguments, hence the same at every party.
    """
    results: list[Any] = [None] * len(protocols)
    answers: list[Any] = [None] * len(protocols)
    running = list(range(len(protocols)))
    while running:
        waiting: list[int] = []
        effects: list[Communication] = []
        for i in running:
            effect, results[i] = yield from advance(protocols[i], answers[i])
            if effect is not None:
                waiting.append(i)
                effects.append(effect)
        if waiting:
            replies = yield Round(tuple(effects))
            for i, reply in zip(waiting, replies, strict=True):
                answers[i] = reply
        running = waiting
    return results


def advance(protocol: Protocol, answer: Any) -> Generator[Effect, Any, tuple[Communication | None, Any]]:
    """Run a protocol to its next round, passing its draws on; at its end None, and its result."""
    try:
        effect = protocol.send(answer)
        while isinstance(effect, Draw):
            effect = protocol.send((yield effect))
    except StopIteration as stop:
        return None, stop.value
    return effect, None
