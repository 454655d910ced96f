"""Signing, sending and pushing prices, and asking who reported what, as one types it, against a real application."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node import cli
from node.chain_genesis import parse
from node.client.price_signing import PriceSigners
from support.exchange import committed
from support.single_node import BTC_PRICE, CHAIN_ID, GENESIS, SingleNode, accounts, single_node

DAVE = next(account for account in accounts() if account.name == "dave")


def genesis(signers: PriceSigners) -> dict[str, Any]:
    """The localnet's, in which BTC-USD takes votes, signed prices and dave's."""
    document: dict[str, Any] = dict(parse(GENESIS.read_bytes()))
    market = document["oracle"]["markets"][0]
    market |= {"sources": ["PULL", "VOTES", "PUSH"], "pusher": DAVE.address, "maximum_confidence_ppm": 20_000, "switch_back_blocks": 1}
    document["oracle"]["pull"] = {"signer_sets": [signers.public()]}
    return document


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    """A localnet of one node whose home has the signers' keys."""
    directory, signers = tmp_path_factory.mktemp("node"), PriceSigners.generate()
    with single_node(directory, genesis=genesis(signers)) as node:
        signers.save(node.home.signers_file)
        yield node


def run(node: SingleNode, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output, errors of one command on that localnet."""
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments, "--home", str(node.home.path)])
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def block_ns(node: SingleNode) -> str:
    """Time of the latest block, which these clocks follow."""
    return str(node.chain.time_ns)


def test_a_signed_price_is_sent_by_anyone_and_counts(node: SingleNode, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The file that one command writes is what the other sends; the next block has the price."""
    file = tmp_path / "update.json"
    code, out, err = run(node, capsys, "oracle", "sign", "BTC-USD=48000.5:10", "--time", block_ns(node), "--out", str(file))
    assert (code, out) == (0, f"signed for {CHAIN_ID}: BTC-USD=48000.5:10; in {file}\n"), err
    code, out, err = run(node, capsys, "tx", "price-update", str(file), "--from", "alice", "--json")
    assert code == 0, err
    assert (json.loads(out)["updates"], json.loads(out)["signer_set"]) == (1, 1)
    node.block()
    keeper, ctx = node.app.wiring.oracle.keeper, committed(node.app)
    assert (keeper.recorded(ctx, 0).price, keeper.recorded(ctx, 0).confidence) == (4_800_050_000, 1_000_000)
    code, _, err = run(node, capsys, "tx", "price-update", str(file), "--from", "bob")
    assert code == 1
    assert "publish a newer one" in err


def test_too_few_signers_are_told_so_by_the_chain(node: SingleNode, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """--signers says how many sign; without --out the document is shown."""
    code, out, err = run(node, capsys, "oracle", "sign", "BTC-USD=1", "--signers", "1", "--chain-id", "elsewhere")
    assert code == 0, err
    file = tmp_path / "update.json"
    file.write_text(out)
    assert len(json.loads(out)["signatures"]) == 1
    code, _, err = run(node, capsys, "tx", "price-update", str(file), "--from", "alice")
    assert code == 1
    assert "add signatures of other signers" in err


@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        (["BTC-USD"], "is not a number"),
        (["TEA-USD=1"], "TEA-USD is no market of this chain"),
        (["BTC-USD=1", "BTC-USD=2"], "BTC-USD stands twice"),
        (["BTC-USD=0.0000001"], "is finer than"),
    ],
)
def test_what_cannot_be_signed_is_said_in_one_sentence(
    node: SingleNode, capsys: pytest.CaptureFixture[str], prices: list[str], sentence: str
) -> None:
    """Nothing is written."""
    code, out, err = run(node, capsys, "oracle", "sign", *prices)
    assert (code, out) == (1, "")
    assert sentence in err


def test_what_is_no_update_is_not_sent(node: SingleNode, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A file with something else, and no file."""
    other = tmp_path / "other.json"
    other.write_text('{"tea": 1}')
    for file in (other, tmp_path / "none.json"):
        code, _, err = run(node, capsys, "tx", "price-update", str(file), "--from", "alice")
        assert code == 1
        assert "is no signed update of prices" in err


def test_the_named_address_pushes_and_nobody_else(node: SingleNode, capsys: pytest.CaptureFixture[str]) -> None:
    """Dave's push is taken, alice's is refused with who may."""
    code, out, err = run(node, capsys, "tx", "push-price", "BTC-USD", "47000", "--from", "dave")
    assert code == 0, err
    assert out.startswith("BTC-USD was pushed at 47000; it will count from block ")
    code, _, err = run(node, capsys, "tx", "push-price", "BTC-USD", "50000", "--from", "alice")
    assert code == 1
    assert f"{DAVE.address} pushes BTC-USD" in err


def test_reports_name_every_validator_and_its_prices(node: SingleNode, capsys: pytest.CaptureFixture[str]) -> None:
    """The one validator's, as text and for machines; block 1 carries none."""
    height = node.block()
    code, out, err = run(node, capsys, "query", "reports", "--json")
    assert code == 0, err
    document = json.loads(out)
    (report,) = document["reports"]
    assert (document["height"], report["power"], report["status"]) == (height, 10, "REPORTED")
    assert report["prices"][0] == {"market_id": 0, "ticker": "BTC-USD", "price": "47319", "units": str(BTC_PRICE)}
    code, out, _ = run(node, capsys, "query", "reports", str(height))
    assert "BTC-USD 47319, ETH-USD 3829" in out
    code, out, _ = run(node, capsys, "query", "reports", "1")
    assert (code, out) == (0, "block 1 carries no reports\n")


def test_the_authority_rotates_to_new_keys(node: SingleNode, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """New keys, the message that names them, and a price that they sign."""
    keys, change, update = (tmp_path / f"{name}.json" for name in ("keys", "change", "update"))
    assert run(node, capsys, "oracle", "signers", "--keys", str(keys), "--version", "2", "--change", str(change))[0] == 0
    code, out, err = run(node, capsys, "tx", "change", str(change), "--from", "faucet")
    assert code == 0, err
    assert out.startswith("perpd.oracle.v1.MsgRotateSigners is in effect from block ")
    sign = ("oracle", "sign", "BTC-USD=48001", "--keys", str(keys), "--time", block_ns(node), "--out", str(update))
    assert run(node, capsys, *sign)[0] == 0
    code, out, err = run(node, capsys, "tx", "price-update", str(update), "--from", "alice", "--json")
    assert code == 0, err
    assert json.loads(out)["signer_set"] == 2


def test_keys_are_made_once_and_read_by_their_owner_only(node: SingleNode, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is shown is what a genesis takes; a second call shows the same keys."""
    file = tmp_path / "keys.json"
    arguments = ("oracle", "signers", "--keys", str(file), "--count", "4", "--threshold", "3", "--version", "9", "--json")
    code, out, err = run(node, capsys, *arguments)
    assert code == 0, err
    document = json.loads(out)
    assert (document["version"], document["threshold"], len(document["public_keys"])) == (9, 3, 4)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "private" not in out
    assert run(node, capsys, *arguments)[1] == out
    code, _, err = run(node, capsys, "oracle", "signers", "--keys", str(tmp_path / "no.json"), "--threshold", "4")
    assert code == 1
    assert "a signer set has 1 to 32 keys" in err
