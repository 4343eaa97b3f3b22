"""Neural networks as array programs, on ndarrays and on secret arrays alike.

    network = Sequential([Conv2D(8, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(10)], epochs=5).fit(images, labels)

Gradients come from `mpcfl.grad`; `docs/neural.md` has layers, losses and what a step costs.
"""

from mpcfl.learn.neural.convolution import AveragePool2D, Conv2D, MaxPool2D
from mpcfl.learn.neural.data import one_hot
from mpcfl.learn.neural.described import DescribedNetwork
from mpcfl.learn.neural.layer import Chain, Function, Layer
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
from mpcfl.learn.neural.losses import BinaryCrossEntropy, CrossEntropy, Huber, LogLoss, Loss, MeanSquaredError
from mpcfl.learn.neural.normalisation import BatchNorm, LayerNorm
from mpcfl.learn.neural.optimizers import SGD, Adam
from mpcfl.learn.neural.perceptron import MLPClassifier, MLPRegressor
from mpcfl.learn.neural.sequential import Sequential

__all__ = [
    "GELU",
    "SGD",
    "Adam",
    "AveragePool2D",
    "BatchNorm",
    "BinaryCrossEntropy",
    "Chain",
    "Conv2D",
    "CrossEntropy",
    "Dense",
    "DescribedNetwork",
    "Dropout",
    "Embedding",
    "Flatten",
    "Function",
    "Huber",
    "Layer",
    "LayerNorm",
    "LogLoss",
    "Loss",
    "MLPClassifier",
    "MLPRegressor",
    "MaxPool2D",
    "MeanSquaredError",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "one_hot",
]
