"""Messages of the authority's desk, by default valid ones; what a test is about is an argument."""

from collections.abc import Iterable
from typing import Any

from modules.clob.model import pair_to_proto
from modules.consensus.model import SequencerParams
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob
from perpd_proto.dydxprotocol.feetiers import tx_pb2 as feetiers
from perpd_proto.dydxprotocol.perpetuals import tx_pb2 as perpetuals
from perpd_proto.dydxprotocol.prices import tx_pb2 as prices
from perpd_proto.perpd.clob.v1 import tx_pb2 as own_clob
from perpd_proto.perpd.consensus.v1 import tx_pb2 as consensus
from perpd_proto.perpd.liquidation.v1 import tx_pb2 as liquidation
from perpd_proto.perpd.sequencer.v1 import tx_pb2 as sequencer
from perpd_proto.perpd.subaccounts.v1 import tx_pb2 as subaccounts
from support.authority_desk import AUTHORITY, Desk


def tier(tier_id: int = 0, *, initial: int = 30_000, sender: str = AUTHORITY.text, **changes: Any) -> perpetuals.MsgSetLiquidityTier:
    """A tier, by default the first with another initial margin."""
    message = perpetuals.MsgSetLiquidityTier(authority=sender)
    fields = {"name": "Large-Cap", "maintenance_fraction_ppm": 600_000, "impact_notional": 10_000_000_000} | changes
    for name, value in ({"id": tier_id, "initial_margin_ppm": initial} | fields).items():
        setattr(message.liquidity_tier, name, value)
    return message


def perpetual(perpetual_id: int = 0, **changes: Any) -> perpetuals.MsgUpdatePerpetualParams:
    """A perpetual's parameters, by default those of BTC with another default funding."""
    message = perpetuals.MsgUpdatePerpetualParams(authority=AUTHORITY.text)
    fields = {"ticker": "BTC-USD", "market_id": 0, "default_funding_ppm": 100, "liquidity_tier": 0, "market_type": 1} | changes
    for name, value in ({"id": perpetual_id} | fields).items():
        setattr(message.perpetual_params, name, value)
    return message


def funding(rate: int = 1_000_000, premium: int = 2_000_000, votes: int = 15) -> perpetuals.MsgUpdateParams:
    """Factors of funding's bounds."""
    message = perpetuals.MsgUpdateParams(authority=AUTHORITY.text)
    message.params.funding_rate_clamp_factor_ppm = rate
    message.params.premium_vote_clamp_factor_ppm = premium
    message.params.min_num_votes_per_sample = votes
    return message


def market(market_id: int = 0, pair: str = "XBT-USD", change: int = 500) -> prices.MsgUpdateMarketParam:
    """A market of the oracle."""
    message = prices.MsgUpdateMarketParam(authority=AUTHORITY.text)
    message.market_param.id, message.market_param.pair, message.market_param.min_price_change_ppm = market_id, pair, change
    return message


def liquidations(**changes: Any) -> clob.MsgUpdateLiquidationsConfig:
    """The reference's mainnet configuration with another fee."""
    fields = {
        "fee": 10_000,
        "minimum": 1_000_000_000,
        "portion": 100_000,
        "notional": 10**11,
        "insurance": 10**12,
        "adjustment": 1_000_000,
        "spread": 1_500_000,
    } | changes
    message = clob.MsgUpdateLiquidationsConfig(authority=AUTHORITY.text)
    config = message.liquidations_config
    config.max_liquidation_fee_ppm = fields["fee"]
    config.position_block_limits.min_position_notional_liquidated = fields["minimum"]
    config.position_block_limits.max_position_portion_liquidated_ppm = fields["portion"]
    config.subaccount_block_limits.max_notional_liquidated = fields["notional"]
    config.subaccount_block_limits.max_quantums_insurance_lost = fields["insurance"]
    config.fillable_price_config.bankruptcy_adjustment_ppm = fields["adjustment"]
    config.fillable_price_config.spread_to_maintenance_margin_ratio_ppm = fields["spread"]
    return message


def validators(*powers: tuple[int, int]) -> consensus.MsgUpdateValidators:
    """New powers of the keys 01…, 02… and so on."""
    message = consensus.MsgUpdateValidators(authority=AUTHORITY.text)
    for number, power in powers:
        message.validators.add(public_key=bytes([number]) * 32, power=power)
    return message


