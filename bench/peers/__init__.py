"""Other frameworks on the same workloads and inputs, side by side: `python -m bench.peers`.

Each has a virtual environment and processes of its own. A job goes there as a file of arrays, and its seconds and its
result come back as one, so a peer's program needs NumPy and the peer alone.
"""
