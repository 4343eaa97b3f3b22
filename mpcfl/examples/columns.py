"""Columns of several owners as one secret table."""

import numpy as np


def joined(session, own, widths):
    """All columns, of which each party has some.

    Parameters
    ----------
    session : Session
    own : ndarray, shape (n, width)
        This party's; n is public.
    widths : dict of str to int
        How many columns each party has, in their order.

    Returns
    -------
    SecretArray, shape (n, sum of the widths)
    """
    blocks = [
        session.private(own if party == session.name else None, party, (len(own), width))
        for party, width in widths.items()
    ]
    return np.concatenate(blocks, axis=1)
