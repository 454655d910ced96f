"""The exchanges on which the slow chain and the real one meet: accounts, markets with awkward numbers, random rules, as a genesis."""

from hashlib import sha256
from random import Random
from typing import Any

from modules.kernel import address as addresses
from support.markets import funded, perpetual, tier
from support.slow.real import START_NS
from support.slow.wire import address_text
from support.slow.world import INITIALIZING, Account, FeeTier, Market, Rules

DOLLAR = 1_000_000
SECOND = 1_000_000_000
NAMES = ("alice", "bob", "carol", "dave", "erin")
OWNERS = [sha256(name.encode()).digest()[:20] for name in NAMES]
ROUTERS = [sha256(name.encode()).digest()[:20] for name in ("router", "other router", "unknown router")]
TREASURY = sha256(b"treasury").digest()[:20]
BUILDER = sha256(b"builder").digest()[:20]
ACCOUNTS: list[tuple[Account, int]] = [
    ((OWNERS[0], 0), 1_000_000 * DOLLAR),
    ((OWNERS[1], 0), 1_000_000 * DOLLAR),
    ((OWNERS[1], 1), 20_000 * DOLLAR),
    ((OWNERS[2], 0), 3_000 * DOLLAR),
    ((OWNERS[3], 0), 400 * DOLLAR),
    ((OWNERS[4], 0), 60 * DOLLAR),
    ((OWNERS[4], 129), 0),
]
WALLET = 10_000_000 * DOLLAR
MARKETS = (
    Market(0, 0, -10, -5, 1_000, 1_000_000, 100_000, -9, False, 20_000, 600_000, 0, 0, 1_000_000),
    Market(7, 2, -6, -9, 2_500, 1_000_000, 100_000, -9, True, 100_000, 500_000, 1_000_000_000, 40_000_000_000, 1_000_000),
    Market(5, 1, -7, -9, 800, 14, 30, -8, False, 33_333, 777_777, 500_000_000, 90_000_000_000, 7),
    Market(8, 3, -10, -5, 1_000, 1_000_000, 100_000, -9, False, 20_000, 600_000, 0, 0, 1_000_000, INITIALIZING),
)
BRACKETS = ((0, 8_000, 4_000), (5_000 * DOLLAR, 40_000, 20_001), (70_000 * DOLLAR, 333_333, 33_333))
PRICES = {0: 6_012_345_678, 1: 3_333_333_337, 2: 14_560_000_000, 3: 6_012_345_678}
STATUSES = {1: "ACTIVE", 2: "PAUSED", 3: "CANCEL_ONLY", 4: "POST_ONLY", 5: "INITIALIZING"}
SIZES = {0: 2_000, 5: 5_000_000, 7: 2_000, 8: 1_000}
"""The largest usual size in steps, by pair."""


def genesis(rules: Rules) -> dict[str, Any]:
    """The same rules as genesis sections."""
    wallets = [{"address": addresses.to_text(owner), "coins": _coins(WALLET)} for owner in OWNERS]
    tickers = {market.perpetual: f"M{market.perpetual}-USD" for market in rules.markets}
    return {
        "consensus": {},
        "auth": {},
        "bank": {"denoms": ["uusdc"], "balances": wallets},
        "oracle": {
            "maximum_age_seconds": 60,
            "markets": [
                {
                    "id": market.perpetual,
                    "ticker": tickers[market.perpetual],
                    "exponent": market.price_exponent,
                    "min_price_change_ppm": market.min_price_change_ppm,
                    "price": str(PRICES[market.perpetual]),
                }
                for market in sorted(rules.markets, key=lambda market: market.perpetual)
            ],
        },
        "perp": _perp(rules, tickers),
        "funding": {
            "perpetuals": [
                funded(market.perpetual, lot_base_quantums=str(market.lot), epoch_seconds=10)
                for market in sorted(rules.markets, key=lambda market: market.perpetual)
            ]
        },
        "subaccounts": {},
        "fees": _fees(rules),
        "insurance": {},
        "clob": {
            "clob_pairs": [
                {
                    "id": market.pair,
                    "perpetual_id": market.perpetual,
                    "step_base_quantums": str(market.step),
                    "subticks_per_tick": market.tick,
                    "quantum_conversion_exponent": market.conversion,
                    "status": STATUSES[market.status],
                }
                for market in sorted(rules.markets, key=lambda market: market.pair)
            ],
            "params": {"max_fills_per_order": rules.max_fills, "max_due_per_block": rules.max_due},
            "equity_tiers": {"stateful": _limits(rules.stateful_limits), "short_term": _limits(rules.short_term_limits)},
        },
        "liquidation": {},
    }


