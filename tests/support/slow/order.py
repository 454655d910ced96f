"""The canonical order of a block from the text of design.md 3.3 and 3.4 alone: quadratic, with nothing but SHA-256."""

from hashlib import sha256
from typing import Any, NamedTuple

CANCEL, MARGIN_ADD, POST_ONLY, TAKER, OTHER = 1, 2, 3, 4, 5
_POST_ONLY_TIME_IN_FORCE = 2
_SHORT_TERM, _LONG_TERM = 0, 64


class Ticket(NamedTuple):
    """What the order of a transaction depends on."""

    lane: int
    account: bytes
    sequence: int
    tx_hash: bytes


def digest(*parts: bytes | str | int) -> bytes:
    """H of the text: SHA-256 over each part behind its length; lengths and integers 8 bytes big-endian, texts UTF-8."""
    joined = b""
    for part in parts:
        if isinstance(part, int):
            raw = part.to_bytes(8, "big")
        elif isinstance(part, str):
            raw = part.encode("utf-8")
        else:
            raw = part
        joined += len(raw).to_bytes(8, "big") + raw
    return sha256(joined).digest()


def block_seed(chain_id: str, height: int, app_hash: bytes) -> bytes:
    """The seed of the block at this height over the state after the one before."""
    return digest("seed", chain_id, height, app_hash)


def lane_of_message(message: dict[str, Any]) -> int:
    """The lane of one message of `support.slow.chain`."""
    kind = message["kind"]
    if kind in ("cancel", "batch_cancel"):
        return CANCEL
    if kind == "deposit" or (kind == "transfer" and message["sender"][0] == message["recipient"][0]):
        return MARGIN_ADD
    if kind == "place":
        order = message["order"]
        rests_only = order.time_in_force == _POST_ONLY_TIME_IN_FORCE and order.flags in (_SHORT_TERM, _LONG_TERM)
        return POST_ONLY if rests_only else TAKER
    return OTHER


def lane_of(messages: list[dict[str, Any]]) -> int:
    """The lane of a transaction: the last one that any of its messages has."""
    return max(lane_of_message(message) for message in messages)


def rank(position: int, tickets: list[Ticket]) -> int:
    """How many transactions of the same account and lane come before this one by (sequence, hash)."""
    lane, account, sequence, tx_hash = tickets[position]
    return sum(
        1 for other in tickets if other.lane == lane and other.account == account and (other.sequence, other.tx_hash) < (sequence, tx_hash)
    )


def canonical_order(seed: bytes, tickets: list[Ticket]) -> list[int]:
    """Positions in the order in which the block must hold them."""

    def key(position: int) -> tuple[int, int, bytes, int, bytes]:
        lane, account, sequence, tx_hash = tickets[position]
        return lane, rank(position, tickets), digest("ord", seed, lane, account)[:16], sequence, tx_hash

    return sorted(range(len(tickets)), key=key)
