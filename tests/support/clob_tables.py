"""Scenario tables: rows of text that are played on real order books, `what is done -> all that comes of it`.

The markets: BTC at 100 USD, ETH and the isolated LINK at 10 USD; one step is one coin, one tick one USD (of ETH 0.000001 USD); initial
margin 10 %, maintenance 5 %; takers pay 500 ppm, makers get 110 ppm. So `alice/1 buy 2 @ 100` is an order for 200 USDC. The left side:

    alice/1 buy 2 @ 100 [in ETH] [post-only|ioc|fok] [reduce-only] [until +5] [stop 105|profit 95] [over 300/30] [tolerance 10000]
            [builder erin 1000] [router dave]       an order: alice/1 short-term, alice/1L long-term, alice/1C conditional, alice/1T TWAP;
                                                    alice#1/1 of her subaccount 1, alice/1S a slice; `@ market` only for a TWAP order
    cancel alice/1 [in ETH] [until +5] [before its placement]       batch-cancel alice BTC 1 2 3 [until +5]
    deposit alice 5       withdraw alice 5       transfer alice 5 to bob       leverage alice BTC 200000
    block [x3] [+30s] [BTC 101]     so many blocks have begun, each so much later, the first with that oracle price; their engine has run
    begin [+30s] [BTC 101]          the next block has begun and stands before its first lane; `engine` goes on
    has alice       bids BTC       asks BTC       bank erin       margin alice       open-interest BTC       premium BTC       questions

The right side lists every outcome in order, separated by commas; an order's name is left out where it is the row's own:

    takes 2 @ 100 of bob/1       rests 3       ends SELF_TRADE_ERROR       cancelled       held off       expires       waits
    triggers at 105       works       slice 2 leaving 9 legs       ok       fails 2001       fails subaccounts/102       nothing

`until` counts blocks for short-term orders and seconds for others (10 and 3600 where it is left out). Whatever a row does not say exactly
like this is an error of the table.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from modules.clob.model import CONDITIONAL, LONG_TERM, SHORT_TERM, TWAP, TWAP_SLICE, Level, OrderId
from modules.kernel import address as addresses
from modules.kernel.errors import ChainError
from modules.kernel.module import MessageRoute
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.dydxprotocol.sending import tx_pb2 as sending_pb2
from support.clob_exchange import Exchange, fees_section, genesis_of, owner, sub
from support.markets import funding_section, perpetual, tier

USDC_QUANTUMS = 10**6
TRADERS = ("alice", "bob", "carol", "dave", "erin")


class Market(NamedTuple):
    """How a market's numbers read in a table."""

    id: int
    step_quantums: int
    """Base quantums of one coin."""
    usd_subticks: int
    """Subticks of one USD."""
    tick_subticks: int
    price_units: int
    """The oracle's integer for one USD."""


MARKETS = {
    "BTC": Market(0, 10**10, 10**5, 10**5, 10**5),
    "ETH": Market(1, 10**9, 10**6, 1, 10**6),
    "LINK": Market(2, 10**6, 10**9, 10**9, 10**9),
}
_BY_ID = {market.id: name for name, market in MARKETS.items()}
_KINDS = {"": SHORT_TERM, "L": LONG_TERM, "C": CONDITIONAL, "T": TWAP, "S": TWAP_SLICE}
_LETTERS = {flags: letter for letter, flags in _KINDS.items()}
_ORDER = re.compile(r"([a-z]+)(?:#(\d+))?/(\d+)([LCTS]?)")
_TIMES_IN_FORCE: dict[str, Any] = {"ioc": 1, "post-only": 2, "fok": 3}
_CONDITIONS: dict[str, Any] = {"stop": 1, "profit": 2}
_SIDES: dict[str, Any] = {"buy": 1, "sell": 2}
_NAMES = {addresses.to_text(owner(name)): name for name in TRADERS}


