"""Learners: array programs in scikit-learn's conventions that run on plain and on secret arrays alike."""

from mpcfl.learn.estimator import NotFittedError
from mpcfl.learn.linear import LogisticRegression

__all__ = ["LogisticRegression", "NotFittedError"]
