"""The worlds that run protocols: all parties in one process, one party over links, or nobody, on shapes alone."""
