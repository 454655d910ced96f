"""The messages of `dydxprotocol.sending`: collateral in, out, and across."""

from typing import NamedTuple

from modules.bank.model import USDC
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import Address, SubaccountId
from modules.subaccounts.errors import ASSET_NOT_SUPPORTED, BAD_ACCOUNT, MISSING_FIELD, SENDER_IS_RECIPIENT, ZERO_AMOUNT
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import subaccount_id
from perpd_proto.dydxprotocol.sending import transfer_pb2, tx_pb2


class Deposit(NamedTuple):
    """From a bank account into a subaccount of any owner."""

    sender: Address
    recipient: SubaccountId
    quantums: int


class Withdraw(NamedTuple):
    """From a subaccount to a bank account."""

    sender: SubaccountId
    recipient: Address
    quantums: int


class Transfer(NamedTuple):
    """From one subaccount to another, of any owner."""

    sender: SubaccountId
    recipient: SubaccountId
    quantums: int


def _check_amount(asset_id: int, quantums: int) -> None:
    if asset_id != USDC:
        raise ASSET_NOT_SUPPORTED(f"asset {asset_id}")
    if quantums == 0:
        raise ZERO_AMOUNT("0")


def _account(text: str, role: str) -> Address:
    if not addresses.is_valid(text):
        raise BAD_ACCOUNT(f"{role} {text[:90]!r}")
    return addresses.from_text(text)


def decode_deposit(message: transfer_pb2.MsgDepositToSubaccount) -> Deposit:
    """Raises subaccounts/200, 201 and sending/2, 6, 1101."""
    sender = _account(message.sender, "sender")
    recipient = subaccount_id(message.recipient)
    _check_amount(message.asset_id, message.quantums)
    return Deposit(sender, recipient, message.quantums)


def decode_withdraw(message: transfer_pb2.MsgWithdrawFromSubaccount) -> Withdraw:
    """Raises subaccounts/200, 201 and sending/2, 6, 1101."""
    sender = subaccount_id(message.sender)
    recipient = _account(message.recipient, "recipient")
    _check_amount(message.asset_id, message.quantums)
    return Withdraw(sender, recipient, message.quantums)


def decode_transfer(message: tx_pb2.MsgCreateTransfer) -> Transfer:
    """Raises subaccounts/200, 201 and sending/1, 2, 5, 1101."""
    if not message.HasField("transfer"):
        raise MISSING_FIELD("transfer")
    sender = subaccount_id(message.transfer.sender)
    recipient = subaccount_id(message.transfer.recipient)
    if sender == recipient:
        raise SENDER_IS_RECIPIENT(f"{message.transfer.sender.owner}/{sender.number}")
    _check_amount(message.transfer.asset_id, message.transfer.amount)
    return Transfer(sender, recipient, message.transfer.amount)


def execute_deposit(ctx: Context, keeper: SubaccountsKeeper, command: Deposit) -> bytes:
    """The amount is in the subaccount."""
    keeper.deposit(ctx, command.sender, command.recipient, command.quantums)
    return b""


def execute_withdraw(ctx: Context, keeper: SubaccountsKeeper, command: Withdraw) -> bytes:
    """The amount is in the bank account."""
    keeper.withdraw(ctx, command.sender, command.recipient, command.quantums)
    return b""


def execute_transfer(ctx: Context, keeper: SubaccountsKeeper, command: Transfer) -> bytes:
    """The amount is in the other subaccount."""
    keeper.transfer(ctx, command.sender, command.recipient, command.quantums)
    return b""
