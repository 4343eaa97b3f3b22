"""Fresh encryptions: where their numbers lie, and what is public of them."""

from __future__ import annotations

from mpcfl.ckks import noise
from mpcfl.ckks.array import CkksArray
from mpcfl.ckks.machine import Cell, Machine, Sketch
from mpcfl.ckks.packing import Columns, Name, Whole, layout
from mpcfl.ckks.parameters import Parameters
from mpcfl.errors import InputError


def sketch(
    parameters: Parameters, shape: tuple[int, ...], limit: float, packing: Name | None = None, *, symmetric: bool = True
) -> CkksArray:
    """What is public of a fresh encryption: an array that computes bounds, levels and the keys that are needed.

    Parameters
    ----------
    parameters : Parameters
    shape : tuple of int
    limit : float
        No number is larger in absolute value.
    packing : str, optional
        By default "columns" for a matrix whose rows, with all columns, do not fit one ciphertext; else "whole".
    symmetric : bool
        By the secret key, as of `SecretKey.encrypt`.
    """
    return fresh(Sketch(parameters), None, shape, limit, packing, symmetric=symmetric)


def fresh(
    machine: Machine,
    cells: list[Cell] | None,
    shape: tuple[int, ...],
    limit: float,
    packing: Name | None,
    *,
    symmetric: bool,
) -> CkksArray:
    """A fresh encryption; without cells, a sketch of one."""
    of = machine.parameters
    place = placed(of, shape, packing)
    error = noise.encrypted(of, of.depth, limit, symmetric=symmetric)
    own = [None] * place.cells if cells is None else cells
    return CkksArray(machine, own, shape, place, of.depth, limit, error, fresh=True, seeded=symmetric)


def placed(of: Parameters, shape: tuple[int, ...], packing: Name | None) -> Columns | Whole:
    """Where an array of a shape lies."""
    if len(shape) > 2 or 0 in shape:
        raise InputError(f"a CKKS array has at most two dimensions, and numbers in it: {shape} is no shape of one")
    rows, columns = shape if len(shape) == 2 else (1, *shape, 1)[:2]
    if packing is None:
        fits = len(shape) < 2 or Whole(1, columns, of.slots).period * rows <= of.slots
        packing = "whole" if fits else "columns"
    if packing == "columns" and len(shape) < 2:
        raise InputError('a vector is packed "whole"; give a matrix of one column to pack it by "columns"')
    return layout(packing, rows, columns, of.slots)
