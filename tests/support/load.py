"""Load for benches and network tests: many funded traders in a genesis, and signed orders of theirs that cross.

Half of the orders rest (post-only, next to the middle of the market), half take them (limit orders through the touch). A deep pair of
standing orders lies behind the touch of every market: should a taker come before its maker, it fills there and never rests itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from modules.auth.model import address_of_key
from modules.kernel import address as addresses
from modules.kernel.units import Address
from node.tx.signature import public_key_of, sign, sign_digest
from node.tx.signer import auth_info_bytes, body_bytes
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2

DOLLAR = 10**6
"""Quote quantums."""
COLLATERAL_QUOTE = 100_000 * DOLLAR
"""What a trader's subaccount 0 holds in genesis."""
WALLET_QUOTE = 1_000 * DOLLAR
"""What a trader's bank account holds in genesis."""
STANDING_COLLATERAL_QUOTE = 10**10 * DOLLAR
SHORT_TERM, LONG_TERM = 0, 64
REST, IMMEDIATE_OR_CANCEL, POST_ONLY = 0, 1, 2
ORDER_STEPS = 10
"""Size of an order of a crossing stream, in steps of its market."""
STANDING_STEPS = 1_000_000
TOUCH_TICKS, STANDING_TICKS, LIMIT_TICKS = 1, 3, 5
"""Distance from the middle of makers, of standing orders, and of takers' limits."""
WINDOW_BLOCKS = 40
"""How far ahead a short-term order's good-til-block may lie."""
BATCH_HEIGHTS = 20
"""Short-term orders of one batch are sent while the chain goes through so many heights; as many remain for their inclusion."""


class Trader(NamedTuple):
    """An account with its key, as the genesis of `with_traders` has it: number, known public key, sequence 0."""

    private_key: bytes
    public_key: bytes
    address: Address
    text: str
    number: int


class Market(NamedTuple):
    """One order book of a genesis."""

    pair_id: int
    perpetual_id: int
    ticker: str
    step_base_quantums: int
    tick_subticks: int
    middle_subticks: int
    """The genesis price on the tick grid."""
    exponent: int
    """Quote quantums per base quantum = subticks x 10^this."""

    def quote(self, quantums: int, subticks: int) -> int:
        """Quote quantums of a size at a price, rounded down."""
        if self.exponent >= 0:
            return quantums * subticks * int(10**self.exponent)
        return quantums * subticks // int(10**-self.exponent)


class Order(NamedTuple):
    """What is needed to make and sign one placement."""

    trader: Trader
    market: Market
    is_buy: bool
    quantums: int
    subticks: int
    client_id: int
    time_in_force: int
    sequence: int = 0


def traders(count: int, first: int = 0) -> list[Trader]:
    """The traders number `first` to `first + count` of the one fixed series. Their account numbers are those numbers."""
    found = []
    for number in range(first, first + count):
        private_key = sha256(b"perpd load %d" % number).digest()
        public_key = public_key_of(private_key)
        address = address_of_key(public_key)
        found.append(Trader(private_key, public_key, address, addresses.to_text(address), number))
    return found


