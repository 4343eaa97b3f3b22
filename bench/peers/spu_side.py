"""SPU's side: SEMI2K between two processes over loopback, the trusted first party dealing inside the time.

Runs in SPU's environment: `python -m bench.peers.spu_side JOB`. Programs are JAX functions, compiled before the clock
starts.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spu
from spu import libspu
from spu.utils import frontend

from bench.peers.jobs import Job
from bench.peers.programs import LONGER

PARTIES = 2
WAIT_MS = 600_000


class Peer:
    """JAX as the programs need it."""

    def zeros(self, *shape: int) -> Any:
        return jnp.zeros(shape)

    def sigmoid(self, x: Any) -> Any:
        return jax.nn.sigmoid(x)

    def softmax(self, x: Any) -> Any:
        return jax.nn.softmax(x, axis=1)

    def positive(self, x: Any) -> Any:
        return (x > 0).astype(jnp.float32)

    def transpose(self, x: Any) -> Any:
        return x.T

    def flat(self, arrays: Any) -> Any:
        return jnp.concatenate([one.reshape(-1) for one in arrays])


SHORT: dict[str, Callable[..., Any]] = {
    "mul": lambda x, y: x * y,
    "square": lambda x: x * x,
    "matmul": lambda x, y: x @ y,
    "matvec": lambda x, y: x @ y,
    "less": lambda x, y: x < y,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "exp": jnp.exp,
    "reciprocal": lambda x: 1.0 / x,
    "sqrt": jnp.sqrt,
    "softmax": lambda x: jax.nn.softmax(x, axis=1),
    "argmax": lambda x: jnp.argmax(x, axis=1),
    "sort": jnp.sort,
}


def settings() -> Any:
    return libspu.RuntimeConfig(protocol=libspu.ProtocolKind.SEMI2K, field=libspu.FieldType.FM64)


def party(rank: int, hosts: list[str], end: Connection, repetitions: int) -> None:
    """Take an executable and shares, run it, answer with seconds and the shares of the result."""
    text, shares, output = end.recv()
    where = libspu.link.Desc()
    where.recv_timeout_ms = where.http_timeout_ms = WAIT_MS
    where.connect_retry_times, where.connect_retry_interval_ms = 100, 200
    for number, host in enumerate(hosts):
        where.add_party(f"p{number}", host)
    link = libspu.link.create_brpc(where, rank)
    waiting = link.spawn()
    runtime = spu.Runtime(link, settings())
    executable = libspu.Executable()
    executable.ParseFromString(text)
    for name, (meta, chunks) in shares.items():
        share = libspu.Share()
        share.meta, share.share_chunks = meta, chunks
        runtime.set_var(name, share)
    seconds = []
    for _ in range(1 + repetitions):
        waiting.barrier()
        start = time.perf_counter()
        runtime.run(executable)
        seconds.append(time.perf_counter() - start)
    result = runtime.get_var(output)
    end.send((seconds[1:], (result.meta, list(result.share_chunks))))
    end.recv()
    os._exit(0)  # the link's own threads may keep an interpreter from ending


def compiled(job: Job, arrays: list[Any]) -> Any:
    """The workload as SPU's executable, its input names and its output's."""
    if job.workload in LONGER:

        def program(*given: Any) -> Any:
            return LONGER[job.workload](Peer(), job.size, *given)
    else:
        program = SHORT[job.workload]
    names = [f"in{number}" for number in range(len(arrays))]
    secret = [libspu.Visibility.VIS_SECRET] * len(arrays)
    kind, options = frontend.Kind.JAX, libspu.CompilerOptions()
    executable, _ = frontend.compile(
        kind, program, arrays, {}, names, secret, lambda flat: ["out"] * len(flat), copts=options
    )
    return executable, names


def main() -> None:
    job = Job.of(sys.argv[1])
    arrays = [np.ascontiguousarray(array.astype(np.float32)) for array in job.inputs()]
    executable, names = compiled(job, arrays)
    io = spu.Io(PARTIES, settings())
    shares: list[dict[str, Any]] = [{} for _ in range(PARTIES)]
    for name, array in zip(names, arrays, strict=True):
        for rank, share in enumerate(io.make_shares(array, libspu.Visibility.VIS_SECRET)):
            shares[rank][name] = (share.meta, list(share.share_chunks))
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{one.getsockname()[1]}" for one in (first, second)]
    spawn = multiprocessing.get_context("spawn")
    pipes, text = [], executable.SerializeToString()
    for rank in range(PARTIES):
        here, there = spawn.Pipe()
        spawn.Process(target=party, args=(rank, hosts, there, job.repetitions), daemon=True).start()
        there.close()
        here.send((text, shares[rank], "out"))
        pipes.append(here)
    answers = [pipe.recv() for pipe in pipes]
    parts = []
    for _, (meta, chunks) in answers:
        part = libspu.Share()
        part.meta, part.share_chunks = meta, chunks
        parts.append(part)
    job.answer([max(those) for those in zip(*(seconds for seconds, _ in answers), strict=True)], io.reconstruct(parts))
    for pipe in pipes:
        pipe.send(None)


if __name__ == "__main__":
    main()
