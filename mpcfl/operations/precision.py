"""How many digits linear algebra keeps in each ring.

A number at g fractional bits leaves its product with one at h bits below 2^(62 - g - h), or 2^(126 - g - h), so what is
large stands at fewer bits than what is near one. Reciprocal roots have errors of 2^-20.5 and 2^-45; what they are off
is corrected afterwards, so fractions are finer than that.
"""

from __future__ import annotations

from dataclasses import dataclass

from mpcfl.engine import Engine


@dataclass(frozen=True)
class Precision:
    """Fractional bits in one ring, by what stands at them; `root` and those that end in it are powers of two.

    Parameters
    ----------
    fine : int
        Numbers of magnitudes up to one. Sums of their products stay below 64.
    inverse : int
        The inverse of R, and what it multiplies. The two leave the product of a solution and a column's norm 2^22, or
        2^38.
    scale : int
        Factors that bring columns to norms of about one. With `inverse` they leave solutions 2^16, or 2^24.
    sum_root : int
        2^sum_root / sqrt(x) is taken of a sum of magnitudes; its square must be representable.
    norm_root : int
        That of a square at twice `fine`: 2^(norm_root - fine) / |x|, near `fine` bits.
    turn_root : int
        That of the square of what tells an angle, at twice `fine` and two bits more.
    diagonal_root : int
        That of the diagonal of a positive definite matrix, less where the fraction is small.
    triangle : int
        A Cholesky factor with a unit diagonal and its inverse, which `fine` leaves 2^8, or 2^12.
    roots : int
        Roots of a diagonal; `triangle` leaves them 2^14, or 2^20.
    near, far : int
        Residuals: of square systems, where they are rounding errors, and of least squares.
    quotients : int
        The inverses of a triangle's diagonal, at most one bit more.
    more_sweeps : tuple of int
        Numbers of columns beyond each of which one more sweep of rotations is made: matrices with graded and close
        values need it.
    """

    fine: int
    inverse: int
    scale: int
    sum_root: int
    norm_root: int
    turn_root: int
    diagonal_root: int
    triangle: int
    roots: int
    near: int
    far: int
    quotients: int
    more_sweeps: tuple[int, ...]

    @property
    def half_root(self) -> int:
        """2^half_root / sqrt(x) of x at `fine` bits has `fine` bits."""
        return 3 * self.fine // 2


PRECISIONS = {
    64: Precision(
        fine=28,
        inverse=20,
        scale=26,
        sum_root=30,
        norm_root=57,
        turn_root=60,
        diagonal_root=36,
        triangle=26,
        roots=22,
        near=26,
        far=20,
        quotients=26,
        more_sweeps=(1, 2, 2, 3, 5, 7, 12, 20, 34, 58, 99, 168, 286),
    ),
    128: Precision(
        fine=60,
        inverse=44,
        scale=58,
        sum_root=60,
        norm_root=120,
        turn_root=123,
        diagonal_root=81,
        triangle=54,
        roots=52,
        near=58,
        far=48,
        quotients=56,
        more_sweeps=(1, 2, 2, 3, 4, 6, 8, 10, 12, 15, 20, 24, 34, 58, 99, 168, 286),
    ),
}


def precision(engine: Engine) -> Precision:
    """That of the session's ring."""
    return PRECISIONS[engine.ctx.width]