def table_genesis(
    *,
    fees: tuple[int, int] = (500, -110),
    fee_changes: Mapping[str, Any] | None = None,
    oracle: dict[str, str] | None = None,
    open_interest_caps: tuple[int, int] = (0, 0),
    min_price_change_ppm: int = 1000,
    **changes: Any,
) -> dict[str, Any]:
    """A genesis of the three markets; `changes` are fields of section `clob`, `fee_changes` of `fees`, `oracle` prices in USD by market."""
    prices = {"BTC": "100", "ETH": "10", "LINK": "10"} | (oracle or {})
    large = tier(0, "Large-Cap", 100_000, 500_000, 10_000 * USDC_QUANTUMS, *(cap * USDC_QUANTUMS for cap in open_interest_caps))
    markets = [
        {
            "id": market.id,
            "ticker": f"{name}-USD",
            "exponent": exponent,
            "min_price_change_ppm": min_price_change_ppm,
            "price": str(int(Decimal(prices[name]) * market.price_units)),
        }
        for (name, market), exponent in zip(MARKETS.items(), (-5, -6, -9), strict=True)
    ]
    pairs = [
        {
            "id": market.id,
            "perpetual_id": market.id,
            "step_base_quantums": str(market.step_quantums),
            "subticks_per_tick": market.tick_subticks,
            "quantum_conversion_exponent": -9,
            "status": "ACTIVE",
        }
        for market in MARKETS.values()
    ]
    resolutions = zip(MARKETS.items(), (-10, -9, -6), strict=True)
    perpetuals = [
        perpetual(market.id, f"{name}-USD", resolution, 0, market_type="ISOLATED" if name == "LINK" else "CROSS")
        for (name, market), resolution in resolutions
    ]
    fee_section = fees_section(*fees)
    fee_section["order_routers"] = [{"address": addresses.to_text(owner("dave")), "share_ppm": 200_000}]
    fee_section |= fee_changes or {}
    return genesis_of(
        TRADERS,
        oracle={"maximum_age_seconds": 60, "markets": markets},
        perp={"liquidity_tiers": [large], "perpetuals": perpetuals},
        funding=funding_section(),
        fees=fee_section,
        clob={"clob_pairs": pairs, "params": {}} | changes,
    )


def play(table: str, *, deposits: Mapping[str, int | str] | None = None, **genesis: Any) -> "Table":
    """Every row does what it says; `deposits` are USDC by trader, `genesis` as of `table_genesis`. All invariants hold at the end."""
    played = Table(Exchange(table_genesis(**genesis), rich=()))
    everybody: Mapping[str, int | str] = dict.fromkeys(TRADERS, 10_000) if deposits is None else deposits
    for name, amount in everybody.items():
        played.exchange.deposit(name, _usdc(str(amount)))
    for number, line in enumerate(table.strip().splitlines(), 1):
        if line.strip():
            played.row(number, line.strip())
    played.exchange.end()
    assert played.exchange.broken() == []
    return played


