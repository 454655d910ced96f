"""`perpd export` gives a genesis of the same state, and a chain that begins from it goes on where the other stopped."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modules.kernel.context import Context
from node import chain_genesis
from node.chain_genesis import GenesisError
from node.cli import main
from node.localnet.genesis import engine_genesis
from node.store.state import LiveState
from node.wiring import Wiring
from support.chain import SECOND
from support.exchange import TRADERS, Exchange, OpenExchange, committed, exchanges, open_app
from support.market_life import ISOLATED_NUMBER, MarketLife, life_genesis
from support.markets import BTC, ETH, LINK


@pytest.fixture
def open_exchange() -> Iterator[OpenExchange]:
    """Opens exchanges."""
    with exchanges() as start:
        yield start


@pytest.fixture
def lived(open_exchange: OpenExchange) -> Exchange:
    """A chain with a past: positions, orders, remembered cancels and fills, two epochs of funding, liquidations."""
    exchange = open_exchange(life_genesis())
    life = MarketLife(exchange, 19)
    for _ in range(22):
        life.step()
    exchange.run(2)
    return exchange


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of `perpd …`."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    told = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, told.out, told.err


def home_of(exchange: Exchange, number: int) -> Path:
    """A node's home with the state of one application, which is closed."""
    exchange.apps[number].store.close()
    home = exchange.directory / f"home{number}"
    shutil.copytree(exchange.directory / f"node{number}", home / "app")
    (home / "app.toml").write_text('abci = "unix:///nowhere/abci.sock"\n')
    return home


def imported(document: Any, height: int, time_ns: int) -> tuple[Wiring, Context]:
    """Modules with this genesis as their state."""
    wiring = Wiring()
    assert chain_genesis.validate(document, wiring.modules) == []
    ctx = Context(LiveState(wiring.registry), height, time_ns, "")
    wiring.init_genesis(ctx, document)
    return wiring, ctx


def test_every_block_s_export_is_a_genesis_of_the_same_state(open_exchange: OpenExchange) -> None:
    """Twenty-five blocks of life: each export is valid, importing it gives the same objects, and exporting that the same document."""
    exchange = open_exchange(life_genesis(), nodes=1)
    life = MarketLife(exchange, 7)
    for _ in range(25):
        life.step()
        ctx = exchange.ctx
        document = json.loads(json.dumps(exchange.wiring.export_genesis(ctx)))
        wiring, other = imported(document, ctx.height, ctx.time_ns)
        again = wiring.export_genesis(other)
        for section in document:
            assert again[section] == document[section], section
        names = [f"{declared.store}/{declared.name}" for declared in wiring.registry.maps]
        for name, mine, known in zip(names, other.state.tables, ctx.state.tables, strict=True):
            assert mine == known, name
        assert wiring.check_invariants(other) == []
    assert document["clob"]["orders"]
    assert document["clob"]["cancels"]
    assert document["clob"]["ended"]
    assert document["subaccounts"]["accounts"][0]["positions"]
    assert document["auth"]["remembered"]
    assert document["funding"]["perpetuals"][0]["history"]


def test_the_export_of_a_stopped_node_is_a_valid_genesis(capsys: pytest.CaptureFixture[str], lived: Exchange, tmp_path: Path) -> None:
    """`perpd export` prints what the chain itself would export; `perpd genesis validate` accepts it."""
    expected = lived.wiring.export_genesis(lived.ctx)
    home = home_of(lived, 1)
    code, out, err = run(capsys, "export", "--home", str(home))
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document == json.loads(json.dumps(expected))
    code, out, _ = run(capsys, "export", "--home", str(home), "--height", "24", "--json")
    assert json.loads(out) == document
    assert out.count("\n") == 1
    file = tmp_path / "export.json"
    file.write_text(out)
    code, out, _ = run(capsys, "genesis", "validate", str(file))
    assert (code, out.strip()) == (0, f"{file} is a valid genesis with 3 perpetuals: BTC-USD, ETH-USD, LINK-USD, continuing after block 24")


def view(exchange: Exchange) -> dict[str, Any]:
    """What people care about, as far as a chain's first block does not change it."""
    accounts = {f"{name}/{number}": exchange.account(name, number) for name in TRADERS for number in (0, 1, ISOLATED_NUMBER)}
    risks = {f"{name}/{number}": exchange.risk(name, number) for name in TRADERS for number in (0, ISOLATED_NUMBER)}
    modules = ("fee_collector", "insurance_fund", "insurance_fund:2", "subaccounts", "subaccounts:2")
    return {
        "accounts": accounts,
        "risks": risks,
        "wallets": {name: (exchange.wallet(name), exchange.wallet(name, 1)) for name in TRADERS},
        "modules": {name: exchange.module(name) for name in modules},
        "books": {pair: exchange.book(pair) for pair in (BTC, ETH, LINK)},
        "funding": {pair: exchange.wiring.funding.keeper.accrued(exchange.ctx, pair) for pair in (BTC, ETH, LINK)},
        "open interest": {pair: exchange.open_interest(pair) for pair in (BTC, ETH, LINK)},
        "prices": {market: exchange.price(market) for market in (BTC, ETH, LINK)},
        "charges": {pair: exchange.wiring.funding.keeper.charges(exchange.ctx, pair) for pair in (BTC, ETH, LINK)},
    }


