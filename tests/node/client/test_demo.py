"""The demonstration: played on a real application, and its proof held against nodes that lie."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modules.kernel.codec import decode_signed, encode_signed
from node import cli
from node.client import messages
from node.client.client import Client
from node.client.queries import Queries
from node.demo import story
from node.demo.verify import Report, verify
from node.failure import Failure
from node.feeder import board
from node.feeder.digits import scaled
from node.localnet.home import Home
from support.single_node import SingleNode, single_node

NODES = 4
MARKETS = {0: ("BTC-USD", -5), 1: ("ETH-USD", -6), 2: ("SOL-USD", -8)}
_TICK_SECONDS = 0.04


class Clock:
    """Blocks that come by themselves, with the prices that are on the board."""

    def __init__(self, node: SingleNode) -> None:
        self._node = node
        self._first = dict(node.prices)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(_TICK_SECONDS):
            by_hand = board.read(self._node.home.prices_file).prices
            for market_id, (ticker, exponent) in MARKETS.items():
                price = scaled(by_hand[ticker], exponent) if ticker in by_hand else None
                self._node.prices[market_id] = price or self._first[market_id]
            self._node.block()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    """A localnet whose four nodes are one and the same."""
    with single_node(tmp_path_factory.mktemp("node"), NODES) as node:
        clock = Clock(node)
        try:
            yield node
        finally:
            clock.stop()


@pytest.fixture(scope="module")
def told(node: SingleNode) -> tuple[list[str], dict[str, Any]]:
    """What the first run said, and its facts."""
    lines: list[str] = []
    return lines, story.run(node.home, "BTC-USD", lines.append)


def test_the_demonstration_plays_every_act(told: tuple[list[str], dict[str, Any]], node: SingleNode) -> None:
    """A liquidation, a charge, a proof without mismatches; the price source is as it was."""
    lines, facts = told
    acts = (
        "1. Deposits",
        "2. The price",
        "3. Two makers",
        "4. Takers",
        "5. Every kind",
        "6. A leveraged",
        "7. A funding",
        "8. Before",
        "9. The proof",
    )
    heads = [line for line in lines if line[:2] in {act[:2] for act in acts}]
    assert len(heads) == len(acts)
    assert all(head.startswith(act) for head, act in zip(heads, acts, strict=True))
    assert (facts["mismatches"], facts["nodes"], facts["subaccount"]) == ([], NODES, 1)
    assert scaled(facts["liquidation"]["size_after"], -10) == 0
    assert facts["funding"]["index_change"] != "0"
    kinds = ("replaced", "reduce_only", "stop_loss", "take_profit", "twap", "builder", "isolated", "refused")
    assert tuple(facts["kinds"]) == kinds
    heights = list(facts["kinds"].values())
    assert heights == sorted(heights)
    assert int(facts["insurance_change"]) > 0
    assert board.read(node.home.prices_file).prices == {}
    with Client(node.address) as client:
        assert client.at(facts["height"]).app_hash(facts["height"])[1].hex() == facts["app_hash"]
        assert client.latest.orders(node.wallet("alice").address, 1) == []


def test_it_runs_again_on_the_same_chain(told: tuple[list[str], dict[str, Any]], node: SingleNode) -> None:
    """With other subaccounts, and after quotes that an interrupted run has left; a price that was set by hand stays set."""
    with Client(node.address) as client:
        alice, market = node.wallet("alice"), client.latest.market("BTC-USD")
        left = messages.order(
            market,
            alice.address,
            1,
            77,
            is_buy=True,
            quantums=market.quantums("0.1"),
            subticks=market.subticks("46000"),
            good_til_seconds=client.latest.status().time.seconds + 10_000,
        )
        client.place(alice, left)
        board.set_price(node.home.prices_file, "BTC-USD", "47000.5")
        facts = story.run(node.home, "BTC-USD", lambda _: None)
        assert (facts["subaccount"], facts["mismatches"]) == (2, [])
        assert board.read(node.home.prices_file).prices == {"BTC-USD": "47000.5"}
        assert client.latest.orders(alice.address, 1) == []


def test_without_a_localnet_or_a_market_it_says_so(node: SingleNode, tmp_path: Any) -> None:
    """One plain sentence each."""
    with pytest.raises(Failure, match="no localnet runs in"):
        story.run(Home(tmp_path), "BTC-USD", lambda _: None)
    with pytest.raises(Failure, match="NO-USD is no market of this chain"):
        story.run(node.home, "NO-USD", lambda _: None)


Lie = Callable[[Any, Any], Any]
"""(request, true answer) -> answer"""


class LyingQueries(Queries):
    """A node that answers one path falsely."""

    def __init__(self, truth: Queries, path: str, lie: Lie) -> None:
        super().__init__(truth._connection, truth.height)
        self._path = path
        self._lie = lie

    def _ask(self, path: str, request: Any, answer: Any) -> Any:
        true = super()._ask(path, request, answer)
        return self._lie(request, true) if path == self._path else true


class LyingClient(Client):
    """The client of such a node."""

    def __init__(self, address: str, path: str, lie: Lie) -> None:
        super().__init__(address)
        self._path = path
        self._told = lie
        self.latest = LyingQueries(self.latest, path, lie)

    def at(self, height: int) -> Queries:
        return LyingQueries(super().at(height), self._path, self._told)


def _one_more_in_the_pool(_: Any, answer: Any) -> Any:
    answer.balance.amount = str(int(answer.balance.amount) + 1)
    return answer


def _one_less_collateral(_: Any, answer: Any) -> Any:
    row = answer.subaccount[0].asset_positions[0]
    row.quantums = encode_signed(decode_signed(row.quantums) - 1)
    return answer


def _an_account_is_left_out(_: Any, answer: Any) -> Any:
    keep = [row for row in answer.subaccount if row.perpetual_positions][1:]
    del answer.subaccount[:]
    answer.subaccount.extend(keep)
    return answer


def _a_position_has_one_lot_more(_: Any, answer: Any) -> Any:
    for row in answer.positions:
        row.quantums = encode_signed(decode_signed(row.quantums) + 1_000_000)
    return answer


def _a_position_is_no_whole_lot(_: Any, answer: Any) -> Any:
    for row in answer.positions:
        row.quantums = encode_signed(decode_signed(row.quantums) + 1)
    return answer


def _funding_is_a_quantum_off(_: Any, answer: Any) -> Any:
    for row in answer.positions:
        row.unsettled_funding = encode_signed(decode_signed(row.unsettled_funding) + 1)
    return answer


def _the_index_is_off(_: Any, answer: Any) -> Any:
    answer.index = encode_signed(decode_signed(answer.index) + 1)
    return answer


def _open_interest_is_off(_: Any, answer: Any) -> Any:
    answer.perpetual[0].open_interest = encode_signed(decode_signed(answer.perpetual[0].open_interest) + 1)
    return answer


def _the_supply_is_off(_: Any, answer: Any) -> Any:
    answer.supply_matches = False
    return answer


def _the_books_are_of_another_height(_: Any, answer: Any) -> Any:
    answer.height -= 1
    return answer


def _the_books_say_otherwise(_: Any, answer: Any) -> Any:
    answer.pools[0].collateral = encode_signed(1)
    answer.markets[0].long_quantums = encode_signed(1)
    return answer


def _another_root(_: Any, answer: Any) -> Any:
    answer.app_hash = bytes(32)
    return answer


def _another_header(_: Any, answer: Any) -> Any:
    answer.block.header.app_hash = bytes(32)
    return answer


def _settle(client: Client) -> int:
    """A height that is committed and has a successor."""
    height = client.height
    while client.height <= height:
        threading.Event().wait(_TICK_SECONDS)
    return height


@pytest.mark.parametrize(
    ("path", "lie", "said"),
    [
        ("/cosmos.bank.v1beta1.Query/Balance", _one_more_in_the_pool, "pool dydx1"),
        ("/dydxprotocol.subaccounts.Query/SubaccountAll", _one_less_collateral, "pool dydx1"),
        ("/dydxprotocol.subaccounts.Query/SubaccountAll", _an_account_is_left_out, "BTC-USD: longs are"),
        ("/perpd.perp.v1.Query/Account", _a_position_has_one_lot_more, "BTC-USD: longs are"),
        ("/perpd.perp.v1.Query/Account", _a_position_is_no_whole_lot, "no whole number of lots"),
        ("/perpd.perp.v1.Query/Account", _funding_is_a_quantum_off, "of funding in BTC-USD is unsettled"),
        ("/perpd.funding.v1.Query/Funding", _the_index_is_off, "of funding in BTC-USD is unsettled"),
        ("/dydxprotocol.perpetuals.Query/AllPerpetuals", _open_interest_is_off, "the open interest"),
        ("/perpd.perp.v1.Query/Conservation", _the_supply_is_off, "do not sum to the supply"),
        ("/perpd.perp.v1.Query/Conservation", _the_books_are_of_another_height, "answered for height"),
        ("/perpd.perp.v1.Query/Conservation", _the_books_say_otherwise, "the node counts"),
        ("/perpd.node.v1.Query/AppHash", _another_root, "has the app hash"),
        ("/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight", _another_header, "the header of height"),
    ],
)
def test_the_proof_finds_every_lie(told: tuple[list[str], dict[str, Any]], node: SingleNode, path: str, lie: Lie, said: str) -> None:
    """One quantum, one lot, one position, one hash: each is a mismatch that names what differs."""
    with Client(node.address) as honest, LyingClient(node.address, path, lie) as liar:
        height = _settle(honest)
        assert verify([honest, honest], height).mismatches == []
        clients = [honest, liar] if path.endswith("AppHash") else [liar, honest]
        report: Report = verify(clients, height)
        assert any(said in sentence for sentence in report.mismatches), report.mismatches


def test_a_mismatch_ends_the_demonstration_with_a_failure(
    told: tuple[list[str], dict[str, Any]],
    node: SingleNode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`perpd demo` says what differs, exits 1, and gives the price back; without a mismatch it exits 0."""
    true = story.verify

    def tampered(clients: Any, height: int) -> Report:
        report = true(clients, height)
        report.mismatches += ["one quantum is missing", "and another"]
        return report

    monkeypatch.setattr(story, "verify", tampered)
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", "--market", "eth-usd", "--home", str(node.home.path)])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert "one quantum is missing (and 1 more mismatches)" in said.err
    assert "MISMATCH: one quantum is missing" in said.out
    assert "ETH-USD" not in board.read(node.home.prices_file).prices
    monkeypatch.setattr(story, "verify", true)
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", "--market", "eth-usd", "--home", str(node.home.path), "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["mismatches"] == []


def test_actors_without_money_end_it_with_the_chains_own_error(
    told: tuple[list[str], dict[str, Any]], node: SingleNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An act that cannot be played is a failure that names the code; the price is given back."""
    monkeypatch.setattr(story, "ROLES", tuple((name, role, "0.000001") for name, role, _ in story.ROLES))
    with pytest.raises(Failure, match=r"met no maker|clob/|subaccounts/"):
        story.run(node.home, "SOL-USD", lambda _: None)
    assert "SOL-USD" not in board.read(node.home.prices_file).prices
