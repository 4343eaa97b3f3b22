"""What every driver needs of a round: its messages in order, and who sends what to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from mpcfl.correlation import Correlation, Dealt
from mpcfl.effects import Communication, Draw, Open, Protocol, Reveal, Round, Send
from mpcfl.errors import ProtocolViolation
from mpcfl.message import Exposure
from mpcfl.ring import GROUPS

Single: TypeAlias = Open | Send | Reveal


_EXPOSURES: dict[type[Single], tuple[Exposure, ...]] = {
    Open: (Exposure.MASKED,),
    Send: (Exposure.SHARE, Exposure.MASKED, Exposure.CIPHERTEXT, Exposure.PUBLIC),
    Reveal: (Exposure.OUTPUT,),
}
"""What each effect may expose: an opening what is masked, an output what is disclosed on purpose."""


def flatten(effect: Communication) -> list[Single]:
    """The messages of a round in program order.

    Raises
    ------
    ProtocolViolation
        A message is not of the kind that it is declared to be: it does not leave.
    """
    if isinstance(effect, Round):
        return [single for part in effect.effects for single in flatten(part)]
    message = effect.message
    if message.exposure not in _EXPOSURES[type(effect)]:
        raise ProtocolViolation(f"message {message.name!r} is declared {message.exposure.value}, and sent otherwise")
    if effect.payload.dtype not in GROUPS.values():
        raise ProtocolViolation(f"message {message.name!r} holds {effect.payload.dtype} and not ring words")
    return [effect]


def unflatten(effect: Communication, answers: Iterator[Any]) -> Any:
    """The answers of `flatten(effect)`, nested as the effect was."""
    if isinstance(effect, Round):
        return [unflatten(part, answers) for part in effect.effects]
    return next(answers)


def drive(
    protocol: Protocol, draw: Callable[[Correlation], Dealt], exchange: Callable[[list[Single]], Sequence[Any]]
) -> Any:
    """Run one party's protocol to its end: `draw` answers its draws, `exchange` the messages of each round."""
    answer: Any = None
    while True:
        try:
            effect = protocol.send(answer)
        except StopIteration as stop:
            return stop.value
        if isinstance(effect, Draw):
            answer = draw(effect.correlation)
        else:
            answer = unflatten(effect, iter(exchange(flatten(effect))))


def sends(single: Single, sender: int, receiver: int) -> bool:
    """Whether this message goes from `sender` to `receiver`."""
    if sender == receiver or single.payload.size == 0:
        return False
    if isinstance(single, Open):
        return single.owner is None or single.owner == sender
    if isinstance(single, Send):
        return single.sender == sender and single.to in (None, receiver)
    return receiver in single.to


def alike(single: Single) -> tuple[object, ...]:
    """What all parties must say alike of a message."""
    if isinstance(single, Open):
        route: object = single.owner
    else:
        route = single.to if isinstance(single, Reveal) else (single.sender, single.to)
    payload = single.payload
    return (type(single), single.message.name, payload.dtype, payload.shape, route, purpose(single))


def purpose(single: Single) -> str:
    """What the ledger says of it: a disclosure's own purpose, else the message's."""
    return single.purpose if isinstance(single, Reveal) else single.message.purpose