def markets(app_state: Mapping[str, Any]) -> list[Market]:
    """The order books of a genesis, each with its genesis price."""
    priced = {entry["id"]: entry for entry in app_state["oracle"]["markets"]}
    perpetuals = {entry["id"]: entry for entry in app_state["perp"]["perpetuals"]}
    found = []
    for pair in app_state["clob"]["clob_pairs"]:
        perpetual = perpetuals[pair["perpetual_id"]]
        oracle = priced[perpetual["market_id"]]
        exponent, tick = int(pair["quantum_conversion_exponent"]), int(pair["subticks_per_tick"])
        shift = int(oracle["exponent"]) + int(perpetual["atomic_resolution"]) + 6 - exponent
        price = int(oracle["price"])
        subticks = price * 10**shift if shift >= 0 else price // 10**-shift
        step = int(pair["step_base_quantums"])
        found.append(Market(pair["id"], perpetual["id"], perpetual["ticker"], step, tick, subticks // tick * tick, exponent))
    return found


def with_traders(
    app_state: Mapping[str, Any], people: Sequence[Trader], collateral_quote: Mapping[int, int] | int = COLLATERAL_QUOTE
) -> dict[str, Any]:
    """The genesis in which every trader has an auth account, a bank balance, and collateral in subaccount 0.

    `collateral_quote` may give single traders, by number, another amount than COLLATERAL_QUOTE.
    """
    special = {} if isinstance(collateral_quote, int) else collateral_quote
    usual = collateral_quote if isinstance(collateral_quote, int) else COLLATERAL_QUOTE
    state = deepcopy(dict(app_state))
    state["auth"].setdefault("accounts", []).extend(
        {"address": one.text, "account_number": one.number, "public_key": one.public_key.hex()} for one in people
    )
    subaccounts: list[dict[str, Any]] = [
        {"owner": one.text, "number": 0, "collateral": str(special.get(one.number, usual))} for one in people
    ]
    state["subaccounts"].setdefault("accounts", []).extend(subaccounts)
    quote = state["bank"]["denoms"][0]
    total = sum(int(entry["collateral"]) for entry in subaccounts)
    balances = state["bank"].setdefault("balances", [])
    assert not any(entry.get("module") == "subaccounts" for entry in balances), "the pool has a balance of its own already"
    balances.append({"module": "subaccounts", "coins": [{"denom": quote, "amount": str(total)}]})
    balances.extend({"address": one.text, "coins": [{"denom": quote, "amount": str(WALLET_QUOTE)}]} for one in people)
    return state


def with_positions(app_state: Mapping[str, Any], people: Sequence[Trader], steps: int, per_trader: int = 1) -> dict[str, Any]:
    """The genesis in which neighbours of `people` (an even number) hold opposite positions, entered at the genesis price.

    Each has `per_trader` positions of `steps` steps; `people` have collateral from `with_traders`.
    """
    assert len(people) % 2 == 0, "a long needs a short"
    state = deepcopy(dict(app_state))
    books = markets(state)
    entries = {entry["owner"]: entry for entry in state["subaccounts"]["accounts"]}
    perpetuals = {entry["id"]: entry for entry in state["perp"]["perpetuals"]}
    for place, one in enumerate(people):
        entry = entries[one.text]
        rows: list[dict[str, Any]] = []
        for offset in range(per_trader):
            market = books[(place // 2 + offset) % len(books)]
            size = steps * market.step_base_quantums * (1 if place % 2 == 0 else -1)
            cost = market.quote(size, market.middle_subticks) if size > 0 else -market.quote(-size, market.middle_subticks)
            entry["collateral"] = str(int(entry["collateral"]) - cost)
            rows.append({"perpetual_id": market.perpetual_id, "quantums": str(size), "funding_index": "0", "entry_quote": str(cost)})
            if size > 0:
                perpetual = perpetuals[market.perpetual_id]
                perpetual["open_interest"] = str(int(perpetual.get("open_interest", 0)) + size)
        entry["positions"] = sorted(rows, key=lambda row: int(row["perpetual_id"]))
    return state


# Orders


def message(order: Order, *, flags: int, good_til: int) -> clob_pb2.MsgPlaceOrder:
    """The placement. `good_til`: a height for SHORT_TERM, unix seconds for LONG_TERM."""
    placed = order_pb2.Order(quantums=order.quantums, subticks=order.subticks)
    placed.side = order_pb2.Order.SIDE_BUY if order.is_buy else order_pb2.Order.SIDE_SELL
    placed.time_in_force = order.time_in_force  # type: ignore[assignment]
    _fill_id(placed.order_id, order, flags)
    if flags == SHORT_TERM:
        placed.good_til_block = good_til
    else:
        placed.good_til_block_time = good_til
    return clob_pb2.MsgPlaceOrder(order=placed)


def cancel_message(order: Order, *, flags: int, good_til: int) -> clob_pb2.MsgCancelOrder:
    """The cancel of that order."""
    cancelled = clob_pb2.MsgCancelOrder()
    _fill_id(cancelled.order_id, order, flags)
    if flags == SHORT_TERM:
        cancelled.good_til_block = good_til
    else:
        cancelled.good_til_block_time = good_til
    return cancelled


def _fill_id(order_id: order_pb2.OrderId, order: Order, flags: int) -> None:
    order_id.subaccount_id.owner = order.trader.text
    order_id.client_id = order.client_id
    order_id.order_flags = flags
    order_id.clob_pair_id = order.market.pair_id


@lru_cache(maxsize=1 << 16)
def _auth_info(public_key: bytes, sequence: int) -> bytes:
    return auth_info_bytes(public_key, sequence)


def signed(trader: Trader, content: Any, sequence: int, chain_id: str) -> bytes:
    """The signed TxRaw of one message."""
    unsigned: bytes = tx_pb2.TxRaw(
        body_bytes=body_bytes([content]), auth_info_bytes=_auth_info(trader.public_key, sequence)
    ).SerializeToString()
    return unsigned + b"\x1a\x40" + sign(trader.private_key, sign_digest(unsigned, chain_id, trader.number))


def sign_orders(orders: Iterable[Order], *, flags: int, good_til: int, chain_id: str) -> list[bytes]:
    """The signed placements, in order. About 15,000 a second on one core."""
    return [signed(order.trader, message(order, flags=flags, good_til=good_til), order.sequence, chain_id) for order in orders]


def crossing(
    makers: Sequence[Trader], takers: Sequence[Trader], books: Sequence[Market], count: int, *, first: int = 0, sequenced: bool = False
) -> Iterator[Order]:
    """`count` orders, alternately a maker's and the taker's that fills it; client ids from `first` on.

    Makers and takers must be different people (nobody trades with himself). With `sequenced` each trader's orders carry the sequences
    from 0 on, `first` counted in.
    """
    for place in range(first, first + count):
        pair, is_taker = divmod(place, 2)
        people = takers if is_taker else makers
        round_, seat = divmod(pair, len(people))
        book = books[pair % len(books)]
        maker_buys = (pair // len(books) + round_) % 2 == 0
        is_buy = maker_buys != bool(is_taker)
        ticks = LIMIT_TICKS if is_taker else -TOUCH_TICKS
        yield Order(
            people[seat],
            book,
            is_buy,
            ORDER_STEPS * book.step_base_quantums,
            book.middle_subticks + (ticks if is_buy else -ticks) * book.tick_subticks,
            place,
            REST if is_taker else POST_ONLY,
            round_ if sequenced else 0,
        )


def standing(bidder: Trader, asker: Trader, books: Sequence[Market]) -> Iterator[Order]:
    """The deep orders behind the touch, to be placed as LONG_TERM before a crossing stream starts; sequences from 0."""
    for sequence, book in enumerate(books):
        size = STANDING_STEPS * book.step_base_quantums
        distance = STANDING_TICKS * book.tick_subticks
        yield Order(bidder, book, True, size, book.middle_subticks - distance, sequence, POST_ONLY, sequence)
        yield Order(asker, book, False, size, book.middle_subticks + distance, sequence, POST_ONLY, sequence)


def batch_of(height: int, first_height: int) -> int:
    """Which batch of short-term orders is sent while the chain's last height is `height`; batch 0 begins at `first_height`."""
    return max(0, height - first_height) // BATCH_HEIGHTS


def good_til_block_of(batch: int, first_height: int) -> int:
    """The good-til-block of a batch's orders: in the window from the first height of its time on."""
    return first_height + batch * BATCH_HEIGHTS + WINDOW_BLOCKS
