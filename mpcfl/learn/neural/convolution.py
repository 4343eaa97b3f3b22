"""Convolutions and pools over images (rows, channels, height, width).

Both look at an image through windows, which are a public gather: the patches of all images are one matrix, times the
kernels as another. On secrets the gather is free of messages, and what was opened of an image is opened in its patches.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import grad, numerics
from mpcfl.errors import InputError
from mpcfl.learn.neural.initial import drawn
from mpcfl.learn.neural.layer import Arrays, Layer, Shape, Start, at_least, expect
from mpcfl.learn.schedule import Draws
from mpcfl.learn.validation import Array


def pair(layer: Layer, least: int, **sizes: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of one such parameter, given as one number or as two."""
    ((name, value),) = sizes.items()
    both = (value, value) if not isinstance(value, tuple) else value
    if len(both) != 2:
        raise InputError(f"{name} of {type(layer).__name__} is a number, or a pair for height and width.", key=name)
    for one in both:
        at_least(layer, least, **{name: one})
    return int(both[0]), int(both[1])


@dataclass(frozen=True)
class Windows:
    """The windows of an image.

    Attributes
    ----------
    size, stride, padding : tuple of two int
        Along height and width.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """How many windows stand below and beside one another.

        Raises
        ------
        InputError
            None fits.
        """
        counts = tuple(
            (n + 2 * padding - size) // stride + 1
            for n, size, stride, padding in zip((height, width), self.size, self.stride, self.padding, strict=True)
        )
        if min(counts) < 1:
            raise InputError(f"A window of {self.size} does not fit into an image of {height} x {width}.", key="layers")
        return counts[0], counts[1]

    def are_tiles(self, height: int, width: int) -> bool:
        """Whether they cover the image, and no number twice."""
        whole = height % self.size[0] == 0 and width % self.size[1] == 0
        return whole and self.stride == self.size and self.padding == (0, 0)


@functools.cache
def _places(windows: Windows, height: int, width: int) -> NDArray[np.int64]:
    """Row and column of every place in every window, shape (2, windows, places); beyond the image with padding."""
    starts, within = (
        np.meshgrid(*(np.arange(n) for n in counts), indexing="ij")
        for counts in (windows.shape(height, width), windows.size)
    )
    return np.stack(
        [
            start.reshape(-1, 1) * stride - padding + inside.reshape(1, -1)
            for start, inside, stride, padding in zip(starts, within, windows.stride, windows.padding, strict=True)
        ]
    )


@functools.cache
def gathered(windows: Windows, height: int, width: int) -> NDArray[np.int64]:
    """Numbers of the image's pixels in each window, shape (windows, places), and one beyond the last for padding."""
    rows, columns = _places(windows, height, width)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    places: NDArray[np.int64] = np.where(inside, rows * width + columns, height * width)
    return places


@functools.cache
def nearest(windows: Windows, height: int, width: int) -> NDArray[np.int64]:
    """As `gathered`, with the window's nearest pixel in place of padding."""
    rows, columns = _places(windows, height, width)
    places: NDArray[np.int64] = np.clip(rows, 0, height - 1) * width + np.clip(columns, 0, width - 1)
    return places


@functools.cache
def windows_over(windows: Windows, height: int, width: int) -> NDArray[np.int64]:
    """For each pixel and each place in a window the window that has it there, shape (pixels, places).

    One beyond the last where none has.
    """
    places = gathered(windows, height, width)
    count, area = places.shape
    over = np.full((height * width + 1, area), count)
    over[places, np.arange(area)] = np.arange(count)[:, None]
    return over[:-1]


