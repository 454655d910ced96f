"""Changes of the authority: who may, when they hold, in which order, and what becomes of those that turn out impossible."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from modules.authority.events import CHANGE_APPLIED, CHANGE_QUEUED, CHANGE_REFUSED
from modules.authority.model import MAX_CHANGES_PER_BLOCK, QueuedChange
from modules.funding.formulas import index_divisor
from modules.kernel.module import Problems
from node.chain_genesis import validate
from node.tx.kinds import INTERNAL
from support.authority_desk import AUTHORITY, STRANGER, Desk
from support.change_messages import (
    block_limits,
    book_limits,
    discount,
    engine_limits,
    equity_tiers,
    fee_tiers,
    funding,
    gate,
    liquidations,
    market,
    no_key,
    pair,
    perpetual,
    tier,
    validators,
    windows,
)
from support.markets import START_SECONDS, perp_section
from support.price_desk import rotation


class Kind:
    """One kind of change: how it is sent, what it changes and to what."""

    def __init__(self, make: Callable[[Desk], Message], read: Callable[[Desk], Any], after: Any) -> None:
        self.make = make
        self.read = read
        self.after = after


KINDS = {
    "liquidity tier": Kind(lambda _: tier(), lambda desk: next(desk.wiring.perp.keeper.tiers(desk.ctx)).initial_margin_ppm, 30_000),
    "perpetual": Kind(lambda _: perpetual(), lambda desk: desk.wiring.perp.keeper.require(desk.ctx, 0).default_funding_ppm, 100),
    "funding bounds": Kind(lambda _: funding(), lambda desk: desk.wiring.funding.keeper.params(desk.ctx)[:2], (1_000_000, 2_000_000)),
    "oracle market": Kind(lambda _: market(), lambda desk: next(desk.wiring.oracle.keeper.markets(desk.ctx))[1:4], ("XBT-USD", -5, 500)),
    "price signers": Kind(lambda _: rotation(), lambda desk: [version for version, _ in desk.wiring.oracle.pull.sets(desk.ctx)], [2]),
    "liquidations": Kind(
        lambda _: liquidations(), lambda desk: desk.wiring.liquidation.keeper.params(desk.ctx).max_liquidation_fee_ppm, 10_000
    ),
    "validators": Kind(
        lambda _: validators((1, 15), (3, 5)), lambda desk: desk.wiring.consensus.keeper.validator_updates(desk.ctx),
        [(bytes([1]) * 32, 15), (bytes([3]) * 32, 5)],
    ),
    "block limits": Kind(
        lambda desk: block_limits(desk, max_block_txs=9), lambda desk: desk.wiring.consensus.keeper.params(desk.ctx).max_block_txs, 9
    ),
    "clob pair": Kind(lambda desk: pair(desk, status=2), lambda desk: next(desk.wiring.clob.keeper.pairs(desk.ctx)).status, 2),
    "equity tiers": Kind(
        lambda _: equity_tiers([(b"", 3)]), lambda desk: desk.wiring.clob.keeper.limits.equity_tiers(desk.ctx).stateful, ((0, 3),)
    ),
    "message windows": Kind(
        lambda _: windows((5, 6)), lambda desk: desk.wiring.clob.keeper.limits.rate_limits(desk.ctx).stateful_orders, ((5, 6),)
    ),
    "order books": Kind(lambda _: book_limits(7, 8, 9), lambda desk: desk.wiring.clob.keeper.params(desk.ctx)[:3], (7, 8, 9)),
    "engine step": Kind(
        lambda _: engine_limits(1, 2, 3, 4), lambda desk: desk.wiring.liquidation.keeper.params(desk.ctx).max_orders_per_block, 1
    ),
    "gate": Kind(lambda _: gate(60, 3), lambda desk: desk.wiring.subaccounts.keeper.gating.params(desk.ctx), (60, 3)),
    "fee tiers": Kind(lambda _: fee_tiers(350), lambda desk: desk.wiring.fees.keeper.tiers(desk.ctx)[0].taker_fee_ppm, 350),
    "discounts": Kind(
        lambda _: discount(START_SECONDS, 0), lambda desk: [row[0] for row in desk.wiring.fees.keeper.discounts(desk.ctx)], [0]
    ),
}  # fmt: skip


def test_every_kind_of_change_is_tested_here() -> None:
    """What a module offers and nobody tries fails this."""
    desk = Desk()
    offered = {route.message.DESCRIPTOR.full_name for module in desk.wiring.modules for route in module.changes}
    assert {kind.make(desk).DESCRIPTOR.full_name for kind in KINDS.values()} == offered


@pytest.mark.parametrize("name", KINDS)
def test_a_change_holds_from_the_next_height_on(name: str) -> None:
    """Its transaction changes nothing but the queue; the end of the block makes it so and leaves the queue empty."""
    desk, kind = Desk(), KINDS[name]
    before = kind.read(desk)
    message = kind.make(desk)
    assert desk.send(message) == ""
    assert kind.read(desk) == before != kind.after
    assert desk.ctx.events[-1] == (CHANGE_QUEUED, (0, message.DESCRIPTOR.full_name))
    assert desk.wiring.authority.keeper.check(desk.ctx) == [f"change 0 of {message.DESCRIPTOR.full_name} waits"]  # AUT-1
    assert desk.end_block() == [(CHANGE_APPLIED, (0, message.DESCRIPTOR.full_name))]
    assert kind.read(desk) == kind.after
    assert desk.wiring.check_invariants(desk.ctx) == []
    assert validate(desk.exported(), desk.wiring.modules) == []


@pytest.mark.parametrize("name", KINDS)
def test_nobody_else_can_change_anything(name: str) -> None:
    """A stranger's message fails and leaves nothing, and so does everyone's where genesis names nobody."""
    for desk, sender in ((Desk(), STRANGER.text), (Desk(authority={"address": ""}), AUTHORITY.text)):
        message: Any = KINDS[name].make(desk)
        message.authority = sender
        before = desk.exported()
        assert desk.send(message) in ("sdk/4", "clob/40", "perpetuals/19", "feetiers/404")
        assert desk.end_block() == []
        assert desk.exported() == before


def test_who_fails_learns_who_the_authority_is() -> None:
    """The code is that of the reference's module, or unauthorized; the text names both accounts."""
    desk = Desk()
    assert desk.send(tier(sender=STRANGER.text)) == "perpetuals/19"
    assert desk.log_of(tier(sender=STRANGER.text)).startswith(f"{STRANGER.text} is not the authority; it is {AUTHORITY.text}: ")
    nobody = Desk(authority={})
    assert nobody.log_of(tier()).startswith("this chain's genesis names no authority, so nobody can change its parameters: ")
    message: Any = market()
    message.authority = STRANGER.text
    assert desk.send(message) == "sdk/4"
    config: Any = liquidations()
    config.authority = STRANGER.text
    assert desk.send(config) == "clob/40"


