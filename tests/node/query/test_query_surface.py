"""Every state query that clients of the reference know answers on a whole application, in pages where they are lists."""

from collections.abc import Iterator
from typing import Any

import pytest

from modules.kernel.codec import decode_signed
from modules.kernel.module import QueryError
from node.history.history import DEFAULT_BLOCKS, History
from node.query.routes import state_routes
from node.query.services.absent import absent_routes
from node.query.services.node_state import node_routes
from node.query.table import QueryTable
from support.app_network import AppNetwork, app_network
from support.load import IMMEDIATE_OR_CANCEL, LONG_TERM, POST_ONLY

SUBACCOUNT: dict[str, Any] = {"owner": "", "number": 0}
ORDER: dict[str, Any] = {
    "order_id": {"subaccount_id": {"owner": "", "number": 0}, "client_id": 7, "order_flags": LONG_TERM, "clob_pair_id": 0}
}
ASKED: dict[str, dict[str, Any]] = {
    # clob, section 8
    "dydxprotocol.clob.Query/ClobPair": {"id": 0},
    "dydxprotocol.clob.Query/ClobPairAll": {},
    "dydxprotocol.clob.Query/EquityTierLimitConfiguration": {},
    "dydxprotocol.clob.Query/BlockRateLimitConfiguration": {},
    "dydxprotocol.clob.Query/LiquidationsConfiguration": {},
    "dydxprotocol.clob.Query/StatefulOrder": ORDER,
    "dydxprotocol.clob.Query/NextClobPairId": {},
    "dydxprotocol.clob.Query/Leverage": SUBACCOUNT,
    # risk, section 3.1
    "dydxprotocol.subaccounts.Query/Subaccount": SUBACCOUNT,
    "dydxprotocol.subaccounts.Query/SubaccountAll": {},
    "dydxprotocol.subaccounts.Query/GetWithdrawalAndTransfersBlockedInfo": {"perpetual_id": 0},
    "dydxprotocol.subaccounts.Query/CollateralPoolAddress": {"perpetual_id": 0},
    "dydxprotocol.perpetuals.Query/Perpetual": {"id": 0},
    "dydxprotocol.perpetuals.Query/AllPerpetuals": {},
    "dydxprotocol.perpetuals.Query/AllLiquidityTiers": {},
    "dydxprotocol.perpetuals.Query/PremiumVotes": {},
    "dydxprotocol.perpetuals.Query/PremiumSamples": {},
    "dydxprotocol.perpetuals.Query/Params": {},
    "dydxprotocol.perpetuals.Query/NextPerpetualId": {},
    "dydxprotocol.prices.Query/MarketPrice": {"id": 0},
    "dydxprotocol.prices.Query/AllMarketPrices": {},
    "dydxprotocol.prices.Query/MarketParam": {"id": 0},
    "dydxprotocol.prices.Query/AllMarketParams": {},
    "dydxprotocol.prices.Query/NextMarketId": {},
    "dydxprotocol.assets.Query/Asset": {"id": 0},
    "dydxprotocol.assets.Query/AllAssets": {},
    "dydxprotocol.feetiers.Query/PerpetualFeeParams": {},
    "dydxprotocol.feetiers.Query/UserFeeTier": {"user": ""},
    "dydxprotocol.feetiers.Query/AllMarketFeeDiscountParams": {},
    "dydxprotocol.feetiers.Query/StakingTiers": {},
    "dydxprotocol.feetiers.Query/UserStakingTier": {"address": ""},
    "dydxprotocol.epochs.Query/EpochInfo": {"name": "funding-tick"},
    "dydxprotocol.epochs.Query/EpochInfoAll": {},
    "dydxprotocol.blocktime.Query/DowntimeParams": {},
    "dydxprotocol.blocktime.Query/AllDowntimeInfo": {},
    "dydxprotocol.blocktime.Query/SynchronyParams": {},
    "dydxprotocol.blocktime.Query/PreviousBlockInfo": {},
    # what only this chain can answer
    "perpd.clob.v1.Query/Book": {"clob_pair_id": 0, "orders": True},
    "perpd.clob.v1.Query/BookOrders": {"clob_pair_id": 0, "is_buy": True},
    "perpd.clob.v1.Query/Orders": {"subaccount_id": SUBACCOUNT},
    "perpd.clob.v1.Query/Order": ORDER,
    "perpd.perp.v1.Query/Account": SUBACCOUNT,
    "perpd.perp.v1.Query/Positions": SUBACCOUNT,
    "perpd.perp.v1.Query/Margin": {"perpetual_id": 0},
    "perpd.perp.v1.Query/Mark": {"perpetual_id": 0},
    "perpd.perp.v1.Query/Conservation": {},
}
"""Without the leading slash; texts named owner, user or address that are empty stand for a trader's address."""
EMPTY = (
    "PremiumVotes",
    "PremiumSamples",
    "SynchronyParams",
    "Leverage",
    "StakingTiers",
    "AllMarketFeeDiscountParams",
    "UserStakingTier",
    "GetWithdrawalAndTransfersBlockedInfo",
)
"""Answers in which nothing but zeros is right on this chain."""


