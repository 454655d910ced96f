"""The one canonical order of a set of transactions (design.md 3.4). Pure: bytes in, positions out.

Ascending by (lane, i, H("ord", seed, lane, account)[:16], sequence, hash), where i is the transaction's rank among those of its account and
lane by (sequence, hash). The ticket is over the account, so signing again gains nothing; the rank comes before it, so a hundred
transactions of one account give no head start.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol, TypeAlias

TICKET_BYTES = 16
_ACCOUNT_LENGTH = (20).to_bytes(8, "big")


class Rankable(Protocol):
    """What the order reads of a transaction."""

    @property
    def lane_account(self) -> bytes:
        """Lane in one byte, then the signer's 20 bytes."""

    @property
    def tail(self) -> bytes:
        """Sequence in 8 bytes, then the hash."""


Order: TypeAlias = Callable[[bytes, Sequence[Rankable]], list[int]]
"""From the block's seed and a set, the positions of its transactions in the one order. A chain's is `canonical_order`."""


def _framed(*parts: bytes | int | str) -> bytes:
    """Each part after its length; lengths and integers in 8 bytes big-endian, texts in UTF-8."""
    framed = []
    for part in parts:
        data = part.to_bytes(8, "big") if isinstance(part, int) else part.encode() if isinstance(part, str) else part
        framed.append(len(data).to_bytes(8, "big") + data)
    return b"".join(framed)


def framed_hash(*parts: bytes | int | str) -> bytes:
    """H(a, b, …): SHA-256 of the framed parts."""
    return sha256(_framed(*parts)).digest()


def seed_of(chain_id: str, height: int, app_hash: bytes) -> bytes:
    """The block's seed; `app_hash` is the state's after height - 1 (at the initial height: InitChain's)."""
    return framed_hash("seed", chain_id, height, app_hash)


def ranks(txs: Sequence[Rankable]) -> list[int]:
    """For each transaction its rank i, from 0, among those of its account and lane by (sequence, hash)."""
    groups: dict[bytes, list[int]] = {}
    for position, tx in enumerate(txs):
        groups.setdefault(tx.lane_account, []).append(position)
    found = [0] * len(txs)
    for members in groups.values():
        if len(members) > 1:
            members.sort(key=lambda position: txs[position].tail)
            for rank, position in enumerate(members):
                found[position] = rank
    return found


def canonical_order(seed: bytes, txs: Sequence[Rankable]) -> list[int]:
    """The positions of `txs` in canonical order."""
    # What H("ord", seed, lane, account) hashes before the account's 20 bytes, by lane.
    heads = [_framed("ord", seed, lane) + _ACCOUNT_LENGTH for lane in range(6)]
    tickets: dict[bytes, bytes] = {}
    keys: list[bytes] = []
    for tx, rank in zip(txs, ranks(txs), strict=True):
        group = tx.lane_account
        drawn = tickets.get(group)
        if drawn is None:
            drawn = tickets[group] = sha256(heads[group[0]] + group[1:]).digest()[:TICKET_BYTES]
        # One byte string per transaction, all parts of fixed width: comparing bytes compares (lane, rank, ticket, sequence, hash).
        keys.append(group[:1] + rank.to_bytes(4, "big") + drawn + tx.tail)
    return sorted(range(len(keys)), key=keys.__getitem__)
