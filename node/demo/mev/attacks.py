"""The attacks: each a scene and a set of signed transactions, listed in the order that its proposer would like.

They are what proposers of other chains earn their money with. Every one is played with the attacker's own capital and at the localnet's
own fees; nothing about the exchange is prepared for them but who quotes what.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from node.client.amounts import usdc
from node.client.messages import TimeInForce
from node.demo.mev.exchange import Party, Scene, Setting
from node.sequencer.order import canonical_order

POST_ONLY, IOC, REST = TimeInForce.POST_ONLY, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.REST
COIN = 10**10
"""Base quantums of one BTC, as the localnet's genesis has it."""
SIZE = 2 * COIN
PATIENCE_PPM = 10_000
"""How much above the price the victim of a sandwich is ready to pay."""
RISE_PPM = 10_000
FALL_PPM = -20_000
LEVERAGED = 20 * COIN
LEVERAGED_WORTH = usdc("7420")
"""Two thirds of the maintenance margin of LEVERAGED after the fall."""
RESCUE = usdc("20000")


class Play(NamedTuple):
    """A set of transactions, ready to be executed."""

    txs: tuple[bytes, ...]
    """In the order that the attacker wants."""
    rescue: bytes | None
    """The one transaction whose absence would do as well as its being late; None where the attack needs everything in the set."""


class Attack(NamedTuple):
    """One way to make money from an order of transactions."""

    name: str
    title: str
    tells: str
    """What the attacker wants to happen, in one sentence."""
    setting: Setting
    play: Callable[[Scene], Play]
    """Lets the quotes rest, and returns the set for the next block. With several accounts the attacker plays all of them."""

    def scene(self, accounts: int = 1) -> tuple[Scene, Play]:
        """The exchange before the attack, and the attack, by an attacker with so many funded accounts."""
        setting = self.setting
        scene = Scene(
            Setting(
                accounts=accounts,
                price_move_ppm=setting.price_move_ppm,
                victim_quantums=setting.victim_quantums,
                victim_worth=setting.victim_worth,
            )
        )
        return scene, self.play(scene)


def _asks(scene: Scene, party: Party) -> int:
    """A book with SIZE on two good asks and much more far away rests; the limit up to which an attacker buys the good ones."""
    near, next_, far = (scene.price_near(offset) for offset in (200, 400, 11_000))
    quotes = ((SIZE // 2, near), (SIZE // 2, next_), (5 * SIZE, far))
    scene.rest(canonical_order, *(scene.order(party, -size, subticks, POST_ONLY) for size, subticks in quotes))
    return next_


def _sandwich(scene: Scene, exit_kind: TimeInForce) -> Play:
    limit = _asks(scene, scene.other)
    pays = scene.price_near(PATIENCE_PPM)
    buys = [scene.order(attacker, SIZE, limit, IOC) for attacker in scene.attackers]
    sell = scene.order(scene.attackers[0], -SIZE, pays, exit_kind)
    while sha256(sell).digest() < sha256(buys[0]).digest():
        # Of two orders of an account in a lane the lower hash comes first. Signing again is free, so the purchase comes first.
        sell = scene.order(scene.attackers[0], -SIZE, pays, exit_kind)
    return Play((*buys, sell, scene.order(scene.victim, SIZE, pays, IOC)), None)


def _stale_quote(scene: Scene) -> Play:
    limit = _asks(scene, scene.victim)
    cancel = scene.cancel_all(scene.victim)
    buys = [scene.order(attacker, SIZE, limit, IOC) for attacker in scene.attackers]
    return Play((*buys, cancel), cancel)


def _squeezed_margin(scene: Scene) -> Play:
    """The bid is just above the lowest price that the engine takes; the offer, in a lane behind the engine, holds the deposit back."""
    bid, offer = scene.price_near(FALL_PPM - 5_000), scene.price_near(FALL_PPM + 5_000)
    bids = [scene.order(attacker, SIZE, bid, POST_ONLY) for attacker in scene.attackers]
    rescue = scene.deposit(scene.victim, RESCUE)
    return Play((*bids, scene.order(scene.attackers[0], -SIZE, offer, REST), rescue), rescue)


def _first_in_queue(scene: Scene) -> Play:
    bid = scene.price_near(-1_000)
    bids = [scene.order(attacker, SIZE, bid, POST_ONLY) for attacker in scene.attackers]
    makers = scene.order(scene.victim, SIZE, bid, POST_ONLY)
    return Play((*bids, makers, scene.order(scene.other, -SIZE, bid, IOC)), None)


SANDWICH = Attack(
    "sandwich",
    "sandwich",
    "buy before a victim's market order, sell to it at its limit",
    Setting(),
    lambda scene: _sandwich(scene, REST),
)
SANDWICH_WITH_A_QUOTE = Attack(
    "sandwich_with_a_quote",
    "sandwich, selling with a post-only quote",
    "the same, but the sale is a maker's order, which lane 3 executes before all takers",
    Setting(),
    lambda scene: _sandwich(scene, POST_ONLY),
)
STALE_QUOTE = Attack(
    "stale_quote",
    "stale quote",
    "take a maker's quote after the price has jumped, before the cancel that is in the same block",
    Setting(price_move_ppm=RISE_PPM),
    _stale_quote,
)
SQUEEZED_MARGIN = Attack(
    "squeezed_margin",
    "squeezed margin",
    "have the engine liquidate a victim into one's own bid, before the deposit that is in the same block",
    Setting(price_move_ppm=FALL_PPM, victim_quantums=LEVERAGED, victim_worth=LEVERAGED_WORTH),
    _squeezed_margin,
)
FIRST_IN_QUEUE = Attack(
    "first_in_queue",
    "first in the queue",
    "quote at a maker's price in the same block, and stand before it when a taker comes",
    Setting(),
    _first_in_queue,
)
ATTACKS = (SANDWICH, SANDWICH_WITH_A_QUOTE, STALE_QUOTE, SQUEEZED_MARGIN, FIRST_IN_QUEUE)
