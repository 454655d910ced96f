import json
from typing import Any

import pytest

from modules.funding.events import EPOCH_ENDED
from modules.kernel.codec import decode_signed
from modules.kernel.module import QueryError
from support.markets import BTC, ETH, LINK, START_SECONDS, Markets, funded, funding_section, oracle_section, perp_section

SECOND = 10**9
HOUR = 3600 * SECOND
AT_THE_HOUR = 1_700_002_800


def with_funding(default_ppm: int = 0, **changes: Any) -> dict[str, Any]:
    """Genesis sections in which every perpetual has that interest, and its funding these settings."""
    perp = perp_section()
    for row in perp["perpetuals"]:
        row["default_funding_ppm"] = default_ppm
    return {"perp": perp, "funding": {"perpetuals": [funded(perpetual_id, **changes) for perpetual_id in (BTC, ETH, LINK)]}}


def block(markets: Markets, elapsed_ns: int, premium_ppm: int | None = None) -> None:
    """The next block begins, and at its end the book says that premium for BTC."""
    markets.funding.begin_block(markets.step(elapsed_ns))
    if premium_ppm is not None:
        markets.funding.add_premium(markets.ctx, BTC, premium_ppm)


def started(genesis: dict[str, Any] | None = None, at_seconds: int = AT_THE_HOUR) -> Markets:
    """A chain whose first block came at that time."""
    markets = Markets(genesis, at_seconds)
    markets.funding.begin_block(markets.ctx)
    return markets


def ended(markets: Markets) -> list[dict[str, Any]]:
    """Attributes by name of the events about BTC's epochs that this block ended."""
    return [dict(zip(kind.keys, values, strict=True)) for kind, values in markets.ctx.events if kind is EPOCH_ENDED and values[0] == BTC]


def test_the_first_block_sets_the_clock() -> None:
    """Whatever the genesis time was: what lies before the first block is not charged."""
    markets = Markets(with_funding(default_ppm=100), START_SECONDS)
    assert markets.funding.epoch_end_ns(markets.ctx, BTC) == 0
    markets.funding.begin_block(markets.step(100 * HOUR))
    assert markets.ctx.events == []
    assert markets.funding.running(markets.ctx, BTC).covered_ns == 0
    assert markets.funding.epoch_end_ns(markets.ctx, BTC) > markets.ctx.time_ns


def test_an_epoch_charges_its_mean_premium_at_the_block_that_ends_it() -> None:
    """E7 lived through: 41 minutes of 480, 7 of -37, 12 of 0, interest 100: rate 423 and index 317 at the price of the last block."""
    markets = started(with_funding(default_ppm=100))
    markets.funding.add_premium(markets.ctx, BTC, 480)
    for minute in range(1, 60):
        block(markets, 60 * SECOND, 480 if minute < 41 else -37 if minute < 48 else 0)
    assert markets.funding.index(markets.ctx, BTC) == 0
    block(markets, 60 * SECOND)
    assert ended(markets) == [
        {
            "perpetual_id": BTC,
            "epoch_end_seconds": AT_THE_HOUR + 3600,
            "rate_ppm": 423,
            "premium_ppm": 323,
            "capped_ppm": 0,
            "covered_ns": HOUR,
            "index_change": 317,
            "index": 317,
        }
    ]
    assert markets.funding.index(markets.ctx, BTC) == 317
    assert markets.funding.display_index(markets.ctx, BTC, 317) == 317
    assert markets.broken() == []


@pytest.mark.parametrize(("premium", "default", "rate"), [(193, 100, 293), (-323, 100, -223), (193, 0, 193), (-125, 0, -125)])
def test_rates_of_the_worked_examples(premium: int, default: int, rate: int) -> None:
    """E5's premiums standing for an hour, E7's ETH rate."""
    markets = started(with_funding(default_ppm=default, outage_seconds=3600))
    markets.funding.add_premium(markets.ctx, BTC, premium)
    block(markets, HOUR)
    assert [row["rate_ppm"] for row in ended(markets)] == [rate]


def test_charges_use_the_price_of_the_block_that_ends_the_epoch() -> None:
    """Not the price for which the premium was measured."""
    charged = []
    for price in (6_012_345_678, 2 * 6_012_345_678):
        markets = started(with_funding(default_ppm=800, outage_seconds=3600))
        markets.step(HOUR)
        markets.set_price(BTC, price)
        markets.funding.begin_block(markets.ctx)
        charged.append(markets.funding.index(markets.ctx, BTC))
    assert charged == [601, 1202]


