"""Feeders that see the real world or none, lie, or are silent, on real validators."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.localnet.keys import EngineKey
from node.votes import extension
from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.dydxprotocol.prices import query_pb2
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2
from support.bad_venue import BadVenue, answer, hang
from support.localnet import Localnet, localnet
from support.real_localnet import until

pytestmark = [pytest.mark.network, pytest.mark.slow]

KRAKEN = (
    b'{"error":[],"result":{"XXBTZUSD":{"a":["47400.2","1"],"b":["47400.1","1"],"c":["47400.1","1"]},'
    b'"XETHZUSD":{"a":["3830","1"],"b":["3830","1"],"c":["3830","1"]},"SOLUSD":{"a":["177","1"],"b":["177","1"],"c":["177","1"]}}}'
)
SCRIPT = """
0,BTC-USD,47400
15,BTC-USD,47500
25,BTC-USD,47600
0,BTC-USD,23700,3
15,BTC-USD,71250,3
25,BTC-USD,23800,3
0,ETH-USD,3830
0,ETH-USD,5745,3
0,ETH-USD,-,2
0,SOL-USD,177
0,SOL-USD,88.5,3
0,SOL-USD,-,2
"""
"""Node 3 lies by half in every market, up or down; node 2's feeder has stopped for two of them."""


def prices(network: Localnet, node: int = 0) -> dict[int, int]:
    """The chain's prices as this node answers them."""
    answered = query_pb2.QueryAllMarketPricesResponse.FromString(network.query(node, "/dydxprotocol.prices.Query/AllMarketPrices"))
    return {price.id: price.price for price in answered.market_prices}


def updates(network: Localnet, last: int) -> dict[int, list[int]]:
    """Every price that blocks 1 to `last` brought, by market, in order."""
    found: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for height in range(1, last + 1):
        for event in network.rpc(0, "block_results", height=str(height))["finalize_block_events"] or []:
            if event["type"] == "oracle_price_updated":
                values = {attribute["key"]: attribute["value"] for attribute in event["attributes"]}
                found[int(values["market_id"])].append(int(values["price"]))
    return found


def reports(network: Localnet, height: int) -> dict[int, dict[int, int] | None]:
    """What each node's vote reported at the beginning of the block, by node and market; None for a vote that it does not carry."""
    raw = base64.b64decode(network.rpc(0, "block", height=str(height))["block"]["data"]["txs"][0])
    message = tx_pb2.TxBody.FromString(tx_pb2.TxRaw.FromString(raw).body_bytes).messages[0]
    votes: Any = sequencer_pb2.MsgPreamble.FromString(message.value).last_commit.votes
    said = {vote.validator.address: vote.vote_extension if vote.extension_signature else None for vote in votes}
    found: dict[int, dict[int, int] | None] = {}
    for node in network.home.nodes(network.count):
        key = EngineKey.from_file((node.config / "priv_validator_key.json").read_text())
        carried = said[key.address]
        found[node.index] = None if carried is None else dict(extension.parse(carried, 1 << 20) or ())
    return found


@pytest.fixture(scope="module")
def liars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Localnet]:
    """Four validators, of which one lies in every market and one is silent in two."""
    directory = tmp_path_factory.mktemp("liars")
    (directory / "script.csv").write_text(SCRIPT)
    with localnet(directory / "home", "--prices", f"scripted:{directory / 'script.csv'}") as network:
        yield network


def test_a_feeder_that_lies_by_half_moves_nothing(liars: Localnet) -> None:
    """Three honest prices follow each other; not one block has another one, though the lie was in its votes."""
    until(lambda: prices(liars)[0] == 4_760_000_000, "the last honest price")
    last = liars.assert_one_state()
    bitcoin = updates(liars, last)[0]
    assert list(dict.fromkeys(bitcoin)) == [4_740_000_000, 4_750_000_000, 4_760_000_000]
    assert bitcoin == sorted(bitcoin)
    told = {(reports(liars, height)[3] or {}).get(0) for height in range(3, last + 1)}
    assert {2_370_000_000, 7_125_000_000, 2_380_000_000} <= told <= {2_370_000_000, 7_125_000_000, 2_380_000_000, None}


def test_a_silent_feeder_beside_a_lying_one_moves_nothing(liars: Localnet) -> None:
    """Two honest, one silent, one at plus or minus half: the price is the honest one."""
    liars.wait_for_height(20)
    last = liars.assert_one_state()
    found = updates(liars, last)
    assert set(found[1]) == {3_830_000_000}
    assert set(found[2]) == {17_700_000_000}
    seen = [reports(liars, height) for height in range(last - 10, last + 1)]
    assert any((report[3] or {}).get(1) == 5_745_000_000 and report[2] is not None and 1 not in report[2] for report in seen)


def test_a_node_that_is_stopped_moves_nothing_and_holds_nobody_up(liars: Localnet) -> None:
    """The honest node 1 is killed with the liar at work: two of three reports are honest, and blocks go on."""
    pid = liars.kill(1, "perpd")
    before = liars.highest()
    until(lambda: liars.height(0) >= before + 3, "blocks without node 1")
    assert set(updates(liars, before + 3)[2]) == {17_700_000_000}
    liars.wait_for_another(1, "perpd", pid)
    liars.wait_until_rejoined(1)


def test_where_no_venue_can_be_reached_the_network_says_so_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--prices venues` behind a proxy that is not there: votes are empty, prices keep their value and age, blocks come, one alarm."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with localnet(tmp_path / "home", "--prices", "venues") as network:
        genesis = prices(network)
        until(lambda: "ALARM no venue answers (binance, coinbase, kraken)" in network.journal(), "the alarm")
        before = network.highest()
        network.wait_for_height(before + 10)
        last = network.assert_one_state()
        assert updates(network, last) == {0: [], 1: [], 2: []}
        assert prices(network) == genesis
        for height in range(before, before + 10):
            assert all(not report for report in reports(network, height).values())
        assert network.journal().count("no venue answers") == 1
        for node in network.home.nodes(network.count):
            log = (node.logs / "perpd.log").read_text()
            assert log.count("no venue answers: this node's votes carry no prices of venues, and the chain's prices age") == 1
            assert "Traceback" not in log


def test_prices_of_a_venue_reach_the_chain_until_it_hangs(tmp_path: Path) -> None:
    """A venue on this machine speaks to a validator; when it hangs, the journal says so and blocks go on."""
    venue = BadVenue({"": answer(KRAKEN)})
    try:
        with localnet(tmp_path / "home", "--validators", "1", "--prices", f"venues:kraken={venue.url}") as network:
            until(lambda: prices(network) == {0: 4_740_010_000, 1: 3_830_000_000, 2: 17_700_000_000}, "the venue's prices")
            until(lambda: "prices come from kraken" in network.journal(), "that in the journal")
            venue.behaviours[""] = hang
            until(lambda: "ALARM no venue answers (kraken)" in network.journal(), "the alarm")
            network.wait_for_height(network.highest() + 5)
    finally:
        venue.close()
