"""How fast the library is: `python -m bench` times whole operations, `bench.kernels` and `bench.links` parts."""
