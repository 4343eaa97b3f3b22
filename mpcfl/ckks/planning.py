"""What a program on CKKS arrays needs of a key, and what its result is: from what is public, before it computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpcfl.ckks.array import CkksArray
from mpcfl.ckks.machine import Sketch
from mpcfl.ckks.parameters import Parameters
from mpcfl.errors import UsageError

Program = Callable[..., CkksArray]


@dataclass(frozen=True)
class Plan:
    """What a program needs, and gives.

    Attributes
    ----------
    parameters : Parameters
    steps : tuple of int
        Rotations.
    products : bool
        Whether it multiplies two encrypted arrays.
    result : CkksArray
        A sketch of the result, sanitised: with the bound and error of what its reader decrypts.
    """

    parameters: Parameters
    steps: tuple[int, ...]
    products: bool
    result: CkksArray


def plan(program: Program, *arrays: CkksArray) -> Plan:
    """Run a program on sketches.

    Parameters
    ----------
    program : callable
        Of encrypted arrays; to one. It must not depend on anything but what is public.
    *arrays : CkksArray
        Sketches, or arrays of which only what is public is used.

    Raises
    ------
    UsageError
        It needs more levels than the parameters have.
    InputError
        Its numbers, or the noise that hides them, become too large.
    """
    machine = Sketch(arrays[0].parameters)
    result = program(*(_sketched(one, machine) for one in arrays)).sanitised()
    return Plan(machine.parameters, tuple(sorted(machine.steps)), machine.switches, result)


def _sketched(array: CkksArray, machine: Sketch) -> CkksArray:
    if array.parameters != machine.parameters:
        raise UsageError("arrays of two sets of parameters do not meet")
    cells = [None] * len(array.cells)
    marks = {"fresh": array.fresh, "seeded": array.seeded}
    return CkksArray(machine, cells, array.shape, array.layout, array.level, array.bound, array.error, **marks)
