"""The longer workloads as a peer's arrays say them, step for step those of `bench.programs`; NumPy alone is imported.

`of` is the peer: zeros, sigmoid, softmax, positive (x > 0 as zeros and ones), transpose, flat (joined end to end).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

RATE, MOMENTUM, PENALTY = 0.5, 0.9, 1e-4
"""Defaults of `LogisticRegression`."""
STEP = 0.1
SIDE, STRIDE, KERNEL, CHANNELS, POOLED, CONVOLVED = 28, 2, 5, 16, 6, 12

_rows = STRIDE * np.arange(CONVOLVED)[:, None] + np.arange(KERNEL)
PATCHES = (_rows[:, None, :, None] * SIDE + _rows[None, :, None, :]).reshape(-1)


class Peer(Protocol):
    """What the programs need of a peer."""

    def zeros(self, *shape: int) -> Any: ...
    def sigmoid(self, x: Any) -> Any: ...
    def softmax(self, x: Any) -> Any: ...
    def positive(self, x: Any) -> Any: ...
    def transpose(self, x: Any) -> Any: ...
    def flat(self, arrays: Any) -> Any: ...


def regression(of: Peer, size: Any, x: Any, y: Any) -> Any:
    """One epoch over rows that stand in the order of the schedule."""
    rows, columns, batch = size
    w, b = of.zeros(columns, 1), of.zeros(1, 1)
    dw, db = w, b
    for start in range(0, rows - batch + 1, batch):
        part = x[start : start + batch]
        residual = of.sigmoid(part @ w + b) - y[start : start + batch]
        dw = dw * MOMENTUM - (of.transpose(part) @ residual) * (RATE / batch) - w * (RATE * PENALTY)
        db = db * MOMENTUM - residual.sum(0).reshape(1, 1) * (RATE / batch)
        w, b = w + dw, b + db
    return of.flat([w, b])


def perceptron(of: Peer, size: Any, x: Any, y: Any, *parameters: Any) -> Any:
    """A gradient step of 784-128-128-10."""
    u, a, v, b, w, c = parameters
    before = x @ u + a
    first_on = of.positive(before)
    first = first_on * before
    before = first @ v + b
    second_on = of.positive(before)
    second = second_on * before
    residual = (of.softmax(second @ w + c) - y) * (1 / size[0])
    behind = second_on * (residual @ of.transpose(w))
    ahead = first_on * (behind @ of.transpose(v))
    t = of.transpose
    steps = (t(x) @ ahead, ahead.sum(0), t(first) @ behind, behind.sum(0), t(second) @ residual, residual.sum(0))
    return of.flat([one - step * STEP for one, step in zip(parameters, steps, strict=True)])


def convolutional(of: Peer, size: Any, x: Any, y: Any, *parameters: Any) -> Any:
    """A gradient step of a convolution of stride 2, relu, average pool, dense layer."""
    kernel, w, c = parameters
    rows, half = size[0], (size[0], POOLED, 2, POOLED, 2, CHANNELS)
    patches = x[:, PATCHES].reshape(-1, KERNEL**2)
    before = patches @ kernel
    on = of.positive(before)
    pooled = (on * before).reshape(*half).sum(4).sum(2).reshape(rows, -1) * 0.25
    residual = (of.softmax(pooled @ w + c) - y) * (1 / rows)
    back = ((residual @ of.transpose(w)) * 0.25).reshape(rows, POOLED, 1, POOLED, 1, CHANNELS)
    behind = on * (back + of.zeros(*half)).reshape(-1, CHANNELS)
    t = of.transpose
    steps = (t(patches) @ behind, t(pooled) @ residual, residual.sum(0))
    return of.flat([one - step * STEP for one, step in zip(parameters, steps, strict=True)])


LONGER = {"lr": regression, "mlp": perceptron, "cnn": convolutional}
