"""`perpd query proposals`: what a node has proposed, and why transactions are not in it."""

from __future__ import annotations

from typing import Any

import click

from node.client.session import Session, node_options
from node.client.show import table
from node.failure import Failure
from node.output import emit, json_option
from perpd_proto.perpd.node.v1 import query_pb2


@click.command()
@click.option("--explain", is_flag=True, help="Name every transaction that was left out, with the rule or limit that it would break.")
@click.option("--tx", "tx_hash", metavar="HASH", default="", help="Only this transaction; implies --explain.")
@node_options
@json_option
def proposals(explain: bool, tx_hash: str, as_json: bool, **options: Any) -> None:
    """Show the latest proposals that a node has made.

    Only the proposer of a height knows what it left out: ask each node (`--node`). What is left out for a limit stays in the pool and is
    offered again.
    """
    with Session.open(options["directory"], options["node_index"], options["address"]) as session:
        found = session.client.latest.proposals(_read_hash(tx_hash)).proposals
    explain = explain or bool(tx_hash)
    columns = (">height", ">pool", ">proposed", ">bytes", ">of at most", ">left out")
    text = table(columns, [_row(made) for made in found]) if found else "this node has made no proposal since it started"
    if explain:
        reasons = [
            f"height {made.height}, rule {one.rule}: {one.tx_hash.hex().upper()}\n  {one.reason}" for made in found for one in made.left_out
        ]
        text += "\n\n" + ("\n".join(reasons) or _nothing(tx_hash))
    emit({"proposals": [_document(made, explain=explain) for made in found]}, text, as_json)


def _read_hash(text: str) -> bytes:
    """Raises Failure for what is no hash."""
    try:
        read = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise Failure(f"{text} is not a transaction's hash: 64 hexadecimal digits.") from None
    return read


def _nothing(tx_hash: str) -> str:
    if tx_hash:
        return (
            "none of these proposals left it out: the node had not seen it, another node proposed, or it is in a block (`perpd query tx`)"
        )
    return "these proposals left nothing out"


def _row(made: query_pb2.Proposal) -> tuple[str, ...]:
    counts = (made.height, made.pool_txs, made.proposed_txs, made.proposed_bytes, made.max_bytes, made.left_out_txs)
    return tuple(f"{count:,}" for count in counts)


def _document(made: query_pb2.Proposal, *, explain: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "height": made.height,
        "pool_txs": made.pool_txs,
        "proposed_txs": made.proposed_txs,
        "proposed_bytes": made.proposed_bytes,
        "max_bytes": made.max_bytes,
        "left_out_txs": made.left_out_txs,
    }
    if explain:
        document["left_out"] = [
            {"tx_hash": one.tx_hash.hex().upper(), "rule": one.rule, "code": one.code, "reason": one.reason} for one in made.left_out
        ]
    return document
