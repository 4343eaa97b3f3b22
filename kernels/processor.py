"""What the processor can do, for kernels that ask for instructions of their own.

Such a kernel ends the process when it is compiled for a processor without them, so its module is imported only after a
look here.
"""

from llvmlite.binding import get_host_cpu_features, get_host_cpu_name
from numba import config

VECTOR_AES = ("aes", "vaes", "avx512f", "avx512bw")
"""What `vaes` needs."""

FUSED_MULTIPLY = ("avx512f", "avx512dq", "avx512ifma", "avx512vnni")
"""What `ifma` needs."""
LONG_LANES = ("avx512f", "avx512dq")
"""What `tall` needs."""
LARGE_MULTIPLY = ("avx512f", "avx512dq", "avx512ifma")
"""What `montgomery` needs."""
SLOWER_FUSED_MULTIPLY = ("znver4",)
"""Processors (LLVM's names) that multiply 64-bit lanes as fast as 52-bit ones: there `ifma` is the slower kernel."""


def has(*features: str) -> bool:
    """Whether kernels are compiled for this very processor, and it has all these features (LLVM's names)."""
    name, changed = getattr(config, "CPU_NAME", None), getattr(config, "CPU_FEATURES", None)
    if name not in (None, "", "host", get_host_cpu_name()) or changed is not None:
        return False
    here = get_host_cpu_features()
    return all(here.get(feature, False) for feature in features)


def named(names: tuple[str, ...]) -> bool:
    """Whether this processor is one of these (LLVM's names)."""
    return get_host_cpu_name() in names
