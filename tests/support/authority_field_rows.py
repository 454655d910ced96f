"""Every field of every message of the authority at, just below and just above its bounds, in the form of `field_rows`."""

from typing import Any

from support.chain import make_validators
from support.clob_exchange import STEP, TICK
from support.code_rows import ADDRESS_OF_NOBODY
from support.field_rows import ANY_U32, ENGINE_MAX, U32, U64, Told, within
from support.markets import ETH, LINK
from support.stage import Stage
from support.trader_messages import text_of

I32 = 2**31 - 1
MILLION = 10**6
KEYS = [one.public_key for one in make_validators(4)]
SIGNED_ZERO, MINUS_ONE, TWO_127 = b"\x02", b"\x03\x01", b"\x02\x80" + bytes(15)
NINETY_DAYS = 90 * 86_400
YEAR_10000 = 253_402_300_800


def sender(codespace: str, code: int) -> Told:
    """Who is not the authority is told so in the message's own codespace."""
    return [("", "sdk/7"), (ADDRESS_OF_NOBODY, "sdk/7"), (text_of("alice"), f"{codespace}/{code}")]


def limit(path: str, least: int, most: int, highest: int = U32, **others: Any) -> tuple[str, Told]:
    """A parameter of blocks; `others` are changed with it."""
    told = within(least, most, "consensus/3", highest)
    key = f"params.{path}"
    return key, [({key: value} | {f"params.{name}": other for name, other in others.items()}, code) for value, code in told]


def window(name: str, num_blocks: int, most: int) -> dict[str, Told]:
    """One class of messages."""
    path = f"block_rate_limit_config.{name}.0"
    return {f"{path}.num_blocks": within(1, num_blocks, "clob/5000", U32), f"{path}.limit": within(1, most, "clob/5000", U32)}


def ignored(name: str) -> dict[str, Told]:
    """A class that is passed over."""
    return {f"block_rate_limit_config.{name}.0.{field}": ANY_U32 for field in ("num_blocks", "limit")}


def table(name: str) -> dict[str, Told]:
    """One table of equity tiers."""
    path = f"equity_tier_limit_config.{name}.0"
    return {
        f"{path}.usd_tnc_required": [
            (b"", ""),
            (SIGNED_ZERO, ""),
            (MINUS_ONE, "clob/10000"),
            (b"\x05", "clob/10000"),
            (b"\x02\x00\x05", ""),
            (TWO_127, ""),
            (TWO_127[:-1] + b"\x01", "clob/10000"),
        ],
        f"{path}.limit": within(0, 10**7, "clob/10000", U32),
    }


def time_of(path: str, seconds: int) -> Any:
    """A discount's time so far from the block's."""
    return lambda stage: {f"params.0.{path}.seconds": stage.next_seconds + seconds}


def _whole_power(stage: Stage) -> int:
    """With the one validator of a stage."""
    return 2**60 - 1


