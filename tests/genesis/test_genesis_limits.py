"""The limits of accounts in the genesis files, number by number, and that a localnet can be loaded."""

import json
from pathlib import Path
from typing import Any

GENESIS = Path(__file__).parents[2] / "genesis"
USDC = 1_000_000


def section(name: str, module: str) -> Any:
    """One module's section of a file."""
    return json.loads((GENESIS / name).read_text())[module]


def test_mainnet_s_tiers_and_windows_are_the_reference_s() -> None:
    """dydx-clob.md 6.4 and 6.5, shipped genesis."""
    clob = section("mainnet-markets.json", "clob")
    tiers = {name: [(int(row["usd_tnc_required"]) // USDC, row["limit"]) for row in table] for name, table in clob["equity_tiers"].items()}
    common = [(0, 0), (20, 1), (100, 5), (1_000, 10), (10_000, 100)]
    assert tiers == {"stateful": [*common, (100_000, 200)], "short_term": [*common, (100_000, 1_000)]}
    windows = {name: [(row["num_blocks"], row["limit"]) for row in rows] for name, rows in clob["block_rate_limits"].items()}
    assert windows == {"stateful_orders": [(1, 2), (100, 20)], "short_term_orders_and_cancels": [(1, 400)], "leverage_updates": []}
    assert section("mainnet-markets.json", "subaccounts")["gating"] == {"outage_seconds": 300, "blocks": 50}


def test_a_localnet_limits_no_account_and_gates_shortly() -> None:
    """Load may be put on it, and nobody waits long after a restart (design.md 5)."""
    clob = section("localnet.json", "clob")
    assert "equity_tiers" not in clob
    assert "block_rate_limits" not in clob
    assert section("localnet.json", "subaccounts")["gating"] == {"outage_seconds": 30, "blocks": 5}
