"""Fixed chains have the app hashes that are written down, in this process and in others with other hash seeds (P1)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.golden_chain import VECTOR, golden_chain

ROOT = Path(__file__).parents[2]
HASH_SEEDS = ("0", "1", "random")


def vector() -> dict[str, Any]:
    """What is written down."""
    found: dict[str, Any] = json.loads(VECTOR.read_text())
    return found


def test_the_golden_chain_is_the_one_written_down() -> None:
    """Block by block: transactions, results, events, app hash; then the root of every store. See support/golden_chain.py."""
    computed = golden_chain()
    if os.environ.get("PERPD_WRITE_GOLDEN"):
        VECTOR.write_text(json.dumps(computed, indent=1) + "\n")
        pytest.skip(f"{VECTOR.name} is written anew")
    expected = vector()
    assert computed["genesis_hash"] == expected["genesis_hash"]
    for row, known in zip(computed["blocks"], expected["blocks"], strict=True):
        assert row == known, f"height {known['height']} is another one than before"
    assert computed == expected


def test_the_golden_chain_holds_what_matters() -> None:
    """Fills, failures of many kinds, liquidations, and two epochs of three markets: what it fixes is worth fixing."""
    rows = vector()["blocks"]
    assert len(rows) >= 20
    assert sum(row["fills"] for row in rows) > 80
    assert sum(row["liquidations"] for row in rows) >= 3
    assert sum(row["epochs"] for row in rows) == 6
    assert len({code for row in rows for code in row["failed"]}) >= 6
    happened = vector()["every_kind"]["events"]
    orders = ("conditional_placed", "conditional_triggered", "twap_placed", "twap_slice", "order_placed", "order_fill", "order_cancelled")
    money = ("liquidation", "deleveraged", "final_settlement", "position_closed", "settled_funding", "change_applied")
    prices = ("oracle_price_reported", "oracle_source_changed", "oracle_standing_changed")
    assert all(happened.get(name, 0) > 0 for name in (*orders, *money, *prices))


def test_the_hash_seed_of_python_changes_nothing() -> None:
    """Three processes with PYTHONHASHSEED 0, 1 and random compute the same chain to the last byte."""
    path = os.pathsep.join(str(ROOT / part) for part in (".", "proto/gen", "tests"))
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "support.golden_chain"],
            env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
        )
        for seed in HASH_SEEDS
    ]
    answers = [process.communicate(timeout=300)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    expected = vector()
    for seed, answer in zip(HASH_SEEDS, answers, strict=True):
        assert json.loads(answer) == expected, f"PYTHONHASHSEED={seed} gives another chain"
