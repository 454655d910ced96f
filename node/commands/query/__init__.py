"""`perpd query`: ask a node about committed state."""

from __future__ import annotations

from typing import Any

import click

from modules.kernel.codec import decode_signed
from node.client import documents
from node.client.amounts import shown_percent, shown_usdc
from node.client.show import facts, table
from node.commands.query.mark import mark
from node.commands.query.observe import observe
from node.commands.query.options import ask as ask_node
from node.commands.query.options import query_options, subaccount_option
from node.commands.query.oracle import oracle
from node.commands.query.orders import order, orders, positions
from node.commands.query.proposals import proposals
from node.commands.query.reports import reports
from node.failure import Failure
from node.output import emit

_NANOSECONDS = 10**9


@click.group()
def command() -> None:
    """Ask a node about committed state. NAME is an address, or an account of the localnet."""


for _command in (orders, order, positions, proposals, mark, observe, oracle, reports):
    command.add_command(_command)


@command.command()
@query_options
def status(**options: Any) -> None:
    """Show where the node stands, with the root of every module's store."""
    session, ask = ask_node(options)
    with session:
        found = ask.status()
    roots = {row.name: row.root.hex() for row in found.store_roots}
    rows = [
        ("chain", found.chain_id),
        ("height", str(found.height)),
        ("time", found.time.ToJsonString()),
        ("app hash", found.app_hash.hex()),
        ("earliest height", str(found.earliest_height)),
    ]
    document = {
        "chain_id": found.chain_id,
        "height": found.height,
        "time": found.time.ToJsonString(),
        "app_hash": found.app_hash.hex(),
        "earliest_height": found.earliest_height,
        "store_roots": roots,
    }
    emit(document, facts([*rows, *((f"store {name}", root) for name, root in roots.items())]), options["as_json"])


@command.command()
@click.argument("name")
@query_options
def account(name: str, **options: Any) -> None:
    """Show number and sequence of an account."""
    session, ask = ask_node(options)
    with session:
        address = session.address(name)
        found = ask.account(address)
    document = {"address": address, "account_number": found.number, "sequence": found.sequence}
    emit(document, facts([("address", address), ("number", str(found.number)), ("sequence", str(found.sequence))]), options["as_json"])


@command.command()
@click.argument("name")
@query_options
def balance(name: str, **options: Any) -> None:
    """Show what a bank account holds."""
    session, ask = ask_node(options)
    with session:
        address = session.address(name)
        held, usdc_denom = ask.balances(address), ask.usdc_denom()
    rows = [(denom, f"{shown_usdc(amount)} USDC" if denom == usdc_denom else str(amount)) for denom, amount in held.items()]
    document = {"address": address, "balances": {denom: str(amount) for denom, amount in held.items()}}
    emit(document, facts(rows) if rows else f"{address} holds nothing", options["as_json"])


@command.command()
@click.argument("name")
@subaccount_option
@query_options
def subaccount(name: str, number: int, **options: Any) -> None:
    """Show collateral and positions of a subaccount, funding settled."""
    session, ask = ask_node(options)
    with session:
        owner = session.address(name)
        found, markets = ask.risk(owner, number), documents.by_perpetual(ask)
    positions = [
        {
            "ticker": markets[row.perpetual_id].ticker,
            "size": markets[row.perpetual_id].shown_size(row.quantums),
            "quantums": str(row.quantums),
            "notional": str(row.notional),
            "entry_quote": str(row.entry_quote),
            "unsettled_funding": str(row.unsettled_funding),
        }
        for row in found.positions
    ]
    document = {
        "owner": owner,
        "number": number,
        "height": found.height,
        "settled_collateral": str(found.settled_collateral),
        "net_collateral": str(found.net_collateral),
        "positions": positions,
    }
    text = facts([("collateral", f"{shown_usdc(found.settled_collateral)} USDC"), ("worth", f"{shown_usdc(found.net_collateral)} USDC")])
    if positions:
        rows = [
            [
                row["ticker"],
                row["size"],
                shown_usdc(int(row["notional"])),
                shown_usdc(int(row["notional"]) - int(row["entry_quote"])),
                shown_usdc(int(row["unsettled_funding"])),
            ]
            for row in positions
        ]
        text += "\n" + table(["market", ">size", ">value", ">profit", ">funding owed"], rows)
    emit(document, text, options["as_json"])


@command.command()
@click.argument("name")
@subaccount_option
@query_options
def risk(name: str, number: int, **options: Any) -> None:
    """Show what a subaccount is worth and must hold."""
    session, ask = ask_node(options)
    with session:
        owner = session.address(name)
        found = ask.risk(owner, number)
    free = found.net_collateral - found.initial_margin
    document = {
        "owner": owner,
        "number": number,
        "height": found.height,
        "net_collateral": str(found.net_collateral),
        "initial_margin": str(found.initial_margin),
        "maintenance_margin": str(found.maintenance_margin),
        "free_collateral": str(free),
        "liquidatable": found.liquidatable,
    }
    rows = [
        ("worth", f"{shown_usdc(found.net_collateral)} USDC"),
        ("initial margin", f"{shown_usdc(found.initial_margin)} USDC"),
        ("maintenance margin", f"{shown_usdc(found.maintenance_margin)} USDC"),
        ("free", f"{shown_usdc(free)} USDC"),
        ("liquidatable", "yes" if found.liquidatable else "no"),
    ]
    emit(document, facts(rows), options["as_json"])