def test_changes_of_a_block_are_applied_in_their_order() -> None:
    """The last one of the same thing stands, and one may need what another before it makes."""
    desk = Desk()
    assert desk.send(perpetual(liquidity_tier=9)) == "perpetuals/12"
    for message in (tier(initial=40_000), tier(9, initial=50_000), perpetual(liquidity_tier=9), tier(initial=25_000)):
        assert desk.send(message) == ""
    assert [values[0] for kind, values in desk.end_block() if kind is CHANGE_APPLIED] == [0, 1, 2, 3]
    perp = desk.wiring.perp.keeper
    assert next(perp.tiers(desk.ctx)).initial_margin_ppm == 25_000
    assert perp.tier(desk.ctx, perp.require(desk.ctx, 0)).initial_margin_ppm == 50_000


def test_a_change_that_contradicts_one_before_it_fails_at_once() -> None:
    """It is tried on top of what waits: the second market of one name is refused in its transaction."""
    desk = Desk()
    assert desk.send(market(0, "NEW-USD")) == ""
    assert desk.send(market(1, "NEW-USD")) == "prices/205"
    assert [kind for kind, _ in desk.end_block()] == [CHANGE_APPLIED]


def test_a_change_that_has_become_impossible_is_told_and_undone_alone() -> None:
    """BTC moves to a market without a price: possible until somebody opens a position in the same block."""
    desk = Desk()
    unpriced = desk.wiring.oracle._state.prices
    unpriced.set(desk.ctx, 1, desk.wiring.oracle.keeper.recorded(desk.ctx, 1)._replace(price=0))
    assert desk.send(perpetual(market_id=1)) == ""
    assert desk.send(tier(initial=33_000)) == ""
    desk.wiring.perp.keeper.change_open_interest(desk.ctx, 0, 1_000)
    refused, applied = desk.end_block()
    assert refused[0] is CHANGE_REFUSED
    assert refused[1][:4] == (0, "dydxprotocol.perpetuals.MsgUpdatePerpetualParams", "perpetuals", 2)
    assert "has no price yet" in str(refused[1][4])
    assert applied == (CHANGE_APPLIED, (1, "dydxprotocol.perpetuals.MsgSetLiquidityTier"))
    assert desk.wiring.perp.keeper.require(desk.ctx, 0).market_id == 0
    assert next(desk.wiring.perp.keeper.tiers(desk.ctx)).initial_margin_ppm == 33_000


