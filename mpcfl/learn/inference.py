"""Standard errors, z-scores and p-values of fitted coefficients, from the inverse of their Fisher information.

Large-sample theory: a coefficient is normal about its true value, with the variance that the inverse information at the
estimate gives, times the dispersion. With an L2 penalty the information is that of the penalised likelihood.
"""

import math
from typing import NamedTuple

import numpy as np

from mpcfl import numerics
from mpcfl.learn.losses import Loss
from mpcfl.learn.solvers import factored, predictor, weighted
from mpcfl.learn.validation import Array


class Inference(NamedTuple):
    """One number a coefficient, the intercept's last, each of shape (p,).

    Attributes
    ----------
    standard_errors : array
    z_scores : array
        Coefficients over their standard errors.
    p_values : array
        Two-sided, by the normal distribution: 2 (1 - Phi(|z|)).
    """

    standard_errors: Array
    z_scores: Array
    p_values: Array


def infer(
    loss: Loss,
    X: Array,
    y: Array,
    w: Array,
    l2: float,
    weight: Array | None = None,
    offset: Array | None = None,
    dispersed: bool = False,
) -> Inference:
    """Inference on the coefficients of one output.

    Parameters
    ----------
    loss : Loss
        Minus the log-likelihood of a row, up to the dispersion.
    X : array, shape (n, p)
        The last column is the intercept's.
    y : array, shape (n,)
    w : array, shape (p,)
        The fitted coefficients.
    l2 : float
    weight, offset : array, shape (n,), or None
    dispersed : bool
        Whether the dispersion is estimated, as the mean of squared Pearson residuals over n - p degrees of freedom;
        else it is 1.

    Returns
    -------
    Inference

    Notes
    -----
    The factor n of the information comes last, as a public number: a standard error loses no digits before.
    """
    n, p = X.shape
    residual, curvature = loss.slopes(predictor(X, w, 0, offset)[:, None], y[:, None])
    factor, _ = factored(loss, X, curvature, weight, l2)
    inverse, scale = (part[0] for part in factor.inverse_diagonal())
    if dispersed:
        pearson = np.square(residual)[:, 0]
        if not loss.quadratic:
            pearson = pearson * np.reciprocal(curvature[:, 0])
        inverse = inverse * (weighted(pearson, weight).sum() * (1 / max(n - p, 1)))
    errors = np.sqrt(inverse) * scale * (1 / math.sqrt(n))
    z = w * (np.reciprocal(scale) * numerics.rsqrt(inverse)) * math.sqrt(n)
    return Inference(errors, z, numerics.erfc(np.abs(z) * math.sqrt(0.5)))
