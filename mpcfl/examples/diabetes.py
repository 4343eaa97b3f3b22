"""Diabetes: how far it goes on within a year, from columns of two owners."""

import numpy as np

from mpcfl.examples.columns import joined
from mpcfl.learn import Ridge

WIDTHS = {"practice": 4, "laboratory": 6}


def train(x, progression):
    """Ridge regression with standard errors, for standardised columns: plain or secret."""
    return Ridge(0.05, standard_errors=True).fit(x, progression)


def program(session, columns, progression, training, held_out):
    """R squared of the rows held out, for all to see; coefficients and p-values, for the practice.

    Parameters
    ----------
    session : Session
        Of the practice and the laboratory.
    columns : ndarray, shape (n, 4) or (n, 6)
        This party's, standardised.
    progression : ndarray, shape (n,)
        At the practice; None at the laboratory.
    training, held_out : ndarrays of int
        Row numbers.
    """
    x = joined(session, columns, WIDTHS)
    y = session.share(progression, "practice", (len(columns),), np.float64)
    model = train(x[training], y[training])
    score = model.score(x[held_out], y[held_out]).reveal()
    return score, model.coef_.reveal(["practice"]), model.p_values_.reveal(["practice"])
