"""Errors a user meets, each with the exit code that the command line ends with.

A message is one clear sentence: what is wrong, where, what to do. It never holds a secret value. `ids` are the public
names that belong to it (party, file, row, column), for programs that read the JSON line on stderr.
"""


class MpcflError(Exception):
    """Base of all errors of this library.

    Parameters
    ----------
    reason : str
        One sentence without any secret value.
    **ids : str or int
        Public names: party, file, row, column, ...
    """

    code = 1

    def __init__(self, reason: str, **ids: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ids = ids


class UsageError(MpcflError):
    """An unknown option, a missing file, a party that is not in the roster."""

    code = 2


class InputError(MpcflError, ValueError):
    """Bad input: a cell, a job's schema, a number that fixed point cannot hold."""

    code = 3


class PeerLost(MpcflError):
    """A peer did not answer within the deadline, or never came."""

    code = 10


class Mismatch(MpcflError):
    """The sides disagree: job, version, ids, or the program itself."""

    code = 11


class AuthenticationError(MpcflError):
    """A key that the roster does not hold, or a signature that does not verify."""

    code = 12


class ProtocolViolation(MpcflError):
    """A frame that no honest peer sends: malformed header, wrong size, undeclared message."""

    code = 13


class IntegrityError(MpcflError):
    """A ledger or a stored file that does not verify, or a disclosure that was not agreed."""

    code = 14


class ResourceError(MpcflError):
    """Memory, disk or a bound of this library is exhausted."""

    code = 15


class Interrupted(MpcflError):
    """Ctrl-C, here or at a peer."""

    code = 130


BY_CODE: dict[int, type[MpcflError]] = {
    error.code: error
    for error in (
        UsageError,
        InputError,
        PeerLost,
        Mismatch,
        AuthenticationError,
        ProtocolViolation,
        IntegrityError,
        ResourceError,
        Interrupted,
    )
}


def from_code(code: int, reason: str, **ids: str | int) -> MpcflError:
    """The error of a code that a peer sent with its ABORT; an unknown code is a lost peer."""
    return BY_CODE.get(code, PeerLost)(reason, **ids)