def test_a_block_takes_a_hundred_changes() -> None:
    """The next one is asked to come again."""
    desk = Desk()
    keeper = desk.wiring.authority.keeper
    waiting = QueuedChange(tier().DESCRIPTOR.full_name, tier().SerializeToString())
    for place in range(MAX_CHANGES_PER_BLOCK):
        assert keeper.queue(desk.ctx, waiting) == place
    assert desk.send(tier()) == "authority/2"
    assert len(desk.end_block()) == MAX_CHANGES_PER_BLOCK
    assert keeper.queued(desk.ctx) == []


def test_a_trial_leaves_no_memo_of_what_it_tried() -> None:
    """Margins after the transaction are still those of the block; after its end the new ones."""
    desk = Desk()
    perp = desk.wiring.perp.keeper
    before = perp.margin(desk.ctx, 0, 10_000_000_000)
    assert desk.send(tier(initial=40_000)) == ""
    assert perp.margin(desk.ctx, 0, 10_000_000_000) == before
    desk.end_block()
    assert perp.margin(desk.ctx, 0, 10_000_000_000).initial == 2 * before.initial


def test_genesis_names_an_account_or_nobody() -> None:
    """AUT-2: an address, checked; an empty or absent one is nobody; the export says the same."""
    desk = Desk()
    assert desk.exported()["authority"] == {"address": AUTHORITY.text}
    assert desk.wiring.authority.keeper.address(desk.ctx) == AUTHORITY.address
    for section in ({}, {"address": ""}):
        nobody = Desk(authority=section)
        assert nobody.exported()["authority"] == {"address": ""}
        assert nobody.wiring.authority.keeper.address(nobody.ctx) is None
    problems = Problems()
    desk.wiring.authority.validate_genesis({"address": "me", "power": 1}, problems, {})
    assert [path for path, _ in problems.found] == ["authority.address", "authority.power"]
    document = desk.exported()
    del document["authority"]
    assert validate(document, desk.wiring.modules) == []
    desk.wiring.authority._state.address.set(desk.ctx, b"\x01")
    assert desk.wiring.authority.keeper.check(desk.ctx) == ["the authority has 1 bytes"]


def test_anyone_can_ask_who_it_is() -> None:
    """perpd.authority.v1.Query/Authority."""
    for desk, text in ((Desk(), AUTHORITY.text), (Desk(authority={}), "")):
        route = next(route for route in desk.wiring.queries if route.path == "/perpd.authority.v1.Query/Authority")
        assert route.handle(desk.ctx, route.request()).address == text


def test_nothing_that_moves_money_or_makes_markets_is_a_change() -> None:
    """Such messages of the reference's governance have no route."""
    routed = Desk().routes
    refused = [name for name in INTERNAL if "Create" in name or "Send" in name or "Upgrade" in name]
    assert len(refused) == 6
    assert not [name for name in refused if name in routed]


def broken(message: Any, path: str, value: Any) -> Any:
    """The message with one field changed."""
    *parents, name = path.split(".")
    inner = message
    for parent in parents:
        inner = getattr(inner, parent)
    setattr(inner, name, value)
    return message