class Asker:
    """Questions to one application in the terms of JSON-like dictionaries."""

    def __init__(self, network: AppNetwork) -> None:
        self.network = network
        self.who = network.people[0].text
        app, wiring = network.app, network.app.wiring
        history = History(app.store, wiring.registry, wiring.clob.keeper, DEFAULT_BLOCKS)
        own = state_routes(app.store, history, wiring)
        node = node_routes(app.store, wiring.consensus.keeper, wiring.bank.keeper)
        self.table = QueryTable(wiring.registry, app.store, (*wiring.queries, *own, *node, *absent_routes()))

    def __call__(self, path: str, height: int = 0, **fields: Any) -> Any:
        """The response message. Raises QueryError."""
        route = self.table.routes["/" + path]
        request = route.request()
        self._fill(request, fields)
        answer, _ = self.table.answer("/" + path, request.SerializeToString(), height)
        return route.response.FromString(answer)

    def _fill(self, message: Any, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if isinstance(value, dict):
                getattr(message, name).SetInParent()
                self._fill(getattr(message, name), value)
            else:
                setattr(message, name, self.who if value == "" and name in ("owner", "user", "address") else value)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """A chain on which the first trader holds a position and has orders of two kinds."""
    with app_network(tmp_path_factory.mktemp("surface")) as network:
        maker, taker, *_ = network.people
        network.chain.run(2)
        network.block([network.short_term(maker, is_buy=True, ticks=-1, steps=10, time_in_force=POST_ONLY)])
        network.block([network.short_term(taker, is_buy=False, ticks=-1, steps=4, time_in_force=IMMEDIATE_OR_CANCEL)])
        network.block([network.long_term(maker, is_buy=True, ticks=-5, client_id=7)])
        network.chain.run(1)
        yield Asker(network)


@pytest.mark.parametrize("path", ASKED, ids=lambda path: path.rpartition(".")[2])
def test_every_state_query_answers(ask: Asker, path: str) -> None:
    """With something in it, where this chain has something to say; at a height behind the tip as well as at the tip."""
    response = ask(path, **ASKED[path])
    assert path.rpartition("/")[2] in EMPTY or response.ListFields(), path
    assert type(ask(path, ask.network.height - 1, **ASKED[path])) is type(response)


def test_lists_come_in_pages(ask: Asker) -> None:
    """A page of one names the next one, until all rows have come, in the order of the whole list."""
    lists = [path for path in ASKED if "pagination" in ask.table.routes["/" + path].request.DESCRIPTOR.fields_by_name]
    assert len(lists) >= 9
    for path in lists:
        _assert_pages(ask, path)


def _assert_pages(ask: Asker, path: str) -> None:
    whole = ask(path, **ASKED[path])
    rows_field = next(field.name for field in whole.DESCRIPTOR.fields if field.is_repeated)
    rows, key = [], b""
    while True:
        page = ask(path, **ASKED[path], pagination={"limit": 1, **({"key": key} if key else {})})
        assert len(getattr(page, rows_field)) <= 1
        rows += getattr(page, rows_field)
        key = page.pagination.next_key
        if not key:
            break
    assert rows == list(getattr(whole, rows_field))
    assert whole.pagination.total == len(rows)


def test_absent_things_are_not_found(ask: Asker) -> None:
    """Unknown markets, perpetuals, epochs, assets and orders: NOT_FOUND, never an internal error."""
    unknown: dict[str, dict[str, Any]] = {
        "dydxprotocol.clob.Query/ClobPair": {"id": 99},
        "dydxprotocol.perpetuals.Query/Perpetual": {"id": 99},
        "dydxprotocol.prices.Query/MarketPrice": {"id": 99},
        "dydxprotocol.prices.Query/MarketParam": {"id": 99},
        "dydxprotocol.assets.Query/Asset": {"id": 9},
        "dydxprotocol.epochs.Query/EpochInfo": {"name": "funding-sample"},
        "dydxprotocol.subaccounts.Query/CollateralPoolAddress": {"perpetual_id": 99},
        "dydxprotocol.subaccounts.Query/GetWithdrawalAndTransfersBlockedInfo": {"perpetual_id": 99},
        "perpd.clob.v1.Query/Book": {"clob_pair_id": 99},
        "perpd.clob.v1.Query/BookOrders": {"clob_pair_id": 99},
        "dydxprotocol.clob.Query/StatefulOrder": {"order_id": {**ORDER["order_id"], "order_flags": 128}},
        "perpd.clob.v1.Query/Order": {"order_id": {**ORDER["order_id"], "order_flags": 128}},
    }
    for path, fields in unknown.items():
        with pytest.raises(QueryError) as failed:
            ask(path, **fields)
        assert failed.value.status == "NOT_FOUND", path


def test_short_term_ids_are_no_stateful_orders(ask: Asker) -> None:
    """NOT_FOUND, where the reference panics; flags that no user's order has are refused."""
    for flags, status in ((0, "NOT_FOUND"), (256, "INVALID_ARGUMENT"), (1, "INVALID_ARGUMENT")):
        with pytest.raises(QueryError) as failed:
            ask("dydxprotocol.clob.Query/StatefulOrder", order_id={**ORDER["order_id"], "client_id": 1, "order_flags": flags})
        assert failed.value.status == status


def test_epochs_tell_when_funding_is_charged_next(ask: Asker) -> None:
    """Both epochs end after the block's time, at whole multiples of their length, and are counted since 1970."""
    now = ask.network.time_seconds
    found = ask("dydxprotocol.epochs.Query/EpochInfoAll").epoch_info
    assert [one.name for one in found] == ["funding-tick", "stats-epoch"]
    for one in found:
        assert now < one.next_tick <= now + one.duration
        assert one.next_tick % one.duration == 0
        assert one.current_epoch == now // one.duration
    info = ask("dydxprotocol.blocktime.Query/PreviousBlockInfo").info
    assert (info.height, info.timestamp.seconds) == (ask.network.height, now)


def test_the_book_is_the_same_by_levels_and_by_pages(ask: Asker) -> None:
    """Levels limit what is shown, not the checksum; the pages of a side are its orders; a pinned height shows the book as it was."""
    book = "perpd.clob.v1.Query/Book"
    whole, one = ask(book, clob_pair_id=0, orders=True), ask(book, clob_pair_id=0, levels=1)
    assert (len(whole.bids), len(one.bids), whole.checksum) == (2, 1, one.checksum)
    assert not one.bids[0].orders
    paged = ask("perpd.clob.v1.Query/BookOrders", clob_pair_id=0, is_buy=True)
    assert list(paged.orders) == [order for level in whole.bids for order in level.orders]
    before = ask(book, ask.network.height - 2, clob_pair_id=0)
    assert (before.height, len(before.bids)) == (ask.network.height - 2, 1)
    assert before.checksum != whole.checksum


def test_positions_show_cost_profit_and_the_price_of_liquidation(ask: Asker) -> None:
    """Entry price and profits of the maker's long; the sides' profits mirror each other but for fees."""
    market = ask.network.markets[0]
    (row,) = ask("perpd.perp.v1.Query/Positions", **SUBACCOUNT).positions
    assert decode_signed(row.quantums) == 4 * market.step_base_quantums
    assert row.entry_subticks == market.middle_subticks - market.tick_subticks
    assert decode_signed(row.unrealised_quote) == decode_signed(row.notional) - decode_signed(row.entry_quote)
    assert decode_signed(row.initial_margin) > decode_signed(row.maintenance_margin) > 0
    assert row.liquidation_price == 0, "with so much collateral no price of this market leads there"
