"""The authority changes validators and a market of a real network of four validators, with the command that users type."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from modules.clob.errors import PAIR_STATUS
from node.client import messages
from node.client.client import Client
from node.client.errors import TxFailedError
from node.client.messages import TimeInForce
from node.client.queries import Queries
from node.client.wallet import Wallet
from perpd_proto.cosmos.crypto.ed25519 import keys_pb2
from perpd_proto.cosmos.staking.v1beta1 import query_pb2 as staking
from perpd_proto.dydxprotocol.clob import clob_pair_pb2
from support.localnet import Localnet, localnet
from support.real_localnet import perpd, until

pytestmark = pytest.mark.network

FORMER_POWER = 10
"""Of each validator of a new localnet."""
VOTING_DELAY_BLOCKS = 2
LATER_BLOCKS = 5
DEPOSIT_QUOTE = 10_000 * 10**6


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Localnet]:
    """One of its own, whose prices move all the time."""
    with localnet(tmp_path_factory.mktemp("net") / "home", "--prices", "simulated:7") as found:
        yield found


@pytest.fixture(scope="module")
def clients(network: Localnet) -> Iterator[list[Client]]:
    """One per node."""
    opened = [Client(node["grpc"]) for node in network.nodes()]
    yield opened
    for client in opened:
        client.close()


def change(network: Localnet, message: dict[str, Any], directory: Path) -> int:
    """The height of the block that carries the message, signed by the localnet's authority."""
    file = directory / "change.json"
    file.write_text(json.dumps(message))
    return int(perpd("tx", "change", str(file), "--from", "faucet", "--home", str(network.home.path))["height"])


def key_of(network: Localnet, node: int) -> bytes:
    """The ed25519 key that a node votes with."""
    return base64.b64decode(network.rpc(node, "status")["validator_info"]["pub_key"]["value"])


def change_power(network: Localnet, node: int, power: int, directory: Path) -> int:
    """The height of the block in which a node's power is changed."""
    row = {"public_key": base64.b64encode(key_of(network, node)).decode(), "power": str(power)}
    return change(network, {"@type": "/perpd.consensus.v1.MsgUpdateValidators", "validators": [row]}, directory)


def engines_set(network: Localnet, node: int, height: int) -> dict[bytes, int]:
    """Powers of those who vote on a block, by key, as a node's CometBFT has them."""
    rows = network.rpc(node, "validators", height=str(height), per_page="100")["validators"]
    return {base64.b64decode(row["pub_key"]["value"]): int(row["voting_power"]) for row in rows}


def states_set(client: Client, height: int) -> dict[bytes, int]:
    """The same as a node's state after the block before has it."""
    path = "/cosmos.staking.v1beta1.Query/Validators"
    found = client.connection.call(path, staking.QueryValidatorsRequest(), staking.QueryValidatorsResponse, height - 1)
    return {keys_pb2.PubKey.FromString(row.consensus_pubkey.value).key: int(row.tokens) for row in found.validators}


def oracle_after(queries: Queries, height: int) -> tuple[int, int]:
    """(reporting power, total power) behind the first price of BTC-USD that is seen to be set after that block."""
    until(lambda: queries.oracle(0).updated_height > height, f"a price of BTC-USD from after block {height}")
    found = queries.oracle(0)
    return found.reporting_power, found.total_power


def assert_in_force(network: Localnet, clients: list[Client], changed: int, before: dict[bytes, int], after: dict[bytes, int]) -> None:
    """`after` votes from two blocks after the change on, by every engine and every state; blocks and prices go on, on one state."""
    network.wait_for_height(changed + LATER_BLOCKS)
    for node, client in enumerate(clients):
        for height in range(changed, changed + LATER_BLOCKS):
            wanted = before if height < changed + VOTING_DELAY_BLOCKS else after
            assert engines_set(network, node, height) == wanted, f"engine of node {node}, block {height}"
            assert states_set(client, height) == wanted, f"state of node {node}, block {height}"
    for height in range(changed, changed + LATER_BLOCKS):
        hashes = network.app_hashes_at(height)
        assert len(set(hashes)) == 1, f"block {height}: {hashes}"
    # The votes in a block are those on the block before it.
    reporting, total = oracle_after(clients[0].latest, changed + VOTING_DELAY_BLOCKS)
    assert total == sum(after.values())
    assert 3 * reporting >= 2 * total
    network.assert_one_state()


def test_a_validator_whose_power_is_lowered_counts_less(network: Localnet, clients: list[Client], tmp_path: Path) -> None:
    """Power 1 of 31 in every engine and state from two blocks later on; blocks and prices go on; raised again, it counts as before."""
    keys = [key_of(network, node) for node in range(network.count)]
    before = dict.fromkeys(keys, FORMER_POWER)
    changed = change_power(network, 3, 1, tmp_path)
    after = before | {keys[3]: 1}
    assert_in_force(network, clients, changed, before, after)
    raised = change_power(network, 3, FORMER_POWER, tmp_path)
    assert_in_force(network, clients, raised, after, before)


