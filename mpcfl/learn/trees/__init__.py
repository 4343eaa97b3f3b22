"""Gradient-boosted trees, forests and single trees: array programs that run on plain and on secret bins alike."""

from mpcfl.learn.trees.bins import Bins, Column
from mpcfl.learn.trees.boosting import GradientBoostingClassifier, GradientBoostingRegressor
from mpcfl.learn.trees.forest import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

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
