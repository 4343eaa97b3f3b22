"""Learners: array programs in scikit-learn's conventions that run on plain and on secret arrays alike."""

from mpcfl.learn.estimator import NotFittedError
from mpcfl.learn.glm import GammaRegressor, PoissonRegressor, TweedieRegressor
from mpcfl.learn.linear import LinearSVM, LogisticRegression
from mpcfl.learn.multiclass import MultinomialLogisticRegression, OneVsRestLogisticRegression
from mpcfl.learn.neural import MLPClassifier, MLPRegressor
from mpcfl.learn.regression import ElasticNet, Lasso, LinearRegression, Ridge
from mpcfl.learn.selection import GridSearch, cross_val_score
from mpcfl.learn.stopping import EarlyStopping
from mpcfl.learn.trees import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

__all__ = [
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "EarlyStopping",
    "ElasticNet",
    "GammaRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "GridSearch",
    "Lasso",
    "LinearRegression",
    "LinearSVM",
    "LogisticRegression",
    "MLPClassifier",
    "MLPRegressor",
    "MultinomialLogisticRegression",
    "NotFittedError",
    "OneVsRestLogisticRegression",
    "PoissonRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "Ridge",
    "TweedieRegressor",
    "cross_val_score",
]