def continued(open_exchange: OpenExchange, lived: Exchange, document: dict[str, Any], **changes: Any) -> Exchange:
    """A new chain with the export as its genesis, at the height and time at which the old one stands."""
    arguments: dict[str, Any] = {"initial_height": lived.chain.height + 1, "time_ns": lived.chain.time_ns, "chain_id": "story-1"}
    exchange = open_exchange(document, **(arguments | changes))
    for mine, known in zip(exchange.reported, lived.reported, strict=True):
        mine.update(known)
    return exchange


def test_a_chain_from_an_export_goes_on_where_the_other_stopped(open_exchange: OpenExchange, lived: Exchange) -> None:
    """Same accounts, books, prices and funding; the same taker has the same fills in both; a replay of the past is refused in both."""
    prices = [lived.reported[0][ETH] * (1_000_000 + ppm) // 1_000_000 // 100_000 * 100_000 for ppm in (500, 500, 400)]
    for client, price in enumerate(prices, 900_001):
        lived.block(lived.long_term("bob", client, "sell", 300_000_000, price, pair=ETH))
    document = json.loads(json.dumps(lived.wiring.export_genesis(lived.ctx)))
    second = continued(open_exchange, lived, document)
    app = second.apps[0]
    start = Context(app.state, lived.chain.height, lived.chain.time_ns, "")
    again = app.wiring.export_genesis(start)
    for section in document:
        if section != "consensus":
            assert again[section] == document[section], section
    assert again["consensus"]["sequencer"] == document["consensus"]["sequencer"]
    old = lived.chain.blocks[21].txs
    for _ in range(2):
        assert lived.run().fills() == second.run().fills() == []
        assert view(second) == view(lived)
    taker = lived.limit("alice", 900_000, "buy", 800_000_000, prices[0], pair=ETH)
    fills = lived.block(taker).fills()
    # Price, then time, across the export.
    assert [fill.maker for fill in fills if fill.maker.startswith("bob/90000")] == ["bob/900003", "bob/900001", "bob/900002"]
    assert second.block(taker).fills() == fills
    assert view(second) == view(lived)
    short_term = [tx for tx in old[1:] if lived.decide(tx).outcome(tx) == ("sequencer", 6)]
    assert short_term
    for tx in short_term:
        assert second.decide(tx).outcome(tx) == ("sequencer", 6)


def test_a_continued_chain_begins_at_its_height_and_not_before_its_time(open_exchange: OpenExchange, lived: Exchange) -> None:
    """Priorities, lives of orders and remembered hashes in an export are of heights: at another one InitChain refuses it."""
    document = json.loads(json.dumps(lived.wiring.export_genesis(lived.ctx)))
    for height, time_ns, path in (
        (1, lived.chain.time_ns, "consensus.chain.last_block_height"),
        (24, lived.chain.time_ns, "consensus.chain.last_block_height"),
        (26, lived.chain.time_ns, "consensus.chain.last_block_height"),
        (25, lived.chain.time_ns - 1, "consensus.chain.last_block_time_ns"),
    ):
        with pytest.raises(GenesisError) as refused:
            continued(open_exchange, lived, document, initial_height=height, time_ns=time_ns)
        assert [where for where, _ in refused.value.problems] == [path]
    genesis = engine_genesis("next-1", [], document, lived.chain.time_ns // SECOND - 3)
    assert genesis["initial_height"] == "25", "a localnet from an export begins there by itself"
    assert genesis["genesis_time"] == "2022-01-03T00:00:24Z", "and not before the export's last block"


def test_orders_that_expire_before_the_new_chain_begins_are_left_out(open_exchange: OpenExchange, lived: Exchange) -> None:
    """An export taken up a day later: its long-term orders have ended; everything else is there, and time without blocks is not charged."""
    lived.block(lived.long_term("alice", 900_001, "buy", 10_000_000, 4_000_000_000))
    document = json.loads(json.dumps(lived.wiring.export_genesis(lived.ctx)))
    later = continued(open_exchange, lived, document, time_ns=lived.chain.time_ns + 86_400 * SECOND)
    happened = later.run()
    names = [row[0] for side in later.book().values() for row in side]
    assert "alice/900001" in [row[0] for row in lived.book()["bids"]]
    assert "alice/900001" not in names
    for event in happened.events("funding_epoch_ended"):
        assert int(event["covered_ns"]) <= 10 * SECOND
    assert later.open_interest() == lived.open_interest()


def test_what_cannot_be_exported_is_said_in_one_sentence(capsys: pytest.CaptureFixture[str], lived: Exchange, tmp_path: Path) -> None:
    """No node, no state, no block, a running node, a height that is gone: exit 1 and no traceback; nothing is created."""
    code, _, err = run(capsys, "export", "--home", str(tmp_path / "none"))
    assert (code, err.count("\n")) == (1, 1)
    assert "does not exist" in err
    (tmp_path / "app.toml").write_text('abci = "unix:///nowhere/abci.sock"\n')
    code, _, err = run(capsys, "export", "--home", str(tmp_path))
    assert code == 1
    assert "has no state" in err
    assert not (tmp_path / "app").exists()
    open_app(tmp_path / "app").store.close()
    code, _, err = run(capsys, "export", "--home", str(tmp_path))
    assert code == 1
    assert "has not committed a block yet" in err
    home = home_of(lived, 2)
    for height in (1, 23, 25):
        code, out, err = run(capsys, "export", "--home", str(home), "--height", str(height), "--json")
        assert code == 1
        assert f"the state on disk is that after block 24, not {height}" in err
        assert "error" in json.loads(out)
    running = open_app(home / "app")
    code, _, err = run(capsys, "export", "--home", str(home))
    assert (code, err.count("\n")) == (1, 1)
    assert "in use" in err
    assert committed(running).height == 24
    running.store.close()