class Table:
    """A table while it is played."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._routes: dict[str, MessageRoute] = {
            route.message.DESCRIPTOR.full_name: route for module in exchange.modules for route in module.messages
        }
        self._verbs: dict[str, Callable[[list[str]], list[str]]] = {
            "cancel": self._cancel,
            "batch-cancel": self._batch_cancel,
            "deposit": self._deposit,
            "withdraw": self._withdraw,
            "transfer": self._transfer,
            "leverage": self._leverage,
            "block": self._block,
            "begin": self._begin,
            "engine": self._engine,
            "has": self._has,
            "bids": lambda words: self._side(words, 0),
            "asks": lambda words: self._side(words, 1),
            "bank": self._bank,
            "margin": self._margin,
            "open-interest": self._open_interest,
            "premium": self._premium,
        }

    def row(self, number: int, line: str) -> None:
        """One row has been played, and what came of it is what it says."""
        left, arrow, right = line.partition(" -> ")
        assert arrow, f"row {number} has no ` -> `: {line}"
        found = self.outcomes(left)
        wanted = [part.strip() for part in right.split(",")]
        assert found == wanted, f"row {number}: {left} -> {', '.join(found)}, not {right}"

    def outcomes(self, left: str) -> list[str]:
        """What comes of a row's left side."""
        words = left.split()
        verb = self._place if _ORDER.fullmatch(words[0]) else self._verbs.get(words.pop(0))
        assert verb is not None, f"this begins with no verb: {left}"
        found = verb(words)
        assert not words, f"what is {' '.join(words)!r}? {left}"
        return found or ["nothing"]

    # What is done

    def _place(self, words: list[str]) -> list[str]:
        name = words.pop(0)
        who, number, client, kind = _parse(name)
        message = clob_pb2.MsgPlaceOrder()
        order = message.order
        order.side = _SIDES[words.pop(0)]
        size = Decimal(words.pop(0))
        assert words.pop(0) == "@", "an order has its price behind @"
        price = words.pop(0)
        market = MARKETS[_option(words, "in") or "BTC"]
        order.quantums = _whole(size * market.step_quantums)
        order.subticks = 0 if price == "market" else _whole(Decimal(price) * market.usd_subticks)
        _name_order(order.order_id, who, number, client, _KINDS[kind], market)
        for word, value in _TIMES_IN_FORCE.items():
            if _flag(words, word):
                order.time_in_force = value
        order.reduce_only = _flag(words, "reduce-only")
        until = _relative(words)
        if kind == "":
            order.good_til_block = self.exchange.ctx.height + (10 if until is None else until)
        else:
            order.good_til_block_time = self.exchange.ctx.time_seconds + (3600 if until is None else until)
        for word, value in _CONDITIONS.items():
            trigger = _option(words, word)
            if trigger:
                order.condition_type = value
                order.conditional_order_trigger_subticks = _whole(Decimal(trigger) * market.usd_subticks)
        over = _option(words, "over")
        if over:
            duration, interval = over.split("/")
            order.twap_parameters.duration, order.twap_parameters.interval = int(duration), int(interval)
            order.twap_parameters.price_tolerance = int(_option(words, "tolerance") or 0)
        builder = _option(words, "builder", 2)
        if builder:
            paid, ppm = builder.split()
            order.builder_code_parameters.builder_address, order.builder_code_parameters.fee_ppm = _address(paid), int(ppm)
        router = _option(words, "router")
        if router:
            order.order_router_address = _address(router)
        return self._send(message, name)

    def _cancel(self, words: list[str]) -> list[str]:
        name = words.pop(0)
        who, number, client, kind = _parse(name)
        message = clob_pb2.MsgCancelOrder()
        _name_order(message.order_id, who, number, client, _KINDS[kind], MARKETS[_option(words, "in") or "BTC"])
        until = _relative(words)
        if kind == "":
            message.good_til_block = self.exchange.ctx.height + (10 if until is None else until)
        else:
            message.good_til_block_time = self.exchange.ctx.time_seconds + (3600 if until is None else until)
        early = words[:3] == ["before", "its", "placement"]
        if early:
            del words[:3]
        return self._send(message, name, placed_later=early)

    def _batch_cancel(self, words: list[str]) -> list[str]:
        message = clob_pb2.MsgBatchCancel()
        message.subaccount_id.owner = _address(words.pop(0))
        until = _relative(words)
        message.good_til_block = self.exchange.ctx.height + (10 if until is None else until)
        while words:
            batch = message.short_term_cancels.add(clob_pair_id=MARKETS[words.pop(0)].id)
            while words and words[0].isdigit():
                batch.client_ids.append(int(words.pop(0)))
        return self._send(message)

    def _deposit(self, words: list[str]) -> list[str]:
        who, number = _account(words.pop(0))
        message = transfer_pb2.MsgDepositToSubaccount(sender=_address(who), quantums=_usdc(words.pop(0)))
        message.recipient.owner, message.recipient.number = _address(who), number
        return self._send(message)

    def _withdraw(self, words: list[str]) -> list[str]:
        who, number = _account(words.pop(0))
        message = transfer_pb2.MsgWithdrawFromSubaccount(recipient=_address(who), quantums=_usdc(words.pop(0)))
        message.sender.owner, message.sender.number = _address(who), number
        return self._send(message)

    def _transfer(self, words: list[str]) -> list[str]:
        message = sending_pb2.MsgCreateTransfer()
        who, number = _account(words.pop(0))
        message.transfer.sender.owner, message.transfer.sender.number = _address(who), number
        message.transfer.amount = _usdc(words.pop(0))
        assert words.pop(0) == "to", "a transfer goes `to` somebody"
        who, number = _account(words.pop(0))
        message.transfer.recipient.owner, message.transfer.recipient.number = _address(who), number
        return self._send(message)

    def _leverage(self, words: list[str]) -> list[str]:
        message = clob_pb2.MsgUpdateLeverage()
        who, number = _account(words.pop(0))
        message.subaccount_id.owner, message.subaccount_id.number = _address(who), number
        message.clob_pair_leverage.add(clob_pair_id=MARKETS[words.pop(0)].id, custom_imf_ppm=int(words.pop(0)))
        return self._send(message)

    def _send(self, message: Any, name: str = "", *, placed_later: bool = False) -> list[str]:
        """Executed as a transaction of its own would be: outcomes, `ok` without one, or its code and nothing changed."""
        exchange = self.exchange
        route = self._routes[message.DESCRIPTOR.full_name]
        before, first, mark = [dict(rows) for rows in exchange.state.tables], len(exchange.ctx.events), exchange.ctx.mark()
        failure: ChainError | None = None
        try:
            command = route.decode(message)
            if placed_later:
                command = command._replace(placed_later=True)
            route.execute(exchange.ctx, command)
        except ChainError as error:
            failure = error
            exchange.ctx.undo(mark)
        if failure is None:
            return self._outcomes(first, name) or ["ok"]
        assert [dict(rows) for rows in exchange.state.tables] == before, f"{failure} has left something"
        assert len(exchange.ctx.events) == first, f"{failure} has told something"
        return [f"fails {failure.code}" if failure.codespace == "clob" else f"fails {failure.codespace}/{failure.code}"]

    # Blocks

    def _block(self, words: list[str]) -> list[str]:
        blocks = int(words.pop(0)[1:]) if words and re.fullmatch(r"x\d+", words[0]) else 1
        found = self._begin(words)
        found += self._engine([])
        for _ in range(blocks - 1):
            found += self._begin([f"+{self._seconds}s"])
            found += self._engine([])
        return found

    def _begin(self, words: list[str]) -> list[str]:
        self._seconds = int(words.pop(0)[1:-1]) if words and re.fullmatch(r"\+\d+s", words[0]) else 1
        prices = {}
        while words and words[0] in MARKETS:
            market = MARKETS[words.pop(0)]
            prices[market.id] = _whole(Decimal(words.pop(0)) * market.price_units)
        self.exchange.begin(self._seconds, prices)
        return self._outcomes(0, "")

    def _engine(self, _: list[str]) -> list[str]:
        first = len(self.exchange.ctx.events)
        self.exchange.engine()
        return self._outcomes(first, "")

    def _outcomes(self, first: int, name: str) -> list[str]:
        """What the block's events from that one on say of orders; `name` is whose name is left out."""
        found = []
        for kind, values in self.exchange.ctx.events[first:]:
            said = dict(zip(kind.keys, values, strict=True))
            if kind.type in _TOLD:
                subject, text = _TOLD[kind.type](said)
                found.append(text if subject == name else f"{subject} {text}")
        return found

    # Questions

    def _has(self, words: list[str]) -> list[str]:
        account = self.exchange.subaccounts.get(self.exchange.ctx, sub(*_account(words.pop(0))))
        held = [f"{_coins(row[1], row[0])} {_BY_ID[row[0]]}" for row in account.rows]
        return [*held, f"{_decimal(account.collateral, USDC_QUANTUMS)} USDC"]

    def _side(self, words: list[str], side: int) -> list[str]:
        market = MARKETS[words.pop(0)]
        levels: tuple[Level, ...] = self.exchange.clob.book(self.exchange.ctx, market.id)[side]
        return [
            f"{_coins(left, market.id)} @ {_price(level.subticks, market.id)} {_order_name(order_id)}"
            for level in levels
            for order_id, _, left in level.orders
        ]

    def _bank(self, words: list[str]) -> list[str]:
        name = words.pop(0)
        account = owner(name) if name in TRADERS else addresses.of_module(name)
        return [f"{_decimal(self.exchange.bank.balance(self.exchange.ctx, account), USDC_QUANTUMS)} USDC"]

    def _margin(self, words: list[str]) -> list[str]:
        risk = self.exchange.subaccounts.risk(self.exchange.ctx, sub(*_account(words.pop(0))))
        names = ("net", "initial", "maintenance")
        return [f"{name} {_decimal(amount, USDC_QUANTUMS)}" for name, amount in zip(names, risk, strict=True)]

    def _open_interest(self, words: list[str]) -> list[str]:
        market = MARKETS[words.pop(0)]
        return [_coins(self.exchange.perp_module.keeper.open_interest(self.exchange.ctx, market.id), market.id)]

    def _premium(self, words: list[str]) -> list[str]:
        """What the block before has left for funding."""
        market = MARKETS[words.pop(0)]
        return [f"{self.exchange.funding.running(self.exchange.ctx, market.id).sample_ppm} ppm"]


