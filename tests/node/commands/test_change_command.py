"""`perpd tx change` as the authority of a localnet types it, against a real application."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node import cli
from node.commands.tx.change import parse
from node.failure import Failure
from perpd_proto.perpd.clob.v1 import tx_pb2
from support.single_node import SingleNode, single_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleNode]:
    """A localnet of one node, with its home."""
    with single_node(tmp_path_factory.mktemp("node")) as node:
        yield node


def run(node: SingleNode, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output, errors of one command on that localnet."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["tx", "change", *arguments, "--home", str(node.home.path)])
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def written(directory: Path, document: Any) -> str:
    """The path of a file with that JSON."""
    path = directory / "change.json"
    path.write_text(json.dumps(document))
    return str(path)


TIER = {
    "@type": "/dydxprotocol.perpetuals.MsgSetLiquidityTier",
    "liquidity_tier": {
        "id": 9,
        "name": "Nine",
        "initial_margin_ppm": 100_000,
        "maintenance_fraction_ppm": 500_000,
        "impact_notional": "5000000000",
    },
}


def test_the_faucet_of_a_localnet_changes_a_parameter(node: SingleNode, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is the authority; the command says from which block on; others fail with the reason."""
    file = written(tmp_path, TIER)
    code, out, err = run(node, capsys, file, "--from", "faucet", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["message"] == "dydxprotocol.perpetuals.MsgSetLiquidityTier"
    assert told["fields"]["liquidity_tier"]["name"] == "Nine"
    code, out, _ = run(node, capsys, file, "--from", "faucet")
    assert code == 0
    assert out.startswith("dydxprotocol.perpetuals.MsgSetLiquidityTier is in effect from block ")
    code, out, err = run(node, capsys, file, "--from", "alice")
    assert (code, out) == (1, "")
    assert "is not the authority; it is dydx1" in err


def test_what_is_no_change_is_refused_before_it_is_sent(node: SingleNode, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One sentence for each mistake."""
    for document, sentence in (
        ([], "must be one JSON object"),
        ({"liquidity_tier": {}}, '"@type" must be one of '),
        ({"@type": "/cosmos.bank.v1beta1.MsgSend"}, "; not cosmos.bank.v1beta1.MsgSend."),
        (TIER | {"tier": 1}, "that is no dydxprotocol.perpetuals.MsgSetLiquidityTier: "),
    ):
        code, out, err = run(node, capsys, written(tmp_path, document), "--from", "faucet")
        assert (code, out) == (1, "")
        assert sentence in err
    code, _, err = run(node, capsys, str(tmp_path / "none.json"), "--from", "faucet")
    assert (code, "none.json cannot be read" in err) == (1, True)


def test_the_signer_stands_for_the_authority_that_a_file_does_not_name() -> None:
    """One that is named stays: the signature must then be its."""
    document = {"@type": "perpd.clob.v1.MsgUpdateParams", "params": {"max_open_orders": 3}}
    wanted = tx_pb2.MsgUpdateParams(authority="dydx1me", params=tx_pb2.Params(max_open_orders=3))
    assert parse(document, "dydx1me") == wanted
    assert parse(document | {"authority": "dydx1you"}, "dydx1me").authority == "dydx1you"
    with pytest.raises(Failure, match="@type"):
        parse({}, "dydx1me")
