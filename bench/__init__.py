"""How fast the library is, measured: `python -m bench` for whole operations, `bench.kernels` and `bench.links` for parts."""