# Words


def _parse(name: str) -> tuple[str, int, int, str]:
    """(trader, subaccount number, client id, letter of the kind)."""
    matched = _ORDER.fullmatch(name)
    assert matched is not None, f"{name} names no order"
    assert matched[1] in TRADERS, f"{matched[1]} is nobody"
    return matched[1], int(matched[2] or 0), int(matched[3]), matched[4]


def _account(name: str) -> tuple[str, int]:
    who, _, number = name.partition("#")
    assert who in TRADERS, f"{who} is nobody"
    return who, int(number or 0)


def _address(name: str) -> str:
    return addresses.to_text(owner(name)) if name in TRADERS else addresses.to_text(addresses.of_module(name))


def _name_order(order_id: Any, who: str, number: int, client: int, flags: int, market: Market) -> None:
    order_id.subaccount_id.owner, order_id.subaccount_id.number = _address(who), number
    order_id.client_id, order_id.order_flags, order_id.clob_pair_id = client, flags, market.id


def _option(words: list[str], word: str, values: int = 1) -> str:
    """What stands behind the word, which is taken out; empty without the word."""
    if word not in words:
        return ""
    place = words.index(word)
    found = words[place + 1 : place + 1 + values]
    assert len(found) == values, f"{word} needs {values} more"
    del words[place : place + 1 + values]
    return " ".join(found)


