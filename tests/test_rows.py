"""Operands that are not held: made by rows, opened in pieces, dealt block by block; the same words as if they were."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import play, random_words

import mpcfl
from mpcfl import dealing, ordering, prg, ring, rows, view
from mpcfl.correlation import Correlation, Leaf
from mpcfl.dealing import Dealer, Holder, expanding
from mpcfl.errors import ProtocolViolation
from mpcfl.prg import Stream
from mpcfl.protocols import beaver
from mpcfl.protocols.beaver import Mask
from mpcfl.protocols.folded import matmul
from mpcfl.protocols.onesided import OneSided
from mpcfl.rows import Rows
from mpcfl.share import Base, Remade
from mpcfl.view import View

RNG = np.random.default_rng(0)
KEY = bytes(range(32))


def stream(tensors: int = 10) -> Stream:
    made = Stream(KEY)
    made.claim(0, tensors)
    return made


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 70), st.sampled_from([64, 128]), st.booleans())
def test_products_by_blocks(n: int, k: int, block: int, width: int, flipped: bool) -> None:
    held = random_words(RNG, (n, k), width)
    x = Rows(held.shape, lambda i, j: held[i:j], flipped)
    y = random_words(RNG, (n if flipped else k, 3), width)
    before, rows.BLOCK = rows.BLOCK, block
    try:
        found = rows.matmul(x, y)
        vector = rows.matmul(x, y[:, 0].copy())
    finally:
        rows.BLOCK = before
    exact = ring.matmul(np.ascontiguousarray(held.T) if flipped else held, y)
    assert (found == exact).all()
    assert (vector == exact[:, 0]).all()
    assert (x.whole() == (held.T if flipped else held)).all()


@pytest.mark.parametrize("group", ["words", "wide"])
@pytest.mark.parametrize("shape", [(7, 5), (9,), (4, 3, 2), ()])
def test_what_is_expanded_by_rows_is_what_is_expanded_at_once(shape: tuple[int, ...], group: str) -> None:
    x = expanding([stream()], 3, shape, group)
    out = np.empty(shape, ring.GROUPS[group])
    prg.combine(out, [stream()], 3, group)
    assert (x.whole() == out).all()
    if shape:
        assert (x.some(1, 4) == out[1:4]).all()


def test_the_owners_mask_is_made_anew_and_never_given_out_as_fresh_again() -> None:
    holder = Holder(Stream(KEY), 1, 2)
    dealt = holder.take(Mask((6, 3), owner=1), [])
    assert (dealt["a"] == dealt["a"]).all()
    assert (dealt.rows("a").some(2, 4) == dealt["a"][2:4]).all()
    assert not (holder.take(Mask((6, 3), owner=1), [])["a"] == dealt["a"]).any()


@pytest.mark.parametrize("flipped", [False, True])
def test_the_dealer_makes_a_private_mask_block_by_block(flipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", 24)
    keys = [prg.derive(KEY, str(rank)) for rank in range(3)]
    dealer, holders = Dealer([Stream(key) for key in keys]), [Holder(Stream(key), i, 3) for i, key in enumerate(keys)]

    def deal(correlation):
        corrections = dealer.deal(correlation)
        return [holder.take(correlation, corrections) for holder in holders]

    x, y = deal(Mask((11, 6), owner=1)), deal(Mask((11 if flipped else 6, 2)))
    left = x[1].leaf("a")
    left = view.transpose(left, (1, 0)) if flipped else left
    dealt = deal(OneSided(left, y[0].leaf("a"), 1, 3))
    a, b = x[1]["a"], y[0]["a"] + y[2]["a"]
    assert (sum(one["c"] for one in dealt) == (a.T if flipped else a) @ b).all()


def test_a_matrix_of_few_ones_is_held_by_its_places() -> None:
    hot = np.eye(24, dtype=bool)[RNG.integers(0, 24, 30)]
    ones = ring.few_ones(hot)
    assert ones is not None
    base = Base(ones, 0)
    assert (base.words == hot).all()
    assert (base.rows.some(3, 9) == hot[3:9]).all()
    name = View.leaf(Leaf(0, 0, hot.shape, owner=0), hot.shape)
    mask = Rows.held(random_words(RNG, hot.shape))
    base.masked = Remade(base.rows, mask, name)
    assert (base.masked.d + base.masked.a == hot).all()


@pytest.mark.parametrize("owner", [None, 0, 1])
@pytest.mark.parametrize("width", [64, 128])
def test_a_large_operand_is_opened_in_pieces(owner, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = (random_words(RNG, shape, width) for shape in ((9, 4), (4, 2)))

    whole = play(matmul, x, y, owners=[owner, None])
    monkeypatch.setattr(beaver, "PIECE", 8)
    pieces = play(matmul, x, y, owners=[owner, None])
    assert (pieces.words == whole.words).all()
    assert whole.world.rounds == 1
    assert pieces.world.rounds == 5
    assert pieces.world.bytes_sent == whole.world.bytes_sent

    def said(played):
        return np.sort(np.concatenate([ring.limbs(d.words.reshape(-1))[0] for d in played.world.deliveries]))

    assert (said(pieces) == said(whole)).all()


def test_operations_beside_the_one_that_opens_wait_for_the_last_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beaver, "PIECE", 40)
    a, b, hot = RNG.integers(-9, 9, (30, 4)), RNG.integers(-9, 9, (4, 3)), RNG.integers(0, 30, 30)
    bins = np.eye(30, dtype=bool)[hot]

    def program(session):
        x, y = session.share(a, 0, a.shape, np.int64), session.share(b, 1, b.shape, np.int64)
        own = session.private(bins, 1, bins.shape, np.bool_)
        results = [x @ y, x[3:5] @ y, x @ (2 * y), own.T @ x, own @ x]
        return [one.reveal() for one in results]

    run, foreseen = mpcfl.simulate(program, seed=1), mpcfl.forecast(program)
    exact = [a @ b, a[3:5] @ b, 2 * a @ b, bins.T @ a, bins @ a]
    for found, expected in zip(run.results[0], exact, strict=True):
        assert (found == expected).all()
    assert (foreseen.rounds, foreseen.bytes_sent) == (run.rounds, run.bytes_sent)
    assert run.rounds == 30 + len(exact)  # a row of 30 at a time; outputs


@pytest.mark.parametrize("some", [np.arange(3, 20), np.array([5, 5, 0, 29])])
def test_rows_of_a_matrix_of_few_ones(some) -> None:
    hot, a = np.eye(16, dtype=bool)[RNG.integers(0, 16, 30)], RNG.integers(-9, 9, (len(some), 2))

    def program(session):
        own, x = session.private(hot, 0, hot.shape, np.bool_), session.share(a, 1, a.shape, np.int64)
        sums = own[some].T @ x
        return sums.reveal(), (own[some] @ sums).reveal(), (own * 3).reveal()

    sums, back, times = mpcfl.simulate(program, seed=1).results[0]
    assert (sums == hot[some].T @ a).all()
    assert (back == hot[some] @ sums).all()
    assert (times == 3 * hot).all()


@pytest.mark.parametrize(("rows_", "inner", "columns"), [(0, 16, 2), (3, 16, 0), (0, 8, None), (3, 8, None)])
def test_empty_matrices_of_few_ones_and_vectors(rows_: int, inner: int, columns: int | None) -> None:
    hot = np.zeros((rows_, inner), bool)
    hot[:, 1:2] = True
    shapes = [(n,) if columns is None else (n, columns) for n in (inner, rows_)]
    a, b = (RNG.integers(-9, 9, shape) for shape in shapes)

    def program(session):
        own = session.private(hot, 1, hot.shape, np.bool_)
        x, y = (session.share(one, 0, one.shape, np.int64) for one in (a, b))
        return (own @ x).reveal(), (own.T @ y).reveal(), ordering.odd(own @ x).reveal()

    found = mpcfl.simulate(program, seed=1).results[0]
    for one, expected in zip(found, (hot @ a, hot.T @ b, hot @ a % 2 == 1), strict=True):
        assert (one == expected).all()
        assert one.shape == expected.shape


CHILD = """
import numpy as np
from mpcfl import rows
from mpcfl.correlation import Leaf
from mpcfl.dealing import Dealer
from mpcfl.prg import Stream
from mpcfl.protocols import beaver
from mpcfl.protocols.beaver import Mask
from mpcfl.protocols.oddness import OneSidedBits
from mpcfl.protocols.onesided import OneSided
from mpcfl.dealing import Holder
from mpcfl.protocol import Context
from mpcfl.effects import Draw
from mpcfl.ring import Ones
from mpcfl.share import Share
from mpcfl import view

