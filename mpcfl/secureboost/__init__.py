"""Boosted trees by homomorphic encryption on two parties' columns, as industry does it, over a session.

They are here to be measured beside the trees on shares (`mpcfl.learn.trees`), which show nothing. Columns are cut into
bins, splits are found and leaves are valued as there, so the trees are those of the same learner on plain data but for
the rounding of slopes and curvatures. What is shown by design comes with the result, see `mpcfl.protocols.secureboost`.
"""

from mpcfl.secureboost.fitted import Fitted, scores
from mpcfl.secureboost.training import fit

__all__ = ["Fitted", "fit", "scores"]
