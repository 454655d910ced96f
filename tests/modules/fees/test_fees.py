"""Fees: sound tiers, queries, genesis."""

import json
from typing import Any

import pytest

from modules.fees import formulas
from modules.fees.model import EVERYBODY, HOUR_SECONDS, FeeTier
from modules.kernel import address as addresses
from modules.kernel.codec import decode_signed
from modules.kernel.module import QueryError
from support.fee_desk import SECOND, START, TIERS, FeeDesk, problems, text_of
from support.markets import LINK

DAY_NS = 86_400 * SECOND
FEE_COLLECTOR_TEXT = addresses.to_text(addresses.of_module("fee_collector"))
POOL_TEXT = addresses.to_text(addresses.of_module(f"subaccounts:{LINK}"))
NOBODY_TEXT = addresses.to_text(EVERYBODY)
WHOLE = {"perp": {"perpetuals": [{"id": LINK}]}}
FULL: dict[str, Any] = {
    "window_seconds": 10 * HOUR_SECONDS,
    "market_discounts": [
        {"clob_pair_id": 7, "start_ns": START * SECOND, "end_ns": str((START + 5) * SECOND), "charge_ppm": 500_000},
        {"clob_pair_id": 0, "start_ns": 5, "end_ns": SECOND, "charge_ppm": 0},
    ],
    "revenue_shares": [{"address": text_of("firm"), "share_ppm": 300_000}, {"address": text_of("fund"), "share_ppm": 100_000}],
    "order_routers": [{"address": text_of("router"), "share_ppm": 1}],
    "volumes": [
        {
            "address": text_of("alice"),
            "hours": [
                {"hour": START // HOUR_SECONDS - 3, "taker": str(2**100), "maker": 1},
                {"hour": START // HOUR_SECONDS, "maker": "2"},
            ],
        },
    ],
}


def tier(name: str, taker: int, maker: int, volume: int = 0, total_share: int = 0, maker_share: int = 0) -> FeeTier:
    """A tier with these fees and requirements."""
    return FeeTier(name, volume, total_share, maker_share, maker_fee_ppm=maker, taker_fee_ppm=taker)


@pytest.mark.parametrize(
    ("tiers", "code", "word"),
    [
        ([], 400, "at least one"),
        ([tier("1", 500, 100, 1, 0, 0)], 401, "no requirements"),
        ([tier("1", 500, 100, 0, 0, 1)], 401, "no requirements"),
        ([tier("1", 500, 0), tier("2", 400, 0, 5, 0, 0), tier("3", 300, 0, 4, 0, 0)], 402, "absolute_volume_requirement of tier '3'"),
        ([tier("1", 500, 0), tier("2", 400, 0, 5, 7, 0), tier("3", 300, 0, 5, 6, 0)], 402, "total_volume_share_requirement_ppm"),
        ([tier("1", 500, 0), tier("2", 400, 0, 5, 7, 3), tier("3", 300, 0, 5, 7, 2)], 402, "maker_volume_share_requirement_ppm"),
        ([tier("1", 500, 0), tier("2", 100, 0, 5, 7, 0), tier("3", 300, -101, 5, 7, 0)], 403, "rebate"),
    ],
)
def test_unsound_tiers_are_named(tiers: list[FeeTier], code: int, word: str) -> None:
    """FEE-1: one mistake each, with the reference's number."""
    ((kind, sentence),) = formulas.mistakes(tiers)
    assert (kind.codespace, kind.code) == ("feetiers", code)
    assert word in sentence


def test_the_reference_tiers_are_sound() -> None:
    """FEE-1: rebates as high as the lowest taker fee are fine."""
    assert problems({"tiers": TIERS}) == []
    assert formulas.mistakes([tier("1", 500, 0), tier("2", 100, -100)]) == []


def test_who_has_not_traded_is_in_the_first_tier() -> None:
    """Taker first, maker second."""
    desk = FeeDesk()
    assert desk.rates("alice") == (500, -110)
    assert desk.broken() == []


def test_clients_read_tiers_and_their_own() -> None:
    """feetiers: all tiers, the trader's, and that there is no staking."""
    desk = FeeDesk()
    desk.fill("alice", "bob", 10**12)
    desk.step()
    params = desk.ask("PerpetualFeeParams").params
    assert [(one.name, one.absolute_volume_requirement, one.maker_fee_ppm, one.taker_fee_ppm) for one in params.tiers] == [
        ("1", 0, -110, 500),
        ("2", 10**12, -110, 450),
        ("6", 125 * 10**12, -110, 250),
    ]
    assert params.tiers[2].maker_volume_share_requirement_ppm == 10_000
    mine = desk.ask("UserFeeTier", user=text_of("alice"))
    assert (mine.index, mine.tier) == (1, params.tiers[1])
    assert desk.ask("UserFeeTier", user=text_of("carol")).index == 0
    assert list(desk.ask("StakingTiers").staking_tiers) == []
    staked = desk.ask("UserStakingTier", address=text_of("alice"))
    assert (staked.fee_tier_name, decode_signed(staked.staked_base_tokens), staked.discount_ppm) == ("2", 0, 0)


def test_clients_read_discounts_as_they_stand() -> None:
    """feetiers: with nanoseconds; also those that are over or yet to come; none is NOT_FOUND."""
    desk = FeeDesk(FULL)
    (over, running) = desk.ask("AllMarketFeeDiscountParams").params
    assert (over.clob_pair_id, over.start_time.seconds, over.start_time.nanos, over.end_time.seconds, over.charge_ppm) == (0, 0, 5, 1, 0)
    assert (running.clob_pair_id, running.charge_ppm) == (7, 500_000)
    assert desk.ask("PerMarketFeeDiscountParams", clob_pair_id=7).params == running
    with pytest.raises(QueryError, match="clob pair 1: the market has no fee discount") as raised:
        desk.ask("PerMarketFeeDiscountParams", clob_pair_id=1)
    assert raised.value.status == "NOT_FOUND"


def test_clients_read_volume_by_trader_by_hour_and_of_everybody() -> None:
    """stats: window, oldest hour, totals; what exceeds 64 bits is told as the most that fits; hours that do not count are empty."""
    desk = FeeDesk({"window_seconds": 2 * HOUR_SECONDS})
    hour = START // HOUR_SECONDS
    desk.fill("alice", "bob", 10)
    desk.step(HOUR_SECONDS)
    desk.fill("bob", "alice", 2**64 + 5)
    desk.step()
    assert desk.ask("Params", "stats").params.window_duration.seconds == 2 * HOUR_SECONDS
    assert desk.ask("StatsMetadata", "stats").metadata.trailing_epoch == hour - 1
    assert desk.ask("GlobalStats", "stats").stats.notional_traded == 2**64 - 1
    mine = desk.ask("UserStats", "stats", user=text_of("alice")).stats
    assert (mine.taker_notional, mine.maker_notional) == (10, 2**64 - 1)
    first = desk.ask("EpochStats", "stats", epoch=hour).stats
    assert first.epoch_end_time.seconds == START + HOUR_SECONDS
    by_user = {one.user: (one.stats.taker_notional, one.stats.maker_notional) for one in first.stats}
    assert by_user == {text_of("alice"): (10, 0), text_of("bob"): (0, 10)}
    for epoch in (0, hour - 2, hour + 2, 2**32 - 1):
        assert list(desk.ask("EpochStats", "stats", epoch=epoch).stats.stats) == []
    desk.step(2 * HOUR_SECONDS)
    assert list(desk.ask("EpochStats", "stats", epoch=hour).stats.stats) == []
    assert len(desk.ask("EpochStats", "stats", epoch=hour + 1).stats.stats) == 2


@pytest.mark.parametrize(
    ("service", "method", "field"),
    [("feetiers", "UserFeeTier", "user"), ("feetiers", "UserStakingTier", "address"), ("stats", "UserStats", "user")],
)
def test_a_bad_address_is_an_invalid_argument(service: str, method: str, field: str) -> None:
    """Of every query that takes one."""
    with pytest.raises(QueryError, match="bech32") as raised:
        FeeDesk().ask(method, service, **{field: "nobody"})
    assert raised.value.status == "INVALID_ARGUMENT"


def test_genesis_survives_export_and_import() -> None:
    """Everything that a section can hold, and a life on top: the same document and the same objects again."""
    desk = FeeDesk(FULL)
    assert desk.volume("alice") == (2**100, 3)
    desk.fill("alice", "carol", 10)
    desk.step(10)
    desk.fill("carol", "bob", 10)
    desk.step(HOUR_SECONDS)
    for pending in (2, 0):
        assert len(desk.state.tables[7]) == pending, "two blocks are pending; after a block an hour later none"
        again = desk.again()
        assert again.module.export_genesis(again.ctx) == desk.module.export_genesis(desk.ctx)
        assert again.state.tables == desk.state.tables
        assert again.broken() == []
        for name in ("alice", "bob", "carol"):
            assert again.volume(name) == desk.volume(name)
        assert again.keeper.total_volume(again.ctx) == desk.keeper.total_volume(desk.ctx) == 2**100 + 20
        desk.step()


def test_what_is_pending_counts_wherever_a_chain_begins() -> None:
    """At a height that does not look for it, it goes into the trails: the same volumes."""
    desk = FeeDesk(FULL)
    desk.fill("alice", "carol", 10)
    desk.step(10)
    exported = desk.module.export_genesis(desk.ctx)
    assert exported["volume_pending"]
    exported["volume_pending"][0]["height"] = "4711"
    again = FeeDesk(exported, time_ns=desk.ctx.time_ns)
    assert not again.state.tables[7]
    assert again.broken() == []
    assert [again.volume(name) for name in ("alice", "carol")] == [desk.volume(name) for name in ("alice", "carol")]


def test_volumes_that_do_not_add_up_are_mistakes() -> None:
    """A start that is missing or too high, a bitmap without its first bit, blocks that everybody's volume does not match."""
    desk = FeeDesk(FULL)
    for seconds in (HOUR_SECONDS, HOUR_SECONDS, 1):
        desk.fill("alice", "carol", 10)
        desk.step(seconds)
    desk.step()

    def found(key: str, index: int, **changes: Any) -> list[str]:
        document = json.loads(json.dumps(desk.module.export_genesis(desk.ctx)))
        assert problems(document) == []
        document[key][index] |= changes
        return [path for path, _ in problems(document)]

    assert found("volume_starts", -1, hour=1) == ["fees.volume_starts"]
    assert found("volume_starts", -1, taker=str(2**110)) == ["fees.volume_starts"]
    assert found("volume_trails", 0, hours="2") == ["fees.volume_trails"]
    assert found("volume_pending", 0, volumes=[{"address": text_of("alice"), "taker": 1}])[-1] == "fees.volume_pending"
    assert found("volume_pending", 0, hour=1) == []
    assert desk.broken() == []


def test_genesis_leaves_out_what_counts_no_more() -> None:
    """An import later than its export does not count what has aged out since."""
    desk = FeeDesk({"window_seconds": HOUR_SECONDS})
    desk.fill("alice", "bob", 10)
    desk.step(HOUR_SECONDS)
    desk.fill("alice", "carol", 20)
    desk.step()
    exported = desk.module.export_genesis(desk.ctx)
    later = FeeDesk(exported, time_ns=desk.ctx.time_ns + HOUR_SECONDS * SECOND)
    assert [later.volume(name) for name in ("alice", "bob", "carol")] == [(20, 0), (0, 0), (0, 20)]
    assert later.broken() == []


def changed(key: str, *values: Any) -> dict[str, Any]:
    """A sound section with this key instead."""
    return {"tiers": TIERS, key: list(values)}


def share(name: str = "firm", share_ppm: Any = 1, **more: Any) -> dict[str, Any]:
    """An entry of revenue_shares or order_routers."""
    return {"address": text_of(name), "share_ppm": share_ppm} | more


def discount(**changes: Any) -> dict[str, Any]:
    """An entry of market_discounts."""
    return {"clob_pair_id": 0, "start_ns": 0, "end_ns": 90 * DAY_NS, "charge_ppm": 0} | changes


def traded(name: str, *hours: int, **more: Any) -> dict[str, Any]:
    """An entry of volumes."""
    return {"address": text_of(name), "hours": [{"hour": hour, "taker": 1} for hour in hours]} | more


@pytest.mark.parametrize(
    ("section", "path"),
    [
        (None, "fees"),
        ({}, "fees.tiers"),
        ({"tiers": []}, "fees.tiers"),
        ({"tiers": [{"name": "1", "taker_fee_ppm": 5}]}, "fees.tiers[0].maker_fee_ppm"),
        ({"tiers": [{"name": "", "taker_fee_ppm": 5, "maker_fee_ppm": 0}]}, "fees.tiers[0].name"),
        ({"tiers": [{"name": "1", "taker_fee_ppm": 1_000_001, "maker_fee_ppm": 0}]}, "fees.tiers[0].taker_fee_ppm"),
        ({"tiers": [{"name": "1", "taker_fee_ppm": 1, "maker_fee_ppm": 0, "x": 1}]}, "fees.tiers[0].x"),
        ({"tiers": [{"name": "1", "taker_fee_ppm": 1, "maker_fee_ppm": -2}]}, "fees.tiers"),
        ({"tiers": TIERS, "window_seconds": HOUR_SECONDS - 1}, "fees.window_seconds"),
        (changed("volume_trails", {"address": text_of("alice"), "hour": 1, "hours": 0}), "fees.volume_trails[0].hours"),
        (changed("volume_trails", {"address": "nobody", "hour": 1, "hours": 1}), "fees.volume_trails[0].address"),
        (changed("volume_starts", {"address": text_of("alice"), "hour": -1}), "fees.volume_starts[0].hour"),
        (changed("volume_pending", {"height": 1, "hour": 1, "volumes": []}), "fees.volume_pending[0].volumes"),
        (
            changed("volume_trails", {"address": text_of("alice"), "hour": 1, "hours": 1}) | {"volumes": [traded("alice", 1)]},
            "fees.volumes",
        ),
        ({"tiers": TIERS, "window_seconds": 366 * 86_400 + 1}, "fees.window_seconds"),
        ({"tiers": TIERS, "staking_tiers": []}, "fees.staking_tiers"),
        (changed("market_discounts", discount(end_ns=0)), "fees.market_discounts[0].end_ns"),
        (changed("market_discounts", discount(end_ns=90 * DAY_NS + 1)), "fees.market_discounts[0].end_ns"),
        (changed("market_discounts", discount(charge_ppm=1_000_001)), "fees.market_discounts[0].charge_ppm"),
        (changed("market_discounts", discount(), discount()), "fees.market_discounts[1].clob_pair_id"),
        (changed("market_discounts", discount(what=1)), "fees.market_discounts[0].what"),
        (changed("revenue_shares", share("a", 600_000), share("b", 400_000)), "fees.revenue_shares"),
        (changed("revenue_shares", share(share_ppm=0)), "fees.revenue_shares[0].share_ppm"),
        (changed("revenue_shares", share(), share()), "fees.revenue_shares[1].address"),
        (changed("revenue_shares", share() | {"address": "cosmos1"}), "fees.revenue_shares[0].address"),
        (changed("revenue_shares", {"address": FEE_COLLECTOR_TEXT, "share_ppm": 1}), "fees.revenue_shares"),
        (changed("order_routers", {"address": POOL_TEXT, "share_ppm": 1}), "fees.order_routers"),
        (changed("order_routers", share(share_ppm=1_000_000)), "fees.order_routers[0].share_ppm"),
        (changed("order_routers", share(), share()), "fees.order_routers[1].address"),
        (changed("order_routers", share(x=1)), "fees.order_routers[0].x"),
        (changed("volumes", traded("a", 5, 5)), "fees.volumes[0].hours"),
        (changed("volumes", traded("a", 6, 5)), "fees.volumes[0].hours"),
        (changed("volumes", traded("a", 5), traded("a", 6)), "fees.volumes[1].address"),
        (changed("volumes", traded("a", 5), traded("b", 5 + 722)), "fees.volumes"),
        (changed("volumes", traded("a", 5, 2**32 - 1)), "fees.volumes"),
        (changed("volumes", traded("a", 2**32)), "fees.volumes[0].hours[0].hour"),
        (changed("volumes", traded("a", 5, address=NOBODY_TEXT)), "fees.volumes[0].address"),
        (changed("volumes", traded("a", 5, hours=[{"hour": 5, "taker": -1}])), "fees.volumes[0].hours[0].taker"),
    ],
)
def test_genesis_reports_mistakes_with_their_path(section: Any, path: str) -> None:
    """Each of them; nothing raises."""
    assert path in [where for where, _ in problems(section, WHOLE)]


@pytest.mark.parametrize(
    "section",
    [
        changed("revenue_shares", share("a", 600_000), share("b", 399_999)),
        changed("order_routers", share("a", 999_999), share("b", 999_999)),
        changed("volumes", traded("a", 5), traded("b", 5 + 721)),
        changed("market_discounts", discount(), discount(clob_pair_id=2**32 - 1)),
    ],
)
def test_genesis_takes_what_is_just_allowed(section: Any) -> None:
    """The largest shares, the longest window of volume, any pair."""
    assert problems(section, WHOLE) == []
