"""Numba functions on ring arrays: no classes, no input or output, no imports but numpy and numba with its llvmlite."""

if __name__ != "mpcfl.kernels":
    raise ImportError("import this package as mpcfl.kernels: a top-level name 'kernels' collides in site-packages")
