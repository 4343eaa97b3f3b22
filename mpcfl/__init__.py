"""mpcfl: secure multi-party computation with NumPy's interface."""

from mpcfl import numerics
from mpcfl.array import SecretArray
from mpcfl.connection import connect
from mpcfl.errors import MpcflError
from mpcfl.session import Session
from mpcfl.simulation import Run, forecast, simulate
from mpcfl.version import VERSION as __version__

__all__ = ["MpcflError", "Run", "SecretArray", "Session", "__version__", "connect", "forecast", "numerics", "simulate"]
