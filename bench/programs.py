"""Workloads of more than a line, each an array program that runs alike on ndarrays and on secrets."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.operands import BINS, CHANNELS, KERNEL, POOLED, Size
from mpcfl import numerics, ordering
from mpcfl.array import SecretArray
from mpcfl.examples import digits as example
from mpcfl.learn.linear import LogisticRegression
from mpcfl.learn.neural import SGD, Chain, LogLoss, training
from mpcfl.learn.schedule import public_draws
from mpcfl.learn.trees import GradientBoostingClassifier

RATE = 0.1
STRIDE, SIDE = 2, 28
CONVOLVED = (SIDE - KERNEL) // STRIDE + 1

_corner = STRIDE * np.arange(CONVOLVED)
_within = np.arange(KERNEL)
PATCHES = (
    (_corner[:, None, None, None] + _within[None, None, :, None]) * SIDE
    + _corner[None, :, None, None]
    + _within[None, None, None, :]
).reshape(CONVOLVED**2, KERNEL**2)
"""Pixels of an image that the kernel meets at each of its places."""


def product_chain(size: Size, x: Any, signs: Any) -> Any:
    """Each product waits for the one before: nothing but round trips."""
    for i in range(size[0]):
        x = x * signs[i : i + 1]
    return x


def shuffle(x: Any) -> Any:
    """The rows in an order that nobody knows; plain ones in a random order."""
    return ordering.shuffle(x)[0] if isinstance(x, SecretArray) else np.random.default_rng(0).permutation(x)


def regression(size: Size, left: Any, right: Any, labels: Any) -> Any:
    """One epoch of logistic regression."""
    model = LogisticRegression(epochs=1, batch_size=size[2])
    model.fit(np.concatenate([left, right], axis=1), labels)
    return np.concatenate([model.coef_, model.intercept_[None]])


def _stepped(parameters: Any, gradients: Any) -> Any:
    """All parameters after a step down the gradients, end to end."""
    moved = [one - gradient * RATE for one, gradient in zip(parameters, gradients, strict=True)]
    return np.concatenate([one.reshape(-1) for one in moved])


def perceptron(size: Size, x: Any, y: Any, *parameters: Any) -> Any:
    """A gradient step of 784-128-128-10 with relu, softmax and cross-entropy."""
    u, a, v, b, w, c = parameters
    before = numerics.affine(x, u, a)
    first_on = before > 0
    first = first_on * before
    before = numerics.affine(first, v, b)
    second_on = before > 0
    second = second_on * before
    residual = (numerics.softmax(numerics.affine(second, w, c)) - y) * (1 / size[0])
    behind = second_on * (residual @ w.T)
    ahead = first_on * (behind @ v.T)
    gradients = (x.T @ ahead, ahead.sum(0), first.T @ behind, behind.sum(0), second.T @ residual, residual.sum(0))
    return _stepped(parameters, gradients)


def convolution(size: Size, images: Any, kernel: Any) -> Any:
    """Images by a kernel: a product of all their patches, which are a public gather."""
    return images[:, PATCHES].reshape(-1, KERNEL**2) @ kernel


def convolutional(size: Size, x: Any, y: Any, *parameters: Any) -> Any:
    """A gradient step of a 5 x 5 x 16 convolution of stride 2, relu, average pool, dense layer, cross-entropy."""
    kernel, w, c = parameters
    rows, half = size[0], (size[0], POOLED, 2, POOLED, 2, CHANNELS)
    patches = x[:, PATCHES].reshape(-1, KERNEL**2)
    before = patches @ kernel
    on = before > 0
    pooled = (on * before).reshape(half).sum(axis=(2, 4)).reshape(rows, -1) * 0.25
    residual = (numerics.softmax(numerics.affine(pooled, w, c)) - y) * (1 / rows)
    back = ((residual @ w.T) * 0.25).reshape(rows, POOLED, 1, POOLED, 1, CHANNELS)
    behind = on * np.broadcast_to(back, half).reshape(-1, CHANNELS)
    return _stepped(parameters, (patches.T @ behind, pooled.T @ residual, residual.sum(0)))


def digits(size: Size, x: Any, y: Any, *parameters: Any) -> Any:
    """A gradient step of `mpcfl.examples.digits`, by the learner's own loop."""
    model: Any = example.network()  # type: ignore[no-untyped-call]
    network, optimizer = Chain(model.layers), SGD(RATE)
    names = network.start(x.shape[1:], public_draws(0)).weights
    weights = dict(zip(names, parameters, strict=True))
    moved, *_ = training.step(network, LogLoss(), optimizer, (weights, {}, optimizer.start(weights)), x, y, 0, 1)
    return np.concatenate([w.reshape(-1) for w in moved.values()])


def tree_level(size: Size, hot: Any, gradients: Any) -> Any:
    """Histograms of gradient and curvature by feature and bin, the gain of every split, and the best one's place."""
    _, features, bins = size
    sums = (hot.T @ gradients).reshape(features, bins, 2)
    left = np.cumsum(sums, axis=1)[:, :-1]
    whole = sums.sum(axis=1)[:, None]
    right = whole - left
    gain = left[:, :, 0] * left[:, :, 0] / (left[:, :, 1] + 1.0) + right[:, :, 0] * right[:, :, 0] / (
        right[:, :, 1] + 1.0
    )
    return np.argmax(gain.reshape(-1))


def boosted_tree(disclosure: str, size: Size, left: Any, right: Any, labels: Any) -> Any:
    """The first tree of a boosted classifier: its leaves."""
    model = GradientBoostingClassifier(1, max_depth=size[2], disclosure=disclosure)
    model.fit(np.concatenate([left, right], axis=1), labels, columns=[BINS] * size[1])
    return model.leaves_
