"""What traders' clients send, in their bytes.

Vectors and numbers: dydx-clob.md 1.2 to 1.11, dydx-risk.md 1.1, 2.2, 2.5, client-surface.md 3.8 and 11.3.
"""

import hashlib

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from perpd_proto.dydxprotocol.accountplus import tx_pb2 as accountplus_tx_pb2
from perpd_proto.dydxprotocol.clob import block_rate_limit_config_pb2, clob_pair_pb2, order_pb2, order_removals_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_tx_pb2
from perpd_proto.dydxprotocol.perpetuals import perpetual_pb2
from perpd_proto.dydxprotocol.perpetuals import tx_pb2 as perpetuals_tx_pb2
from perpd_proto.dydxprotocol.prices import market_price_pb2
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.dydxprotocol.sending import tx_pb2 as sending_tx_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2
from perpd_proto.dydxprotocol.vault import share_pb2

OWNER = "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"
SUBACCOUNT = subaccount_pb2.SubaccountId(owner=OWNER, number=0)
SUBACCOUNT_BYTES = "0a2b" + OWNER.encode().hex()
ORDER_ID = order_pb2.OrderId(subaccount_id=SUBACCOUNT, client_id=7)
ORDER_ID_BYTES = "0a2d" + SUBACCOUNT_BYTES + "1507000000"


def test_an_order_has_the_clients_bytes_and_hash() -> None:
    """The example of dydx-clob.md 1.11."""
    order = order_pb2.Order(order_id=ORDER_ID, side=order_pb2.Order.SIDE_BUY, quantums=100000000, subticks=5000000000, good_til_block=125)
    encoded = order.SerializeToString()
    assert encoded.hex() == "0a34" + ORDER_ID_BYTES + "1001" + "1880c2d72f" + "2080e497d012" + "287d"
    assert hashlib.sha256(encoded).hexdigest() == "cf969298520028db91c1f40c6804cff8d1d3afd04c7c00637eb929576a003e8d"
    assert order_pb2.Order.FromString(encoded) == order


def test_order_fields_have_the_numbers_of_release_9() -> None:
    """In 8.x builder codes stood at 12; clients of 9.x put TWAP parameters there."""
    assert {field.name: field.number for field in order_pb2.Order.DESCRIPTOR.fields} == {
        "order_id": 1,
        "side": 2,
        "quantums": 3,
        "subticks": 4,
        "good_til_block": 5,
        "good_til_block_time": 6,
        "time_in_force": 7,
        "reduce_only": 8,
        "client_metadata": 9,
        "condition_type": 10,
        "conditional_order_trigger_subticks": 11,
        "twap_parameters": 12,
        "builder_code_parameters": 13,
        "order_router_address": 14,
    }


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (order_pb2.OrderId, "client_id"),
        (order_pb2.Order, "good_til_block_time"),
        (clob_tx_pb2.MsgCancelOrder, "good_til_block_time"),
    ],
)
def test_client_ids_and_good_til_times_have_fixed_width(message: type[Message], field: str) -> None:
    """Four bytes, little-endian, where a varint would be accepted by nobody."""
    assert message.DESCRIPTOR.fields_by_name[field].type == FieldDescriptor.TYPE_FIXED32


def test_a_good_til_time_is_written_in_four_bytes() -> None:
    """Tag 6 with wire type 5 in an order, tag 3 in a cancel."""
    assert order_pb2.Order(good_til_block_time=1).SerializeToString().hex() == "3501000000"
    cancel = clob_tx_pb2.MsgCancelOrder(order_id=ORDER_ID, good_til_block_time=258)
    assert cancel.SerializeToString().hex() == "0a34" + ORDER_ID_BYTES + "1d02010000"


def test_the_client_ids_of_a_batch_cancel_are_packed_varints() -> None:
    """Not fixed32 as in OrderId."""
    batch = clob_tx_pb2.MsgBatchCancel(
        subaccount_id=SUBACCOUNT,
        short_term_cancels=[clob_tx_pb2.OrderBatch(clob_pair_id=1, client_ids=[7, 300])],
        good_til_block=125,
    )
    assert batch.SerializeToString().hex() == "0a2d" + SUBACCOUNT_BYTES + "1207" + "0801" + "1203" + "07ac02" + "187d"


def test_an_order_is_good_til_a_block_or_a_time_but_not_both() -> None:
    """The later one on the wire counts."""
    order = order_pb2.Order.FromString(bytes.fromhex("287d" + "3501000000"))
    assert order.WhichOneof("good_til_oneof") == "good_til_block_time"
    assert order_pb2.Order.FromString(bytes.fromhex("3501000000" + "287d")).WhichOneof("good_til_oneof") == "good_til_block"


def test_a_withdrawal_names_its_recipient_first() -> None:
    """Recipient 1 and sender 2: the other way round than in a deposit."""
    withdrawal = transfer_pb2.MsgWithdrawFromSubaccount(sender=SUBACCOUNT, recipient="r", asset_id=0, quantums=5)
    assert withdrawal.SerializeToString(deterministic=True).hex() == "0a0172" + "122d" + SUBACCOUNT_BYTES + "2005"
    deposit = transfer_pb2.MsgDepositToSubaccount(sender="s", recipient=SUBACCOUNT, asset_id=0, quantums=5)
    assert deposit.SerializeToString(deterministic=True).hex() == "0a0173" + "122d" + SUBACCOUNT_BYTES + "2005"


