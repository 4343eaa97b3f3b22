"""The shadow: float64 beside the shares, in simulation alone, to say where a fixed-point program goes wrong.

Every secret array has a twin: what NumPy gives for the same call on float64. As soon as all parties have computed their
shares, the secret is put together, which only a process that holds all parties can do, and is compared with its twin.
A finding names the line of the program, and from there on the twin takes the secret's value, so that each finding is
an error of its own line.

    product    a product before truncation reached 2^(62 - 2f), a matrix product 2^(61 - 2f), or either 2^(62 - f - s)
               for a public array at scale s
    range      a number reached 2^(62 - f), an integer 2^63
    factor     a public factor kept fewer significant bits than it needs, and that can be seen in the result
    error      the secret is further from its twin than the bound
    domain     a result outside a function's domain was revealed

The twin of a NumPy function is that function; what jumps (comparisons, rounding, places) is applied to the secret's own
value, since a tie decided otherwise is no error. Functions that NumPy lacks have their twins in
`mpcfl.twins.TWINS`; a result without one takes the secret's value and is named in the report's notes.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mpcfl import dispatch, ring
from mpcfl.array import DTYPES, SecretArray
from mpcfl.drivers.lockstep import LockstepDriver
from mpcfl.engine import DOUBLED, FIXED, WIDE, Value, caller
from mpcfl.findings import Bound, Findings, Judge
from mpcfl.operations import affine
from mpcfl.protocol import Suite
from mpcfl.ring import Shape, Words
from mpcfl.session import Session
from mpcfl.twins import STEPS, Call, Floats, Node, Operation, expected, leaves, quantised, replaced

AFFINE: tuple[str, Callable[..., Any]] = "affine", lambda x, y, bias: x @ y + bias
"""A call that is no NumPy function, whose terms may cancel as those of one."""


class Shadow:
    """The twins of one simulated run.

    Parameters
    ----------
    parties, fraction : int
    bound : Bound
    ring : int

    Attributes
    ----------
    findings : Findings
    """

    def __init__(self, parties: int, fraction: int, bound: Bound, ring: int = 64) -> None:
        self.findings = Findings()
        self._judge = Judge(fraction, bound, self.findings, ring)
        self._parties = parties
        self._fraction = fraction
        self._parts: dict[int, list[Words]] = {}
        self._nodes: weakref.WeakKeyDictionary[Value, Node] = weakref.WeakKeyDictionary()
        self._unknown: dict[int, Node] = {}
        self._given: dict[int, Floats] = {}
        self._calls: list[Call] = []
        self.scope: Call | None = None

    # ---------------------------------------------------------------------------------------------------------- writing

    def node(self, value: Value) -> Node:
        """What is known of a value of the first party."""
        node = self._nodes.get(value)
        if node is None:
            kind = FIXED if value.kind in (WIDE, DOUBLED) else value.kind
            node = self._nodes[value] = self._unknown[value.number] = Node(value.number, kind, value.shape)
        return node

    def give(self, number: int, value: ArrayLike) -> None:
        """The owner's own numbers of an input."""
        self._given[number] = np.array(value)

    def add(self, call: Call) -> None:
        """A call of the first party; it is judged once all parties have computed it."""
        self._calls.append(call)

    def publish(self, value: Value, words: Words, unit: float) -> None:
        """One party's share of a value, in the given units."""
        parts = self._parts.setdefault(value.number, [])
        parts.append(words)
        if len(parts) == self._parties:
            node = self._unknown.pop(value.number)
            words = functools.reduce(ring.add, self._parts.pop(value.number))
            node.clear = (
                ring.decode(words, 0) * unit if node.kind == FIXED else ring.int64(words).astype(DTYPES[node.kind])
            )

    # ---------------------------------------------------------------------------------------------------------- judging

    def judge(self) -> None:
        """Judge the calls, in order, whose values are all known."""
        done = 0
        with np.errstate(all="ignore"):
            for call in self._calls:
                if any(node.clear is None for node in call.nodes()):
                    break
                self._judge_one(call)
                done += 1
        del self._calls[:done]

    def _judge_one(self, call: Call) -> None:
        if call.revealed:
            for node in call.results:
                self._judge.revealed(call, node)
            return
        if call.name in ("share", "private"):
            for node in call.results:
                node.twin = self._given.pop(node.number).astype(DTYPES[node.kind]).reshape(node.shape)
                self._judge.result(call, node)
            return
        if call.function is None:
            self._follow(call)
        else:
            self._evaluate(call, call.function)
        for node in call.results:
            self._judge.result(call, node)

    def _follow(self, call: Call) -> None:
        """The twins of what is no NumPy function, operation by operation."""
        for one in call.operations:
            jumps = one.result.kind != FIXED and any(node.kind == FIXED for node in one.inputs)
            inputs = [node.value if jumps else node.expected for node in one.inputs]
            twin = expected(one.name, inputs, one.public)
            if twin is None or twin.shape != one.result.shape:
                if one.result in call.results:
                    self.findings.note(call.line, one.name)
                continue
            one.result.twin = twin.astype(DTYPES[one.result.kind])

    def _evaluate(self, call: Call, function: Callable[..., Any]) -> None:
        """The twins of a NumPy function's results."""
        fixed = any(node.kind == FIXED for node in leaves((call.args, call.kwargs)))
        jumps = call.name in STEPS or (fixed and any(node.kind != FIXED for node in call.results))
        if jumps:
            exact = functools.partial(quantised, fraction=self._fraction)
            args, kwargs = (replaced(part, lambda node: node.value, exact) for part in (call.args, call.kwargs))
        else:
            args, kwargs = (replaced(part, lambda node: node.expected) for part in (call.args, call.kwargs))
        try:
            answer = STEPS.get(call.name, function)(*args, **kwargs)
            answers = [np.asarray(one) for one in (answer if call.listed else [answer])]
        except (TypeError, ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError):
            answers = []
        if [answer.shape for answer in answers] != [node.shape for node in call.results]:
            self.findings.note(call.line, call.name)
            return
        for node, answer in zip(call.results, answers, strict=True):
            node.twin = answer.astype(DTYPES[node.kind])


