"""What queries answer, as JSON documents: amounts as decimal text in the smallest units, sizes and prices as people write them."""

from typing import Any

from google.protobuf.json_format import MessageToDict

from modules.kernel.codec import decode_signed
from node.client import messages
from node.client.market import Market
from node.client.queries import Queries
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as perpd_clob
from perpd_proto.perpd.perp.v1 import query_pb2 as perpd_perp

_KINDS = {
    messages.SHORT_TERM: "short-term",
    messages.LONG_TERM: "long-term",
    messages.CONDITIONAL: "conditional",
    messages.TWAP: "TWAP",
}


def by_perpetual(ask: Queries) -> dict[int, Market]:
    """Markets by perpetual id."""
    return {row.perpetual_id: row for row in ask.markets()}


def market(ask: Queries, found: Market) -> dict[str, Any]:
    """A market with its price; an empty price was never set."""
    price = ask.oracle(found.oracle_market_id)
    return {
        "ticker": found.ticker,
        "perpetual_id": found.perpetual_id,
        "clob_pair_id": found.clob_pair_id,
        "oracle_price": found.shown_oracle_price(price.price) if price.price else "",
        "updated_height": price.updated_height,
        "reporting_power": price.reporting_power,
        "total_power": price.total_power,
        "step_size": found.shown_size(found.step_base_quantums),
        "tick_size": found.shown_price(found.subticks_per_tick),
    }


def order_status(status: int) -> str:
    """The status in one lower-case word."""
    name: str = perpd_clob.OrderStatus.Name(status)
    return name.removeprefix("ORDER_STATUS_").lower()


def resting_order(found: Market, row: perpd_clob.RestingOrder) -> dict[str, Any]:
    """An order, on the book or not."""
    placed = row.order
    short_term = placed.order_id.order_flags == messages.SHORT_TERM
    return {
        "ticker": found.ticker,
        "client_id": placed.order_id.client_id,
        "order_flags": placed.order_id.order_flags,
        "kind": _KINDS.get(placed.order_id.order_flags, "TWAP slice"),
        "status": order_status(row.status),
        "side": "buy" if placed.side == order_pb2.Order.SIDE_BUY else "sell",
        "price": found.shown_price(placed.subticks) if placed.subticks else "",
        "size": found.shown_size(placed.quantums),
        "remaining_size": found.shown_size(row.remaining_quantums),
        "until": f"block {placed.good_til_block}" if short_term else f"unix second {placed.good_til_block_time}",
        "placed_height": row.placed_height,
    }


def margin_price(kind: perpd_perp.MarginPrice) -> str:
    """INDEX or MARK, as a genesis says it."""
    name: str = perpd_perp.MarginPrice.Name(kind)
    return name.removeprefix("MARGIN_PRICE_")


def conservation(found: perpd_perp.QueryConservationResponse) -> dict[str, Any]:
    """The books of the exchange, and whether everything in them is exact."""
    pools = [
        {
            "name": row.name,
            "bank_balance": str(decode_signed(row.bank_balance)),
            "collateral": str(decode_signed(row.collateral)),
            "unsettled_funding": str(decode_signed(row.unsettled_funding)),
            "matches": row.matches,
        }
        for row in found.pools
    ]
    sums = [
        {
            "perpetual_id": row.perpetual_id,
            "long_quantums": str(decode_signed(row.long_quantums)),
            "short_quantums": str(decode_signed(row.short_quantums)),
            "open_interest": str(decode_signed(row.open_interest)),
            "matches": decode_signed(row.long_quantums) == -decode_signed(row.short_quantums) == decode_signed(row.open_interest),
        }
        for row in found.markets
    ]
    adds_up = found.supply_matches and all(row["matches"] for row in (*pools, *sums))
    return {"height": found.height, "adds_up": adds_up, "supply_matches": found.supply_matches, "pools": pools, "markets": sums}


def plain(message: Any) -> dict[str, Any]:
    """A protobuf message with its own field names."""
    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found


def yes(flag: Any) -> str:
    """For tables; a no stands out."""
    return "yes" if flag else "NO"