def test_a_transfer_names_both_subaccounts() -> None:
    """Sender 1, recipient 2, amount 4, inside one field of the message."""
    transfer = transfer_pb2.Transfer(sender=SUBACCOUNT, recipient=SUBACCOUNT, amount=5)
    inner = "0a2d" + SUBACCOUNT_BYTES + "122d" + SUBACCOUNT_BYTES + "2005"
    assert sending_tx_pb2.MsgCreateTransfer(transfer=transfer).SerializeToString().hex() == "0a60" + inner


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (clob_pair_pb2.ClobPair(quantum_conversion_exponent=-9), "3011"),
        (market_price_pb2.MarketPrice(id=1, exponent=-5, price=2), "080110091802"),
        (perpetual_pb2.PerpetualParams(atomic_resolution=-10, default_funding_ppm=-1), "20132801"),
        (perpetual_pb2.MarketPremiums(premiums=[-1, 1]), "12020102"),
        (perpetuals_tx_pb2.FundingPremium(premium_ppm=-1), "10ffffffffffffffffff01"),
        (
            clob_tx_pb2.MsgUpdateBlockRateLimitConfiguration(
                authority="a", block_rate_limit_config=block_rate_limit_config_pb2.BlockRateLimitConfiguration()
            ),
            "0a01611a00",
        ),
        (share_pb2.NumShares(num_shares=b"\x02\x01"), "12020201"),
        (
            clob_tx_pb2.MsgUpdateLeverage(clob_pair_leverage=[clob_tx_pb2.LeverageEntry(clob_pair_id=1, custom_imf_ppm=300)]),
            "1205080110ac02",
        ),
        (accountplus_tx_pb2.MsgAddAuthenticator(sender="s", authenticator_type="t", data=b"d"), "0a01731201741a0164"),
        (
            clob_tx_pb2.OperationRaw(
                order_removal=order_removals_pb2.OrderRemoval(
                    removal_reason=order_removals_pb2.OrderRemoval.REMOVAL_REASON_PERMISSIONED_KEY_EXPIRED
                )
            ),
            "1a021009",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Message) else "",
)
def test_numbers_that_are_easily_got_wrong(message: Message, encoded: str) -> None:
    """Zigzag exponents, a premium that is not zigzag, skipped tags, packed lists: hand-made encodings, both ways."""
    assert message.SerializeToString(deterministic=True).hex() == encoded
    assert type(message).FromString(bytes.fromhex(encoded)) == message


@pytest.mark.parametrize(
    ("message", "type_url"),
    [
        (clob_tx_pb2.MsgPlaceOrder, "/dydxprotocol.clob.MsgPlaceOrder"),
        (clob_tx_pb2.MsgCancelOrder, "/dydxprotocol.clob.MsgCancelOrder"),
        (clob_tx_pb2.MsgBatchCancel, "/dydxprotocol.clob.MsgBatchCancel"),
        (clob_tx_pb2.MsgUpdateLeverage, "/dydxprotocol.clob.MsgUpdateLeverage"),
        (sending_tx_pb2.MsgCreateTransfer, "/dydxprotocol.sending.MsgCreateTransfer"),
        (transfer_pb2.MsgDepositToSubaccount, "/dydxprotocol.sending.MsgDepositToSubaccount"),
        (transfer_pb2.MsgWithdrawFromSubaccount, "/dydxprotocol.sending.MsgWithdrawFromSubaccount"),
        (accountplus_tx_pb2.MsgAddAuthenticator, "/dydxprotocol.accountplus.MsgAddAuthenticator"),
        (accountplus_tx_pb2.TxExtension, "/dydxprotocol.accountplus.TxExtension"),
    ],
)
def test_messages_have_the_type_urls_that_clients_write(message: type[Message], type_url: str) -> None:
    """The full name decides, whatever file or module it is in."""
    assert f"/{message.DESCRIPTOR.full_name}" == type_url


def test_order_enums_have_the_published_values() -> None:
    """Names count as well: JSON answers spell them out."""
    order = order_pb2.Order
    assert dict(order.Side.items()) == {"SIDE_UNSPECIFIED": 0, "SIDE_BUY": 1, "SIDE_SELL": 2}
    assert dict(order.TimeInForce.items()) == {
        "TIME_IN_FORCE_UNSPECIFIED": 0,
        "TIME_IN_FORCE_IOC": 1,
        "TIME_IN_FORCE_POST_ONLY": 2,
        "TIME_IN_FORCE_FILL_OR_KILL": 3,
    }
    assert dict(order.ConditionType.items()) == {
        "CONDITION_TYPE_UNSPECIFIED": 0,
        "CONDITION_TYPE_STOP_LOSS": 1,
        "CONDITION_TYPE_TAKE_PROFIT": 2,
    }
    assert dict(clob_pair_pb2.ClobPair.Status.items()) == {
        "STATUS_UNSPECIFIED": 0,
        "STATUS_ACTIVE": 1,
        "STATUS_PAUSED": 2,
        "STATUS_CANCEL_ONLY": 3,
        "STATUS_POST_ONLY": 4,
        "STATUS_INITIALIZING": 5,
        "STATUS_FINAL_SETTLEMENT": 6,
    }
