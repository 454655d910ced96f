"""What the authority of a simulated exchange does: changes of every kind, and markets that it pauses, closes for good and opens again."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import Message

from modules.clob.model import PairStatus, pair_to_proto
from modules.kernel.codec import encode_signed
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob
from perpd_proto.dydxprotocol.feetiers import tx_pb2 as feetiers
from perpd_proto.perpd.consensus.v1 import tx_pb2 as consensus
from perpd_proto.perpd.sequencer.v1 import tx_pb2 as sequencer
from support import change_messages as changes
from support import load
from support.app_network import AppNetwork

_OPEN = (PairStatus.ACTIVE, PairStatus.PAUSED, PairStatus.CANCEL_ONLY, PairStatus.POST_ONLY)
LONGEST_PAUSE_BLOCKS = 6


class AuthorityChanges:
    """Its messages for each next block, by name. Names of statuses are what the market becomes."""

    def __init__(self, network: AppNetwork, rng: random.Random) -> None:
        self._network = network
        self._rng = rng
        self._since: dict[int, int] = {}
        """By market that is not active: since which height."""
        self._makers: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("liquidity tier", self._tier),
            ("perpetual", lambda: changes.perpetual(default_funding_ppm=rng.choice([0, 100, 5_000]), liquidity_tier=8)),
            ("funding", lambda: changes.funding(rng.choice([1_000_000, 6_000_000]), rng.choice([2_000_000, 60_000_000]))),
            ("oracle market", lambda: changes.market(0, "BTC-USD", rng.choice([500, 1_000]))),
            (
                "liquidations",
                lambda: changes.liquidations(minimum=rng.choice([10, 1_000]) * load.DOLLAR, portion=rng.choice([100_000, 10**6])),
            ),
            (
                "engine limits",
                lambda: changes.engine_limits(rng.choice([1, 200]), rng.choice([1, 100]), rng.choice([2, 500]), rng.choice([1, 3])),
            ),
            ("book limits", lambda: changes.book_limits(rng.choice([2, 500]), rng.choice([3, 1_000]), rng.choice([0, 20]))),
            ("gating", lambda: changes.gate(rng.choice([5, 30]), rng.choice([0, 2, 5]))),
            ("equity tiers", self._equity_tiers),
            ("rate limits", lambda: changes.windows((2, rng.randrange(5, 20)))),
            ("fee tiers", self._fee_tiers),
            ("discount", self._discount),
            ("block limits", self._block_limits),
            ("validators", self._validators),
            ("finer grid", self._finer_grid),
            ("refused", lambda: changes.gate(0, 0)),
        )

    def next(self) -> Iterator[tuple[str, Message]]:
        """The messages of the next block: few, seldom several."""
        rng = self._rng
        found: list[tuple[str, Any]] = [rng.choice(self._makers)] if rng.random() < 0.35 else []
        messages = [(name, make()) for name, make in found]
        messages += self._moves()
        for name, message in messages:
            message.authority = self._network.people[-1].text
            yield f"authority: {name}", message

    def statuses(self, place: int, status: int) -> Any:
        """The pair as it is, with that status."""
        message = clob.MsgUpdateClobPair()
        pair = self._network.app.wiring.clob.keeper.pair(self._network.context(), self._network.markets[place].pair_id)
        assert pair is not None
        message.clob_pair.CopyFrom(pair_to_proto(pair._replace(status=status)))
        return message

    def _moves(self) -> Iterator[tuple[str, Any]]:
        """Markets that have been closed for a while open again, one that is closed for good when it is empty; now and then one closes."""
        network, rng = self._network, self._rng
        wiring, ctx = network.app.wiring, network.context()
        for place, market in enumerate(network.markets):
            pair = wiring.clob.keeper.pair(ctx, market.pair_id)
            assert pair is not None
            status = PairStatus(pair.status)
            if status == PairStatus.ACTIVE:
                self._since.pop(place, None)
                continue
            waited = network.height - self._since.setdefault(place, network.height)
            wanted = PairStatus.ACTIVE
            if status == PairStatus.FINAL_SETTLEMENT:
                if wiring.perp.keeper.open_interest(ctx, market.perpetual_id):
                    continue
                wanted = PairStatus.INITIALIZING
            elif waited < LONGEST_PAUSE_BLOCKS and rng.random() < 0.8:
                continue
            yield wanted.name, self.statuses(place, wanted)
        if rng.random() < 0.06:
            place = rng.randrange(len(network.markets))
            wanted = rng.choice([*_OPEN[1:], PairStatus.FINAL_SETTLEMENT, PairStatus.FINAL_SETTLEMENT])
            yield wanted.name, self.statuses(place, wanted)

    def _tier(self) -> Any:
        return changes.tier(initial=self._rng.choice([20_000, 30_000]), open_interest_upper_cap=self._rng.choice([0, 10**12]))

    def _liquidations(self) -> Any:
        minimum = self._rng.choice([10, 1_000]) * load.DOLLAR
        return changes.liquidations(minimum=minimum, portion=self._rng.choice([100_000, 1_000_000]))

    def _engine_limits(self) -> Any:
        pick = self._rng.choice
        return changes.engine_limits(pick([1, 200]), pick([1, 100]), pick([2, 500]), pick([1, 3]))

    def _equity_tiers(self) -> Any:
        rows = [(0, self._rng.choice([3, 6])), (300 * load.DOLLAR, 40)]
        return changes.equity_tiers([(_integer(equity), limit) for equity, limit in rows])

    def _fee_tiers(self) -> Any:
        message = feetiers.MsgUpdatePerpetualFeeParams()
        message.params.tiers.add(name="1", taker_fee_ppm=self._rng.choice([300, 500]), maker_fee_ppm=self._rng.choice([-250, 0, 100]))
        message.params.tiers.add(name="2", taker_fee_ppm=300, maker_fee_ppm=-200, absolute_volume_requirement=50_000 * load.DOLLAR)
        return message

    def _discount(self) -> Any:
        message = changes.discount(self._network.time_seconds - 100, self._rng.choice([0, 333_333, 1_000_000]))
        message.params[0].clob_pair_id = self._rng.randrange(len(self._network.markets))
        return message

    def _block_limits(self) -> Any:
        message = sequencer.MsgUpdateParams()
        params = self._network.app.wiring.consensus.keeper.params(self._network.context())._asdict()
        for name, value in (params | {"max_memo_bytes": self._rng.randrange(100, 300)}).items():
            if name == "lane_byte_share_ppm":
                message.params.lane_byte_share_ppm.extend(value)
            else:
                setattr(message.params, name, value)
        return message

    def _validators(self) -> Any:
        """Another power for one that is there."""
        message = consensus.MsgUpdateValidators()
        message.validators.add(public_key=self._rng.choice(self._network.chain.validators).public_key, power=self._rng.randrange(3, 6))
        return message

    def _finer_grid(self) -> Any:
        """Half the tick of a market, if it can be halved."""
        message = self.statuses(self._rng.randrange(len(self._network.markets)), PairStatus.ACTIVE)
        pair = self._network.app.wiring.clob.keeper.pair(self._network.context(), message.clob_pair.id)
        assert pair is not None
        message.clob_pair.status = pair.status
        if pair.subticks_per_tick % 2 == 0:
            message.clob_pair.subticks_per_tick = pair.subticks_per_tick // 2
        return message


def _integer(value: int) -> bytes:
    """A whole number as messages have it."""
    return encode_signed(value)
