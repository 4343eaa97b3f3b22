"""Weights to and from PyTorch's state dicts and ONNX: shapes, names, and the same numbers on the other side."""

from __future__ import annotations

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

import mpcfl
from mpcfl.errors import InputError
from mpcfl.learn.neural import (
    GELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    MaxPool2D,
    MLPRegressor,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    exchange,
    onnx_graph,
)
from mpcfl.learn.neural.optimizers import SGD

RNG = np.random.default_rng(12)
IMAGES, CODES = RNG.normal(size=(12, 2, 8, 8)), RNG.integers(0, 6, (12, 3)).astype(np.float64)
LABELS = np.arange(12) % 3

NETWORKS = {
    "images": (
        [
            Conv2D(4, 3, padding=1, groups=2),
            BatchNorm(),
            ReLU(),
            MaxPool2D(3, stride=2, padding=1),
            Residual([Conv2D(4, 3, padding=1), BatchNorm(), Tanh()], [Conv2D(4, 1, bias=False)]),
            AveragePool2D(3, stride=1, padding=1),
            Flatten(),
            Dropout(0.5),
            Dense(3),
        ],
        IMAGES,
    ),
    "codes": (
        [Embedding(6, 4), Dense(5), LayerNorm(axes=1), GELU(), Dense(3, bias=False), Sigmoid(), Flatten(), Dense(3)],
        CODES,
    ),
    "lines": ([Reshape((2, 8, 8)), Conv2D(2, 3, stride=2), ReLU(), Flatten(), Dense(3)], IMAGES.reshape(12, 128)),
    "tanh form": ([Flatten(), LayerNorm(), Dense(4), GELU("tanh"), Softmax(), Dense(3)], IMAGES),
}


def fitted(name):
    layers, x = NETWORKS[name]
    return Sequential(layers, optimizer=SGD(0.1), epochs=2, batch_size=4).fit(x, LABELS), x


@pytest.mark.parametrize("name", NETWORKS)
def test_a_state_dict_there_and_back(name):
    model, x = fitted(name)
    state = exchange.to_state_dict(model.layers, model.weights_ | model.state_)
    again = Sequential(model.layers).load(exchange.from_state_dict(model.layers, state), x.shape[1:])
    np.testing.assert_allclose(again.outputs(x), model.outputs(x), rtol=0, atol=1e-12)


def test_the_shapes_are_pytorchs():
    model, _ = fitted("images")
    shapes = {k: v.shape for k, v in exchange.to_state_dict(model.layers, model.weights_ | model.state_).items()}
    assert shapes["0.weight"] == (4, 1, 3, 3)
    assert shapes["1.running_var"] == (4,)
    assert shapes["1.num_batches_tracked"] == ()
    assert shapes["4.body.0.weight"] == (4, 4, 3, 3)
    assert shapes["4.shortcut.0.weight"] == (4, 4, 1, 1)
    assert shapes["8.weight"] == (3, 64)


def test_secret_weights_are_not_written():
    def program(session):
        model = Sequential([Dense(1)], epochs=1, batch_size=4).fit(
            session.share(CODES, 0), session.share(LABELS % 2, 1)
        )
        with pytest.raises(InputError, match="secret: reveal them"):
            exchange.to_state_dict(model.layers, model.weights_)

    mpcfl.simulate(program, seed=1)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_onnx_graph_computes_the_same(name):
    model, x = fitted(name)
    proto = onnx_graph.to_onnx(model, np.float64)
    (found,) = ReferenceEvaluator(proto).run(None, {"input": x})
    np.testing.assert_allclose(found, model.outputs(x), atol=1e-6)
    again = Sequential(model.layers).load(onnx_graph.from_onnx(model, proto), x.shape[1:])
    np.testing.assert_allclose(again.outputs(x), model.outputs(x), rtol=0, atol=1e-12)


def test_a_perceptron_as_an_onnx_graph_of_float32():
    rows = CODES / 3
    model = MLPRegressor((5,), max_iter=3).fit(rows, rows.sum(axis=1))
    proto = onnx_graph.to_onnx(model)
    (found,) = ReferenceEvaluator(proto).run(None, {"input": rows.astype(np.float32)})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], model.predict(rows), atol=1e-5)


def test_a_layer_of_ones_own_has_no_operator():
    class Doubled(ReLU):
        def function(self, x):
            return 2 * x

    model = Sequential([Doubled(), Dense(3)], epochs=1).fit(CODES, LABELS)
    with pytest.raises(InputError, match="no operator for Doubled"):
        onnx_graph.to_onnx(model)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_pytorch_module_computes_the_same(name):
    torch = pytest.importorskip("torch")
    from mpcfl.learn.neural import pytorch

    model, x = fitted(name)
    module = pytorch.module(model)
    with torch.no_grad():
        found = module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, model.outputs(x), atol=1e-9)
    again = Sequential(model.layers).load(pytorch.from_state_dict(model, module.state_dict()), x.shape[1:])
    np.testing.assert_allclose(again.outputs(x), model.outputs(x), atol=1e-12)
