"""One table of what operations state, for documents, tests and the bench: domain, error, cost."""

from mpcfl.bounds.stated import Domain, Entry, Error
from mpcfl.bounds.table import SECTIONS, TABLE

__all__ = ["SECTIONS", "TABLE", "Domain", "Entry", "Error"]