def test_covered_time_is_split_exactly_at_the_boundary() -> None:
    """A sample that stands across the boundary belongs to both epochs, each with its nanoseconds."""
    markets = started(at_seconds=AT_THE_HOUR - 10)
    markets.funding.add_premium(markets.ctx, BTC, 1000)
    block(markets, 4 * SECOND + 1, 2000)
    block(markets, 10 * SECOND)
    (first,) = ended(markets)
    assert first["covered_ns"] == 10 * SECOND
    assert first["premium_ppm"] == (1000 * (4 * SECOND + 1) + 2000 * (6 * SECOND - 1)) // (10 * SECOND)
    running = markets.funding.running(markets.ctx, BTC)
    assert (running.covered_ns, running.weighted) == (4 * SECOND + 1, 2000 * (4 * SECOND + 1))


def test_a_block_exactly_at_the_boundary_ends_the_epoch() -> None:
    """The boundary's own nanosecond begins the next epoch."""
    markets = started(with_funding(default_ppm=100), at_seconds=AT_THE_HOUR - 1)
    block(markets, SECOND - 1)
    assert ended(markets) == []
    block(markets, 1)
    assert [row["covered_ns"] for row in ended(markets)] == [SECOND]
    assert markets.funding.running(markets.ctx, BTC).covered_ns == 0


def test_slow_blocks_charge_every_epoch_that_they_covered() -> None:
    """A gap that is no outage but longer than epochs: the first closes at its boundary, the whole ones after it are one exact charge."""
    markets = started(with_funding(epoch_seconds=20, outage_seconds=300), at_seconds=AT_THE_HOUR + 5)
    markets.funding.add_premium(markets.ctx, BTC, 1000)
    block(markets, 72 * SECOND)
    assert [(row["epoch_end_seconds"] - AT_THE_HOUR, row["covered_ns"], row["rate_ppm"]) for row in ended(markets)] == [
        (20, 15 * SECOND, 1000),
        (60, 40 * SECOND, 1000),
    ]
    assert markets.funding.running(markets.ctx, BTC).covered_ns == 17 * SECOND


@pytest.mark.parametrize(("gap_ns", "covered_ns"), [(300 * SECOND, 310 * SECOND), (300 * SECOND + 1, 10 * SECOND)])
def test_an_outage_is_not_charged(gap_ns: int, covered_ns: int) -> None:
    """Up to the parameter the last sample stands; beyond it the gap is no covered time, no sample, no charge."""
    markets = started()
    markets.funding.add_premium(markets.ctx, BTC, 1000)
    block(markets, 10 * SECOND)
    block(markets, gap_ns)
    running = markets.funding.running(markets.ctx, BTC)
    assert (running.covered_ns, running.weighted) == (covered_ns, 1000 * covered_ns)
    block(markets, SECOND)
    assert markets.funding.running(markets.ctx, BTC).covered_ns == covered_ns + SECOND


def test_after_an_outage_epochs_skip_and_charge_what_was_covered() -> None:
    """Ten hours of silence: one charge of the covered minutes before it, nothing for the hours without blocks, the epoch clock goes on."""
    markets = started()
    markets.funding.add_premium(markets.ctx, BTC, 1000)
    block(markets, 120 * SECOND)
    block(markets, 10 * HOUR)
    assert [(row["epoch_end_seconds"], row["covered_ns"]) for row in ended(markets)] == [(AT_THE_HOUR + 3600, 120 * SECOND)]
    assert markets.funding.running(markets.ctx, BTC).covered_ns == 0
    assert markets.funding.epoch_end_ns(markets.ctx, BTC) == (AT_THE_HOUR + 11 * 3600) * SECOND
    block(markets, 10 * HOUR)
    assert ended(markets) == []
    assert len(markets.funding.charges(markets.ctx, BTC)) == 1


def test_time_that_does_not_advance_changes_nothing() -> None:
    """Equal or earlier block times cannot come from the engine; if they do, nothing is charged and nothing breaks."""
    markets = started(with_funding(default_ppm=100))
    block(markets, 10 * SECOND)
    for elapsed in (0, -5 * SECOND):
        mark = markets.ctx.state.mark()
        block(markets, elapsed)
        assert markets.ctx.state.mark() == mark
    block(markets, 6 * SECOND)
    assert markets.funding.running(markets.ctx, BTC).covered_ns == 11 * SECOND


