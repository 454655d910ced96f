"""Volume as it comes from the order books: which fills count, and that tiers follow."""

from support.clob_exchange import BTC_PRICE, STEP, Exchange, genesis_of, owner
from support.fee_desk import text_of

SIZE = 1_234 * STEP
QUOTE = 7_419_178_200
"""What SIZE costs at BTC_PRICE (dydx-risk.md E13)."""
TIERS = [
    {"name": "1", "taker_fee_ppm": 500, "maker_fee_ppm": -110},
    {"name": "2", "absolute_volume_requirement": str(QUOTE), "taker_fee_ppm": 400, "maker_fee_ppm": -200},
]


def test_a_fill_is_volume_of_both_and_moves_them_to_their_tier_in_the_next_block() -> None:
    """E13's fill: fees at the old rates in its block, at the new ones after it; what clients are told."""
    exchange = Exchange(genesis_of(fees={"tiers": TIERS}))
    before = exchange.collateral("alice"), exchange.collateral("bob")
    exchange.place(exchange.short("bob", 1, "sell", 2 * SIZE, BTC_PRICE))
    exchange.place(exchange.short("alice", 1, "buy", SIZE, BTC_PRICE))
    assert exchange.collateral("alice") == before[0] - QUOTE - 3_709_590
    assert exchange.collateral("bob") == before[1] + QUOTE + 816_109
    exchange.step()
    for name, taker, maker in (("alice", QUOTE, 0), ("bob", 0, QUOTE)):
        stats = exchange.ask("/dydxprotocol.stats.Query/UserStats", user=text_of(name)).stats
        assert (stats.taker_notional, stats.maker_notional) == (taker, maker)
        assert exchange.ask("/dydxprotocol.feetiers.Query/UserFeeTier", user=text_of(name)).index == 1
    assert exchange.ask("/dydxprotocol.stats.Query/GlobalStats").stats.notional_traded == QUOTE
    before = exchange.collateral("alice"), exchange.collateral("bob")
    exchange.place(exchange.short("alice", 2, "buy", SIZE, BTC_PRICE))
    assert exchange.collateral("alice") == before[0] - QUOTE - 2_967_672
    assert exchange.collateral("bob") == before[1] + QUOTE + 1_483_835
    exchange.end()
    assert exchange.broken() == []


def test_what_only_tries_to_match_is_no_volume() -> None:
    """A post-only order that would cross is tried and undone; an order that comes to rest has not traded."""
    exchange = Exchange()
    exchange.place(exchange.short("bob", 1, "sell", SIZE, BTC_PRICE))
    exchange.place(exchange.short("alice", 1, "buy", SIZE, BTC_PRICE, tif="post_only"))
    assert exchange.fills() == []
    exchange.step()
    keeper = exchange.fees_module.keeper
    assert keeper.total_volume(exchange.ctx) == 0
    assert keeper.volume(exchange.ctx, owner("alice")) == (0, 0)
