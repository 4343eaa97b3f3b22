"""Dealing: what parties expand and the dealer corrects adds up to what `sample` says, for any number of parties."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import msgpack
import numpy as np
import pytest
from simulation import words

from mpcfl import prg, requests, ring, view
from mpcfl.correlation import Correlation, Field, Leaf
from mpcfl.dealing import FIELDS_PER_DRAW, Dealer, Holder, combine, tensor
from mpcfl.errors import IntegrityError, ProtocolViolation
from mpcfl.pairwise import Pairwise
from mpcfl.prg import Stream
from mpcfl.protocols import semi2k
from mpcfl.protocols.beaver import Mask, Triple
from mpcfl.protocols.comparison import BitProducts, Digits
from mpcfl.protocols.conversion import DaBit
from mpcfl.protocols.folded import Folded, signs
from mpcfl.protocols.fourier128 import Harmonics
from mpcfl.protocols.leading import Factors
from mpcfl.protocols.logarithms128 import WideLogarithm
from mpcfl.protocols.narrow import LowTable
from mpcfl.protocols.nearness import CHOICES, DigitProducts
from mpcfl.protocols.normalisation import LogHarmonics
from mpcfl.protocols.oddness import OneSidedBits
from mpcfl.protocols.onesided import OneSided
from mpcfl.protocols.permutation import Permutation
from mpcfl.protocols.powers import Powers
from mpcfl.protocols.powers128 import WidePowers
from mpcfl.protocols.series import Waves
from mpcfl.protocols.trigonometry import Sines
from mpcfl.protocols.truncation import TruncPair
from mpcfl.protocols.upper import TruncMux
from mpcfl.view import View

N = 70


class Trusted:
    """A dealer and its parties; `deal` gives every party's shares and the clear values."""

    def __init__(self, parties: int, cache_bytes: int = 1 << 20) -> None:
        keys = [prg.derive(bytes([i]) * 32, "test") for i in range(parties)]
        self.dealer = Dealer([Stream(key) for key in keys], cache_bytes)
        self.holders = [Holder(Stream(key), i, parties) for i, key in enumerate(keys)]

    def deal(self, correlation: Correlation):
        corrections = self.dealer.deal(correlation)
        assert sum(c.nbytes for c in corrections) == correlation.correction_bytes
        dealt = [
            holder.take(correlation, corrections if holder is self.holders[-1] else None) for holder in self.holders
        ]
        clear = {f.name: combine(f.group, [d[f.name] for d in dealt]) for f in correlation.fields()}
        return dealt, clear


def forms(correlation: Correlation, *dealt: list) -> tuple:
    """What `sample` takes of masks whose shares are given: sums with the signs that the correlation asks for."""
    zero = [ring.zeros(shares[0].shape, ring.width(shares[0])) for shares in dealt]
    return tuple(
        functools.reduce(ring.add, (ring.multiply(x, s) for x, s in zip(shares, combination, strict=True)), none)
        for shares, none in zip(dealt, zero, strict=True)
        for combination in correlation.combinations()
    )


def folded(mask: list, parties: int):
    """A matrix by itself transposed, and its shares."""
    matrix = view.reshape(mask[0].leaf("a"), (7, 10))
    correlation = Folded(matrix, view.transpose(matrix, (1, 0)), parties)
    shares = [ring.reshape(one["a"], (7, 10)) for one in mask]
    return correlation, forms(correlation, shares, [share.T for share in shares])


def one_sided(mask: list, parties: int):
    """A matrix by itself transposed, less the share of an owner."""
    matrix = view.reshape(mask[0].leaf("a"), (7, 10))
    shares = [ring.reshape(one["a"], (7, 10)) for one in mask]
    others = functools.reduce(ring.add, shares[1:])
    return OneSided(matrix, view.transpose(matrix, (1, 0)), 0, parties), (ring.add(shares[0], others), others.T)


def one_sided_bits(mask: list, parties: int):
    """The lowest bits of a matrix by itself, less the share of an owner."""
    shares = [one["a"] for one in mask]
    matrix = mask[0].leaf("a")
    others = functools.reduce(ring.add, shares[1:])
    whole = ring.odd_rows(ring.add(shares[0], others))
    return OneSidedBits(matrix, view.take(matrix, slice(0, 1)), 0, parties), (whole, others[:1])