def convolved(x: Array, kernels: Array, windows: Windows, height: int, width: int, bias: Array | None = None) -> Array:
    """Windows times kernels, plus a bias for each channel that comes out.

    Parameters
    ----------
    x : array, shape (n, groups, inputs, pixels)
    kernels : array, shape (groups, inputs * places, outputs)
    windows : Windows
    height, width : int
        Of the image.
    bias : array, shape (groups * outputs,), optional

    Returns
    -------
    array, shape (n, groups, outputs, windows)

    Notes
    -----
    The gradient by x is a convolution, too, of the cotangent with the kernels turned round: it is truncated once a
    pixel, where the gradient of a gather and a product would be once a pixel of each patch.
    """
    places, over = gathered(windows, height, width), windows_over(windows, height, width)
    groups, read, outputs = kernels.shape
    inputs, area = read // places.shape[1], places.shape[1]

    def rule(x: Array, kernels: Array, *biases: Array) -> tuple[Array, tuple[Callable[[Array], Array], ...]]:
        patches = _lines(x, places)
        lines = [numerics.affine(patches, kernels, one.reshape(groups, 1, outputs)) for one in biases]
        y = lines[0] if lines else patches @ kernels

        def to_x(g: Array) -> Array:
            turned = kernels.reshape(groups, inputs, area, outputs).transpose(0, 3, 2, 1)
            back = _lines(g, over) @ turned.reshape(groups, outputs * area, inputs)
            return _channels(back, x.shape[0])

        def to_kernels(g: Array) -> Array:
            lines = g.transpose(1, 0, 3, 2).reshape(groups, -1, outputs)
            return patches.swapaxes(1, 2) @ lines

        to_biases = tuple(lambda g: g.sum(axis=(0, 3)).reshape(-1) for _ in biases)
        return _channels(y, x.shape[0]), (to_x, to_kernels, *to_biases)

    return grad.custom(rule, x, kernels, *(() if bias is None else (bias,)))


def _lines(x: Array, places: NDArray[np.int64]) -> Array:
    """What each window sees, as lines: from (n, groups, inputs, pixels) to (groups, n * windows, inputs * places)."""
    n, groups, inputs, pixels = x.shape
    if places.max() == pixels:
        x = np.concatenate([x, x[..., :1] * 0], axis=-1)  # zeros, which have the mask of what they are multiples of
    return x[..., places].transpose(1, 0, 3, 2, 4).reshape(groups, n * places.shape[0], inputs * places.shape[1])


