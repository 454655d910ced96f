"""The acts of the demonstration, in order. Each tells what happened with heights, prices, sizes and money."""

from collections.abc import Callable, Sequence
from typing import Any

from modules.kernel.codec import decode_signed
from node.client.amounts import shown, shown_percent, shown_usdc, usdc
from node.client.client import Client
from node.client.errors import RequestFailedError
from node.client.messages import TimeInForce
from node.client.outcome import OrderOutcome
from node.client.session import running_localnet
from node.client.wallet import Wallet
from node.demo import kinds
from node.demo.stage import Actor, Stage
from node.demo.verify import Report, verify
from node.failure import Failure
from node.feeder import board
from node.localnet.home import Home
from perpd_proto.dydxprotocol.clob import order_pb2

ROLES: tuple[tuple[str, str, str], ...] = (
    ("alice", "maker", "100000"),
    ("bob", "maker", "100000"),
    ("carol", "taker", "20000"),
    ("dave", "taker", "20000"),
    ("erin", "leveraged", "400"),
    kinds.ACTOR,
)
"""Name of the localnet's account, role, and what it deposits in USDC."""

QUOTES_PPM: tuple[tuple[str, int, int], ...] = (("alice", 2_000, 4_000), ("bob", 1_500, 4_500))
"""Per maker, how far bid and ask lie from the oracle price. Both are above it: longs will have to pay funding."""
QUOTE_VALUE = usdc("60000")
TAKEN_VALUE = {"carol": usdc("20000"), "dave": usdc("12000")}
SLIPPAGE_PPM = 10_000
MILLION = 1_000_000
_RUNS_MAX = 1_000
_PINS = 3
_EPOCH_SECONDS_MAX = 60