def every_wide_correlation(trusted: Trusted):
    """One of each family of the default suite in ring 128, with the clear masks that it needs."""
    mask, clear = trusted.deal(Mask((N,), None, "wide"))
    a = clear["a"]
    named = mask[0].leaf("a")
    bit, clear_bit = trusted.deal(DaBit(N, "wide"))
    beta, beta_value = bit[0].leaf("bits", bits=N), clear_bit["beta"]
    pair, clear_pair = trusted.deal(TruncPair(N, 1 << 100, 7, "wide"))
    yield Mask((2, 3), 1, "wide"), ()
    yield Triple("mul", beta, named), (beta_value, a)
    yield Triple("matmul", named, view.scale(named, 1 << 100)), (a, ring.multiply(a, 1 << 100))
    yield folded(mask, len(mask))
    yield one_sided(mask, len(mask))
    yield one_sided_bits(trusted.deal(Mask((N, 1), None, "wide"))[0], len(mask))
    yield TruncPair(N, 1, 40, "wide"), ()
    yield Digits(named, True), (a,)
    yield Digits(named, False), (a,)
    yield LowTable(named), (a,)
    yield BitProducts(3, (3, 5, 7), 2), ()
    yield DaBit(N, "wide"), ()
    yield Permutation(named, 1), (a,)
    for low in (1, 41, 70):
        upper, value = pair[0].leaf("r", low=low), ring.cleared(clear_pair["r"], low)
        yield TruncMux(beta, upper, low), (beta_value, value)
        yield Digits(view.scale(upper, -1), low != 41), (ring.negative(value),)
    yield Harmonics(named, "softplus"), (a,)
    yield Sines(named, True), (a,)
    yield WidePowers(named, 112, 128), (a,)
    yield WideLogarithm(named, 1 << 112), (a,)
    yield Waves(named, "erf"), (a,)
    yield Waves(named, "arcsinh_exp"), (a,)
    yield Waves(named, "sin"), (a,)


def every_correlation(trusted: Trusted):
    """One of each family of the default suite, with the clear masks that it needs."""
    mask, clear = trusted.deal(Mask((N,)))
    a = clear["a"]
    named = mask[0].leaf("a")
    bit, clear_bit = trusted.deal(DaBit(N))
    beta, beta_value = bit[0].leaf("bits", bits=N), clear_bit["beta"]
    pair, clear_pair = trusted.deal(TruncPair(N, 5, 7))
    yield Mask((2, 3)), ()
    yield Triple("mul", named, named), (a, a)
    matrix = view.reshape(named, (7, 10))
    yield (
        Triple("matmul", matrix, view.transpose(matrix, (1, 0))),
        (ring.reshape(a, (7, 10)), ring.reshape(a, (7, 10)).T),
    )
    yield Triple("mul", beta, named), (beta_value, a)
    yield folded(mask, len(mask))
    yield one_sided(mask, len(mask))
    yield one_sided_bits(trusted.deal(Mask((N, 1)))[0], len(mask))
    yield TruncPair(N, 1, 18), ()
    for low in (1, 18, 40):
        upper, value = pair[0].leaf("r", low=low), ring.cleared(clear_pair["r"], low)
        yield TruncMux(beta, upper, low), (beta_value, value)
        yield Digits(view.scale(upper, -1), low != 18), (ring.negative(value),)
    yield Digits(named, True), (a,)
    yield Digits(named, False), (a,)
    yield LowTable(named), (a,)
    yield BitProducts(3, (3, 5, 7), 2), ()
    yield DaBit(N), ()
    yield Permutation(named, 1), (a,)
    yield LogHarmonics(named, 1 << 56), (a,)
    yield LogHarmonics(named, 1 << 56, "long"), (a,)
    for name in CHOICES:
        yield DigitProducts(name, 2), ()
    yield Factors(named, False), (a,)
    yield Factors(named, True), (a,)
    yield Powers(named, 56, 64, 4), (a,)
    yield Powers(named, 57, 128, 3), (a,)
    yield Sines(named, False), (a,)
    yield Waves(named, "erf"), (a,)
    yield Waves(named, "arcsinh_exp"), (a,)


@pytest.mark.parametrize("parties", [2, 3, 5])
@pytest.mark.parametrize("width", ring.WIDTHS)
def test_shares_add_up_to_what_sample_says(parties, width):
    trusted = Trusted(parties)
    families = set()
    suite = semi2k.suite.over(width)
    for correlation, masks in (every_correlation if width == 64 else every_wide_correlation)(trusted):
        assert requests.encode(requests.decode(requests.encode(correlation), suite.correlations)) == requests.encode(
            correlation
        )
        _, clear = trusted.deal(correlation)
        uniform = {f.name: clear[f.name] for f in correlation.fields() if not f.determined}
        sampled = correlation.sample(uniform, *masks)
        for field in correlation.fields():
            assert (clear[field.name].shape, clear[field.name].dtype) == (field.shape, field.dtype)
            if field.determined:
                np.testing.assert_array_equal(clear[field.name], sampled[field.name])
        families.add(correlation.family)
    assert families == suite.correlations.keys()


