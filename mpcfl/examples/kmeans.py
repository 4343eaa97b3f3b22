"""K-means with a fixed number of iterations: an array program for ndarrays and secret arrays alike."""

import numpy as np


def nearest(points, centres):
    """The nearest centre of each point: |p - c|^2 less |p|^2, which is the same for all centres."""
    return np.argmin((centres * centres).sum(axis=1) - 2 * (points @ centres.T), axis=1)


def fit(points, centres, iterations=5):
    """Centres after some iterations from those given; one that has lost all its points stays where it is."""
    for _ in range(iterations):
        member = nearest(points, centres)[:, None] == np.arange(len(centres))
        count = member.sum(axis=0)[:, None]
        mean = (member.T @ points) / np.maximum(count, 1)
        centres = np.where(count > 0, mean, centres)
    return centres


def inertia(points, centres):
    """The mean squared distance of the points to their nearest centres."""
    gaps = ((points[:, None, :] - centres) ** 2).sum(axis=2)
    return gaps.min(axis=1).mean()
