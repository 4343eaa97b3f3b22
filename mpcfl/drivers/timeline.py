"""A virtual network: when each party of a lockstep run would be where, were there links between them.

Every party and the dealer has a machine and an uplink of its own. Their clocks start together and go on by these rules:

    local work      takes what it took here: a party's own steps at that party, dealing at the dealer
    a round         leaves each party when it has done its part and its uplink is free, passes the uplink at its
                    bandwidth, frame after frame, and is there half a round trip later; a party goes on when it has all
                    that it is owed
    correlations    the dealer hears of the program at its beginning, half a round trip away, and deals ahead of the
                    parties: what it has dealt passes its uplink while the online phase goes on, and the last party
                    waits only for what has not come yet

A clock carries what its time was spent on along the path that was waited for, so the parts of a prediction add up.
Outside the model: sealing and framing, the forecast's own run on shapes, slow start and loss, roles that share a core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from mpcfl.drivers.profile import Network


@dataclass(frozen=True)
class Prediction:
    """Seconds until the last party has ended, by what they were spent on along the critical path.

    Attributes
    ----------
    computing : float
        Local work of parties.
    dealing : float
        The dealer's work that a party waited for.
    sending : float
        Frames of rounds on their way through an uplink.
    correcting : float
        Corrections on their way through the dealer's uplink.
    latency : float
        Half a round trip for each frame that was waited for.
    """

    computing: float = 0.0
    dealing: float = 0.0
    sending: float = 0.0
    correcting: float = 0.0
    latency: float = 0.0

    @property
    def seconds(self) -> float:
        """The sum of all parts."""
        return self.computing + self.dealing + self.sending + self.correcting + self.latency

    def after(self, part: str, seconds: float) -> Prediction:
        """This moment and so many seconds of one part more."""
        return replace(self, **{part: getattr(self, part) + seconds})

    def __str__(self) -> str:
        parts = ", ".join(f"{part.name} {getattr(self, part.name):.3g}" for part in fields(self))
        return f"{self.seconds:.3g} s: {parts}"


class Timeline:
    """The clocks of all parties and of the dealer.

    Parameters
    ----------
    parties : int
    network : Network
    """

    def __init__(self, parties: int, network: Network) -> None:
        self._one_way = network.one_way
        self._byte = network.byte
        self._at = [Prediction()] * parties
        self._uplinks = [Prediction()] * parties
        self._dealer = Prediction(latency=self._one_way)
        self._corrections = self._dealer

    def worked(self, rank: int, seconds: float) -> None:
        """A party did local work."""
        self._at[rank] = self._at[rank].after("computing", seconds)

    def dealt(self, seconds: float, correction_bytes: int) -> None:
        """The dealer worked on a correlation, which the parties draw now."""
        self._dealer = self._dealer.after("dealing", seconds)
        if correction_bytes:
            self._corrections = self._sent(self._dealer, self._corrections, "correcting", correction_bytes)
            self._at[-1] = _later(self._at[-1], self._corrections.after("latency", self._one_way))

    def exchanged(self, frames: Mapping[tuple[int, int], int]) -> None:
        """A round: the bytes from one rank to another."""
        arrivals = list(self._at)
        for (sender, receiver), size in sorted(frames.items()):
            self._uplinks[sender] = self._sent(self._at[sender], self._uplinks[sender], "sending", size)
            arrived = self._uplinks[sender].after("latency", self._one_way)
            arrivals[receiver] = _later(arrivals[receiver], arrived)
        self._at = arrivals

    @property
    def prediction(self) -> Prediction:
        """Up to here, at the party that is last."""
        return max(self._at, key=lambda one: one.seconds)

    def _sent(self, ready: Prediction, uplink: Prediction, part: str, size: int) -> Prediction:
        """When the last of so many bytes, ready at one moment, has left an uplink that is busy until another."""
        return _later(ready, uplink).after(part, size * self._byte)


def _later(one: Prediction, other: Prediction) -> Prediction:
    return other if other.seconds > one.seconds else one