class Recorder:
    """Tells the shadow what one party's engine does."""

    def __init__(self, shadow: Shadow, rank: int) -> None:
        self.shadow = shadow
        self.rank = rank
        self._waiting: list[Value] = []

    def made(self, value: Value) -> None:
        self._waiting.append(value)
        if self.rank == 0:
            self.shadow.node(value)

    def applied(self, name: str, value: Value, inputs: Sequence[Value], public: Sequence[object]) -> None:
        if self.rank:
            return
        shadow = self.shadow
        one = Operation(name, shadow.node(value), [shadow.node(x) for x in inputs], public)
        if shadow.scope is not None:
            shadow.scope.operations.append(one)
        else:
            shadow.add(Call(caller(), name, operations=[one], results=[one.result]))

    def flushed(self) -> None:
        waiting, self._waiting = self._waiting, []
        for value in waiting:
            if value.ready:
                self.shadow.publish(value, value.share.words, self._unit(value))
            elif value.spared is not None:  # nobody asked for it: it is what its source says
                source, shift, factor = value.spared
                self.shadow.publish(value, source.share.words, float(factor) * 2.0**-shift * self._unit(value))
            else:
                self._waiting.append(value)
        self.shadow.judge()

    @staticmethod
    def _unit(value: Value) -> float:
        fraction = value.engine.ctx.fraction
        return 2.0 ** -{WIDE: 2 * fraction, DOUBLED: 2 * fraction + 1}.get(value.kind, fraction)