def test_all_correlations_are_themselves_what_protocols_need():
    trusted = Trusted(2)
    _, pair = trusted.deal(TruncPair(N, 1, 18))
    np.testing.assert_array_equal(pair["rho"], (pair["r"] & np.uint64((1 << 63) - 1)) >> np.uint64(18))
    np.testing.assert_array_equal(pair["mu"], pair["r"] >> np.uint64(63))
    _, bit = trusted.deal(DaBit(N))
    np.testing.assert_array_equal(ring.unpack(bit["bits"], N), bit["beta"])
    _, products = trusted.deal(BitProducts(3, (0b011, 0b111), 2))
    p = products["bits"]
    np.testing.assert_array_equal(products["products"], [p[0] & p[1], p[0] & p[1] & p[2]])
    dealt, mask = trusted.deal(Mask((N,)))
    _, digits = trusted.deal(Digits(dealt[0].leaf("a"), False))
    r = ring.negative(mask["a"])
    for i in range(16):
        table = digits["tables"][:, i // 4] >> np.uint64(16 * (i % 4)) & np.uint64(0xFFFF)
        np.testing.assert_array_equal(table, np.uint64(1) << (r >> np.uint64(4 * i) & np.uint64(15)))


def test_a_private_mask_is_its_owners_alone():
    trusted = Trusted(3)
    dealt, clear = trusted.deal(Mask((N,), owner=1))
    np.testing.assert_array_equal(dealt[1]["a"], clear["a"])
    assert not dealt[0]["a"].any()
    assert not dealt[2]["a"].any()
    _, triple = trusted.deal(Triple("mul", dealt[0].leaf("a"), dealt[0].leaf("a")))
    np.testing.assert_array_equal(triple["c"], clear["a"] * clear["a"])


@pytest.mark.parametrize("parties", [2, 3, 4, 5])
@pytest.mark.parametrize("owners", [(None, None), (0, None), (None, 1), (0, 0), (1, 0)])
@pytest.mark.parametrize("group", ["words", "wide"])
def test_a_folded_product_is_what_its_formula_says(parties, owners, group):
    """c = g a b - g^2 sum of s_i a_i b_i, from the shares as the parties hold them."""
    trusted = Trusted(parties)
    (left, a), (right, b) = (
        trusted.deal(Mask(shape, owner, group)) for shape, owner in zip(((4, 6), (6, 3)), owners, strict=True)
    )
    own = signs(parties)
    g = sum(own)
    assert (g, set(own) <= {-1, 1}) == (2 - parties % 2, True)
    expected = ring.multiply(ring.matmul(a["a"], b["a"]), g)
    for sign, x, y in zip(own, left, right, strict=True):
        expected = ring.subtract(expected, ring.multiply(ring.matmul(x["a"], y["a"]), g * g * sign))
    _, got = trusted.deal(Folded(left[0].leaf("a"), right[0].leaf("a"), parties))
    np.testing.assert_array_equal(got["c"], expected)


def test_shares_of_bits_and_of_other_parties_are_not_added():
    trusted = Trusted(2)
    mask, _ = trusted.deal(Mask((4, 4)))
    bit, _ = trusted.deal(DaBit(16))
    beta = view.reshape(bit[0].leaf("bits", bits=16), (4, 4))
    for wrong in (Folded(mask[0].leaf("a"), mask[0].leaf("a"), 3), Folded(mask[0].leaf("a"), beta, 2)):
        with pytest.raises(ProtocolViolation, match="not shared so"):
            trusted.dealer.deal(wrong)


@pytest.mark.parametrize("parties", [1, 65, 1 << 40])
def test_a_folded_product_of_no_such_number_of_parties_is_refused(parties):
    named = View.leaf(Leaf(0, 0, (2, 2)), (2, 2))
    request = requests.encode(Folded(named, named, 2))
    assert request[-1:] == b"\x02"
    asked = request[:-1] + msgpack.packb(parties)
    with pytest.raises(ProtocolViolation, match="malformed"):
        requests.decode(asked, semi2k.suite.correlations)


def test_the_mask_of_a_matrix_is_expanded_once(monkeypatch):
    trusted = Trusted(2)
    mask, _ = trusted.deal(Mask((8, 8)))
    combine, seen = prg.combine, []
    monkeypatch.setattr(prg, "combine", lambda *args, **kwargs: seen.append(args) or combine(*args, **kwargs))
    matrix = mask[0].leaf("a")
    for _ in range(3):
        trusted.deal(Folded(matrix, view.transpose(matrix, (1, 0)), 2))
    assert len(seen) == 1


def test_a_mask_that_left_the_cache_is_expanded_again():
    small, large = Trusted(3, cache_bytes=0), Trusted(3)
    for trusted in (small, large):
        names = [trusted.deal(Mask((N,)))[0][0].leaf("a") for _ in range(3)]
        trusted.products = [trusted.deal(Triple("mul", x, y))[1]["c"] for x in names for y in names]
    for x, y in zip(small.products, large.products, strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_plane_read_as_bits_and_as_words_is_not_confused():
    trusted = Trusted(2)
    dealt, clear = trusted.deal(DaBit(128))
    as_bits, fewer, as_words = dealt[0].leaf("bits", bits=128), dealt[0].leaf("bits", bits=100), dealt[0].leaf("bits")
    for name in (as_bits, fewer, as_words, as_bits):
        value = ring.unpack(clear["bits"], name.shape[0]) if name is not as_words else clear["bits"]
        np.testing.assert_array_equal(trusted.deal(Triple("mul", name, name))[1]["c"], value * value)


def test_a_mask_that_was_not_drawn_is_refused():
    trusted = Trusted(2)
    unknown = View.leaf(Leaf(7, 0, (N,)), (N,))
    with pytest.raises(ProtocolViolation, match="not drawn yet"):
        trusted.dealer.deal(Triple("mul", unknown, unknown))


def test_every_field_of_every_draw_has_its_own_tensor():
    seen = [tensor(draw, place) for draw in range(50) for place in range(FIELDS_PER_DRAW)]
    assert len(set(seen)) == len(seen)


def test_draws_are_counted_alike_on_both_sides():
    trusted = Trusted(2)
    for _ in every_correlation(trusted):
        pass
    assert trusted.dealer.draws == trusted.holders[0].draws == trusted.holders[1].draws == 4


# What parties make in pairs, without the dealer


def pairwise(parties: int) -> list[Pairwise]:
    secrets = {(i, j): prg.derive(bytes([i, j]) * 16, "test") for i in range(parties) for j in range(i, parties)}
    return [Pairwise(i, {j: secrets[min(i, j), max(i, j)] for j in range(parties) if j != i}) for i in range(parties)]


@pytest.mark.parametrize("parties", [2, 3, 5])
def test_zero_sharings_add_up_to_zero_and_are_fresh(parties):
    ranks = pairwise(parties)
    seen = []
    for _ in range(3):
        shares = [rank.zero((N,)) for rank in ranks]
        assert not np.add.reduce(shares).any()
        seen += shares
    every = np.concatenate(seen)
    # two parties hold a number and its negative; more share pairwise differences: no word comes again
    assert np.unique(every).size == every.size


@pytest.mark.parametrize("parties", [2, 3, 5])
@pytest.mark.parametrize("owner", [0, 1])
def test_an_input_is_shared_without_a_word_sent(parties, owner):
    ranks, x = pairwise(parties), np.arange(N, dtype=np.uint64)
    first, second = (
        [rank.share(owner, (N,), x if i == owner else None) for i, rank in enumerate(ranks)] for _ in range(2)
    )
    for shares in (first, second):
        np.testing.assert_array_equal(np.add.reduce(shares), x)
    assert np.unique(np.concatenate([*first, *second])).size == 2 * parties * N
    np.testing.assert_array_equal(x, np.arange(N))


def test_wiped_seeds_share_nothing():
    rank = pairwise(2)[0]
    rank.wipe()
    for ask in (lambda: rank.zero((1,)), lambda: rank.share(0, (1,), words(1)), lambda: rank.share(1, (1,), None)):
        with pytest.raises(IntegrityError):
            ask()


@dataclass(frozen=True)
class Twins(Correlation):
    """Two determined fields whose values are one array."""

    family = "twins"

    def fields(self):
        return (Field("r", (5,)), Field("one", (5,), determined=True), Field("other", (5,), determined=True))

    def sample(self, uniform, *masks):
        both = ring.multiply(uniform["r"], 3)
        return {"one": both, "other": both}


def test_values_that_share_memory_do_not_overwrite_one_another():
    keys = [bytes([i]) * 32 for i in range(2)]
    corrections = Dealer([Stream(key) for key in keys]).deal(Twins())
    holders = [Holder(Stream(key), rank, 2) for rank, key in enumerate(keys)]
    first, last = (holder.take(Twins(), corrections) for holder in holders)
    r, one, other = (ring.add(first[name], last[name]) for name in ("r", "one", "other"))
    np.testing.assert_array_equal(one, 3 * r)
    np.testing.assert_array_equal(other, 3 * r)
