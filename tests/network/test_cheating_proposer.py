"""A real validator that cheats whenever it proposes: the others reject its blocks, decide their own, and nobody loses anything."""

import base64
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from node.client.client import Client
from node.demo.mev.cheater import ATTACKER
from node.demo.mev.cheats import CHEATS
from node.demo.mev.network import CHEATER, CheatingNetwork, attempt, cheating_genesis, running
from node.feeder import board
from support.honest_traders import HonestTraders, read_back
from support.localnet import Localnet, assert_replays, print_logs
from support.real_localnet import processes_of, until

pytestmark = [pytest.mark.network, pytest.mark.slow]

TICKER = "BTC-USD"
DAY_SECONDS = 86_400
TIMES = 2
"""So often each cheat is seen."""


def quiet_genesis() -> dict[str, Any]:
    """The cheating network's, without funding charges on the day of the test: what accounts are worth then follows from fills alone."""
    state = cheating_genesis()
    for entry in state["perp"]["perpetuals"]:
        entry["default_funding_ppm"] = 0
    for entry in state["funding"]["perpetuals"]:
        entry["epoch_seconds"] = DAY_SECONDS
    return state


@pytest.fixture
def network(tmp_path: Path) -> Iterator[CheatingNetwork]:
    """Four validators, the last of which can cheat; the price of bitcoin is fixed where genesis has it."""
    home = tmp_path / "home"
    try:
        with running(home, print, quiet_genesis()) as found:
            yield found
        assert processes_of(home) == []
    except BaseException:
        print_logs(home)
        raise


def fix_price(network: CheatingNetwork, client: Client) -> int:
    """The oracle price of the market stands still; which it is."""
    market = client.latest.market(TICKER)
    entry = next(one for one in cheating_genesis()["oracle"]["markets"] if one["id"] == market.oracle_market_id)
    price = int(entry["price"])
    board.set_price(network.home.prices_file, TICKER, market.shown_oracle_price(price))
    until(lambda: client.latest.oracle(market.oracle_market_id).price == price, "the price stands still")
    return price


def test_a_cheating_validator_is_rejected_by_all_others_and_costs_nobody_anything(network: CheatingNetwork, tmp_path: Path) -> None:
    """Every cheat of the table, twice each, under honest traffic: the right rule in three logs and metrics, another block decided in a
    later round, exact accounts, one state on all nodes and in a replay. Honest again, the validator's blocks are decided.
    """
    localnet = Localnet(network.home.path)
    with Client(network.nodes[0]["grpc"]) as client:
        price = fix_price(network, client)
        market = client.latest.market(TICKER)
        honest_nodes = [node for place, node in enumerate(network.nodes) if place != CHEATER]
        with HonestTraders(honest_nodes, network.document["accounts"], market, market.subticks_near(price, 0)) as traders:
            attack(network)
            assert_honest_again(network)
            assert traders.error is None
        last = localnet.assert_one_state() - 1
        assert_exact(network, traders, last)
        assert_nothing_was_decided(network, last)
        for crime in network.record():
            assert len(set(localnet.app_hashes_at(crime["height"]))) == 1
    assert_replays(localnet, tmp_path / "replay", last)


def attack(network: CheatingNetwork) -> None:
    """Every cheat; after each the chain stands higher than before."""
    for cheat in CHEATS:
        for _ in range(TIMES):
            before = network.height()
            seen = attempt(network, cheat.name)
            assert seen.height > before
            assert [one.rule for one in seen.verdicts] == [cheat.rule] * CHEATER, seen
            assert len({(one.position, one.reason) for one in seen.verdicts}) == 1, seen
            assert all(count >= 1 for _, count in seen.counted), seen
            assert seen.round > 0, seen
            assert seen.cheating_txs_decided == 0, seen


def assert_honest_again(network: CheatingNetwork) -> None:
    """Nobody asks it to cheat any more: a block of its own is decided at once, and rejected no more often than before."""
    begin = network.height() + 2
    until(lambda: network.height() >= begin, "what it proposed before it was told is over")
    counts = [network.rejections(node) for node in range(CHEATER)]
    looked = {begin}

    def decided() -> bool:
        while max(looked) <= network.height():
            commit = network.rpc("commit", height=str(max(looked)))["signed_header"]
            if commit["header"]["proposer_address"].lower() == network.cheater_address and int(commit["commit"]["round"]) == 0:
                return True
            looked.add(max(looked) + 1)
        return False

    until(decided, "a block of the validator that is honest again")
    assert [network.rejections(node) for node in range(CHEATER)] == counts


def assert_nothing_was_decided(network: CheatingNetwork, last: int) -> None:
    """Of no attempt, also of those that nobody waited for, is the block or anything of its own in the chain from that height on: only
    what was replayed stands in it, before. The validator has made all of them.
    """
    record = network.record()
    assert {one["cheat"] for one in record} == {cheat.name for cheat in CHEATS}
    decided = {}
    for height in range(1, last + 1):
        txs = network.rpc("block", height=str(height))["block"]["data"]["txs"] or []
        decided[height] = [sha256(base64.b64decode(tx)).hexdigest() for tx in txs]
    for crime in record:
        assert decided[crime["height"]] != crime["txs"]
        later = [one for height, hashes in decided.items() if height >= crime["height"] for one in hashes]
        assert not set(crime["added"]) & set(later), crime


def assert_exact(network: CheatingNetwork, traders: HonestTraders, last: int) -> None:
    """All fills are between honest people at the maker's own price; each is worth what he paid in and what his fills have brought, and
    all together what they paid in less their fees. The attacker has traded nothing and owns what he did.
    """
    market = traders.market
    attacker = next(row["address"] for row in network.document["accounts"] if row["name"] == ATTACKER)
    owners = [person.wallet.address for person in traders.people.values()]
    with Client(network.nodes[0]["grpc"]) as client:
        at = client.at(last)
        middle = market.subticks_near(at.oracle(market.oracle_market_id).price, 0)
        risks = {owner: at.risk(owner, 0) for owner in owners}
        assert at.risk(attacker, 0).net_collateral == 0
    told = read_back(traders, network.nodes[0]["rpc"], last)
    assert told.wrong == []
    assert told.fills > len(CHEATS)
    assert attacker not in told.deposited
    for owner, risk in risks.items():
        held = told.ledger.size((owner, 0), market.perpetual_id)
        assert risk.position(market.perpetual_id) == held
        assert risk.net_collateral == told.ledger.collateral[owner, 0] + market.quote(held, middle)
    assert sum(risk.net_collateral for risk in risks.values()) == sum(told.deposited[owner] for owner in owners) - told.ledger.fees