def run(home: Home, ticker: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Plays all acts on the localnet that runs in `home`, and verifies them. Raises Failure, also for the slightest mismatch.

    Prices that are set by hand are given back to where they came from, however it ends.
    """
    described = running_localnet(home.path)
    clients = [Client(node["grpc"]) for node in described["nodes"]]
    before = board.read(home.prices_file).prices.get(ticker)
    try:
        addresses = {entry["name"]: entry["address"] for entry in described["accounts"]}
        stage = Stage(clients, home, clients[0].latest.market(ticker), say, addresses)
        _cast(stage, described)
        try:
            facts = _play(stage)
        finally:
            if before is None:
                board.clear_price(home.prices_file, ticker)
            else:
                board.set_price(home.prices_file, ticker, before)
        for name, _, _ in QUOTES_PPM:
            stage.cancel_all(stage.actors[name])
        return facts | _prove(stage)
    finally:
        for client in clients:
            client.close()


def _cast(stage: Stage, described: dict[str, Any]) -> None:
    """Who plays, in subaccounts that no earlier run has used; quotes of an interrupted one are cancelled."""
    known = {entry["name"]: entry for entry in described["accounts"]}
    missing = [name for name, _, _ in ROLES if name not in known]
    if missing:
        raise Failure(f"the localnet has no account {', '.join(missing)}, which the demonstration needs.")
    wallets = {name: Wallet.from_mnemonic(known[name]["mnemonic"], known[name]["address"].rpartition("1")[0]) for name, _, _ in ROLES}
    ask = stage.clients[0].latest
    number = next((number for number in range(1, _RUNS_MAX) if all(_is_fresh(stage, wallets[name], number) for name in wallets)), None)
    if number is None:
        raise Failure(f"all {_RUNS_MAX} subaccounts of a demonstration are used on this chain; `perpd localnet reset` begins anew.")
    stage.actors = {name: Actor(name, role, wallets[name], number, usdc(amount)) for name, role, amount in ROLES}
    status = ask.status()
    epoch_left_seconds = ask.funding(stage.market.perpetual_id).epoch_end_seconds - status.time.seconds
    if epoch_left_seconds > _EPOCH_SECONDS_MAX:
        raise Failure(f"the running funding epoch of {stage.market.ticker} ends in {epoch_left_seconds} seconds: too long to watch.")
    stage.client_id = status.height * 1_000 % 2**31
    for name, _, _ in QUOTES_PPM:
        for used in (number - 1, number):
            stage.cancel_all(stage.actors[name], used)
    stage.say(f"{status.chain_id}: {len(stage.clients)} nodes, height {status.height}. Market {stage.market.ticker}, subaccounts {number}.")


def _is_fresh(stage: Stage, wallet: Wallet, number: int) -> bool:
    found = stage.clients[0].latest.subaccount(wallet.address, number)
    return not found.asset_positions and not found.perpetual_positions


def _play(stage: Stage) -> dict[str, Any]:
    market = stage.market
    fund_before = sum(stage.clients[0].latest.insurance().values())
    _deposit(stage)
    price = stage.oracle_price
    stage.heading("2. The price")
    height = stage.set_price(price)
    stage.tell(f"every feeder reports {market.shown_oracle_price(price)} from now on", height)
    stage.heading("3. Two makers quote both sides, a little above the price")
    quoted = _quote(stage, price)
    stage.heading("4. Takers trade")
    for name, is_buy in (("carol", True), ("dave", False)):
        _take(stage, stage.actors[name], _size(stage, TAKEN_VALUE[name], price), price, is_buy=is_buy)
    stage.heading("5. Every kind of order")
    shown_kinds = kinds.show(stage, price, _size(stage, kinds.TRADED_VALUE, price))
    liquidated = _liquidate(stage, price)
    charged = _funding(stage, quoted)
    fund_after = sum(stage.clients[0].latest.insurance().values())
    stage.heading("8. Before and after")
    worth = {}
    for actor in stage.actors.values():
        worth[actor.name] = stage.risk(actor).net_collateral
        stage.tell(_before_and_after(f"{actor.name:<6} {actor.role}", actor.deposit, worth[actor.name]))
    stage.tell(_before_and_after("insurance fund", fund_before, fund_after))
    return {
        "market": market.ticker,
        "subaccount": stage.actors["alice"].number,
        "price": market.shown_oracle_price(price),
        "kinds": shown_kinds,
        "liquidation": liquidated,
        "funding": charged,
        "worth": {name: str(amount) for name, amount in worth.items()},
        "insurance_change": str(fund_after - fund_before),
    }


def _before_and_after(who: str, before: int, after: int) -> str:
    return f"{who:<17} {shown_usdc(before):>14} -> {shown_usdc(after):>17} USDC  ({shown_usdc(after - before)})"


def _deposit(stage: Stage) -> None:
    stage.heading("1. Deposits")
    for actor in stage.actors.values():
        included = stage.client(actor).deposit(actor.wallet, actor.number, actor.deposit)
        stage.tell(f"{actor.name} ({actor.role}) deposits {shown_usdc(actor.deposit)} USDC", included.height)
        risk = stage.clients[0].at(included.height)
        stage.reach(included.height)
        if risk.risk(actor.wallet.address, actor.number).settled_collateral != actor.deposit:
            raise Failure(f"{actor.name}'s subaccount does not hold what was deposited in block {included.height}.")


def _size(stage: Stage, quote_quantums: int, price: int) -> int:
    """Base quantums, at least one step, that cost about that much."""
    market = stage.market
    one_step = market.quote(market.step_base_quantums, market.subticks_near(price, 0))
    return market.step_base_quantums * max(1, quote_quantums // max(1, one_step))


def _quote(stage: Stage, price: int) -> int:
    """Bids and asks of both makers rest; the height of the last."""
    market, height = stage.market, 0
    size = _size(stage, QUOTE_VALUE, price)
    for name, bid_ppm, ask_ppm in QUOTES_PPM:
        for offset_ppm, is_buy in ((bid_ppm, True), (ask_ppm, False)):
            subticks = market.subticks_near(price, offset_ppm)
            order, outcome, height = stage.order(stage.actors[name], size, subticks, is_buy=is_buy, time_in_force=TimeInForce.POST_ONLY)
            if outcome.rests:
                said = f"{name} {'bids' if is_buy else 'asks'} {market.shown_price(subticks)} for {market.shown_size(order.quantums)}"
            else:
                said = f"{name}'s quote at {market.shown_price(subticks)} ended: {outcome.reason}"
            stage.tell(said, height)
    return height


def _take(stage: Stage, actor: Actor, size: int, price: int, *, is_buy: bool) -> OrderOutcome:
    market = stage.market
    limit = market.subticks_near(price, SLIPPAGE_PPM if is_buy else -SLIPPAGE_PPM)
    order, outcome, height = stage.order(actor, size, limit, is_buy=is_buy, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    for fill in outcome.fills:
        said = f"{actor.name} {'buys' if is_buy else 'sells'} {market.shown_size(fill.quantums)} at {market.shown_price(fill.subticks)}"
        stage.tell(f"{said} from {_maker_name(stage, fill.maker_order)}", height)
    if not outcome.fills:
        raise Failure(f"{actor.name}'s order in block {height} met no maker: {outcome.reason or 'the book was empty'}.")
    position = stage.clients[0].at(height)
    stage.reach(height)
    held = position.risk(actor.wallet.address, actor.number).position(market.perpetual_id)
    if held != (outcome.filled_quantums if order.side == order_pb2.Order.SIDE_BUY else -outcome.filled_quantums):
        raise Failure(f"{actor.name} holds {held} base quantums after block {height}, and filled {outcome.filled_quantums}.")
    return outcome


def _maker_name(stage: Stage, maker_order: str) -> str:
    owner = maker_order.partition("/")[0]
    return next((name for name, actor in stage.actors.items() if actor.wallet.address == owner), owner)


def _liquidate(stage: Stage, price: int) -> dict[str, Any]:
    """A leveraged account is opened by an ordinary order, the price falls below its maintenance margin, the engine closes it."""
    market, erin = stage.market, stage.actors["erin"]
    stage.heading("6. A leveraged account is liquidated")
    ask = stage.clients[0].latest
    tier_id = next(row.params.liquidity_tier for row in ask.perpetuals() if row.params.id == market.perpetual_id)
    initial_ppm = next(row.initial_margin_ppm for row in ask.liquidity_tiers() if row.id == tier_id)
    _take(stage, erin, _size(stage, erin.deposit * MILLION * 2 // (initial_ppm * 3), price), price, is_buy=True)
    opened = stage.risk(erin)
    held = opened.position(market.perpetual_id)
    notional = opened.positions[0].notional
    leverage = shown(notional * 10 // max(1, opened.net_collateral), -1)
    stage.tell(f"erin holds {market.shown_size(held)}, and is worth {shown_usdc(opened.net_collateral)} USDC: {leverage} times leverage")
    # Half of the maintenance margin is left at that price: too little to stay open, but no loss for anybody else.
    fall_ppm = (opened.net_collateral - opened.maintenance_margin // 2) * MILLION // notional
    fallen = price * (MILLION - fall_ppm) // MILLION
    for name, _, _ in QUOTES_PPM:
        stage.cancel_all(stage.actors[name])
    height = stage.set_price(fallen)
    stage.tell(f"the price falls by {shown_percent(fall_ppm)} to {market.shown_oracle_price(fallen)}; the makers have stepped back", height)
    below = stage.clients[0].at(height).risk(erin.wallet.address, erin.number)
    stage.tell(f"erin is worth {shown_usdc(below.net_collateral)} USDC and must hold {shown_usdc(below.maintenance_margin)}", height)
    if not below.liquidatable and below.position(market.perpetual_id) == held:
        raise Failure(f"erin is still above her maintenance margin after block {height}.")
    _quote(stage, fallen)

    def closed() -> int | None:
        risk = stage.risk(erin)
        return risk.height if risk.position(market.perpetual_id) < held and not risk.liquidatable else None

    end = stage.wait("the liquidation of erin", closed)
    after = stage.clients[0].at(end).risk(erin.wallet.address, erin.number)
    left = after.position(market.perpetual_id)
    stage.tell(f"the engine has sold {market.shown_size(held - left)}; erin keeps {shown_usdc(after.net_collateral)} USDC", end)
    return {
        "price": market.shown_oracle_price(fallen),
        "height": end,
        "size_before": market.shown_size(held),
        "size_after": market.shown_size(left),
        "worth_before": str(opened.net_collateral),
        "worth_after": str(after.net_collateral),
    }


def _funding(stage: Stage, quoted: int) -> dict[str, Any]:
    """An epoch ends whose charge moves the index after the makers began to quote."""
    market = stage.market
    stage.heading("7. A funding epoch passes")

    def charged() -> tuple[int, int, int] | None:
        rates = stage.clients[0].latest.funding_rates(market.perpetual_id, 2)
        if not rates or rates[0].height <= quoted:
            return None
        change = decode_signed(rates[0].index) - (decode_signed(rates[1].index) if len(rates) > 1 else 0)
        return (rates[0].height, rates[0].rate_ppm, change) if change else None

    height, rate_ppm, change = stage.wait("a funding charge", charged)
    stage.reach(height)
    pinned = stage.clients[0].at(height)
    lot = pinned.funding(market.perpetual_id).lot_base_quantums
    payers = "longs" if change > 0 else "shorts"
    per_lot = f"{payers} pay {abs(change)} quote quantums per {market.shown_size(lot)}"
    stage.tell(f"rate {shown_percent(rate_ppm)} per 8 hours: {per_lot}", height)
    for actor in stage.actors.values():
        quantums = pinned.risk(actor.wallet.address, actor.number).position(market.perpetual_id)
        if quantums:
            payment = -(quantums // lot) * change
            stage.tell(
                f"{actor.name}, {market.shown_size(quantums)}: {'receives' if payment > 0 else 'pays'} {shown_usdc(abs(payment))} USDC"
            )
    return {"height": height, "rate_ppm": rate_ppm, "index_change": str(change)}


def _prove(stage: Stage) -> dict[str, Any]:
    """Everything is exact at one height that every node has. A pin that grew too old while it was read is taken anew."""
    report = Report(0)
    for attempt in range(_PINS):
        height = max(client.height for client in stage.clients)
        stage.reach(height + 1)
        try:
            report = verify(stage.clients, height)
            break
        except RequestFailedError as error:
            if attempt == _PINS - 1 or "no longer kept" not in str(error):
                raise
    stage.heading(f"9. The proof, at height {report.height}")
    for pool in report.pools:
        held, owed, bank = (shown_usdc(amount) for amount in (pool.collateral, pool.unsettled_funding, pool.bank_balance))
        stage.tell(f"pool of {pool.subaccounts} subaccounts: {held} and {owed} of funding owed to them; the bank has {bank} USDC")
    for market in report.markets:
        stage.tell(
            f"{market.ticker}: longs {market.longs}, shorts {market.shorts}, open interest {market.open_interest} base quantums;"
            f" of the last charge {market.paid} is paid, {market.received} received"
        )
    for client, app_hash in zip(stage.clients, report.app_hashes, strict=True):
        stage.tell(f"node {client.connection.address}: app hash {app_hash.hex()}")
    if report.mismatches:
        for sentence in report.mismatches:
            stage.tell(f"MISMATCH: {sentence}")
        raise Failure(f"at height {report.height} {_sentences(report.mismatches)}.")
    stage.tell("money is conserved, funding sums to zero, all nodes agree")
    return {
        "height": report.height,
        "app_hash": report.app_hashes[0].hex(),
        "nodes": len(report.app_hashes),
        "subaccounts": report.subaccounts,
        "mismatches": report.mismatches,
    }


def _sentences(mismatches: Sequence[str]) -> str:
    more = len(mismatches) - 1
    return mismatches[0] + (f" (and {more} more mismatches)" if more else "")
