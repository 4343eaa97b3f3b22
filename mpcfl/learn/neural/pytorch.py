"""Networks to PyTorch and back. Needs the extra `torch`.

module = pytorch.module(model)                               # a torch.nn.Sequential that computes the same
model.load(pytorch.from_state_dict(model, module.state_dict()), shape)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mpcfl.errors import InputError
from mpcfl.learn.neural import exchange
from mpcfl.learn.neural.convolution import AveragePool2D, Conv2D, MaxPool2D
from mpcfl.learn.neural.layer import Arrays, Layer, Shape
from mpcfl.learn.neural.layers import (
    GELU,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    ReLU,
    Reshape,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from mpcfl.learn.neural.network import Network
from mpcfl.learn.neural.normalisation import BatchNorm, LayerNorm
from mpcfl.learn.schedule import public_draws


def state_dict(model: Network) -> dict[str, torch.Tensor]:
    """The state dict of a fitted network whose weights are plain.

    Raises
    ------
    InputError
        They are secret.
    """
    arrays = exchange.to_state_dict(model.network_layers, model.weights_ | model.state_)
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def from_state_dict(model: Network, state: Mapping[str, torch.Tensor]) -> Arrays:
    """What `model.load` takes, of a state dict of the same layers."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
    return exchange.from_state_dict(model.network_layers, arrays)


def module(model: Network) -> torch.nn.Sequential:
    """A fitted network whose weights are plain as a PyTorch module in float64, set to be used and not trained."""
    built = _sequential(model.network_layers, model.shape_in_)
    built.double().load_state_dict(state_dict(model))
    return built.eval()


class _Residual(torch.nn.Module):
    """body(x) + shortcut(x)."""

    def __init__(self, body: torch.nn.Module, shortcut: torch.nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x) + self.shortcut(x)


class _Codes(torch.nn.Embedding):
    """An embedding that takes codes as whole numbers of any type."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.long())


def _sequential(layers: Any, shape: Shape) -> torch.nn.Sequential:
    modules = []
    for layer in layers:
        modules.append(_module(layer, shape))
        shape = layer.start(shape, public_draws(0)).shape
    return torch.nn.Sequential(*modules)


def _module(layer: Layer, shape: Shape) -> torch.nn.Module:
    nn = torch.nn
    match layer:
        case Dense():
            return nn.Linear(shape[-1], layer.units, layer.bias)
        case Conv2D():
            w = layer.windows
            return nn.Conv2d(
                shape[0], layer.channels, w.size, w.stride, w.padding, groups=layer.groups, bias=layer.bias
            )
        case MaxPool2D():
            w = layer.windows
            return nn.MaxPool2d(w.size, w.stride, w.padding)
        case AveragePool2D():
            w = layer.windows
            return nn.AvgPool2d(w.size, w.stride, w.padding)
        case BatchNorm():
            norm = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            return norm(shape[0], layer.epsilon, layer.momentum)
        case LayerNorm():
            return nn.LayerNorm(shape[len(shape) - (layer.axes or len(shape)) :], layer.epsilon)
        case Embedding():
            return _Codes(layer.codes, layer.width)
        case Residual():
            return _Residual(_sequential(layer.body, shape), _sequential(layer.shortcut, shape))
        case Reshape():
            return nn.Unflatten(1, layer.shape)
        case Dropout():
            return nn.Dropout(layer.rate)
        case GELU():
            return nn.GELU(layer.approximate)
        case Softmax():
            return nn.Softmax(-1)
    for ours, theirs in ((ReLU, nn.ReLU), (Sigmoid, nn.Sigmoid), (Tanh, nn.Tanh), (Flatten, nn.Flatten)):
        if isinstance(layer, ours):
            return theirs()
    raise InputError(f"PyTorch has no layer for {type(layer).__name__}.", key="layers")