def test_a_sample_that_stays_costs_no_write() -> None:
    """Only the clock is written in a block whose premium is the last one's; time is gathered when something changes."""
    markets = started()
    markets.funding.add_premium(markets.ctx, BTC, 7)
    mark = markets.ctx.state.mark()
    block(markets, SECOND, 7)
    assert markets.ctx.state.mark() == mark + 1
    block(markets, SECOND, 8)
    assert markets.ctx.state.mark() == mark + 3


@pytest.mark.parametrize(("wanted", "taken"), [(480_000, 480_000), (480_001, 480_000), (-480_001, -480_000), (10**30, 480_000)])
def test_a_sample_is_clamped_to_the_premium_bound(wanted: int, taken: int) -> None:
    """FUND-1 with the vote factor: 480,000 ppm for a large-cap tier."""
    markets = started()
    markets.funding.add_premium(markets.ctx, BTC, wanted)
    assert markets.funding.running(markets.ctx, BTC).sample_ppm == taken


@pytest.mark.parametrize(
    ("cap", "premium", "rate", "capped"),
    [
        (0, 100_000, 48_000, 52_100),
        (750, 2_000, 750, 1_350),
        (750, -2_000, -750, -1_150),
        (60_000, 100_000, 48_000, 52_100),
        (750, 100, 200, 0),
    ],
)
def test_the_lower_cap_bounds_the_rate_and_reports_what_it_cut_off(cap: int, premium: int, rate: int, capped: int) -> None:
    """FUND-2, FUND-4: the tier's 48,000 ppm against an absolute cap; interest is 100."""
    markets = started(with_funding(default_ppm=100, outage_seconds=3600, rate_cap_ppm=cap))
    markets.funding.add_premium(markets.ctx, BTC, premium)
    block(markets, HOUR)
    assert [(row["rate_ppm"], row["capped_ppm"]) for row in ended(markets)] == [(rate, capped)]
    assert markets.funding.charges(markets.ctx, BTC)[-1].capped_ppm == capped


def test_trap_longs_pay_shorts_when_the_rate_is_positive() -> None:
    """The index rises, a long of ten lots pays ten times what one lot accrued, a short receives it; and back when it falls."""
    markets = started(with_funding(outage_seconds=3600))
    markets.perp.change_open_interest(markets.ctx, BTC, 10_000_000)
    markets.funding.add_premium(markets.ctx, BTC, 800)
    block(markets, HOUR, -1600)
    assert markets.funding.index(markets.ctx, BTC) == 601
    assert markets.funding.payment(markets.ctx, BTC, 10_000_000, 0) == -6010
    assert markets.funding.payment(markets.ctx, BTC, -10_000_000, 0) == 6010
    assert markets.funding.accrued(markets.ctx, BTC).paid_total == 6010
    block(markets, HOUR)
    index = markets.funding.index(markets.ctx, BTC)
    assert index < 0
    assert markets.funding.payment(markets.ctx, BTC, 10_000_000, 601) == 10 * (601 - index) > 0
    assert markets.funding.accrued(markets.ctx, BTC).paid_total == 6010 + 10 * (601 - index)


def test_a_market_without_a_price_accrues_nothing() -> None:
    """A rate of nothing is no money."""
    oracle = oracle_section()
    oracle["markets"][BTC]["price"] = 0
    markets = started(with_funding(default_ppm=100, outage_seconds=3600) | {"oracle": oracle})
    block(markets, HOUR)
    assert [row["index_change"] for row in ended(markets)] == [0]
    assert markets.broken() == []


def test_perpetuals_keep_their_own_epochs() -> None:
    """Twenty seconds for BTC, an hour for ETH, eight for LINK, in one chain."""
    rows = [funded(BTC, epoch_seconds=20), funded(ETH), funded(LINK, epoch_seconds=28_800)]
    markets = started({"funding": {"perpetuals": rows}}, at_seconds=AT_THE_HOUR - 5)
    seen = []
    for _ in range(30):
        block(markets, 10 * SECOND)
        seen += [values[0] for kind, values in markets.ctx.events if kind is EPOCH_ENDED]
    assert (seen.count(BTC), seen.count(ETH), seen.count(LINK)) == (15, 1, 0)


