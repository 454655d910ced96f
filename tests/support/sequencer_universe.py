"""Twelve transactions of four traders in which nearly everything depends on what comes before: for proofs over all their subsets."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from support.exchange import OpenExchange
from support.sequencer_twins import TENTH, Known, Twins, account
from support.slow.exchanges import DOLLAR
from support.slow.order import canonical_order
from support.slow.world import IOC, LONG_TERM, POST_ONLY, Account

MOST_MEMBERS = 6
CHAINS = ((0, 1, 2), (3, 4))
"""Members that carry one sequence after the other of an account."""


def opened(open_exchange: OpenExchange, **sequencer: Any) -> Twins:
    """Funded traders and a book: alice sells at 6013, bob buys at 6011 and 6010 (each with six more zeros)."""
    twins = Twins(open_exchange, **sequencer)
    funds = {"alice": 100_000, "bob": 100_000, "carol": 3_000, "dave": 150}
    twins.block([twins.sign(name, deposit(name, dollars), sequence=0) for name, dollars in funds.items()])
    twins.block(
        [
            twins.sign("alice", twins.order("alice", 2, "sell", TENTH, 6_013_000_000, flags=LONG_TERM), sequence=1),
            twins.sign("bob", twins.order("bob", 1, "buy", TENTH, 6_011_000_000), sequence=0),
            twins.sign("bob", twins.order("bob", 5, "buy", TENTH, 6_010_000_000, flags=LONG_TERM), sequence=1),
        ]
    )
    return twins


def universe(twins: Twins) -> list[Known]:
    """By lane 1, 5, 2 | 4, 1 | 3, 1, 3, 1 | 4, 4, 2: alice's chain, bob's chain, carol's, dave's."""
    nonce = twins.next_time_ns // 1_000_000
    return [
        # The post-only buy below crosses this order unless it goes first.
        twins.sign("alice", twins.cancel("alice", 2, LONG_TERM), sequence=2),
        # Fails once the transfer, later in sequence and earlier in the block, has gone through.
        twins.sign("alice", withdraw("alice", 60_000), sequence=3),
        twins.sign("alice", transfer(account("alice"), account("alice", 1), 50_000), sequence=4),
        # A bundle: both messages or none. Its order takes what sells at 6012.
        twins.sign(
            "bob",
            twins.cancel("bob", 5, LONG_TERM),
            twins.order("bob", 6, "buy", 2 * TENTH, 6_012_000_000, flags=LONG_TERM),
            sequence=2,
        ),
        # Goes before that order: then the whole bundle fails.
        twins.sign("bob", twins.cancel("bob", 6, LONG_TERM), sequence=3),
        # Ends at once where it crosses; fails where the cancel of its id stands beside it.
        twins.sign("carol", twins.order("carol", 1, "buy", TENTH, 6_013_000_000, time_in_force=POST_ONLY), sequence=5),
        twins.sign("carol", twins.cancel("carol", 1), sequence=3),
        twins.sign("carol", twins.order("carol", 2, "sell", TENTH // 2, 6_012_000_000, time_in_force=POST_ONLY), sequence=1),
        # Fails: there is no such order.
        twins.sign("carol", twins.cancel("carol", 77, LONG_TERM), sequence=1),
        # Takes as far as the collateral goes.
        twins.sign("dave", twins.order("dave", 1, "buy", 4 * TENTH, 6_014_000_000, time_in_force=IOC), sequence=9),
        # Fails for want of collateral unless the deposit stands beside it.
        twins.sign("dave", twins.order("dave", 2, "sell", 10 * TENTH, 6_011_000_000, flags=LONG_TERM), sequence=1),
        twins.sign("dave", deposit("dave", 5_000), sequence=nonce),
    ]


def deposit(name: str, dollars: int) -> dict[str, Any]:
    """Into the trader's own first subaccount."""
    return {"kind": "deposit", "sender": account(name)[0], "recipient": account(name), "amount": dollars * DOLLAR}


def withdraw(name: str, dollars: int) -> dict[str, Any]:
    """From the trader's first subaccount to its wallet."""
    return {"kind": "withdraw", "sender": account(name), "recipient": account(name)[0], "amount": dollars * DOLLAR}


def transfer(sender: Account, recipient: Account, dollars: int) -> dict[str, Any]:
    """From one subaccount to another."""
    return {"kind": "transfer", "sender": sender, "recipient": recipient, "amount": dollars * DOLLAR}


def admissible_sets(members: int) -> Iterator[tuple[int, ...]]:
    """Every set of up to MOST_MEMBERS of so many members in which sequences lead on from the committed ones."""
    for size in range(MOST_MEMBERS + 1):
        for chosen in combinations(range(members), size):
            if all(chain[place - 1] in chosen for chain in CHAINS for place in range(1, len(chain)) if chain[place] in chosen):
                yield chosen


def in_order(seed: bytes, txs: Sequence[Known]) -> list[Known]:
    """The set as its one valid block holds it."""
    return [txs[position] for position in canonical_order(seed, [tx.slow.facts.ticket for tx in txs])]
