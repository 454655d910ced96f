"""What a cheating proposer has in hand: the honest block, what it remembers of earlier ones, and an account that signs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from modules.consensus.model import SequencerParams
from node.client.messages import SHORT_TERM, TimeInForce, subaccount
from node.sequencer.order import canonical_order
from node.tx.envelope import Tx
from node.tx.signer import sign_tx
from perpd_proto.dydxprotocol.clob import order_pb2
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci

ORDER_BLOCKS = 5
"""For how many blocks an order of the attacker's could be included, were it ever offered."""
CLIENT_IDS_PER_HEIGHT = 1_000
_STEP_BASE_QUANTUMS, _SUBTICKS = 1_000_000, 1_000_000_000
"""Of an order that needs no model; nobody looks at them before the block that carries it is decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacker:
    """An account with its key, as committed state has it."""

    secret: bytes
    address: bytes
    text: str
    number: int
    sequence: int
    chain_id: str

    def sign(self, *messages: Any, sequence: int = 0, memo: str = "") -> bytes:
        """A transaction that is valid by itself, if `sequence` is the account's next or is not checked."""
        return sign_tx(self.secret, messages, account_number=self.number, sequence=sequence, chain_id=self.chain_id, memo=memo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What one proposal could be made of. `honest` is the block that an honest proposer would offer, its preamble apart."""

    height: int
    seed: bytes
    """Of the canonical order of this height."""
    params: SequencerParams
    proposer: bytes
    """Address of the validator that cheats."""
    preamble: bytes
    """Empty where the block has none."""
    commit: abci.ExtendedCommitInfo
    """Of the block before, as the proposer's engine knows it."""
    honest: Sequence[Tx]
    old: Sequence[Tx]
    """Transactions of decided blocks, newest first."""
    old_preamble: bytes
    """Of the block before; empty where there was none."""
    attacker: Attacker
    decode: Callable[[bytes], Tx]
    """Raises ChainError."""

    # Blocks

    def block(self, *txs: bytes, preamble: bytes | None = None) -> list[bytes]:
        """These transactions behind a preamble, by default the honest one."""
        first = self.preamble if preamble is None else preamble
        return [first, *txs] if first else list(txs)

    def honest_and(self, *added: bytes) -> list[bytes]:
        """The honest block with these transactions at its end."""
        return self.block(*self.raw, *added)

    @property
    def raw(self) -> list[bytes]:
        """The honest transactions as bytes."""
        return [tx.raw for tx in self.honest]

    def is_canonical(self, txs: Sequence[bytes]) -> bool:
        """Whether these transactions stand in the one order that is allowed."""
        decoded = [self.decode(raw) for raw in txs]
        return canonical_order(self.seed, decoded) == list(range(len(txs)))

    # Others

    def victims(self, lane: int) -> Iterator[Tx]:
        """Transactions of others in that lane of the honest block."""
        return (tx for tx in self.honest if tx.lane == lane and tx.signer != self.attacker.address)

    def strangers(self) -> Iterator[Tx]:
        """Transactions of others that carry their signer's key, of this block and of earlier ones."""
        return (tx for tx in (*self.honest, *self.old) if tx.signer != self.attacker.address and tx.public_key)

    def placed(self, order_id: order_pb2.OrderId) -> order_pb2.Order | None:
        """The order of that id as it was last placed, if that is remembered."""
        wanted = order_id.SerializeToString(deterministic=True)
        for tx in (*self.honest, *self.old):
            for order in orders_of(tx):
                if order.order_id.SerializeToString(deterministic=True) == wanted:
                    return order
        return None

    # The attacker's own

    def order(self, number: int, like: order_pb2.Order | None = None, *, opposite: bool = False, good_til_block: int = 0) -> Any:
        """An order of the attacker's that takes at once: as another's, or its opposite at the same price. `number` is its name."""
        order = order_pb2.Order(quantums=_STEP_BASE_QUANTUMS, subticks=_SUBTICKS, side=order_pb2.Order.SIDE_BUY)
        if like is not None:
            order.quantums, order.subticks = like.quantums, like.subticks
            order.side = order_pb2.Order.SIDE_SELL if (like.side == order_pb2.Order.SIDE_BUY) == opposite else order_pb2.Order.SIDE_BUY
            order.order_id.clob_pair_id = like.order_id.clob_pair_id
        order.order_id.subaccount_id.CopyFrom(subaccount(self.attacker.text, 0))
        order.order_id.client_id = (self.height * CLIENT_IDS_PER_HEIGHT + number) % 2**32
        order.order_id.order_flags = SHORT_TERM
        order.time_in_force = int(TimeInForce.IMMEDIATE_OR_CANCEL)  # type: ignore[assignment]  # the enum's numbers are the wire's
        order.good_til_block = good_til_block or self.height + ORDER_BLOCKS
        return clob_pb2.MsgPlaceOrder(order=order)

    def taker(self, number: int, like: order_pb2.Order | None = None, *, opposite: bool = False, memo: str = "") -> bytes:
        """The same, signed. Its sequence is not checked and orders an account's own, so it is `number`."""
        return self.attacker.sign(self.order(number, like, opposite=opposite), sequence=number, memo=memo)


def orders_of(tx: Tx) -> list[order_pb2.Order]:
    """The orders that a transaction places."""
    return [message.order for message in tx.messages if isinstance(message, clob_pb2.MsgPlaceOrder)]


def cancelled_by(tx: Tx) -> list[order_pb2.OrderId]:
    """The orders that a transaction cancels."""
    found = []
    for message in tx.messages:
        if isinstance(message, clob_pb2.MsgCancelOrder):
            found.append(message.order_id)
        elif isinstance(message, clob_pb2.MsgBatchCancel):
            found += [
                order_pb2.OrderId(subaccount_id=message.subaccount_id, client_id=client_id, clob_pair_id=batch.clob_pair_id)
                for batch in message.short_term_cancels
                for client_id in batch.client_ids
            ]
    return found