def test_history_keeps_the_last_charges() -> None:
    """K charges, the oldest forgotten; the query gives the latest first."""
    genesis = with_funding(default_ppm=100, epoch_seconds=20)
    genesis["funding"]["history_length"] = 3
    markets = started(genesis)
    for premium in range(5):
        block(markets, 20 * SECOND, 10 * premium)
    assert [charge.premium_ppm for charge in markets.funding.charges(markets.ctx, BTC)] == [10, 20, 30]
    assert [charge.epoch_end_seconds - AT_THE_HOUR for charge in markets.funding.charges(markets.ctx, BTC)] == [60, 80, 100]
    rates = markets.ask("/perpd.funding.v1.Query/Rates", perpetual_id=BTC).rates
    assert [row.rate_ppm for row in rates] == [130, 120, 110]
    assert (rates[0].height, rates[0].time_seconds, rates[0].covered_nanoseconds) == (6, AT_THE_HOUR + 100, 20 * SECOND)
    assert decode_signed(rates[0].index) == markets.funding.index(markets.ctx, BTC)
    assert [row.rate_ppm for row in markets.ask("/perpd.funding.v1.Query/Rates", perpetual_id=BTC, limit=2).rates] == [130, 120]


def test_queries_answer_the_running_epoch_and_the_wire_perpetuals() -> None:
    """perpd.funding.v1 exactly; dydxprotocol.perpetuals with the index in the reference's unit."""
    genesis = with_funding(default_ppm=100, outage_seconds=3600, lot_base_quantums=4_000_000)
    markets = started(genesis)
    markets.perp.change_open_interest(markets.ctx, BTC, 8_000_000)
    markets.funding.add_premium(markets.ctx, BTC, 323)
    block(markets, HOUR, 50)
    block(markets, 7 * SECOND)
    answer = markets.ask("/perpd.funding.v1.Query/Funding", perpetual_id=BTC)
    index = markets.funding.index(markets.ctx, BTC)
    assert (
        (decode_signed(answer.index), answer.lot_base_quantums, answer.last_rate_ppm) == (index, 4_000_000, 423) == (1271, 4_000_000, 423)
    )
    assert decode_signed(answer.carry) == markets.funding.accrued(markets.ctx, BTC).carry > 0
    assert (decode_signed(answer.premium_sum), answer.covered_nanoseconds) == (50 * 7 * SECOND, 7 * SECOND)
    assert (answer.epoch_end_seconds, decode_signed(answer.paid_quote_quantums_total)) == (AT_THE_HOUR + 7200, 2 * 1271)
    wire = "/dydxprotocol.perpetuals.Query/"
    perpetual = markets.ask(wire + "Perpetual", id=BTC).perpetual
    assert (decode_signed(perpetual.funding_index), decode_signed(perpetual.open_interest)) == (318, 8_000_000)
    assert (perpetual.params.ticker, perpetual.params.market_type, perpetual.params.atomic_resolution) == ("BTC-USD", 1, -10)
    rows = markets.ask(wire + "AllPerpetuals")
    assert ([row.params.id for row in rows.perpetual], rows.pagination.total) == ([BTC, ETH, LINK], 3)
    assert rows.perpetual[LINK].params.market_type == 2
    assert rows.perpetual[LINK].open_interest == b"\x02"
    params = markets.ask(wire + "Params").params
    assert (params.funding_rate_clamp_factor_ppm, params.premium_vote_clamp_factor_ppm) == (6_000_000, 60_000_000)
    assert len(markets.ask(wire + "PremiumVotes").premium_votes.all_market_premiums) == 0
    assert markets.ask(wire + "PremiumSamples").premium_samples.num_premiums == 0


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/perpd.funding.v1.Query/Funding", "perpetual_id"),
        ("/perpd.funding.v1.Query/Rates", "perpetual_id"),
        ("/dydxprotocol.perpetuals.Query/Perpetual", "id"),
    ],
)
def test_queries_of_an_unknown_perpetual_are_not_found(path: str, field: str) -> None:
    """NOT_FOUND, not an empty answer."""
    with pytest.raises(QueryError) as caught:
        Markets().ask(path, **{field: 9})
    assert caught.value.status == "NOT_FOUND"


