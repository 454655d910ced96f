"""What is ours alone: bytes that are in blocks and votes never change by accident, and queries are where clients look."""

import importlib

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.any_pb2 import Any

from perpd_proto.cosmos.tx.v1beta1 import tx_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as book_pb2
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import validator_pb2

QUERIES = {
    "sequencer.v1.sequencer": "Params",
    "clob.v1.query": "Book BookOrders Orders Order",
    "perp.v1.query": "Account Positions Margin Mark Conservation",
    "funding.v1.query": "Funding Rates",
    "oracle.v1.query": "Market Markets Sources Signers Reports Observe",
    "node.v1.query": "Status AppHash Proposals Insurance",
    "authority.v1.query": "Authority",
}
CHANGES = {
    "consensus.v1": ("UpdateValidators", "validators"),
    "sequencer.v1": ("UpdateParams", "params"),
    "clob.v1": ("UpdateParams", "params"),
    "liquidation.v1": ("UpdateParams", "params"),
    "subaccounts.v1": ("UpdateGatingParams", "params"),
}
"""Messages of the authority that are ours: method of the package's Msg service, and the field beside `authority`."""


def test_a_vote_extension_is_a_list_of_market_and_price() -> None:
    """Prices up to 2^64 − 1 fit."""
    extension = sequencer_pb2.VoteExtension(
        prices=[sequencer_pb2.Price(market_id=0, price=1), sequencer_pb2.Price(market_id=300, price=2**64 - 1)]
    )
    encoded = "0a02" + "1001" + "0a0e" + "08ac02" + "10ffffffffffffffffff01"
    assert extension.SerializeToString().hex() == encoded
    assert sequencer_pb2.VoteExtension.FromString(bytes.fromhex(encoded)) == extension
    assert sequencer_pb2.VoteExtension().SerializeToString() == b""


def test_a_preamble_is_one_message_in_an_unsigned_transaction() -> None:
    """The whole TxRaw, by hand: body, no auth info, no signature."""
    commit = abci.ExtendedCommitInfo(
        round=1,
        votes=[
            abci.ExtendedVoteInfo(
                validator=abci.Validator(address=b"\x01", power=10),
                vote_extension=b"\x02",
                extension_signature=b"\x03",
                block_id_flag=validator_pb2.BLOCK_ID_FLAG_COMMIT,
            )
        ],
    )
    preamble = sequencer_pb2.MsgPreamble(last_commit=commit)
    vote = "0a05" + "0a0101" + "180a" + "1a0102" + "220103" + "2802"
    encoded_commit = "0801" + "120f" + vote
    assert preamble.SerializeToString().hex() == "0a13" + encoded_commit
    type_url = "/perpd.sequencer.v1.MsgPreamble"
    body = tx_pb2.TxBody(messages=[Any(type_url=type_url, value=preamble.SerializeToString())])
    raw = tx_pb2.TxRaw(body_bytes=body.SerializeToString()).SerializeToString()
    any_bytes = "0a1f" + type_url.encode().hex() + "1215" + "0a13" + encoded_commit
    assert raw.hex() == "0a3a" + "0a38" + any_bytes
    assert f"/{sequencer_pb2.MsgPreamble.DESCRIPTOR.full_name}" == type_url


def test_the_limits_of_blocks_have_their_numbers() -> None:
    """Five packed shares in lane order."""
    params = sequencer_pb2.Params(
        max_block_bytes=1,
        max_block_txs=2,
        quota_per_account_and_lane=3,
        max_tx_bytes=4,
        lane_byte_share_ppm=[250000, 100000, 300000, 250000, 100000],
        max_vote_extension_bytes=6,
        max_memo_bytes=7,
        gas_per_message=8,
        gas_per_byte=9,
    )
    shares = "90a10f" + "a08d06" + "e0a712" + "90a10f" + "a08d06"
    assert params.SerializeToString().hex() == "0801" + "1002" + "1803" + "2004" + "2a0f" + shares + "3006" + "3807" + "4008" + "4809"


def test_a_book_carries_the_clients_own_orders() -> None:
    """A resting order embeds dydxprotocol.clob.Order, so that one decoder serves both."""
    field = book_pb2.RestingOrder.DESCRIPTOR.fields_by_name["order"]
    assert field.message_type.full_name == "dydxprotocol.clob.Order"
    level = book_pb2.Level(subticks=1, quantums=2, order_count=1, orders=[book_pb2.RestingOrder(remaining_quantums=2, placed_height=3)])
    assert level.SerializeToString().hex() == "0801" + "1002" + "1801" + "2204" + "1002" + "1803"


@pytest.mark.parametrize(("module", "methods"), QUERIES.items())
def test_our_queries_have_exactly_these_methods(module: str, methods: str) -> None:
    """The gRPC path is /perpd.<module>.v1.Query/<Method>."""
    importlib.import_module(f"perpd_proto.perpd.{module}_pb2")
    package = module.rpartition(".")[0]
    service = descriptor_pool.Default().FindServiceByName(f"perpd.{package}.Query")
    assert [method.name for method in service.methods] == methods.split()
    for method in service.methods:
        assert method.input_type.name == f"Query{method.name}Request"
        assert method.output_type.name == f"Query{method.name}Response"


@pytest.mark.parametrize(("package", "expected"), CHANGES.items())
def test_our_changes_name_the_authority_first(package: str, expected: tuple[str, str]) -> None:
    """As in the reference's messages: 1 authority, 2 what is changed; the response is empty."""
    method, changed = expected
    importlib.import_module(f"perpd_proto.perpd.{package}.tx_pb2")
    (found,) = descriptor_pool.Default().FindServiceByName(f"perpd.{package}.Msg").methods
    assert found.name == method
    assert found.input_type.name == f"Msg{method}"
    assert [(field.number, field.name) for field in found.input_type.fields] == [(1, "authority"), (2, changed)]
    assert (found.output_type.name, len(found.output_type.fields)) == (f"Msg{method}Response", 0)
