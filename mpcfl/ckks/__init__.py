"""Approximate homomorphic encryption: CKKS keys and arrays of ciphertexts that compute as NumPy's do (extra `he`)."""

from mpcfl.ckks.array import CkksArray
from mpcfl.ckks.inputs import sketch
from mpcfl.ckks.keys import PublicKey, SecretKey, generate
from mpcfl.ckks.leaks import LEAKS
from mpcfl.ckks.library import INSTALLED
from mpcfl.ckks.parameters import SETS, STANDARD, Parameters, parameters
from mpcfl.ckks.plain import Plain, bounds, plain
from mpcfl.ckks.planning import Plan, plan
from mpcfl.ckks.program import array_length, evaluate, of_words, to_words

__all__ = [
    "INSTALLED",
    "LEAKS",
    "SETS",
    "STANDARD",
    "CkksArray",
    "Parameters",
    "Plain",
    "Plan",
    "PublicKey",
    "SecretKey",
    "array_length",
    "bounds",
    "evaluate",
    "generate",
    "of_words",
    "parameters",
    "plain",
    "plan",
    "sketch",
    "to_words",
]
