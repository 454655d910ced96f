"""Funding against an independent reference: every block, nanosecond and quantum written out in exact rationals."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor, trunc
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from support.markets import BTC, ETH, LINK, Markets, funded, perp_section

SECOND = 10**9
EIGHT_HOURS = 8 * 3600 * SECOND
LOT = 1_000_000
START = 1_700_000_000
RATE_BOUND, PREMIUM_BOUND = 48_000, 480_000


class Block(NamedTuple):
    """One step of a random chain."""

    elapsed_ns: int
    premium_ppm: int
    price: int


BLOCKS = st.lists(
    st.builds(
        Block,
        st.one_of(st.integers(1, 3 * SECOND), st.integers(1, 90 * SECOND), st.sampled_from([30 * SECOND, 30 * SECOND + 1, 400 * SECOND])),
        st.one_of(st.integers(-2000, 2000), st.integers(-600_000, 600_000)),
        st.integers(1, 10**11),
    ),
    min_size=1,
    max_size=25,
)


@dataclass
class Reference:
    """The slow way: a list of covered stretches; each ended epoch is charged by itself, in fractions."""

    epoch_ns: int
    outage_ns: int
    default_ppm: int
    cap_ppm: int
    clock_ns: int
    sample: int = 0
    stretches: list[tuple[int, int, int]] = field(default_factory=list)
    accrued: Fraction = Fraction(0)
    rates: list[int] = field(default_factory=list)

    def begin(self, now_ns: int, price: int) -> None:
        """BTC of the worked examples: one lot is worth price / 1000 quote quantums."""
        if now_ns - self.clock_ns <= self.outage_ns:
            start = self.clock_ns
            while start < now_ns:
                end = min(now_ns, (start // self.epoch_ns + 1) * self.epoch_ns)
                self.stretches.append((start, end, self.sample))
                start = end
        while self.stretches:
            boundary = (self.stretches[0][0] // self.epoch_ns + 1) * self.epoch_ns
            if boundary > now_ns:
                break
            epoch = [stretch for stretch in self.stretches if stretch[1] <= boundary]
            self.stretches = self.stretches[len(epoch) :]
            covered = sum(end - start for start, end, _ in epoch)
            premium = trunc(Fraction(sum((end - start) * sample for start, end, sample in epoch), covered))
            bound = min(RATE_BOUND, self.cap_ppm or RATE_BOUND)
            rate = max(-bound, min(bound, premium + self.default_ppm))
            self.accrued += Fraction(rate, 10**6) * Fraction(covered, EIGHT_HOURS) * Fraction(price, 1000)
            self.rates.append(rate)
        self.clock_ns = now_ns


def chain(epoch_seconds: int, default_ppm: int, cap_ppm: int) -> Markets:
    """A chain after its first block, whose BTC is funded like that."""
    perp = perp_section()
    perp["perpetuals"][BTC]["default_funding_ppm"] = default_ppm
    rows = [funded(BTC, epoch_seconds=epoch_seconds, outage_seconds=30, rate_cap_ppm=cap_ppm), funded(ETH), funded(LINK)]
    markets = Markets({"perp": perp, "funding": {"perpetuals": rows, "history_length": 10_000}}, START)
    markets.funding.begin_block(markets.ctx)
    return markets


CHAINS = st.tuples(st.sampled_from([1, 20, 60, 3600]), st.integers(-300, 300), st.sampled_from([0, 750, 100_000]))


@settings(max_examples=150)
@given(CHAINS, BLOCKS)
def test_index_equals_an_eager_reference_in_exact_rationals(parameters: tuple[int, int, int], blocks: list[Block]) -> None:
    """Index and carry are whole part and fraction of the exact sum over any blocks: outages, slow blocks, price moves, clamped samples."""
    epoch_seconds, default_ppm, cap_ppm = parameters
    markets = chain(*parameters)
    reference = Reference(epoch_seconds * SECOND, 30 * SECOND, default_ppm, cap_ppm, markets.ctx.time_ns)
    for step in blocks:
        markets.step(step.elapsed_ns)
        markets.set_price(BTC, step.price)
        markets.funding.begin_block(markets.ctx)
        reference.begin(markets.ctx.time_ns, step.price)
        accrued = markets.funding.accrued(markets.ctx, BTC)
        assert accrued.value == floor(reference.accrued)
        assert Fraction(accrued.carry, 10**6 * EIGHT_HOURS * 10**9) == reference.accrued - accrued.value
        running = markets.funding.running(markets.ctx, BTC)
        assert running.covered_ns == sum(end - start for start, end, _ in reference.stretches)
        assert running.weighted == sum((end - start) * sample for start, end, sample in reference.stretches)
        markets.funding.add_premium(markets.ctx, BTC, step.premium_ppm)
        reference.sample = max(-PREMIUM_BOUND, min(PREMIUM_BOUND, step.premium_ppm))
        assert markets.broken() == []
    bound = min(RATE_BOUND, cap_ppm or RATE_BOUND)
    charges = markets.funding.charges(markets.ctx, BTC)
    assert all(-bound <= charge.rate_ppm <= bound for charge in charges)
    assert all(charge.capped_ppm == charge.premium_ppm + default_ppm - charge.rate_ppm for charge in charges)
    assert {charge.rate_ppm for charge in charges} == set(reference.rates)


@settings(max_examples=60)
@given(CHAINS, st.lists(st.tuples(st.integers(1, 29 * SECOND), st.integers(-2000, 2000)), min_size=1, max_size=12), st.data())
def test_more_blocks_with_the_same_premium_change_nothing(
    parameters: tuple[int, int, int], steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Splitting any interval between blocks is neutral, to the last unit of the carry (price unchanged)."""
    once, often = chain(*parameters), chain(*parameters)
    premium = 0
    for elapsed_ns, following in steps:
        once.funding.begin_block(once.step(elapsed_ns))
        cut = data.draw(st.integers(0, elapsed_ns - 1))
        for part in (cut, elapsed_ns - cut):
            often.funding.begin_block(often.step(part))
            often.funding.add_premium(often.ctx, BTC, premium)
        premium = following
        for markets in (once, often):
            markets.funding.add_premium(markets.ctx, BTC, premium)
        assert often.funding.accrued(often.ctx, BTC) == once.funding.accrued(once.ctx, BTC)
        assert often.funding.running(often.ctx, BTC) == once.funding.running(once.ctx, BTC)


