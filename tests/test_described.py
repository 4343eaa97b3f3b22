"""Networks that are described by tables: the layers they make, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mpcfl.errors import InputError
from mpcfl.job import Job
from mpcfl.learn.neural import (
    SGD,
    Conv2D,
    Dense,
    DescribedNetwork,
    Flatten,
    MaxPool2D,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    one_hot,
)
from mpcfl.learn.neural.described import LAYERS, described
from mpcfl.learn.neural.layer import Layer

HEAD = '[job]\nname = "n"\nlearner = "network"\nid = "id"\nlabel = "a.y"\n'
TABLES: list[dict[str, Any]] = [
    {"type": "conv2d", "channels": 2, "kernel": [3, 3], "padding": 1},
    {"type": "max_pool2d", "size": 2},
    {"type": "relu"},
    {"type": "residual", "body": [{"type": "conv2d", "channels": 2, "kernel": 1}, {"type": "relu"}]},
    {"type": "flatten"},
]
LAYERS_OF_TABLES = [
    Conv2D(2, (3, 3), padding=1),
    MaxPool2D(2),
    ReLU(),
    Residual((Conv2D(2, 1), ReLU())),
    Flatten(),
]


def test_tables_are_layers() -> None:
    assert list(described(TABLES)) == LAYERS_OF_TABLES


def test_a_described_network_is_the_same_sequential_one() -> None:
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(40, 16)), rng.integers(0, 3, 40)
    given = DescribedNetwork(TABLES, input=[1, 4, 4], classes=3, epochs=2, seed=4).fit(X, y)
    layers = [Reshape((1, 4, 4)), *LAYERS_OF_TABLES, Dense(3)]
    same = Sequential(layers, optimizer=SGD(0.1, 0.9), epochs=2, seed=4).fit(X, one_hot(y, 3))
    assert given.weights_.keys() == same.weights_.keys()
    assert all((given.weights_[name] == same.weights_[name]).all() for name in same.weights_)
    again = DescribedNetwork(**given.get_params()).load(given.weights_, 16)
    assert (again.predict(X) == given.predict(X)).all()
    assert (given.kind, given.steps(40)) == ("multiclass", (2, 32))


def test_every_layer_has_a_name() -> None:
    every = {kind for kind in _subclasses(Layer) if kind.__module__.startswith("mpcfl.") and kind.__name__[0] != "_"}
    assert set(LAYERS.values()) == {kind for kind in every if kind.__name__ not in ("Chain", "Function")}


def _subclasses(kind: type[Any]) -> set[type[Any]]:
    below = set(kind.__subclasses__())
    return below.union(*(_subclasses(one) for one in below))


@pytest.mark.parametrize(
    ("learner", "sentence"),
    [
        ("layers = 3", "learner.layers is refused: layers must be a list of tables"),
        ("layers = [3]", "learner.layers[0].type is refused: the type of a layer must be one of dense, conv2d"),
        ('layers = [{ type = "dens" }]', "learner.layers[0].type is refused: the type of a layer must be one of dense"),
        ('layers = [{ type = "dense" }]', "learner.layers[0].units is refused: dense needs it."),
        (
            'layers = [{ type = "relu" }, { type = "dense", units = 0 }]',
            "learner.layers[1].units is refused: units of Dense must be an integer of at least 1.",
        ),
        (
            'layers = [{ type = "dense", units = 2.5 }]',
            "learner.layers[0].units is refused: units of dense must be a w",
        ),
        ('layers = [{ type = "dense", units = 2, bias = 1 }]', "bias is refused: bias of dense must be true or false."),
        ('layers = [{ type = "dense", units = 2, initial = 1 }]', "initial of dense must be a word."),
        ('layers = [{ type = "dense", units = 2, initial = "x" }]', "There is no initialiser 'x'"),
        ('layers = [{ type = "relu", size = 2 }]', "learner.layers[0].size is refused: relu has no such parameter"),
        ('layers = [{ type = "dropout", rate = 1 }]', "layers[0].rate is refused: rate of Dropout must be at least 0"),
        (
            'layers = [{ type = "residual", body = [{ type = "dense" }] }]',
            "learner.layers[0].body[0].units is refused: dense needs it.",
        ),
        (
            'layers = [{ type = "conv2d", channels = 2, kernel = 3 }]',
            "learner.input is refused: layers do not take rows",
        ),
        ("input = [0]", "learner.input is refused: input must be a list of sizes"),
        (
            'input = [1, 2, 2]\nlayers = [{ type = "conv2d", channels = 2, kernel = 3 }]',
            "learner.layers is refused: A window of (3, 3) does not fit into an image of 2 x 2.",
        ),
        ('loss = "log_loss"', "learner.loss is refused: loss of a network without classes must be one of mse, huber."),
        (
            'classes = 2\nloss = "mse"',
            "learner.loss is refused: loss of a network with classes must be one of log_loss.",
        ),
        ("classes = 1", "learner.classes is refused: classes must be an integer of at least 2."),
        ('solver = "newton"', "learner.solver is refused: solver must be sgd or adam."),
        ("momentum = 1", "learner.momentum is refused: momentum must be at least 0 and less than 1."),
    ],
)
def test_a_wrong_network_is_refused_in_one_sentence(learner: str, sentence: str) -> None:
    with pytest.raises(InputError) as refusal:
        Job.from_text(f"{HEAD}[learner]\n{learner}\n", "job.toml")
    assert sentence in str(refusal.value)
    assert str(refusal.value).startswith("job.toml: learner.")


def test_perceptrons_of_a_job_are_checked_too() -> None:
    head = HEAD.replace('"network"', '"mlp_classifier"')
    for learner, sentence in (
        ("hidden_layer_sizes = [0]\nclasses = 2", "learner.hidden_layer_sizes is refused"),
        ('activation = "swish"\nclasses = 2', "learner.activation is refused"),
        ("", "learner.classes is missing: the number of classes is public."),
    ):
        with pytest.raises(InputError, match=sentence):
            Job.from_text(f"{head}[learner]\n{learner}\n", "job.toml")


def test_tables_of_toml_and_rates_that_are_whole() -> None:
    job = Job.from_text(
        HEAD + "[learner]\nclasses = 2\nlearning_rate = 1\ninput = [1, 4, 4]\n"
        '[[learner.layers]]\ntype = "conv2d"\nchannels = 2\nkernel = [2, 3]\n[[learner.layers]]\ntype = "flatten"\n',
        "job.toml",
    )
    learner = job.make_learner()
    assert isinstance(learner, DescribedNetwork)
    assert (learner.learning_rate, type(learner.learning_rate)) == (1.0, float)
    assert described(learner.layers) == (Conv2D(2, (2, 3)), Flatten())
    assert job.label_kind == "binary"
    assert job.metrics == ("auc", "ks", "accuracy", "log_loss")


def test_rows_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match=r"Rows of 15 numbers cannot have the shape \(1, 4, 4\)"):
        DescribedNetwork(TABLES, input=[1, 4, 4]).fit(np.ones((4, 15)), np.ones(4))
