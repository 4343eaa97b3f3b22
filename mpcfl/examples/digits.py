"""Handwritten digits, 8 x 8: a convolutional network, trained on images of one owner and labels of another.

The images are those of `sklearn.datasets.load_digits`, divided by 16, shape (n, 1, 8, 8). An array program for ndarrays
and secret arrays alike.
"""

from mpcfl.learn.neural import SGD, Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential, one_hot

CLASSES = 10


def network(epochs=15, seed=0):
    """Convolution, pool, two dense layers; the pool before relu, which then compares a quarter of the numbers."""
    layers = [Conv2D(16, 3, padding=1), MaxPool2D(2), ReLU(), Flatten(), Dense(64), ReLU(), Dense(CLASSES)]
    return Sequential(layers, optimizer=SGD(0.1, momentum=0.9), epochs=epochs, batch_size=64, seed=seed)


def train(images, digits, epochs=15, seed=0):
    """A trained network, for digits as integers."""
    return network(epochs, seed).fit(images, one_hot(digits, CLASSES))