@command.command()
@query_options
def markets(**options: Any) -> None:
    """List the markets with their prices."""
    session, ask = ask_node(options)
    with session:
        found = [documents.market(ask, market) for market in ask.markets()]
    rows = [[row["ticker"], row["oracle_price"] or "none yet", row["step_size"], row["tick_size"]] for row in found]
    emit({"markets": found}, table(["market", ">oracle price", ">step", ">tick"], rows), options["as_json"])


@command.command()
@click.argument("ticker")
@query_options
def market(ticker: str, **options: Any) -> None:
    """Show one market: price, margins, open interest, funding."""
    session, ask = ask_node(options)
    with session:
        found = ask.market(ticker)
        document = documents.market(ask, found)
        perpetual = next(row for row in ask.perpetuals() if row.params.id == found.perpetual_id)
        margin = ask.margin(found.perpetual_id)
        charges = ask.funding_rates(found.perpetual_id, 1)
    open_interest = decode_signed(perpetual.open_interest)
    document |= {
        "open_interest": str(open_interest),
        "initial_margin_ppm": margin.initial_ppm,
        "maintenance_margin_ppm": margin.maintenance_ppm,
        "margin_brackets": [
            {
                "above_notional": str(row.above_notional),
                "initial_margin_ppm": row.initial_ppm,
                "maintenance_margin_ppm": row.maintenance_ppm,
            }
            for row in margin.brackets
        ],
        "last_funding_rate_ppm": charges[0].rate_ppm if charges else None,
    }
    rows = [
        ("oracle price", document["oracle_price"] or "none yet"),
        ("reported by", f"{document['reporting_power']} of {document['total_power']} voting power, height {document['updated_height']}"),
        ("step, tick", f"{document['step_size']}, {document['tick_size']}"),
        ("open interest", f"{found.shown_size(open_interest)}"),
        ("initial margin", shown_percent(margin.initial_ppm)),
        ("maintenance margin", shown_percent(margin.maintenance_ppm)),
        *(
            (f"  above {shown_usdc(row.above_notional)}", f"{shown_percent(row.initial_ppm)}, {shown_percent(row.maintenance_ppm)}")
            for row in margin.brackets
        ),
        ("last funding rate", f"{shown_percent(charges[0].rate_ppm)} per 8 hours" if charges else "none yet"),
    ]
    emit(document, facts(rows, found.ticker), options["as_json"])


@command.command()
@click.argument("ticker")
@click.option("--levels", type=click.IntRange(min=0), default=10, show_default=True, help="Of each side; 0 is all.")
@query_options
def book(ticker: str, levels: int, **options: Any) -> None:
    """Show the order book of a market."""
    session, ask = ask_node(options)
    with session:
        found = ask.market(ticker)
        read = ask.book(found.clob_pair_id, levels)
    sides = {
        name: [
            {
                "price": found.shown_price(row.subticks),
                "size": found.shown_size(row.quantums),
                "orders": row.order_count,
                "subticks": str(row.subticks),
                "quantums": str(row.quantums),
            }
            for row in rows
        ]
        for name, rows in (("asks", read.asks), ("bids", read.bids))
    }
    rows = [["sell", row["price"], row["size"], str(row["orders"])] for row in reversed(sides["asks"])]
    rows += [["buy", row["price"], row["size"], str(row["orders"])] for row in sides["bids"]]
    document = {"ticker": found.ticker, "height": read.height, "checksum": read.checksum.hex(), **sides}
    empty = f"the book of {found.ticker} is empty at height {read.height}"
    text = table(["", ">price", ">size", ">orders"], rows, f"{found.ticker} at height {read.height}") if rows else empty
    emit(document, text, options["as_json"])