CHANGES: dict[str, dict[str, Told]] = {
    "perpd.consensus.v1.MsgUpdateValidators": {
        "authority": sender("sdk", 4),
        "validators.0.public_key": [(b"", "consensus/2"), (KEYS[0][:31], "consensus/2"), (KEYS[0] + b"\x00", "consensus/2"), (KEYS[0], "")],
        "validators.0.power": [
            (0, "consensus/2"),
            (1, ""),
            (_whole_power, ""),
            (2**60, "consensus/2"),
            (ENGINE_MAX, "consensus/2"),
            (U64, "consensus/2"),
        ],
    },
    "perpd.sequencer.v1.MsgUpdateParams": dict(
        [
            ("authority", sender("sdk", 4)),
            limit("max_block_bytes", 16 * 1024, 96 * 1024 * 1024, U64, max_tx_bytes=1024),
            limit("max_block_txs", 1, 1_000_000),
            limit("quota_per_account_and_lane", 1, 1_000_000),
            limit("max_tx_bytes", 1024, 1024 * 1024),
            limit("max_vote_extension_bytes", 32, 512 * 1024),
            limit("max_memo_bytes", 0, 64 * 1024),
            limit("gas_per_message", 0, U32),
            limit("gas_per_byte", 0, U32),
            (
                "params.lane_byte_share_ppm",
                [
                    ([MILLION, 0, 0, 0, 0], ""),
                    ([MILLION - 1, 0, 0, 0, 0], "consensus/3"),
                    ([MILLION, 1, 0, 0, 0], "consensus/3"),
                    ([MILLION, 0, 0, 0], "consensus/3"),
                    ([MILLION, 0, 0, 0, 0, 0], "consensus/3"),
                    ([], "consensus/3"),
                    ([U32, 0, 0, 0, 0], "consensus/3"),
                ],
            ),
        ]
    ),
    "perpd.oracle.v1.MsgRotateSigners": {
        "authority": sender("sdk", 4),
        "set.version": [(0, "oracle/16"), (1, "oracle/16"), (2, ""), (U32, "")],
        "set.threshold": within(1, 3, "oracle/16", U32),
        "set.public_keys": [
            ([], "oracle/16"),
            (KEYS[:2], ""),
            (KEYS[:1], "oracle/16"),
            ([KEYS[0], KEYS[0]], "oracle/16"),
            ([KEYS[0], KEYS[1][:31]], "oracle/16"),
            ([KEYS[0], KEYS[1] + b"\x00"], "oracle/16"),
            ([bytes([number]) * 32 for number in range(32)], ""),
            ([bytes([number]) * 32 for number in range(33)], "oracle/16"),
        ],
    },
    "dydxprotocol.prices.MsgUpdateMarketParam": {
        "authority": sender("sdk", 4),
        "market_param.id": [(0, ""), (2, ""), (3, "prices/200"), (U32, "prices/200")],
        "market_param.pair": [
            ("", "prices/1"),
            ("A-B", ""),
            ("A" * 62 + "-B", ""),
            ("A" * 63 + "-B", "prices/1"),
            ("AB", "prices/206"),
            ("A-B-C", "prices/206"),
            ("ETH-USD", "prices/205"),
        ],
        "market_param.exponent": [(-(2**31), ""), (0, ""), (I32, "")],
        "market_param.min_exchanges": ANY_U32,
        "market_param.min_price_change_ppm": within(1, 9_999, "prices/1", U32),
        "market_param.exchange_config_json": [("", ""), ("not json", "")],
    },
    "dydxprotocol.perpetuals.MsgSetLiquidityTier": {
        "authority": sender("perpetuals", 19),
        "liquidity_tier.id": ANY_U32,
        "liquidity_tier.name": [("", "sdk/18"), ("a", ""), ("a" * 64, ""), ("a" * 65, "sdk/18")],
        "liquidity_tier.initial_margin_ppm": within(1, MILLION, "perpetuals/3", U32),
        "liquidity_tier.maintenance_fraction_ppm": within(1, MILLION, "perpetuals/4", U32),
        "liquidity_tier.base_position_notional": [(0, ""), (U64, "")],
        "liquidity_tier.impact_notional": within(1, U64, "perpetuals/16", U64),
        "liquidity_tier.open_interest_lower_cap": [(0, ""), (1, "perpetuals/24"), (U64, "perpetuals/24")],
        "liquidity_tier.open_interest_upper_cap": [(0, ""), (1, ""), (U64, "")],
    },
    "dydxprotocol.perpetuals.MsgUpdatePerpetualParams": {
        "authority": sender("perpetuals", 19),
        "perpetual_params.id": [(0, ""), (2, ""), (3, "perpetuals/1"), (U32, "perpetuals/1")],
        "perpetual_params.ticker": [("", "perpetuals/6"), ("a", ""), ("a" * 64, ""), ("a" * 65, "sdk/18")],
        "perpetual_params.market_id": [(0, ""), (ETH, "perpetuals/2"), (LINK, ""), (3, "perpetuals/2"), (U32, "perpetuals/2")],
        "perpetual_params.atomic_resolution": [(-(2**31), ""), (0, ""), (I32, "")],
        "perpetual_params.default_funding_ppm": [
            (-(2**31), "perpetuals/5"),
            (-MILLION - 1, "perpetuals/5"),
            (-MILLION, ""),
            (0, ""),
            (MILLION, ""),
            (MILLION + 1, "perpetuals/5"),
            (I32, "perpetuals/5"),
        ],
        "perpetual_params.liquidity_tier": [(0, ""), (2, ""), (3, "perpetuals/12"), (U32, "perpetuals/12")],
        "perpetual_params.market_type": [(0, "perpetuals/23"), (1, ""), (2, ""), (3, "perpetuals/23"), (-1, "perpetuals/23")],
    },
    "dydxprotocol.perpetuals.MsgUpdateParams": {
        "authority": sender("perpetuals", 19),
        "params.funding_rate_clamp_factor_ppm": within(1, I32, "perpetuals/14", U32),
        "params.premium_vote_clamp_factor_ppm": within(1, I32, "perpetuals/15", U32),
        "params.min_num_votes_per_sample": within(1, U32, "perpetuals/22", U32),
    },
    "perpd.subaccounts.v1.MsgUpdateGatingParams": {
        "authority": sender("sdk", 4),
        "params.outage_seconds": within(1, I32, "sdk/18", U32),
        "params.blocks": within(0, I32, "sdk/18", U32),
    },
    "dydxprotocol.feetiers.MsgUpdatePerpetualFeeParams": {
        "authority": sender("feetiers", 404),
        "params.tiers.1.name": [("", "sdk/18"), ("a", ""), ("a" * 64, ""), ("a" * 65, "sdk/18")],
        "params.tiers.0.absolute_volume_requirement": [(0, ""), (1, "feetiers/401"), (U64, "feetiers/401")],
        "params.tiers.1.absolute_volume_requirement": [(0, ""), (U64, "")],
        "params.tiers.0.total_volume_share_requirement_ppm": [(1, "feetiers/401")],
        "params.tiers.1.total_volume_share_requirement_ppm": within(0, MILLION, "sdk/18", U32),
        "params.tiers.0.maker_volume_share_requirement_ppm": [(1, "feetiers/401")],
        "params.tiers.1.maker_volume_share_requirement_ppm": within(0, MILLION, "sdk/18", U32),
        "params.tiers.1.maker_fee_ppm": [
            (-(2**31), "feetiers/403"),
            (-401, "feetiers/403"),
            (-400, ""),
            (MILLION, ""),
            (MILLION + 1, "sdk/18"),
            (I32, "sdk/18"),
        ],
        "params.tiers.1.taker_fee_ppm": [
            (-(2**31), "feetiers/403"),
            (-1, "feetiers/403"),
            (0, ""),
            (MILLION, ""),
            (MILLION + 1, "sdk/18"),
            (I32, "sdk/18"),
        ],
    },
    "dydxprotocol.feetiers.MsgSetMarketFeeDiscountParams": {
        "authority": sender("feetiers", 404),
        "params.0.clob_pair_id": ANY_U32,
        "params.0.start_time.seconds": [
            (time_of("start_time", 3_599), ""),
            (time_of("start_time", 3_600), "feetiers/406"),
            (time_of("start_time", 3_600 - NINETY_DAYS), ""),
            (time_of("start_time", 3_599 - NINETY_DAYS), "feetiers/406"),
            (-1, "feetiers/406"),
            (-(2**63), "feetiers/406"),
            (ENGINE_MAX, "feetiers/406"),
        ],
        "params.0.end_time.seconds": [
            (time_of("end_time", 1), ""),
            (time_of("end_time", 0), "feetiers/406"),
            (time_of("end_time", NINETY_DAYS), ""),
            (time_of("end_time", NINETY_DAYS + 1), "feetiers/406"),
            (YEAR_10000, "feetiers/406"),
            (ENGINE_MAX, "feetiers/406"),
        ],
        "params.0.start_time.nanos": [(-1, "feetiers/406"), (0, ""), (999_999_999, ""), (10**9, "feetiers/406")],
        "params.0.end_time.nanos": [(-1, "feetiers/406"), (0, ""), (999_999_999, ""), (10**9, "feetiers/406")],
        "params.0.charge_ppm": within(0, MILLION, "feetiers/408", U32),
    },
    "dydxprotocol.clob.MsgUpdateClobPair": {
        "authority": sender("clob", 40),
        "clob_pair.id": [(0, ""), (1, "clob/39"), (3, "clob/8"), (U32, "clob/8")],
        "clob_pair.perpetual_clob_metadata.perpetual_id": [(0, ""), (1, "clob/39"), (U32, "clob/39")],
        "clob_pair.spot_clob_metadata.base_asset_id": [(0, "clob/27"), (U32, "clob/27")],
        "clob_pair.spot_clob_metadata.quote_asset_id": [(0, "clob/27"), (U32, "clob/27")],
        "clob_pair.step_base_quantums": [
            (0, "clob/27"),
            (1, "clob/39"),
            (100, ""),
            (101, "clob/39"),
            (STEP, ""),
            (2 * STEP, "clob/39"),
            (U64, "clob/39"),
        ],
        "clob_pair.subticks_per_tick": [(0, "clob/27"), (1, ""), (3, "clob/39"), (TICK, ""), (2 * TICK, "clob/39"), (U32, "clob/39")],
        "clob_pair.quantum_conversion_exponent": [(-(2**31), "clob/39"), (-10, "clob/39"), (-9, ""), (-8, "clob/39"), (I32, "clob/39")],
        "clob_pair.status": [
            (0, "clob/27"),
            *((status, "") for status in (1, 2, 3, 4, 6)),
            (5, "clob/35"),
            (7, "clob/27"),
            (-1, "clob/27"),
        ],
    },
    "dydxprotocol.clob.MsgUpdateEquityTierLimitConfiguration": {
        "authority": sender("clob", 40),
        **table("short_term_order_equity_tiers"),
        **table("stateful_order_equity_tiers"),
    },
    "dydxprotocol.clob.MsgUpdateBlockRateLimitConfiguration": {
        "authority": sender("clob", 40),
        **ignored("max_short_term_orders_per_n_blocks"),
        **ignored("max_short_term_order_cancellations_per_n_blocks"),
        **window("max_stateful_orders_per_n_blocks", 10_000, 10**6),
        **window("max_short_term_orders_and_cancels_per_n_blocks", 2_000, 10**7),
        **window("max_leverage_updates_per_n_blocks", 2_000, 10_000),
    },
    "perpd.clob.v1.MsgUpdateParams": {
        "authority": sender("sdk", 4),
        "params.max_fills_per_order": within(1, MILLION, "sdk/18", U32),
        "params.max_impact_orders": within(1, MILLION, "sdk/18", U32),
        "params.max_open_orders": within(0, MILLION, "sdk/18", U32),
    },
    "dydxprotocol.clob.MsgUpdateLiquidationsConfig": {
        "authority": sender("clob", 40),
        "liquidations_config.max_liquidation_fee_ppm": within(1, MILLION, "clob/1000", U32),
        "liquidations_config.position_block_limits.min_position_notional_liquidated": within(0, U64, "clob/1000", U64),
        "liquidations_config.position_block_limits.max_position_portion_liquidated_ppm": within(1, MILLION, "clob/1000", U32),
        "liquidations_config.subaccount_block_limits.max_notional_liquidated": within(1, U64, "clob/1000", U64),
        "liquidations_config.subaccount_block_limits.max_quantums_insurance_lost": within(1, U64, "clob/1000", U64),
        "liquidations_config.fillable_price_config.bankruptcy_adjustment_ppm": within(MILLION, U32, "clob/1000", U32),
        "liquidations_config.fillable_price_config.spread_to_maintenance_margin_ratio_ppm": within(1, U32, "clob/1000", U32),
    },
    "perpd.liquidation.v1.MsgUpdateParams": {
        "authority": sender("sdk", 4),
        "params.max_orders_per_block": within(1, U32, "clob/1000", U32),
        "params.max_deleveraged_positions_per_block": within(1, U32, "clob/1000", U32),
        "params.max_deleveraging_counterparties": within(1, U32, "clob/1000", U32),
        "params.max_settled_pairs_per_block": within(1, U32, "clob/1000", U32),
    },
}
