"""Fees: sound tiers, rates, queries, genesis. Amounts and their rounding (E13) are clob's."""

from typing import Any

import pytest

from modules.fees import formulas
from modules.fees.model import FeeTier
from modules.fees.module import FeesModule
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.module import Problems, QueryError
from modules.kernel.stores import Registry
from node.store.state import LiveState
from support.clob_exchange import owner

TIERS = [
    {"name": "1", "maker_fee_ppm": -110, "taker_fee_ppm": 500},
    {"name": "2", "absolute_volume_requirement": "1000000000000", "maker_fee_ppm": -110, "taker_fee_ppm": 450},
    {
        "name": "6",
        "absolute_volume_requirement": 125_000_000_000_000,
        "total_volume_share_requirement_ppm": 5_000,
        "maker_volume_share_requirement_ppm": 10_000,
        "maker_fee_ppm": -110,
        "taker_fee_ppm": 250,
    },
]


def fees(tiers: Any = None) -> tuple[FeesModule, Context]:
    """The module over a fresh state with these tiers."""
    module = FeesModule(registry := Registry())
    ctx = Context(LiveState(registry), 1, 0, "test-1")
    module.init_genesis(ctx, {"tiers": TIERS if tiers is None else tiers})
    return module, ctx


def problems(section: Any) -> list[tuple[str, str]]:
    """Every mistake of a genesis section."""
    found = Problems()
    FeesModule(Registry()).validate_genesis(section, found, {})
    return found.found


def ask(module: FeesModule, ctx: Context, method: str, **fields: Any) -> Any:
    """The answer of a query."""
    (route,) = (one for one in module.queries if one.path.endswith(method))
    return route.handle(ctx, route.request(**fields))


def tier(name: str, taker: int, maker: int, volume: int = 0, total_share: int = 0, maker_share: int = 0) -> FeeTier:
    """A tier with these fees and requirements."""
    return FeeTier(name, volume, total_share, maker_share, maker_fee_ppm=maker, taker_fee_ppm=taker)


@pytest.mark.parametrize(
    ("tiers", "code", "word"),
    [
        ([], 400, "at least one"),
        ([tier("1", 500, 100, 1, 0, 0)], 401, "no requirements"),
        ([tier("1", 500, 100, 0, 0, 1)], 401, "no requirements"),
        ([tier("1", 500, 0), tier("2", 400, 0, 5, 0, 0), tier("3", 300, 0, 4, 0, 0)], 402, "absolute_volume_requirement of tier '3'"),
        ([tier("1", 500, 0), tier("2", 400, 0, 5, 7, 0), tier("3", 300, 0, 5, 6, 0)], 402, "total_volume_share_requirement_ppm"),
        ([tier("1", 500, 0), tier("2", 400, 0, 5, 7, 3), tier("3", 300, 0, 5, 7, 2)], 402, "maker_volume_share_requirement_ppm"),
        ([tier("1", 500, 0), tier("2", 100, 0, 5, 7, 0), tier("3", 300, -101, 5, 7, 0)], 403, "rebate"),
    ],
)
def test_unsound_tiers_are_named(tiers: list[FeeTier], code: int, word: str) -> None:
    """FEE-1: one mistake each, with the reference's number."""
    ((kind, sentence),) = formulas.mistakes(tiers)
    assert (kind.codespace, kind.code) == ("feetiers", code)
    assert word in sentence


def test_the_reference_tiers_are_sound() -> None:
    """FEE-1: rebates as high as the lowest taker fee are fine."""
    assert problems({"tiers": TIERS}) == []
    assert formulas.mistakes([tier("1", 500, 0), tier("2", 100, -100)]) == []


def test_who_has_not_traded_is_in_the_first_tier() -> None:
    """Taker first, maker second."""
    module, ctx = fees()
    assert module.keeper.rates(ctx, owner("alice"), 0) == (500, -110)
    assert module.check_invariants(ctx) == []


def test_clients_read_tiers_their_own_tier_and_their_volume() -> None:
    """Answers of feetiers and stats; bad addresses are INVALID_ARGUMENT."""
    module, ctx = fees()
    user = addresses.to_text(owner("alice"))
    params = ask(module, ctx, "PerpetualFeeParams").params
    assert [(one.name, one.absolute_volume_requirement, one.maker_fee_ppm, one.taker_fee_ppm) for one in params.tiers] == [
        ("1", 0, -110, 500),
        ("2", 10**12, -110, 450),
        ("6", 125 * 10**12, -110, 250),
    ]
    assert params.tiers[2].maker_volume_share_requirement_ppm == 10_000
    mine = ask(module, ctx, "UserFeeTier", user=user)
    assert (mine.index, mine.tier) == (0, params.tiers[0])
    stats = ask(module, ctx, "UserStats", user=user).stats
    assert (stats.taker_notional, stats.maker_notional) == (0, 0)
    for method in ("UserFeeTier", "UserStats"):
        with pytest.raises(QueryError, match="bech32") as raised:
            ask(module, ctx, method, user="nobody")
        assert raised.value.status == "INVALID_ARGUMENT"


def test_genesis_survives_export_and_import() -> None:
    """The same tiers again."""
    module, ctx = fees()
    exported = module.export_genesis(ctx)
    again, other = fees(exported["tiers"])
    assert again.keeper.tiers(other) == module.keeper.tiers(ctx)
    assert again.export_genesis(other) == exported


@pytest.mark.parametrize(
    ("section", "path"),
    [
        (None, "fees"),
        ({}, "fees.tiers"),
        ({"tiers": []}, "fees.tiers"),
        ({"tiers": [{"name": "1", "taker_fee_ppm": 5}]}, "fees.tiers[0].maker_fee_ppm"),
        ({"tiers": [{"name": "", "taker_fee_ppm": 5, "maker_fee_ppm": 0}]}, "fees.tiers[0].name"),
        ({"tiers": [{"name": "1", "taker_fee_ppm": 1_000_001, "maker_fee_ppm": 0}]}, "fees.tiers[0].taker_fee_ppm"),
        ({"tiers": [{"name": "1", "taker_fee_ppm": 1, "maker_fee_ppm": 0, "x": 1}]}, "fees.tiers[0].x"),
        ({"tiers": [{"name": "1", "taker_fee_ppm": 1, "maker_fee_ppm": -2}]}, "fees.tiers"),
    ],
)
def test_genesis_reports_mistakes_with_their_path(section: Any, path: str) -> None:
    """Each of them; nothing raises."""
    assert path in [where for where, _ in problems(section)]
