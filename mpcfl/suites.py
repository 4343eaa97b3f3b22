"""The suites that can be named in a job or an argument: those of this library and those of installed packages."""

from __future__ import annotations

from importlib.metadata import entry_points

from mpcfl.errors import UsageError
from mpcfl.protocol import Suite
from mpcfl.protocols import semi2k

BUILT_IN = {"semi2k": semi2k.suite}
GROUP = "mpcfl.suites"


def find(name: Suite | str) -> Suite:
    """The suite of that name, from this library or from the entry-point group `mpcfl.suites`; a suite is itself.

    Raises
    ------
    UsageError
        No suite has the name; lists those there are.
    """
    if isinstance(name, Suite):
        return name
    if name in BUILT_IN:
        return BUILT_IN[name]
    for entry in entry_points(group=GROUP, name=name):
        suite = entry.load()
        if isinstance(suite, Suite):
            return suite
    raise UsageError(f"no suite is named {name!r}; there are {', '.join(names())}", suite=name)


def names() -> list[str]:
    """All names that `find` knows."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})
