"""MsgSend: a payment between accounts."""

from typing import Any, NamedTuple

from modules.bank.keeper import BankKeeper
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import INSUFFICIENT_FUNDS, INVALID_COINS
from modules.kernel.genesis import parse_integer
from modules.kernel.units import Address
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2

MAX_COIN_AMOUNT = 2**128 - 1


class Send(NamedTuple):
    """MsgSend after its stateless checks."""

    sender: Address
    recipient: Address
    coins: tuple[tuple[str, int], ...]
    """(denomination, amount), denominations strictly ascending, amounts positive."""


def decode_coins(coins: Any) -> tuple[tuple[str, int], ...]:
    """Positive amounts with strictly ascending denominations, as Cosmos coins must be. Raises sdk 10."""
    decoded: list[tuple[str, int]] = []
    for coin in coins:
        amount = parse_integer(coin.amount)
        if amount is None or not 0 < amount <= MAX_COIN_AMOUNT or str(amount) != coin.amount:
            raise INVALID_COINS(f"{coin.amount!r} of {coin.denom[:128]!r} is not a positive integer")
        if decoded and coin.denom <= decoded[-1][0]:
            raise INVALID_COINS("denominations must be strictly ascending, each once")
        decoded.append((coin.denom, amount))
    return tuple(decoded)


def decode_send(message: tx_pb2.MsgSend) -> Send:
    """The payment. Raises sdk 7 for addresses, sdk 10 for coins."""
    coins = decode_coins(message.amount)
    if not coins:
        raise INVALID_COINS("name at least one coin to send")
    return Send(addresses.from_text(message.from_address), addresses.from_text(message.to_address), coins)


def execute_send(ctx: Context, keeper: BankKeeper, command: Send) -> bytes:
    """All coins have moved. Raises sdk 4 when the recipient is a module account, sdk 5 when the sender has too little of one."""
    for denom, amount in command.coins:
        denom_id = keeper.denom_id(ctx, denom)
        if denom_id is None:
            raise INSUFFICIENT_FUNDS(f"spendable balance 0{denom} is smaller than {amount}{denom}")
        keeper.send(ctx, command.sender, command.recipient, denom_id, amount)
    return b""