@dataclass
class Account:
    """A position that settles whenever it is touched, and its twin that is settled in every block."""

    quantums: int = 0
    since: int = 0
    lazy: int = 0
    eager: int = 0
    eager_since: int = 0


class Touch(NamedTuple):
    """What happens to accounts in a block."""

    buyer: int
    seller: int
    lots: int
    settled: list[int]


TOUCHES = st.builds(Touch, st.integers(0, 4), st.integers(0, 4), st.integers(1, 10**6), st.lists(st.integers(0, 4), max_size=5))


@settings(max_examples=100)
@given(CHAINS, st.lists(st.tuples(BLOCKS.map(lambda blocks: blocks[0]), TOUCHES), min_size=1, max_size=25), st.permutations(range(5)))
def test_lazy_settlement_equals_eager_settlement_and_sums_to_zero(
    parameters: tuple[int, int, int], history: list[tuple[Block, Touch]], order: list[int]
) -> None:
    """P4: any trades, prices, rates, outages and any pattern and order of touches: what one receives another has paid, exactly."""
    markets = chain(*parameters)
    accounts = [Account() for _ in range(5)]

    def settle(account: Account) -> None:
        account.lazy += markets.funding.payment(markets.ctx, BTC, account.quantums, account.since)
        account.since = markets.funding.index(markets.ctx, BTC)

    for step, touch in history:
        markets.step(step.elapsed_ns)
        markets.set_price(BTC, step.price)
        markets.funding.begin_block(markets.ctx)
        for account in accounts:
            account.eager += markets.funding.payment(markets.ctx, BTC, account.quantums, account.eager_since)
            account.eager_since = markets.funding.index(markets.ctx, BTC)
        assert sum(account.eager for account in accounts) == 0
        assert all(
            account.lazy + markets.funding.payment(markets.ctx, BTC, account.quantums, account.since) == account.eager
            for account in accounts
        )
        for number in touch.settled:
            settle(accounts[number])
        if touch.buyer != touch.seller:
            before = sum(max(0, account.quantums) for account in accounts)
            for number, signed in ((touch.buyer, touch.lots * LOT), (touch.seller, -touch.lots * LOT)):
                settle(accounts[number])
                accounts[number].quantums += signed
            markets.perp.change_open_interest(markets.ctx, BTC, sum(max(0, account.quantums) for account in accounts) - before)
        markets.funding.add_premium(markets.ctx, BTC, step.premium_ppm)
    for number in order:
        settle(accounts[number])
    assert sum(account.lazy for account in accounts) == 0
    assert [account.lazy for account in accounts] == [account.eager for account in accounts]
    assert markets.broken() == []
    received = sum(max(0, account.lazy) for account in accounts)
    assert markets.funding.accrued(markets.ctx, BTC).paid_total >= received