def _perp(rules: Rules, tickers: dict[int, str]) -> dict[str, Any]:
    return {
        "liquidity_tiers": [
            tier(
                market.perpetual,
                f"tier {market.perpetual}",
                market.initial_ppm,
                market.fraction_ppm,
                500 * DOLLAR,
                market.lower_cap,
                market.upper_cap,
            )
            | {
                "brackets": [
                    {"above_notional": str(above), "initial_ppm": initial, "maintenance_ppm": maintenance}
                    for above, initial, maintenance in market.brackets
                ]
            }
            for market in sorted(rules.markets, key=lambda market: market.perpetual)
        ],
        "perpetuals": [
            perpetual(
                market.perpetual,
                tickers[market.perpetual],
                market.atomic_resolution,
                market.perpetual,
                market_type="ISOLATED" if market.isolated else "CROSS",
                default_funding_ppm=1_000,
            )
            for market in sorted(rules.markets, key=lambda market: market.perpetual)
        ],
    }


def _limits(table: tuple[tuple[int, int], ...]) -> list[dict[str, Any]]:
    return [{"usd_tnc_required": str(required), "limit": limit} for required, limit in table]


def _fees(rules: Rules) -> dict[str, Any]:
    return {
        "tiers": [
            {
                "name": str(index),
                "taker_fee_ppm": tier.taker_ppm,
                "maker_fee_ppm": tier.maker_ppm,
                "absolute_volume_requirement": str(tier.volume),
                "total_volume_share_requirement_ppm": tier.total_share_ppm,
                "maker_volume_share_requirement_ppm": tier.maker_share_ppm,
            }
            for index, tier in enumerate(rules.fee_tiers, 1)
        ],
        "market_discounts": [
            {"clob_pair_id": pair, "start_ns": str(start), "end_ns": str(end), "charge_ppm": charge}
            for pair, start, end, charge in rules.discounts
        ],
        "revenue_shares": [{"address": address_text(address), "share_ppm": ppm} for address, ppm in rules.revenue],
        "order_routers": [{"address": address_text(address), "share_ppm": ppm} for address, ppm in rules.routers],
    }


def _coins(amount: int) -> list[dict[str, str]]:
    return [{"denom": "uusdc", "amount": str(amount)}]


def random_rules(random: Random) -> Rules:
    """One of several exchanges: flat or tiered fees, discounts, shares, limits, brackets, few or many fills for one order."""
    flat = FeeTier(*random.choice(((500, -110), (250, 100), (300, -300))))
    better = FeeTier(flat.taker_ppm - 50, min(flat.maker_ppm, 50), 30_000 * DOLLAR)
    best = FeeTier(333, flat.maker_ppm // 2 if flat.maker_ppm > 0 else flat.maker_ppm, 90_000 * DOLLAR, 300_000, 250_000)
    tiers = random.choice(((flat,), (flat, better), (flat, better, best)))
    if min(tier.taker_ppm for tier in tiers) + min(tier.maker_ppm for tier in tiers) < 0:
        tiers = (flat,)
    markets: tuple[Market, ...] = MARKETS
    if random.randint(0, 1):
        markets = tuple(market._replace(brackets=BRACKETS) if market.pair in (0, 5) else market for market in markets)
    markets = (*markets[:3], markets[3]._replace(status=random.choice((2, 3, 4, 5, 5))))
    discounts: tuple[tuple[int, int, int, int], ...] = (
        (5, START_NS, START_NS + 20 * SECOND, 123_456),
        (0, START_NS + 7 * SECOND, START_NS + 70 * SECOND, 0),
    )
    stateful = ((0, 1), (50 * DOLLAR, 2), (2_500 * DOLLAR, 3), (900_000 * DOLLAR, 9))
    return Rules(
        markets,
        tiers,
        random.choice((2, 4, 1_000)),
        discounts if random.randint(0, 1) else (),
        ((TREASURY, 100_001), (BUILDER, 7)) if random.randint(0, 1) else (),
        ((ROUTERS[0], 333_333), (ROUTERS[1], 999_999)),
        stateful if random.randint(0, 2) == 0 else (),
        ((1 * DOLLAR, 2), (10_000 * DOLLAR, 4)) if random.randint(0, 2) == 0 else (),
        random.choice((1, 2, 3, 2_000, 2_000)),
    )