N, M = 200_000, 320

def peak():
    return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))

def dealer():
    it = Dealer([Stream(bytes([i]) * 32) for i in range(2)])
    for mask in (Mask((N, M), owner=0), Mask((N, 2)), Mask((M, 2))):
        it.deal(mask)
    names = [view.View.leaf(Leaf(i, 0, shape, owner=o), shape) for i, (shape, o) in
             enumerate((((N, M), 0), ((N, 2), None), ((M, 2), None)))]
    it.deal(OneSided(view.transpose(names[0], (1, 0)), names[1], 0, 2))
    it.deal(OneSidedBits(names[0], names[2], 0, 2))

def owner():
    beaver.PIECE = 1 << 20
    places = np.random.default_rng(0).integers(0, M, (N, 10)).astype(np.int32)
    x = Share.private(Ones(places, (N, M)), 0)
    holder = Holder(Stream(bytes(32)), 0, 2)
    protocol, answer, sent = beaver.opened(Context(0, 2, 18), x), None, 0
    while True:
        try:
            effect = protocol.send(answer)
        except StopIteration:
            break
        if isinstance(effect, Draw):
            answer = holder.take(effect.correlation, None)
        else:
            answer = [one.payload for one in effect.effects]
            sent += sum(part.nbytes for part in answer)
    assert sent == 8 * N * M

