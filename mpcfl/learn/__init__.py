"""Learners: array programs in scikit-learn's conventions that run on plain and on secret arrays alike."""

from mpcfl.learn.estimator import NotFittedError
from mpcfl.learn.linear import LogisticRegression
from mpcfl.learn.neural import MLPClassifier, MLPRegressor

__all__ = ["LogisticRegression", "MLPClassifier", "MLPRegressor", "NotFittedError"]
