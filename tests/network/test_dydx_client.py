"""dydx-v4-client 1.1.5 from PyPI, unmodified, trades on a real network of four validators."""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.client import messages
from node.client.client import Client
from node.client.queries import Queries
from node.toolchain import tools_directory
from support.real_localnet import real_localnet

pytestmark = pytest.mark.network

HERE = Path(__file__).parent
SCRIPT = HERE / "dydx_client_script.py"
LOCK = HERE / "dydx_client.lock"
DENOM = "ibc/8E27BA2D5493AF5636760E354E46004562C46AB7EC0CC4C1CA14E9E20E2545B5"
DEPOSIT, WITHDRAWAL = 5_000_000_000, 1_000_000
INSTALL_SECONDS, SCRIPT_SECONDS = 600, 180


@pytest.fixture(scope="module")
def client_python() -> Path:
    """A Python with the client and exactly the locked packages, kept in the tools folder: its protobuf files collide with ours."""
    home = tools_directory() / "clients" / "dydx"
    home.parent.mkdir(parents=True, exist_ok=True)
    python = home / "bin" / "python"
    stamp = home / ".installed"
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    with (home.parent / "dydx.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(home, ignore_errors=True)
            venv.create(home, with_pip=True)
            command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
            done = subprocess.run([*command, "-r", LOCK], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
            assert done.returncode == 0, f"the client could not be installed: {done.stderr[-2000:]}"
            stamp.write_text(wanted)
    return python


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """localnet.json of a running network whose prices stand still."""
    with real_localnet(tmp_path_factory.mktemp("net") / "home", "--prices", "manual") as found:
        yield found.document


@pytest.fixture(scope="module")
def answers(client_python: Path, network: dict[str, Any]) -> dict[str, Any]:
    """What the client saw, having done everything that the script says."""
    alice = account(network)
    with Client(network["nodes"][0]["grpc"]) as client:
        market = client.latest.market("BTC-USD")
    task = {
        "grpc": network["nodes"][0]["grpc"],
        "chain_id": network["chain_id"],
        "denom": DENOM,
        "mnemonic": alice["mnemonic"],
        "address": alice["address"],
        "number": 0,
        "deposit": DEPOSIT,
        "withdraw": WITHDRAWAL,
        "size": 0.01,
        "price": 20_000,
        "market": {
            "clobPairId": str(market.clob_pair_id),
            "atomicResolution": market.atomic_resolution,
            "quantumConversionExponent": market.quantum_conversion_exponent,
            "stepBaseQuantums": market.step_base_quantums,
            "subticksPerTick": market.subticks_per_tick,
        },
    }
    done = subprocess.run(
        [client_python, "-I", SCRIPT], input=json.dumps(task), capture_output=True, text=True, timeout=SCRIPT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    # The client itself prints what it waits for; the answer is the last line.
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def account(network: dict[str, Any]) -> dict[str, str]:
    """Alice's entry in localnet.json."""
    return next(entry for entry in network["accounts"] if entry["name"] == "alice")


@pytest.fixture
def queries(network: dict[str, Any]) -> Iterator[Queries]:
    """Questions to another node than the one that the client used."""
    with Client(network["nodes"][1]["grpc"]) as client:
        yield client.latest


def events(queries: Queries, tx_hash: str, kind: str) -> list[dict[str, str]]:
    """Attributes of a transaction's events of one kind; the transaction succeeded."""
    found = queries.tx(tx_hash)
    assert found is not None
    assert found.tx_response.code == 0, found.tx_response.raw_log
    return [{row.key: row.value for row in event.attributes} for event in found.tx_response.events if event.type == kind]


def test_deposit_and_withdrawal_move_exactly_that_money(answers: dict[str, Any], network: dict[str, Any], queries: Queries) -> None:
    """Bank balance and collateral, less the fees that the client itself offered."""
    trade, alice = answers["trade"], account(network)["address"]
    fees = 0
    for tx_hash in (trade["deposit"], trade["withdrawal"]):
        found = queries.tx(tx_hash)
        assert found is not None
        fees += sum(int(coin.amount) for coin in found.tx.auth_info.fee.amount if coin.denom == DENOM)
    assert fees > 0
    assert int(trade["balance_after"]) == int(trade["balance_before"]) - DEPOSIT + WITHDRAWAL - fees
    assert queries.balance(alice, DENOM) == int(trade["balance_after"])
    assert queries.risk(alice, 0).settled_collateral == DEPOSIT - WITHDRAWAL


def test_both_orders_rested_and_were_cancelled(answers: dict[str, Any], network: dict[str, Any], queries: Queries) -> None:
    """The events of each transaction name the order, its size and price; nothing rests at the end."""
    trade, alice = answers["trade"], account(network)["address"]
    market = queries.market("BTC-USD")
    for place, cancel, flags in (("short_order", "short_cancel", messages.SHORT_TERM), ("long_order", "long_cancel", messages.LONG_TERM)):
        (placed,) = events(queries, trade[place], "order_placed")
        assert placed["order"].startswith(f"{alice}/0/")
        assert placed["order"].endswith(f"/{flags}/{market.clob_pair_id}")
        assert (placed["is_buy"], placed["filled_quantums"]) == ("true", "0")
        assert (int(placed["quantums"]), int(placed["subticks"])) == (market.quantums("0.01"), market.subticks("20000"))
        (cancelled,) = events(queries, trade[cancel], "order_cancelled")
        assert (cancelled["order"], cancelled["removed"]) == (placed["order"], "true")
    assert queries.orders(alice, 0) == []


def test_the_client_reads_its_subaccount(answers: dict[str, Any], network: dict[str, Any]) -> None:
    """The same collateral that our query says, in the wire's own bytes."""
    amount = DEPOSIT - WITHDRAWAL
    quantums = b"\x02" + amount.to_bytes((amount.bit_length() + 7) // 8, "big")
    assert answers["trade"]["subaccount"] == {
        "owner": account(network)["address"],
        "number": 0,
        "assets": [[0, quantums.hex()]],
        "perpetuals": 0,
    }


def test_every_query_of_the_client_is_answered(answers: dict[str, Any]) -> None:
    """Also those about modules that this chain does not have."""
    assert answers["read"]
    assert {name: answer for name, answer in answers["read"].items() if answer.startswith("failed")} == {}