before = peak()
ROLE()
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("role", ["dealer", "owner"])
def test_neither_dealer_nor_owner_holds_a_mask(role: str) -> None:
    """512 MB of mask and of difference pass; what is held is a hundredth of it for each row, and blocks."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.replace("ROLE", role)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 96 << 20


@pytest.mark.parametrize("flipped", [False, True])
def test_products_that_are_foreseen_share_a_pass_over_their_matrix(
    flipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same corrections, in their order, and each row of the mask is expanded once for all."""
    length = 11 if flipped else 6
    names = [View.leaf(Leaf(i, 0, shape, owner=o), shape) for i, (shape, o) in enumerate([((11, 6), 0), ((11, 6), 1)])]
    own, others = (view.transpose(one, (1, 0)) if flipped else one for one in names)

    def factor(draw: int, columns: int) -> View[Leaf]:
        return View.leaf(Leaf(draw, 0, (length, columns)), (length, columns))

    coming: list[Correlation] = [
        *(Mask((11, 6), owner) for owner in (0, 1)),
        *(Mask((length, columns)) for columns in (2, 1)),
        *(OneSided(own, factor(2, 2), 0, 2), Mask((length, 3)), OneSided(others, factor(3, 1), 1, 2)),
        *(OneSided(own, view.scale(factor(5, 3), 7), 0, 2), OneSided(own, factor(3, 1), 0, 2)),
    ]

    def dealt(known: bool) -> tuple[list[list[list[int]]], int]:
        dealer = Dealer([Stream(prg.derive(KEY, str(rank))) for rank in range(2)])
        if known:
            dealer.foresee(coming[:3])
            dealer.foresee(coming[3:])
        made = []
        monkeypatch.setattr(rows, "BLOCK", 24)
        monkeypatch.setattr(Rows, "blocks", lambda x: made.append(x.shape) or blocks(x))
        return [[words.tolist() for words in dealer.deal(one)] for one in coming], len(made)

    blocks = Rows.blocks
    (alone, passes), (together, fewer) = dealt(False), dealt(True)
    assert together == alone
    assert any(map(any, alone))
    assert (passes, fewer) == (4, 2)


def test_what_was_foreseen_is_dealt_and_nothing_else() -> None:
    dealer = Dealer([Stream(KEY)])
    dealer.foresee([Mask((2, 2), 0), Mask((2, 1))])
    with pytest.raises(ValueError, match="not what was foreseen"):
        dealer.deal(Mask((2, 2), 0))


def test_a_mask_that_was_not_drawn_yet_is_refused_though_it_is_foreseen() -> None:
    names = [View.leaf(Leaf(i, 0, shape), shape) for i, shape in enumerate([(2, 2), (2, 1), (2, 1), (2, 1)])]
    coming = [Mask((2, 2), 0), Mask((2, 1)), OneSided(names[0], names[1], 0, 1), OneSided(names[0], names[3], 0, 1)]
    dealer = Dealer([Stream(KEY)])
    dealer.foresee(coming)
    for one in coming[:2]:
        dealer.deal(one)
    with pytest.raises(ProtocolViolation, match="not drawn yet"):
        dealer.deal(coming[2])  # with which the last one is made


def test_the_dealer_looks_so_far_ahead_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond is not made before its turn, however much is known."""
    monkeypatch.setattr(dealing, "FORESEEN", 2)
    names = [View.leaf(Leaf(i, 0, shape, owner=o), shape) for i, (shape, o) in enumerate([((2, 2), 0), ((2, 1), None)])]
    dealer = Dealer([Stream(prg.derive(KEY, str(rank))) for rank in range(2)])
    coming: list[Correlation] = [Mask((2, 2), 0), Mask((2, 1)), *(OneSided(names[0], names[1], 0, 2) for _ in range(5))]
    dealer.foresee(coming)
    passes = []
    blocks = Rows.blocks
    monkeypatch.setattr(Rows, "blocks", lambda x: passes.append(x.shape) or blocks(x))
    for one in coming:
        dealer.deal(one)
    assert len(passes) == 2  # of three and of two