def test_an_export_goes_on_as_the_chain_that_it_came_from() -> None:
    """save -> load -> save is equal, and both chains end the running epoch with the same index and carry."""
    markets = started(with_funding(default_ppm=100))
    block(markets, 90 * SECOND, 480)
    block(markets, 3599 * SECOND, -37)
    block(markets, 30 * SECOND, 12)
    exported = json.loads(json.dumps(markets.export()))
    again = Markets(exported)
    assert again.export() == exported
    again.ctx.height, again.ctx.time_ns = markets.ctx.height, markets.ctx.time_ns
    for chain in (markets, again):
        for _ in range(13):
            block(chain, 290 * SECOND)
    assert again.export() == markets.export()
    assert len(markets.funding.charges(markets.ctx, BTC)) == 2
    assert markets.funding.accrued(again.ctx, BTC) == markets.funding.accrued(markets.ctx, BTC)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"epoch_seconds": 0}, "funding.perpetuals[1].epoch_seconds"),
        ({"epoch_seconds": 7000}, "funding.perpetuals[1].epoch_seconds"),
        ({"epoch_seconds": 172_800}, "funding.perpetuals[1].epoch_seconds"),
        ({"model": "VIBES"}, "funding.perpetuals[1].model"),
        ({"source": "LAST"}, "funding.perpetuals[1].source"),
        ({"accrual": "NEVER"}, "funding.perpetuals[1].accrual"),
        ({"lot_base_quantums": 0}, "funding.perpetuals[1].lot_base_quantums"),
        ({"outage_seconds": 0}, "funding.perpetuals[1].outage_seconds"),
        ({"rate_cap_ppm": -1}, "funding.perpetuals[1].rate_cap_ppm"),
        ({"id": 0}, "funding.perpetuals[1].id"),
        ({"id": 9}, "funding.perpetuals[1].id"),
        ({"carry": -1}, "funding.perpetuals[1].carry"),
        ({"running": {"weighted": 0, "covered_ns": 0, "sample_ppm": 0, "since_ns": 1}}, "funding.perpetuals[1].running"),
        ({"running": {}}, "funding.perpetuals[1].running.weighted"),
        ({"history": [{}]}, "funding.perpetuals[1].history[0].height"),
        ({"lots": 1}, "funding.perpetuals[1].lots"),
    ],
)
def test_genesis_mistakes_are_named_with_their_path(change: dict[str, object], path: str) -> None:
    """Each mistake alone, at its place in the file."""
    markets = Markets()
    markets.genesis["funding"]["perpetuals"][1] |= change
    assert path in [found for found, _ in markets.problems()]


def test_genesis_needs_funding_for_every_perpetual_and_lots_that_divide_open_interest() -> None:
    """Cross references to the section of perpetuals, in both directions."""
    markets = Markets()
    section = funding_section()
    del section["perpetuals"][ETH]
    markets.genesis["funding"] = section
    assert ("funding.perpetuals", "has no entry for perpetual 1") in markets.problems()
    markets.genesis["funding"] = funding_section()
    markets.genesis["perp"]["perpetuals"][LINK]["open_interest"] = 1_500_000
    assert [path for path, _ in markets.problems()] == ["funding.perpetuals[2].lot_base_quantums"]


@pytest.mark.parametrize("section", [None, "no", {"perpetuals": 1}, {"perpetuals": [None, {}]}])
def test_genesis_of_the_wrong_shape_is_reported_not_raised(section: object) -> None:
    """Whatever JSON stands there."""
    markets = Markets()
    markets.genesis["funding"] = section
    assert any(path.startswith("funding") for path, _ in markets.problems())


def test_invariants_find_what_is_broken() -> None:
    """FUND-A: half a lot of open interest, a carry beyond its divisor, a sample out of bounds, time after the clock."""
    markets = started()
    state = markets.funding_module._state
    markets.perp.change_open_interest(markets.ctx, BTC, 1_500_000)
    state.index.set(markets.ctx, BTC, markets.funding.accrued(markets.ctx, BTC)._replace(carry=10**60))
    running = markets.funding.running(markets.ctx, BTC)
    state.accrual.set(markets.ctx, BTC, running._replace(sample_ppm=480_001, since_ns=running.since_ns + 1))
    assert len(markets.funding_module.check_invariants(markets.ctx)) == 4
