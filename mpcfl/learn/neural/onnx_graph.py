"""Networks to ONNX and back. Needs the extra `onnx`.

    onnx.save(onnx_graph.to_onnx(model), "digits.onnx")
    model.load(onnx_graph.from_onnx(model, onnx.load("digits.onnx")), shape)

Weights stand in a graph under PyTorch's names and in its shapes, as PyTorch's own export writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mpcfl.errors import InputError
from mpcfl.learn.neural import exchange
from mpcfl.learn.neural.convolution import AveragePool2D, Conv2D, MaxPool2D, Windows
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

OPSET, VERSION = 20, 9
"""Of the operators (the first with Gelu), and of the file format that came with them."""

INPUT, OUTPUT = "input", "output"

FUNCTIONS: dict[type[Layer], tuple[str, dict[str, Any]]] = {
    ReLU: ("Relu", {}),
    Sigmoid: ("Sigmoid", {}),
    Tanh: ("Tanh", {}),
    Softmax: ("Softmax", {"axis": -1}),
    Flatten: ("Flatten", {"axis": 1}),
    Dropout: ("Identity", {}),
}
"""Operators of one input."""


def to_onnx(model: Network, dtype: type[np.floating[Any]] = np.float32) -> onnx.ModelProto:
    """A fitted network whose weights are plain, as a graph from rows to `model.outputs`.

    Parameters
    ----------
    model : Network
    dtype : numpy.float32 or numpy.float64

    Raises
    ------
    InputError
        The weights are secret; a layer is not one of this package.
    """
    arrays = exchange.to_state_dict(model.network_layers, model.weights_ | model.state_)
    graph = _Graph({name: array.astype(dtype) for name, array in arrays.items() if array.dtype.kind == "f"})
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    last, shape = graph.chain(model.network_layers, INPUT, model.shape_in_, "")
    graph.nodes.append(helper.make_node("Identity", [last], [OUTPUT]))
    ends = [
        helper.make_tensor_value_info(name, kind, ["rows", *sizes])
        for name, sizes in ((INPUT, model.shape_in_), (OUTPUT, shape))
    ]
    whole = helper.make_graph(
        graph.nodes,
        "network",
        ends[:1],
        ends[1:],
        [numpy_helper.from_array(array, name) for name, array in graph.arrays.items()],
    )
    proto = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=VERSION)
    onnx.checker.check_model(proto)
    return proto


def from_onnx(model: Network, proto: onnx.ModelProto) -> Arrays:
    """What `model.load` takes, of the weights in a graph of the same layers."""
    state = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    return exchange.from_state_dict(model.network_layers, state)


class _Graph:
    """Nodes, and the arrays that they read."""

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = arrays
        self.nodes: list[onnx.NodeProto] = []

    def chain(self, layers: Sequence[Layer], x: str, shape: Shape, before: str) -> tuple[str, Shape]:
        """The name and the shape of what layers give for x."""
        for place, layer in enumerate(layers):
            name = f"{before}{place}"
            x = self._layer(layer, x, shape, name)
            shape = layer.start(shape, public_draws(0)).shape
        return x, shape

    def _node(self, operator: str, inputs: Sequence[str], name: str, **options: Any) -> str:
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **options))
        return name

    def _own(self, name: str, *keys: str) -> list[str]:
        return [f"{name}.{key}" for key in keys if f"{name}.{key}" in self.arrays]

    def _layer(self, layer: Layer, x: str, shape: Shape, name: str) -> str:
        match layer:
            case Dense():
                return self._dense(x, shape, name)
            case Conv2D():
                reads = [x, *self._own(name, "weight", "bias")]
                return self._node("Conv", reads, f"{name}:out", group=layer.groups, **_windows(layer.windows))
            case MaxPool2D():
                return self._node("MaxPool", [x], f"{name}:out", **_windows(layer.windows))
            case AveragePool2D():
                return self._node("AveragePool", [x], f"{name}:out", count_include_pad=1, **_windows(layer.windows))
            case BatchNorm():
                reads = [x, *self._own(name, "weight", "bias", "running_mean", "running_var")]
                return self._node("BatchNormalization", reads, f"{name}:out", epsilon=layer.epsilon)
            case LayerNorm():
                reads = [x, *self._own(name, "weight", "bias")]
                axes = len(shape) if layer.axes is None else layer.axes
                return self._node("LayerNormalization", reads, f"{name}:out", axis=-axes, epsilon=layer.epsilon)
            case Embedding():
                codes = self._node("Cast", [x], f"{name}:codes", to=TensorProto.INT64)
                return self._node("Gather", [*self._own(name, "weight"), codes], f"{name}:out", axis=0)
            case Reshape():
                sizes = f"{name}:shape"  # no weight of the layer
                self.arrays[sizes] = np.array([-1, *layer.shape], np.int64)
                return self._node("Reshape", [x, sizes], f"{name}:out")
            case GELU():
                return self._node("Gelu", [x], f"{name}:out", approximate=layer.approximate)
            case Residual():
                ends = [
                    self.chain(layers, x, shape, f"{name}.{side}.")[0]
                    for side, layers in (("body", layer.body), ("shortcut", layer.shortcut))
                ]
                return self._node("Add", ends, f"{name}:out")
        if type(layer) not in FUNCTIONS:
            raise InputError(f"ONNX has no operator for {type(layer).__name__}.", key="layers")
        operator, options = FUNCTIONS[type(layer)]
        return self._node(operator, [x], f"{name}:out", **options)

    def _dense(self, x: str, shape: Shape, name: str) -> str:
        own = self._own(name, "weight", "bias")
        if len(shape) == 1:
            return self._node("Gemm", [x, *own], f"{name}:out", transB=1)
        turned = self._node("Transpose", own[:1], f"{name}:turned")
        product = self._node("MatMul", [x, turned], f"{name}:product")
        return self._node("Add", [product, own[1]], f"{name}:out") if len(own) > 1 else product


def _windows(windows: Windows) -> dict[str, list[int]]:
    return {
        "kernel_shape": list(windows.size),
        "strides": list(windows.stride),
        "pads": [*windows.padding, *windows.padding],
    }
