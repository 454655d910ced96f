"""The engine's JSON as the protobuf messages that gRPC clients read."""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import block_pb2, types_pb2


def encode(message: Any) -> bytes:
    """The message's bytes."""
    encoded: bytes = message.SerializeToString()
    return encoded


def timestamp(text: str) -> Timestamp:
    """RFC 3339 with up to nanoseconds."""
    moment = Timestamp()
    moment.FromJsonString(text)
    return moment


def data(text: str | None) -> bytes:
    """Base64; null and absent are empty."""
    return b64decode(text) if text else b""


def block_id(value: Mapping[str, Any]) -> types_pb2.BlockID:
    """Hash and part set; empty for what comes before the first block."""
    parts = value.get("parts") or {}
    return types_pb2.BlockID(
        hash=bytes.fromhex(value.get("hash", "")),
        part_set_header=types_pb2.PartSetHeader(total=int(parts.get("total", 0)), hash=bytes.fromhex(parts.get("hash", ""))),
    )


def header(value: Mapping[str, Any]) -> types_pb2.Header:
    """A block's header, byte for byte what was signed."""
    found = types_pb2.Header(
        chain_id=value["chain_id"],
        height=int(value["height"]),
        time=timestamp(value["time"]),
        last_block_id=block_id(value.get("last_block_id") or {}),
    )
    version = value.get("version") or {}
    found.version.block = int(version.get("block", 0))
    found.version.app = int(version.get("app", 0))
    for field in (
        "last_commit_hash",
        "data_hash",
        "validators_hash",
        "next_validators_hash",
        "consensus_hash",
        "app_hash",
        "last_results_hash",
        "evidence_hash",
        "proposer_address",
    ):
        setattr(found, field, bytes.fromhex(value.get(field) or ""))
    return found


def commit(value: Mapping[str, Any]) -> types_pb2.Commit:
    """The votes for a block."""
    return types_pb2.Commit(
        height=int(value.get("height", 0)),
        round=int(value.get("round", 0)),
        block_id=block_id(value.get("block_id") or {}),
        signatures=[
            types_pb2.CommitSig(
                block_id_flag=vote["block_id_flag"],
                validator_address=bytes.fromhex(vote.get("validator_address") or ""),
                timestamp=timestamp(vote["timestamp"]),
                signature=data(vote.get("signature")),
            )
            for vote in value.get("signatures") or ()
        ],
    )


def block(value: Mapping[str, Any]) -> block_pb2.Block:
    """Header, transactions and last commit. Evidence is left out: it is the engine's own, and its RPC shows it."""
    return block_pb2.Block(
        header=header(value["header"]),
        data=types_pb2.Data(txs=transactions(value)),
        last_commit=commit(value.get("last_commit") or {}),
    )


def transactions(value: Mapping[str, Any]) -> list[bytes]:
    """The raw transactions of a block."""
    return [data(tx) for tx in (value.get("data") or {}).get("txs") or ()]


def events(values: Iterable[Mapping[str, Any]] | None) -> list[abci.Event]:
    """Events of a result, in order."""
    return [
        abci.Event(
            type=event.get("type", ""),
            attributes=[
                abci.EventAttribute(key=row.get("key", ""), value=row.get("value") or "", index=bool(row.get("index")))
                for row in event.get("attributes") or ()
            ],
        )
        for event in values or ()
    ]
