"""Signed updates, pushes and rotations of a simulation: from a generator of its own, so that the other traffic stays what it was."""

import random
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from modules.oracle.sources import Source
from perpd_proto.perpd.oracle.v1 import tx_pb2
from support import load
from support.app_network import AppNetwork
from support.price_desk import price_update, public_key, rotation, signed_update, signer_set

MARKET = 1
"""Whose prices are signed and pushed too."""
OVERLAP_SECONDS = 60


def with_sources(state: dict[str, Any], pusher: load.Trader, rng: random.Random) -> None:
    """The market takes votes first, then signed updates, then the pusher's; the first set of signers is named."""
    bound = (20_000, 300_000)[rng.getstate()[1][0] % 2]  # without using the generator up
    state["oracle"]["markets"][MARKET] |= {
        "sources": ["VOTES", "PULL", "PUSH"],
        "source_ages_seconds": {"VOTES": 20, "PULL": 60, "PUSH": 600},
        "switch_back_blocks": 3,
        "max_deviation_ppm": bound,
        "maximum_confidence_ppm": bound,
        "pusher": pusher.text,
    }
    state["oracle"]["pull"] = {"signer_sets": [signer_set()], "updates_per_block": 2, "overlap_seconds": OVERLAP_SECONDS}


class PriceTraffic:
    """What is signed follows what feeders would report, a little beside it, and now and then far from it."""

    def __init__(self, network: AppNetwork, sender: load.Trader, pusher: load.Trader, seed: int) -> None:
        self._network, self._sender, self._pusher = network, sender, pusher
        self._rng = random.Random(f"prices {seed}")
        self._versions = [1]

    def next(self) -> Iterator[tuple[str, load.Trader, Message]]:
        """Of the next block: kind, who signs the transaction, the message."""
        rng, network = self._rng, self._network
        for _ in range(rng.choice([0, 0, 0, 1, 1, 3])):
            yield self._update()
        if rng.random() < 0.15:
            yield "push", self._pusher, self._push()
        if rng.random() < 0.03:
            version = self._versions[-1] + rng.randrange(1, 3)
            self._versions.append(version)
            authority = network.people[-1]
            yield "authority: price signers", authority, rotation(version, 2, range(version, version + 3), authority.text)

    def _price(self) -> int:
        rng = self._rng
        return max(1, self._network.prices[MARKET] * (1_000_000 + rng.choice([-2_000, 0, 500, 3_000, 60_000])) // 1_000_000)

    def _update(self) -> tuple[str, load.Trader, Message]:
        """By the set that is newest in state, or by one that may have expired; with too few signers, or an old time, it is wrong."""
        rng, network = self._rng, self._network
        known = [version for version, _ in network.app.wiring.oracle.pull.sets(network.context())]
        version = rng.choice(known)
        last = network.app.wiring.oracle.keeper.sources.last(network.context(), MARKET, Source.PULL)
        wrong = rng.random() < 0.1 and last is not None
        published = last.publish_ns if wrong and last is not None else network.chain.time_ns + rng.randrange(1, 10**6)
        update = price_update(self._price(), published, MARKET, self._exponent(), rng.choice([0, 1_000]))
        first = 0 if version == 1 else version
        message = signed_update(network.chain.chain_id, update, version=version, signers=(first + 2, first))
        message.sender = self._sender.text
        assert message.signatures[1].public_key == public_key(first)
        return "wrong: old price" if wrong else "price update", self._sender, message

    def _push(self) -> Message:
        return tx_pb2.MsgPushPrice(sender=self._pusher.text, market_id=MARKET, price=self._price())

    def _exponent(self) -> int:
        exponent: int = self._network.state["oracle"]["markets"][MARKET]["exponent"]
        return exponent