def _flag(words: list[str], word: str) -> bool:
    if word not in words:
        return False
    words.remove(word)
    return True


def _relative(words: list[str]) -> int | None:
    text = _option(words, "until")
    return int(text) if text else None


def _whole(amount: Decimal) -> int:
    assert amount == int(amount), f"{amount} is finer than the market's units"
    return int(amount)


def _usdc(text: str) -> int:
    return _whole(Decimal(text) * USDC_QUANTUMS)


def _decimal(amount: int, unit: int) -> str:
    text = format((Decimal(amount) / unit).normalize(), "f")
    return "0" if text == "-0" else text


def _coins(quantums: int, market_id: int) -> str:
    return _decimal(quantums, MARKETS[_BY_ID[market_id]].step_quantums)


def _price(subticks: int, market_id: int) -> str:
    return _decimal(subticks, MARKETS[_BY_ID[market_id]].usd_subticks)


def _order_name(order_id: OrderId) -> str:
    account, number = order_id.subaccount
    return f"{_NAMES[addresses.to_text(account)]}{f'#{number}' if number else ''}/{order_id.client_id}{_LETTERS[order_id.flags]}"


def _named(text: str) -> tuple[str, int]:
    """(order's name, market id) of an order's text in events."""
    account, number, client, flags, pair = text.split("/")
    return f"{_NAMES[account]}{f'#{number}' if number != '0' else ''}/{client}{_LETTERS[int(flags)]}", int(pair)


def _teller(text: Callable[[dict[str, Any], int], str], key: str = "order") -> Callable[[dict[str, Any]], tuple[str, str]]:
    """From an event's attributes to (order's name, what happened to it)."""

    def tell(said: dict[str, Any]) -> tuple[str, str]:
        name, market_id = _named(said[key])
        return name, text(said, market_id)

    return tell


_TOLD: dict[str, Callable[[dict[str, Any]], tuple[str, str]]] = {
    "order_fill": _teller(
        lambda e, m: f"takes {_coins(e['quantums'], m)} @ {_price(e['subticks'], m)} of {_named(e['maker_order'])[0]}", "taker_order"
    ),
    "order_placed": _teller(lambda e, m: f"rests {_coins(e['quantums'] - e['filled_quantums'], m)}"),
    "order_removed": _teller(lambda e, _: f"ends {e['reason']}"),
    "order_cancelled": _teller(lambda e, _: "cancelled" if e["removed"] else "held off"),
    "order_expired": _teller(lambda e, _: "expires"),
    "conditional_placed": _teller(lambda e, _: "waits"),
    "conditional_triggered": _teller(lambda e, m: f"triggers at {_price(e['price_subticks'], m)}"),
    "twap_placed": _teller(lambda e, _: "works"),
    "twap_slice": _teller(lambda e, m: f"slice {_coins(e['slice_quantums'], m)} leaving {e['remaining_legs']} legs"),
}