REFUSED = {
    "no initial margin": (tier(initial=0), "perpetuals/3"),
    "an initial margin above 100 %": (tier(initial=1_000_001), "perpetuals/3"),
    "no maintenance": (tier(maintenance_fraction_ppm=0), "perpetuals/4"),
    "more maintenance than initial margin": (tier(maintenance_fraction_ppm=1_000_001), "perpetuals/4"),
    "no impact notional": (tier(impact_notional=0), "perpetuals/16"),
    "caps the wrong way round": (tier(open_interest_lower_cap=2, open_interest_upper_cap=1), "perpetuals/24"),
    "a tier without a name": (tier(name=""), "sdk/18"),
    "a tier with a long name": (tier(name="n" * 65), "sdk/18"),
    "an unknown perpetual": (perpetual(7), "perpetuals/1"),
    "an unknown market": (perpetual(market_id=7), "perpetuals/2"),
    "an unknown tier": (perpetual(liquidity_tier=7), "perpetuals/12"),
    "no ticker": (perpetual(ticker=""), "perpetuals/6"),
    "a long ticker": (perpetual(ticker="t" * 65), "sdk/18"),
    "a default funding above 100 %": (perpetual(default_funding_ppm=1_000_001), "perpetuals/5"),
    "a default funding below -100 %": (perpetual(default_funding_ppm=-1_000_001), "perpetuals/5"),
    "a market type that is none": (perpetual(market_type=0), "perpetuals/23"),
    "no rate factor": (funding(rate=0), "perpetuals/14"),
    "a rate factor of 32 bits": (funding(rate=2**31), "perpetuals/14"),
    "no premium factor": (funding(premium=0), "perpetuals/15"),
    "a premium factor of 32 bits": (funding(premium=2**32 - 1), "perpetuals/15"),
    "no votes": (funding(votes=0), "perpetuals/22"),
    "an empty pair": (market(pair=""), "prices/1"),
    "a long pair": (market(pair="X-" + "Y" * 63), "prices/1"),
    "no change of price": (market(change=0), "prices/1"),
    "a change of price of 1 %": (market(change=10_000), "prices/1"),
    "a pair of one": (market(pair="XBTUSD"), "prices/206"),
    "a pair of three": (market(pair="X-B-T"), "prices/206"),
    "a market that is none": (market(9), "prices/200"),
    "another's pair": (market(pair="ETH-USD"), "prices/205"),
    "no liquidation fee": (liquidations(fee=0), "clob/1000"),
    "a liquidation fee above 100 %": (liquidations(fee=1_000_001), "clob/1000"),
    "no portion": (liquidations(portion=0), "clob/1000"),
    "a portion above 100 %": (liquidations(portion=1_000_001), "clob/1000"),
    "no notional": (liquidations(notional=0), "clob/1000"),
    "no insurance": (liquidations(insurance=0), "clob/1000"),
    "an adjustment below 1": (liquidations(adjustment=999_999), "clob/1000"),
    "no spread": (liquidations(spread=0), "clob/1000"),
    "no validators named": (validators(), "consensus/2"),
    "a key that is none": (no_key(), "consensus/2"),
    "a key twice": (validators((1, 5), (1, 6)), "consensus/2"),
    "removing who is no validator": (validators((9, 0)), "consensus/2"),
    "removing all": (validators((1, 0), (2, 0)), "consensus/2"),
    "too much power": (validators((1, 2**60)), "consensus/2"),
    "no block": (block_limits(Desk(), max_block_bytes=0), "consensus/3"),
    "transactions larger than blocks": (block_limits(Desk(), max_block_bytes=20_000, max_tx_bytes=20_001), "consensus/3"),
    "shares of less than all": (broken(block_limits(Desk()), "params.max_block_txs", 0), "consensus/3"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_possible_has_its_code(name: str) -> None:
    """And changes nothing."""
    desk, (message, code) = Desk(), REFUSED[name]
    before = desk.exported()
    assert desk.send(message) == code
    assert desk.end_block() == []
    assert desk.exported() == before


EDGES = {
    "the lowest tier": tier(initial=1, maintenance_fraction_ppm=1, impact_notional=1),
    "the highest tier": tier(initial=1_000_000, maintenance_fraction_ppm=1_000_000, impact_notional=2**64 - 1),
    "caps that are equal": tier(open_interest_lower_cap=5, open_interest_upper_cap=5),
    "the longest name": tier(name="n" * 64),
    "funding of 100 %": perpetual(default_funding_ppm=1_000_000),
    "funding of -100 %": perpetual(default_funding_ppm=-1_000_000),
    "the lowest factors": funding(1, 1, 1),
    "the highest factors": funding(2**31 - 1, 2**31 - 1),
    "the smallest change of price": market(change=1),
    "the largest change of price": market(change=9_999),
    "its own pair": market(pair="BTC-USD"),
    "the lowest liquidation limits": liquidations(fee=1, minimum=0, portion=1, notional=1, insurance=1, spread=1),
    "the most power": validators((1, 2**60 - 1 - 20)),
    "one validator removed": validators((2, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_what_is_just_possible_is_applied(name: str) -> None:
    """And a genesis of the result is valid."""
    desk = Desk()
    assert desk.apply(EDGES[name]) == ""
    assert validate(desk.exported(), desk.wiring.modules) == []


def test_a_perpetual_keeps_what_its_message_cannot_change() -> None:
    """Atomic resolution and market type are passed over, as in the reference."""
    desk = Desk()
    old = desk.wiring.perp.keeper.require(desk.ctx, 2)
    message = perpetual(2, ticker="LINK2-USD", market_id=1, default_funding_ppm=-7, liquidity_tier=2, market_type=1, atomic_resolution=3)
    assert desk.apply(message) == ""
    changed = desk.wiring.perp.keeper.require(desk.ctx, 2)
    assert changed == old._replace(ticker="LINK2-USD", market_id=1, default_funding_ppm=-7, liquidity_tier=2)
    assert changed.isolated


def test_a_sample_keeps_to_a_bound_that_becomes_narrower() -> None:
    """The premium in force is cut to the new bound from the block's time on, whether the factor or the tier has changed."""
    for message in (funding(premium=1_000_000), tier(initial=1_000, maintenance_fraction_ppm=900_000)):
        desk = Desk()
        keeper = desk.wiring.funding.keeper
        keeper.add_premium(desk.ctx, 0, 400_000)
        assert keeper.running(desk.ctx, 0).sample_ppm == 400_000
        assert desk.apply(message) == ""
        bound = keeper.premium_bound(desk.ctx, desk.wiring.perp.keeper.require(desk.ctx, 0))
        assert keeper.running(desk.ctx, 0).sample_ppm == bound < 400_000


def test_a_remainder_that_is_none_any_more_is_dropped() -> None:
    """With a market of another exponent the index goes on; less than one quantum per lot is lost."""
    desk = Desk()
    index = desk.wiring.funding._state.index
    old = desk.wiring.funding.keeper.accrued(desk.ctx, 2)
    index.set(desk.ctx, 2, old._replace(value=5, carry=index_divisor(10**9) - 1))
    assert desk.wiring.check_invariants(desk.ctx) == []
    assert desk.apply(perpetual(2, ticker="LINK-USD", market_id=0, liquidity_tier=1, market_type=2)) == ""
    changed = desk.wiring.funding.keeper.accrued(desk.ctx, 2)
    assert changed.value == 5
    assert changed.carry == 0


def test_brackets_of_a_tier_stay_when_it_changes() -> None:
    """The reference's message cannot say them; a tier that was not there has none."""
    section = perp_section()
    section["liquidity_tiers"][0]["brackets"] = "cex_tiers"
    desk = Desk(perp=section)
    before = next(desk.wiring.perp.keeper.tiers(desk.ctx)).brackets
    assert before
    assert desk.apply(tier(initial=30_000)) == ""
    assert desk.apply(tier(9)) == ""
    brackets = {one.id: (one.initial_margin_ppm, one.brackets) for one in desk.wiring.perp.keeper.tiers(desk.ctx)}
    assert brackets[0] == (30_000, before)
    assert brackets[9] == (30_000, ())
