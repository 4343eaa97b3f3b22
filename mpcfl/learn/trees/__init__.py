"""Gradient-boosted trees, forests and single trees: array programs that run on plain and on secret bins alike."""

from mpcfl.learn.trees.bins import Bins, Column
from mpcfl.learn.trees.forest import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from mpcfl.learn.trees.gradient import GradientBoostingClassifier, GradientBoostingRegressor

__all__ = [
    "Bins",
    "Column",
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
]
