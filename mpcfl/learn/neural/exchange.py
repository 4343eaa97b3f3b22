"""Weights in PyTorch's shapes, as ndarrays: what its state dicts and ONNX files hold, without either library.

    weights = exchange.to_state_dict(model.layers, revealed)         # {name: ndarray}
    model.load(exchange.from_state_dict(model.layers, state), shape)

Only plain weights are written: whoever may see a secret network reveals its `weights_` and `state_` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import InputError
from mpcfl.learn.neural.convolution import Conv2D
from mpcfl.learn.neural.layer import Arrays, Layer, named, part
from mpcfl.learn.neural.layers import Dense, Residual
from mpcfl.learn.neural.normalisation import BatchNorm
from mpcfl.learn.validation import Array, is_secret

COUNTER = "num_batches_tracked"
"""What PyTorch's batch norms keep beside their averages, and do not use."""


def to_state_dict(layers: Sequence[Layer], arrays: Mapping[str, Array]) -> dict[str, NDArray[np.float64]]:
    """Weights and state by PyTorch's names and in its shapes.

    Parameters
    ----------
    layers : sequence of Layer
    arrays : dict of ndarrays
        A network's `weights_` and `state_`.

    Raises
    ------
    InputError
        An array is secret.
    """
    for name, array in arrays.items():
        if is_secret(array):
            raise InputError(f"Weights {name!r} are secret: reveal them to the party that may export them.", key=name)
    state: Arrays = {}
    for name, layer in parts(layers):
        own = part(arrays, name)
        if isinstance(layer, Dense):
            own["weight"] = own["weight"].T
        elif isinstance(layer, Conv2D):
            inner = own["weight"].shape[1] // (layer.windows.size[0] * layer.windows.size[1])
            own["weight"] = own["weight"].swapaxes(1, 2).reshape(layer.channels, inner, *layer.windows.size)
        elif isinstance(layer, BatchNorm):
            own[COUNTER] = np.zeros((), np.int64)
        state |= named(own, name)
    return {name: np.ascontiguousarray(array) if array.ndim else array for name, array in state.items()}


def from_state_dict(layers: Sequence[Layer], state: Mapping[str, Array]) -> Arrays:
    """A network's weights and state, of a state dict: the inverse of `to_state_dict`.

    Parameters
    ----------
    layers : sequence of Layer
    state : dict of array-likes
        PyTorch's tensors, too, where they are on the CPU and need no gradient.
    """
    arrays: Arrays = {}
    for name, layer in parts(layers):
        own = {key: np.asarray(value, np.float64) for key, value in part(state, name).items() if key != COUNTER}
        if "weight" in own and isinstance(layer, Dense):
            own["weight"] = own["weight"].T
        elif "weight" in own and isinstance(layer, Conv2D):
            outer = layer.channels // layer.groups
            own["weight"] = own["weight"].reshape(layer.groups, outer, -1).swapaxes(1, 2)
        arrays |= named(own, name)
    return arrays


def parts(layers: Sequence[Layer], before: str = "") -> Iterable[tuple[str, Layer]]:
    """Every layer that has weights of its own, those of residual blocks too, by its name."""
    for place, layer in enumerate(layers):
        if isinstance(layer, Residual):
            yield from parts(layer.body, f"{before}{place}.body.")
            yield from parts(layer.shortcut, f"{before}{place}.shortcut.")
        else:
            yield f"{before}{place}", layer
