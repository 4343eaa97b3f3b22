"""mpcfl: secure multi-party computation with NumPy's interface."""

from mpcfl import numerics
from mpcfl.array import SecretArray
from mpcfl.errors import MpcflError
from mpcfl.session import Run, Session, connect, forecast, simulate
from mpcfl.version import VERSION as __version__

__all__ = ["MpcflError", "Run", "SecretArray", "Session", "__version__", "connect", "forecast", "numerics", "simulate"]