def _channels(y: Array, n: int) -> Array:
    """Products by line as (n, groups, outputs, windows)."""
    groups, lines, outputs = y.shape
    return y.reshape(groups, n, lines // n, outputs).transpose(1, 0, 3, 2)


@dataclass(frozen=True)
class Conv2D(Layer):
    """Windows of an image times kernels: ``weight`` and ``bias``.

    The weights have the shape (groups, numbers that a kernel reads, channels / groups): a kernel reads its input
    channels one after another, each row by row.

    Parameters
    ----------
    channels : int
        That come out.
    kernel : int or pair of int
    stride : int or pair of int
    padding : int or pair of int
        Zeros on each side.
    groups : int
        Parts of the channels that are convolved apart.
    bias : bool
    initial : {"he", "glorot", "lecun", "zeros"}
    """

    channels: int
    kernel: int | tuple[int, int]
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, int] = 0
    groups: int = 1
    bias: bool = True
    initial: str = "he"

    def __post_init__(self) -> None:
        at_least(self, 1, channels=self.channels, groups=self.groups)
        if self.channels % self.groups:
            raise InputError("groups of Conv2D must divide its channels.", key="groups")
        _ = self.windows

    @property
    def windows(self) -> Windows:
        return Windows(
            pair(self, 1, kernel=self.kernel), pair(self, 1, stride=self.stride), pair(self, 0, padding=self.padding)
        )

    def start(self, shape: Shape, draws: Draws) -> Start:
        expect(self, shape, 3, "images (rows, channels, height, width)")
        inputs, height, width = shape
        if inputs % self.groups:
            raise InputError(f"groups of Conv2D must divide the {inputs} channels that come in.", key="groups")
        kernel = self.windows.size
        area = kernel[0] * kernel[1]
        fan_in, fan_out = inputs // self.groups * area, self.channels // self.groups * area
        whole = (self.groups, fan_in, self.channels // self.groups)
        weights: Arrays = {"weight": drawn(self.initial, whole, fan_in, fan_out, draws)}
        if self.bias:
            weights["bias"] = np.zeros(self.channels)
        return Start(weights, {}, (self.channels, *self.windows.shape(height, width)))

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        n, inputs, height, width = x.shape
        pixels = x.reshape(n, self.groups, inputs // self.groups, height * width)
        bias = weights["bias"] if self.bias else None
        y = convolved(pixels, weights["weight"], self.windows, height, width, bias)
        return y.reshape(n, self.channels, *self.windows.shape(height, width)), {}


class _Pool(Layer):
    """One number for each window of each channel."""

    size: int | tuple[int, int]
    stride: int | tuple[int, int] | None
    padding: int | tuple[int, int]

    def __post_init__(self) -> None:
        windows = self.windows
        if any(2 * padding > size for padding, size in zip(windows.padding, windows.size, strict=True)):
            raise InputError(f"padding of {type(self).__name__} is at most half of its size.", key="padding")

    @property
    def windows(self) -> Windows:
        size = pair(self, 1, size=self.size)
        stride = size if self.stride is None else pair(self, 1, stride=self.stride)
        return Windows(size, stride, pair(self, 0, padding=self.padding))

    def start(self, shape: Shape, draws: Draws) -> Start:
        expect(self, shape, 3, "images (rows, channels, height, width)")
        return Start({}, {}, (shape[0], *self.windows.shape(*shape[1:])))

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        n, channels, height, width = x.shape
        windows = self.windows
        h, w = windows.shape(height, width)
        if windows.are_tiles(height, width):  # they cover the image: a view of it
            return self._of(x.reshape(n, channels, h, windows.size[0], w, windows.size[1]), (3, 5)), {}
        seen = self._seen(x.reshape(n, channels, height * width), height, width)
        return self._of(seen, 3).reshape(n, channels, h, w), {}

    def _of(self, windows: Array, axis: Any) -> Array:
        """The numbers of windows that lie along some axes."""
        raise NotImplementedError

    def _seen(self, pixels: Array, height: int, width: int) -> Array:
        """Each window's pixels, shape (rows, channels, windows, pixels of one), from (rows, channels, pixels)."""
        raise NotImplementedError


@dataclass(frozen=True)
class MaxPool2D(_Pool):
    """The largest number of each window; padding never is.

    On secrets 4 rounds for each doubling of the numbers in a window, and a comparison for each of them but one.

    Parameters
    ----------
    size : int or pair of int
    stride : int or pair of int, optional
        `size` if not given.
    padding : int or pair of int
    """

    size: int | tuple[int, int]
    stride: int | tuple[int, int] | None = None
    padding: int | tuple[int, int] = 0

    def _of(self, windows: Array, axis: Any) -> Array:
        return np.max(windows, axis=axis)

    def _seen(self, pixels: Array, height: int, width: int) -> Array:
        return pixels[:, :, nearest(self.windows, height, width)]


@dataclass(frozen=True)
class AveragePool2D(_Pool):
    """The mean of each window, in which padding counts as zeros. One truncation on secrets.

    Parameters
    ----------
    size : int or pair of int
    stride : int or pair of int, optional
        `size` if not given.
    padding : int or pair of int
    """

    size: int | tuple[int, int]
    stride: int | tuple[int, int] | None = None
    padding: int | tuple[int, int] = 0

    def _of(self, windows: Array, axis: Any) -> Array:
        return np.mean(windows, axis=axis)

    def _seen(self, pixels: Array, height: int, width: int) -> Array:
        if any(self.windows.padding):
            pixels = np.pad(pixels, ((0, 0), (0, 0), (0, 1)))
        return pixels[:, :, gathered(self.windows, height, width)]