def no_key() -> consensus.MsgUpdateValidators:
    """A validator whose key is too short."""
    message = consensus.MsgUpdateValidators(authority=AUTHORITY.text)
    message.validators.add(public_key=b"k", power=1)
    return message


def block_limits(desk: Desk, **changes: Any) -> sequencer.MsgUpdateParams:
    """The limits of blocks as they are, but for these."""
    return block_limits_by(AUTHORITY.text, desk.wiring.consensus.keeper.params(desk.ctx), **changes)


def block_limits_by(authority: str, params: SequencerParams, **changes: Any) -> sequencer.MsgUpdateParams:
    """These limits of blocks but for the changes, from a sender who says that it is the authority."""
    message = sequencer.MsgUpdateParams(authority=authority)
    for name, value in (params._asdict() | changes).items():
        if name == "lane_byte_share_ppm":
            message.params.lane_byte_share_ppm.extend(value)
        else:
            setattr(message.params, name, value)
    return message


def pair(desk: Desk, pair_id: int = 0, **changes: Any) -> clob.MsgUpdateClobPair:
    """A pair as it is, but for these fields."""
    message = clob.MsgUpdateClobPair(authority=AUTHORITY.text)
    found = desk.wiring.clob.keeper.pair(desk.ctx, pair_id)
    assert found is not None
    message.clob_pair.CopyFrom(pair_to_proto(found))
    for name, value in changes.items():
        if name == "perpetual_id":
            message.clob_pair.perpetual_clob_metadata.perpetual_id = value
        else:
            setattr(message.clob_pair, name, value)
    return message


def equity_tiers(rows: Iterable[tuple[bytes, int]]) -> clob.MsgUpdateEquityTierLimitConfiguration:
    """The table of stateful orders."""
    message = clob.MsgUpdateEquityTierLimitConfiguration(authority=AUTHORITY.text)
    for equity, limit in rows:
        message.equity_tier_limit_config.stateful_order_equity_tiers.add(usd_tnc_required=equity, limit=limit)
    return message


def windows(*rows: tuple[int, int], name: str = "max_stateful_orders_per_n_blocks") -> clob.MsgUpdateBlockRateLimitConfiguration:
    """The windows of one class."""
    message = clob.MsgUpdateBlockRateLimitConfiguration(authority=AUTHORITY.text)
    for num_blocks, limit in rows:
        getattr(message.block_rate_limit_config, name).add(num_blocks=num_blocks, limit=limit)
    return message


def engine_limits(orders: int, positions: int, counterparties: int, pairs: int) -> liquidation.MsgUpdateParams:
    """All four of them."""
    return liquidation.MsgUpdateParams(
        authority=AUTHORITY.text,
        params=liquidation.Params(
            max_orders_per_block=orders,
            max_deleveraged_positions_per_block=positions,
            max_deleveraging_counterparties=counterparties,
            max_settled_pairs_per_block=pairs,
        ),
    )


def book_limits(fills: int, impact: int, open_orders: int) -> own_clob.MsgUpdateParams:
    """All limits of order books that only this chain has."""
    params = own_clob.Params(max_fills_per_order=fills, max_impact_orders=impact, max_open_orders=open_orders)
    return own_clob.MsgUpdateParams(authority=AUTHORITY.text, params=params)


def gate(seconds: int, blocks: int) -> subaccounts.MsgUpdateGatingParams:
    """When and how long withdrawals wait."""
    params = subaccounts.GatingParams(outage_seconds=seconds, blocks=blocks)
    return subaccounts.MsgUpdateGatingParams(authority=AUTHORITY.text, params=params)


def fee_tiers(taker_ppm: int) -> feetiers.MsgUpdatePerpetualFeeParams:
    """One tier without rebates."""
    message = feetiers.MsgUpdatePerpetualFeeParams(authority=AUTHORITY.text)
    message.params.tiers.add(name="1", taker_fee_ppm=taker_ppm)
    return message


def discount(start_seconds: int, charge_ppm: int) -> feetiers.MsgSetMarketFeeDiscountParams:
    """An hour's discount in the first market."""
    message = feetiers.MsgSetMarketFeeDiscountParams(authority=AUTHORITY.text)
    params = message.params.add(charge_ppm=charge_ppm)
    params.start_time.seconds, params.end_time.seconds = start_seconds, start_seconds + 3_600
    return message
