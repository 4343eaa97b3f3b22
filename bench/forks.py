"""Where the processes of a benchmark come from: a server that has imported the library and has run nothing.

What is forked from it is as good as new, and there at once.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext


def context() -> ForkServerContext:
    """The context whose processes are forked from that server."""
    fork = multiprocessing.get_context("forkserver")
    fork.set_forkserver_preload(["__main__", "bench.parties"])
    return fork