@command.command()
@click.argument("ticker")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True)
@query_options
def funding(ticker: str, limit: int, **options: Any) -> None:
    """Show a market's funding: the running epoch and the last charges."""
    session, ask = ask_node(options)
    with session:
        found = ask.market(ticker)
        running, charges = ask.funding(found.perpetual_id), ask.funding_rates(found.perpetual_id, limit)
    past = [
        {
            "height": row.height,
            "time_seconds": row.time_seconds,
            "rate_ppm": row.rate_ppm,
            "premium_ppm": row.premium_ppm,
            "covered_nanoseconds": row.covered_nanoseconds,
            "index": str(decode_signed(row.index)),
        }
        for row in charges
    ]
    index, paid = decode_signed(running.index), decode_signed(running.paid_quote_quantums_total)
    document = {
        "ticker": found.ticker,
        "index": str(index),
        "lot_base_quantums": str(running.lot_base_quantums),
        "epoch_end_seconds": running.epoch_end_seconds,
        "paid_total": str(paid),
        "charges": past,
    }
    rows = [
        [
            str(row.height),
            shown_percent(row.rate_ppm),
            shown_percent(row.premium_ppm),
            f"{row.covered_nanoseconds // _NANOSECONDS} s",
            str(decode_signed(row.index)),
        ]
        for row in charges
    ]
    head = facts(
        [
            ("index", f"{index} quote quantums per {found.shown_size(running.lot_base_quantums)}"),
            ("epoch ends", f"unix second {running.epoch_end_seconds}"),
            ("paid since the beginning", f"{shown_usdc(paid)} USDC"),
        ],
        found.ticker,
    )
    columns = [">height", ">rate per 8 h", ">premium", ">time covered", ">index after"]
    emit(document, head + "\n" + table(columns, rows), options["as_json"])


@command.command()
@click.argument("tx_hash")
@query_options
def tx(tx_hash: str, **options: Any) -> None:
    """Show a transaction that is in a block, with its result."""
    session, ask = ask_node(options)
    with session:
        found = ask.tx(tx_hash)
    if found is None:
        raise Failure(f"transaction {tx_hash} is in no block.")
    response = found.tx_response
    rows = [
        ("block", f"{response.height} at {response.timestamp}"),
        ("result", "done" if not response.code else f"failed: {response.codespace}/{response.code} {response.raw_log}"),
        ("gas", f"{response.gas_used} of {response.gas_wanted}"),
        *(("message", message.type_url) for message in found.tx.body.messages),
        *(
            (f"event {event.type}", ", ".join(f"{row.key}={row.value}" for row in event.attributes if row.value))
            for event in response.events
        ),
    ]
    emit(documents.plain(response), facts(rows), options["as_json"])


@command.command()
@click.argument("number", type=click.IntRange(min=1), required=False)
@query_options
def block(number: int | None, **options: Any) -> None:
    """Show a block: the latest, or the one of that NUMBER."""
    session, ask = ask_node(options)
    with session:
        found = ask.block(number or options["height"])
    header = found.block.header
    rows = [
        ("height", str(header.height)),
        ("time", header.time.ToJsonString()),
        ("hash", found.block_id.hash.hex()),
        ("app hash before it", header.app_hash.hex()),
        ("proposer", header.proposer_address.hex()),
        ("transactions", str(len(found.block.data.txs))),
    ]
    document = {
        "height": header.height,
        "time": header.time.ToJsonString(),
        "hash": found.block_id.hash.hex(),
        "app_hash": header.app_hash.hex(),
        "proposer": header.proposer_address.hex(),
        "txs": [raw.hex() for raw in found.block.data.txs],
    }
    emit(document, facts(rows), options["as_json"])


@command.command()
@query_options
def conservation(**options: Any) -> None:
    """Check that the money adds up, by a full scan of the state; exits 1 if it does not."""
    session, ask = ask_node(options)
    with session:
        found, by_perpetual = ask.conservation(), documents.by_perpetual(ask)
    document = documents.conservation(found)
    pools, sums, adds_up = document["pools"], document["markets"], document["adds_up"]
    pool_rows = [
        [
            str(row["name"]),
            *(shown_usdc(int(row[key])) for key in ("bank_balance", "collateral", "unsettled_funding")),
            documents.yes(row["matches"]),
        ]
        for row in pools
    ]
    sum_rows = []
    for row in sums:
        of = by_perpetual[row["perpetual_id"]]
        sizes = [of.shown_size(int(row[key])) for key in ("long_quantums", "short_quantums", "open_interest")]
        sum_rows.append([of.ticker, *sizes, documents.yes(row["matches"])])
    text = "\n".join(
        [
            f"height {found.height}: {'the money adds up' if adds_up else 'THE MONEY DOES NOT ADD UP'}",
            f"all balances sum to the supply: {documents.yes(found.supply_matches)}",
            table(["pool", ">bank balance", ">collateral", ">unsettled funding", "exact"], pool_rows),
            table(["market", ">long", ">short", ">open interest", "exact"], sum_rows),
        ]
    )
    emit(document, text, options["as_json"])
    if not adds_up:
        raise Failure(f"the money does not add up at height {found.height}.")


@command.command()
@query_options
def insurance(**options: Any) -> None:
    """Show the balance of every insurance fund."""
    session, ask = ask_node(options)
    with session:
        funds = ask.insurance()
    rows = [(name, f"{shown_usdc(amount)} USDC") for name, amount in funds.items()]
    emit({"funds": {name: str(amount) for name, amount in funds.items()}}, facts(rows), options["as_json"])