def test_a_validator_is_removed_and_taken_back(network: Localnet, clients: list[Client], tmp_path: Path) -> None:
    """Without votes its node follows all the same; taken back, it signs again."""
    keys = [key_of(network, node) for node in range(network.count)]
    everybody = dict.fromkeys(keys, FORMER_POWER)
    others = {key: power for key, power in everybody.items() if key != keys[3]}
    removed = change_power(network, 3, 0, tmp_path)
    assert_in_force(network, clients, removed, everybody, others)
    taken_back = change_power(network, 3, FORMER_POWER, tmp_path)
    assert_in_force(network, clients, taken_back, others, everybody)
    address = network.rpc(3, "status")["validator_info"]["address"]
    until(lambda: address in signers(network, network.highest() - 1), "a commit that the validator has signed")


def signers(network: Localnet, height: int) -> list[str]:
    """Addresses of those whose signatures the commit of a block has."""
    commit = network.rpc(0, "commit", height=str(height))["signed_header"]["commit"]
    return [row["validator_address"] for row in commit["signatures"]]


def test_a_market_is_post_only_from_the_next_height_on(network: Localnet, clients: list[Client], tmp_path: Path) -> None:
    """The status turns after the block of the change, on every node; takers are refused meanwhile, and trade again afterwards."""
    alice, bob = (wallet(network, name) for name in ("alice", "bob"))
    client = clients[0]
    for trader in (alice, bob):
        client.deposit(trader, 0, DEPOSIT_QUOTE)
    closed = set_status(network, client, clob_pair_pb2.ClobPair.STATUS_POST_ONLY, tmp_path)
    assert_turned(network, clients, closed, clob_pair_pb2.ClobPair.STATUS_ACTIVE, clob_pair_pb2.ClobPair.STATUS_POST_ONLY)
    price = client.latest.market("BTC-USD").subticks_near(client.latest.oracle(0).price, 0)
    client.place(alice, order(client, alice, 1, is_buy=False, subticks=price, time_in_force=TimeInForce.POST_ONLY))
    with pytest.raises(TxFailedError) as refused:
        client.place(bob, order(client, bob, 2, is_buy=True, subticks=price))
    assert (refused.value.codespace, refused.value.code) == ("clob", PAIR_STATUS.code)

    opened = set_status(network, client, clob_pair_pb2.ClobPair.STATUS_ACTIVE, tmp_path)
    assert_turned(network, clients, opened, clob_pair_pb2.ClobPair.STATUS_POST_ONLY, clob_pair_pb2.ClobPair.STATUS_ACTIVE)
    included = client.place(bob, order(client, bob, 3, is_buy=True, subticks=price))
    assert [event.type for event in included.response.events].count("match") == 1
    network.wait_for_height(included.height)
    network.assert_one_state()


def wallet(network: Localnet, name: str) -> Wallet:
    """Of an account of localnet.json."""
    return next(Wallet.from_mnemonic(row["mnemonic"]) for row in network.document["accounts"] if row["name"] == name)


def order(
    client: Client, trader: Wallet, client_id: int, *, is_buy: bool, subticks: int, time_in_force: TimeInForce = TimeInForce.REST
) -> Any:
    """A long-term order of the least size in BTC-USD."""
    market = client.latest.market("BTC-USD")
    return messages.order(
        market,
        trader.address,
        0,
        client_id,
        is_buy=is_buy,
        quantums=market.step_base_quantums,
        subticks=subticks,
        good_til_seconds=int(time.time()) + 600,
        time_in_force=time_in_force,
    )


def set_status(network: Localnet, client: Client, status: clob_pair_pb2.ClobPair.Status, directory: Path) -> int:
    """The height of the block that changes BTC-USD's status."""
    pair = clob_pair_pb2.ClobPair()
    pair.CopyFrom(client.latest.clob_pairs()[0])
    pair.status = status
    fields = MessageToDict(pair, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return change(network, {"@type": "/dydxprotocol.clob.MsgUpdateClobPair", "clob_pair": fields}, directory)


def assert_turned(network: Localnet, clients: list[Client], height: int, before: int, after: int) -> None:
    """Every node's state has the old status up to the block before `height`, the new one from `height` on; that block says why."""
    network.wait_for_height(height + 1)
    for node, client in enumerate(clients):
        found = [client.at(place).clob_pairs()[0].status for place in (height - 1, height, height + 1)]
        assert found == [before, after, after]
        rows = network.rpc(node, "block_results", height=str(height))["finalize_block_events"]
        (applied,) = (row for row in rows if row["type"] == "change_applied")
        assert "dydxprotocol.clob.MsgUpdateClobPair" in [row["value"] for row in applied["attributes"]]
    assert len(set(network.app_hashes_at(height))) == 1
