"""mpcfl: secure multi-party computation with NumPy's interface."""

from mpcfl import grad, numerics, ordering
from mpcfl.array import SecretArray
from mpcfl.connection import connect, recording
from mpcfl.cost import compare, cost
from mpcfl.drivers.profile import Network
from mpcfl.errors import MpcflError
from mpcfl.findings import Bound
from mpcfl.session import Session
from mpcfl.simulation import Run, forecast, simulate
from mpcfl.together import together
from mpcfl.version import VERSION as __version__

__all__ = [
    "Bound",
    "MpcflError",
    "Network",
    "Run",
    "SecretArray",
    "Session",
    "__version__",
    "compare",
    "connect",
    "cost",
    "forecast",
    "grad",
    "numerics",
    "ordering",
    "recording",
    "simulate",
    "together",
]
