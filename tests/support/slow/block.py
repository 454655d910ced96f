"""A block as the text of design.md 3.2 to 3.5 says it, on the slow chain: admission, order, the steps, what came of each transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from support.slow.admission import Block, Facts, Judged, admit
from support.slow.chain import SlowChain
from support.slow.order import CANCEL, POST_ONLY
from support.slow.scenario import placed_names


class SlowTx(NamedTuple):
    """A transaction of a list: what admission must know of it, and its messages."""

    facts: Facts
    messages: list[dict[str, Any]]


class Outcome(NamedTuple):
    """What came of a list of transactions."""

    results: list[tuple[str, int]]
    """(codespace, code) by position."""
    judged: Judged
    log: list[tuple[Any, ...]]
    """Fills and ends of orders, as they happened."""


def run_block(
    chain: SlowChain, block: Block, txs: Sequence[SlowTx], time_ns: int, prices: Mapping[int, int], funding_index: Mapping[int, int]
) -> Outcome:
    """The next block of the chain with this list. The order of the list means nothing."""
    judged = admit(block, [tx.facts for tx in txs])
    results = [("sequencer", judged.codes[position]) for position in range(len(txs))]
    ordered = judged.order
    placed_later = [name for position in ordered if txs[position].facts.lane > CANCEL for name in placed_names(txs[position].messages)]
    chain.begin(block.height, time_ns, prices, funding_index)
    for position in ordered:
        if txs[position].facts.lane <= POST_ONLY:
            results[position] = chain.run(txs[position].messages, txs[position].facts.lane, placed_later)
    chain.engine()
    for position in ordered:
        if txs[position].facts.lane > POST_ONLY:
            results[position] = chain.run(txs[position].messages, txs[position].facts.lane, placed_later)
    chain.end()
    return Outcome(results, judged, chain.take_log())