class ShadowArray(SecretArray):
    """A secret array of the first party of a shadowed run: each call on it is told to the shadow."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        plain = {key: part for key, part in kwargs.items() if key != "out"}
        start = super().__array_ufunc__
        return self._told(name, getattr(ufunc, method), inputs, plain, lambda: start(ufunc, method, *inputs, **kwargs))

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        start = super().__array_function__
        return self._told(function.__name__, function, args, kwargs, lambda: start(function, types, args, kwargs))

    def __getitem__(self, index: Any) -> SecretArray:
        start = super().__getitem__
        return self._told("getitem", lambda x, i: x[i], (self, index), {}, lambda: start(index))  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        start, root = super().__setitem__, self._root
        places = dispatch.places_in(root._laid_out(), self._laid_out())

        def assign() -> SecretArray:
            start(index, value)
            return root

        self._told("assignment", _assigned, (root, places, index, value), {}, assign)

    @property
    def _value(self) -> Value:
        root = self._root
        if root._version != self._version:  # a view of what was assigned to
            places = dispatch.places_in(root._laid_out(), self._laid_out())
            self._told("view", _viewed, (root, places), {}, self._looked_up)
        return self._held

    def _looked_up(self) -> SecretArray:
        """This view, once it has its new value."""
        assert super()._value is self._held
        return self

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> SecretArray:
        start = super().astype
        return self._told("astype", lambda x: x.astype(dtype), (self,), {}, lambda: start(dtype, *args, **kwargs))  # type: ignore[no-any-return]

    def apply(self, operation: Callable[..., Value], *operands: Any, **kwargs: Any) -> SecretArray:
        start = super().apply
        name, function = AFFINE if operation is affine else ("", None)
        args = (self, *operands) if function else ()
        return self._told(name, function, args, {}, lambda: start(operation, *operands, **kwargs))  # type: ignore[no-any-return]

    def _told(
        self, name: str, function: Callable[..., Any] | None, args: Any, kwargs: Any, perform: Callable[[], Any]
    ) -> Any:
        """Perform a call and tell the shadow of it."""
        engine = self._held.engine
        assert isinstance(engine.observer, Recorder)
        shadow = engine.observer.shadow
        if shadow.scope is not None:  # a call within a call
            return perform()
        args, kwargs = _written(shadow, args), _written(shadow, kwargs)
        known = engine.numbers
        call = Call(caller(), name, function, args, kwargs)
        shadow.scope = call
        try:
            result = perform()
        finally:
            shadow.scope = None
        call.listed = isinstance(result, list | tuple)
        arrays = [one for one in result if one is not None] if call.listed else [result]  # a part may be untold
        if all(isinstance(one, SecretArray) for one in arrays):
            nodes = [shadow.node(one._value) for one in arrays]
            call.results = [node for node in nodes if node.number > known]
            if len(call.results) == len(nodes):
                call.name = call.name or (call.operations[-1].name if call.operations else "constant")
                shadow.add(call)
        return result


def _assigned(x: Floats, places: NDArray[np.int64], index: Any, value: Any) -> Floats:
    out = x.copy()
    out.reshape(-1)[places[index]] = value
    return out


def _viewed(x: Floats, places: NDArray[np.int64]) -> Floats:
    return x.reshape(-1)[places]


class ShadowSession(Session):
    """A session of the lockstep world, where all parties are in one process; it takes no other driver.

    Parameters
    ----------
    names : sequence of str
    driver : LockstepDriver
    fraction : int
    suite : Suite
    shadow : Shadow
        That of all sessions of the run.
    """

    def __init__(
        self, names: Sequence[str], driver: LockstepDriver, fraction: int, suite: Suite, shadow: Shadow
    ) -> None:
        if not isinstance(driver, LockstepDriver):
            raise TypeError("a shadow knows every secret: it runs in simulation alone")
        super().__init__(names, driver.rank, driver, fraction, suite)
        self._shadow = shadow
        self._engine.observer = Recorder(shadow, driver.rank)

    def share(
        self, value: ArrayLike | None, owner: int | str, shape: Shape | None = None, dtype: DTypeLike | None = None
    ) -> SecretArray:
        return self._input("share", super().share(value, owner, shape, dtype), value, owner)

    def private(
        self, value: ArrayLike | None, owner: int | str, shape: Shape | None = None, dtype: DTypeLike | None = None
    ) -> SecretArray:
        return self._input("private", super().private(value, owner, shape, dtype), value, owner)

    def _input(self, name: str, array: SecretArray, value: ArrayLike | None, owner: int | str) -> SecretArray:
        if self._rank(owner) == self.rank and value is not None:
            self._shadow.give(array._value.number, value)
        if self.rank == 0:
            self._shadow.add(Call(caller(), name, results=[self._shadow.node(array._value)]))
        return array

    def _array(self, value: Value) -> SecretArray:
        return ShadowArray(value, self) if self.rank == 0 else super()._array(value)

    def _reveal(self, value: Value, to: str | Sequence[str], purpose: str) -> Any:
        if self.rank == 0:
            self._shadow.add(Call(caller(), "reveal", results=[self._shadow.node(value)], revealed=True))
        return super()._reveal(value, to, purpose)


# ------------------------------------------------------------------------------------------------- arguments of a call


def _written(shadow: Shadow, part: Any) -> Any:
    """Arguments with nodes for secrets and copies for plain arrays, which the program may change."""
    if isinstance(part, SecretArray):
        return shadow.node(part._value)
    if isinstance(part, list | tuple):
        return type(part)(_written(shadow, one) for one in part)
    if isinstance(part, dict):
        return {key: _written(shadow, one) for key, one in part.items()}
    return part.copy() if isinstance(part, np.ndarray) else part
