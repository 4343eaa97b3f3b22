"""Breast cancer: benign or malignant, from columns of two owners."""

import numpy as np

from mpcfl.examples.columns import joined
from mpcfl.learn import LogisticRegression
from mpcfl.learn.metrics import roc_auc

WIDTHS = {"clinic": 10, "laboratory": 20}


def train(x, benign):
    """Logistic regression by Newton's method, for standardised columns: plain or secret."""
    return LogisticRegression(solver="newton", iterations=8, l2=0.01).fit(x, benign)


def program(session, columns, benign, training, held_out):
    """The area under the curve of the rows held out, for all to see.

    Parameters
    ----------
    session : Session
        Of the clinic and the laboratory.
    columns : ndarray, shape (n, 10) or (n, 20)
        This party's, standardised.
    benign : ndarray of 0 and 1, shape (n,)
        At the clinic; None at the laboratory.
    training, held_out : ndarrays of int
        Row numbers.
    """
    x = joined(session, columns, WIDTHS)
    y = session.share(benign, "clinic", (len(columns),), np.int64)
    model = train(x[training], y[training])
    return roc_auc(y[held_out], model.decision_function(x[held_out])).reveal()
