"""CrypTen's side: two parties as processes over gloo on loopback, the trusted first party dealing inside the time.

Runs in CrypTen's environment: `python -m bench.peers.crypten_side JOB`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.onnx

from bench.peers.jobs import Job
from bench.peers.programs import LONGER, STEP

os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
# CrypTen 0.4 asks for a module that torch 2 has no more and that serves only to read ONNX files.
torch.onnx.symbolic_registry = types.ModuleType("torch.onnx.symbolic_registry")
torch.onnx.symbolic_registry._registry = {}
sys.modules["torch.onnx.symbolic_registry"] = torch.onnx.symbolic_registry

import crypten  # noqa: E402
import crypten.communicator  # noqa: E402


class Peer:
    """CrypTen as the programs need it."""

    def zeros(self, *shape: int) -> Any:
        return crypten.cryptensor(torch.zeros(*shape), src=0)

    def sigmoid(self, x: Any) -> Any:
        return x.sigmoid()

    def softmax(self, x: Any) -> Any:
        return x.softmax(1)

    def positive(self, x: Any) -> Any:
        return x > 0

    def transpose(self, x: Any) -> Any:
        return x.t()

    def flat(self, arrays: Any) -> Any:
        return crypten.cat([one.reshape(-1) for one in arrays])


SHORT: dict[str, Callable[..., Any]] = {
    "mul": lambda x, y: x * y,
    "square": lambda x: x.square(),
    "matmul": lambda x, y: x.matmul(y),
    "matvec": lambda x, y: x.matmul(y.reshape(-1, 1)).reshape(-1),
    "less": lambda x, y: x < y,
    "relu": lambda x: x.relu(),
    "sigmoid": lambda x: x.sigmoid(),
    "exp": lambda x: x.exp(),
    "reciprocal": lambda x: x.reciprocal(),
    "sqrt": lambda x: x.sqrt(),
    "softmax": lambda x: x.softmax(1),
    "argmax": lambda x: x.argmax(dim=1),
}


def digits(images: Any, labels: Any, *parameters: Any) -> Any:
    """A gradient step of the digits network by the library's own layers and autograd."""
    for one in parameters:
        one.requires_grad = True
    kernel, a, v, b, w, c = parameters
    channels = kernel.reshape(9, 16).t().reshape(16, 1, 3, 3)
    pooled = (images.conv2d(channels, padding=1) + a.reshape(1, 16, 1, 1)).max_pool2d(2).relu()
    scores = (pooled.reshape(labels.shape[0], 256).matmul(v) + b).relu().matmul(w) + c
    # Its own cross entropy takes a logarithm for a number that nobody asks for: the slope is what ours goes back from.
    scores.backward((scores.detach().softmax(1) - labels) * (1 / labels.shape[0]))
    return crypten.cat([(one.detach() - one.grad * STEP).reshape(-1) for one in parameters])


def clear(secret: Any, workload: str) -> Any:
    """The opened result in float64; by its ring words, since the library's own decoding rounds some of them wrongly."""
    held = secret._tensor
    words = held.reveal().double().numpy()
    result = words / held.encoder.scale if hasattr(held, "encoder") else words
    return result.argmax(axis=1) if workload == "argmax" else result


def party(rank: int, meeting: str, job: Job) -> None:
    os.environ.update(WORLD_SIZE="2", RANK=str(rank), RENDEZVOUS=f"file://{meeting}", DISTRIBUTED_BACKEND="gloo")
    torch.set_num_threads(1)
    crypten.init()
    others = crypten.communicator.get()
    arrays = [crypten.cryptensor(torch.from_numpy(np.ascontiguousarray(array)), src=0) for array in job.inputs()]
    seconds = []
    for _ in range(1 + job.repetitions):
        others.barrier()
        start = time.perf_counter()
        if job.workload == "digits":
            result = digits(*(array.clone() for array in arrays))
        elif job.workload in LONGER:
            result = LONGER[job.workload](Peer(), job.size, *arrays)
        else:
            result = SHORT[job.workload](*arrays)
        others.barrier()
        seconds.append(time.perf_counter() - start)
    numbers = clear(result, job.workload)
    if rank == 0:
        job.answer(seconds[1:], numbers)
    crypten.uninit()


def main() -> None:
    job = Job.of(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="crypten-") as folder:
        spawn = multiprocessing.get_context("spawn")
        parties = [spawn.Process(target=party, args=(rank, f"{folder}/meeting", job)) for rank in (0, 1)]
        for one in parties:
            one.start()
        for one in parties:
            one.join()
    sys.exit(max(abs(one.exitcode or 0) for one in parties))


if __name__ == "__main__":
    main()
