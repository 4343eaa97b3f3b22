"""An organisation's own data, before any of it is shared: reading a file, preparing its columns."""

from mpcfl.data.prepare import ColumnOptions, Preparation, split_rows
from mpcfl.data.table import Table, read_table

__all__ = ["ColumnOptions", "Preparation", "Table", "read_table", "split_rows"]
