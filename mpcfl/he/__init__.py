"""Additively homomorphic encryption: Paillier keys and arrays of ciphertexts that compute as NumPy's do."""

from mpcfl.he.array import PaillierArray
from mpcfl.he.encoding import Plain, plain
from mpcfl.he.keys import PublicKey, SecretKey, generate
from mpcfl.he.leaks import LEAKS
from mpcfl.he.packing import Packed

__all__ = ["LEAKS", "Packed", "PaillierArray", "Plain", "PublicKey", "SecretKey", "generate", "plain"]
