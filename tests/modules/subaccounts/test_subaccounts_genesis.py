"""Genesis: accounts from the start, every mistake with its path, and export and import that change nothing."""

import copy
from typing import Any

import pytest

from modules.kernel import address as addresses
from modules.subaccounts.model import SUBACCOUNT, Position, Subaccount, subaccount
from node.wiring import Wiring
from support.clob_exchange import owner, sub
from support.markets import BTC, ETH, LINK
from support.risk_desk import RICH, Desk, desk_genesis, problems_of

LOT = 1_000_000
HELD = {
    sub("alice"): (-50_000_000_000, {BTC: 10_000 * LOT, ETH: -5_000 * LOT}),
    sub("bob", 4): (90_000_000_000, {BTC: -10_000 * LOT, ETH: 5_000 * LOT}),
    sub("carol"): (5_000_000_000, {LINK: 9 * LOT}),
    sub("dave"): (5_000_000_000, {LINK: -9 * LOT}),
    sub("erin", 128_000): (77, {}),
}


def test_accounts_exist_from_the_start() -> None:
    """With positions, in their pools, counted."""
    desk = Desk(desk_genesis(HELD))
    assert desk.subaccounts.get(desk.ctx, sub("alice")) == subaccount(
        -50_000_000_000, {BTC: Position(10_000 * LOT, 0, 0), ETH: Position(-5_000 * LOT, 0, 0)}
    )
    assert desk.module_balance("subaccounts") == 40_000_000_077
    assert desk.module_balance("subaccounts:2") == 10_000_000_000
    assert desk.broken() == []


def test_pools_funds_and_collector_are_module_accounts() -> None:
    """So that nobody can send to them."""
    desk = Desk()
    for name in ("subaccounts", "subaccounts:2", "insurance_fund", "insurance_fund:2", "fee_collector"):
        assert desk.bank.module_name(desk.ctx, addresses.of_module(name)) == name


def test_export_and_import_give_the_same_state() -> None:
    """Also in the middle of unsettled funding and after trades; and the export is a valid genesis."""
    desk = Desk(desk_genesis(HELD))
    desk.fund_hour({BTC: 1_000, ETH: -70, LINK: 5})
    desk.trade(sub("alice"), sub("bob", 4), BTC, LOT, 6_000_000)
    desk.deposit("frank", RICH)
    exported = desk.wiring.export_genesis(desk.ctx)
    again = Desk(exported, desk.ctx.time_ns)
    assert again.wiring.export_genesis(again.ctx) == exported
    assert again.snapshot() == desk.snapshot()
    assert again.broken() == []


def broken_sections() -> dict[str, tuple[Any, str, str]]:
    """name -> (what to break, where the problem is reported, a word of its sentence)."""
    alice, carol = "subaccounts.accounts[0]", "subaccounts.accounts[2]"

    def set_in(index: int, **fields: Any) -> Any:
        return lambda genesis: genesis["subaccounts"]["accounts"][index].update(fields)

    def set_position(index: int, **fields: Any) -> Any:
        return lambda genesis: genesis["subaccounts"]["accounts"][index]["positions"][0].update(fields)

    def move_pool(genesis: dict[str, Any]) -> None:
        (entry,) = (row for row in genesis["bank"]["balances"] if row.get("module") == "subaccounts")
        entry["coins"][0]["amount"] = "40000000078"

    def drop_pool(genesis: dict[str, Any]) -> None:
        genesis["bank"]["balances"] = [row for row in genesis["bank"]["balances"] if row.get("module") != "subaccounts:2"]

    def repeat(genesis: dict[str, Any]) -> None:
        genesis["subaccounts"]["accounts"].append(copy.deepcopy(genesis["subaccounts"]["accounts"][4]))

    def open_more(genesis: dict[str, Any]) -> None:
        genesis["perp"]["perpetuals"][LINK]["open_interest"] = 10 * LOT

    def stale(genesis: dict[str, Any]) -> None:
        genesis["funding"]["perpetuals"][BTC]["index"] = 7
        genesis["subaccounts"]["accounts"][0]["positions"][0]["funding_index"] = 7

    def mix(genesis: dict[str, Any]) -> None:
        genesis["subaccounts"]["accounts"][2]["positions"].append(dict(genesis["subaccounts"]["accounts"][0]["positions"][0]))

    return {
        "owner": (set_in(0, owner="dydx1x"), alice + ".owner", "address"),
        "number": (set_in(0, number=128_001), alice + ".number", "128000"),
        "collateral": (set_in(0, collateral=1.5), alice + ".collateral", "integer"),
        "unknown key": (set_in(0, margin=1), alice + ".margin", "not a known key"),
        "empty": (set_in(4, collateral=0), "subaccounts.accounts[4].collateral", "leave the account out"),
        "twice": (repeat, "subaccounts.accounts[5].number", "second entry"),
        "size zero": (set_position(0, quantums=0), alice + ".positions[0].quantums", "leave the position out"),
        "position twice": (set_position(0, perpetual_id=ETH), alice + ".positions[1].perpetual_id", "second entry"),
        "no such perpetual": (set_position(2, perpetual_id=9), carol + ".positions[0].perpetual_id", "perp.perpetuals"),
        "no whole lot": (set_position(2, quantums=9 * LOT + 1), carol + ".positions[0].quantums", "funding lot"),
        "isolated with others": (mix, carol + ".positions", "only one"),
        "one side": (set_position(2, quantums=8 * LOT), "subaccounts.accounts", "longs 8000000, shorts 9000000"),
        "open interest": (open_more, "subaccounts.accounts", "open interest 10000000"),
        "pool has more": (move_pool, "subaccounts.accounts", "the accounts hold 40000000077 in pool subaccounts"),
        "pool is missing": (drop_pool, "subaccounts.accounts", "its balance in bank.balances is 0"),
        "unsettled funding": (stale, "subaccounts.accounts", "the accounts hold 40000070077 in pool subaccounts"),
    }


@pytest.mark.parametrize("name", broken_sections())
def test_every_mistake_is_reported_with_its_path(name: str) -> None:
    """And a genesis with it is not started."""
    change, path, word = broken_sections()[name]
    genesis = desk_genesis(HELD)
    change(genesis)
    found = problems_of(Wiring(), genesis)
    assert any(where == path and word in sentence for where, sentence in found), found


@pytest.mark.parametrize("section", [None, [], {"accounts": 5}, {"accounts": [5]}, {"accounts": [{"positions": [None]}]}])
def test_nonsense_is_a_problem_and_never_an_exception(section: Any) -> None:
    """Whatever JSON stands there."""
    genesis = desk_genesis() | {"subaccounts": section}
    assert any(where.startswith("subaccounts") for where, _ in problems_of(Wiring(), genesis))


def test_other_sections_that_cannot_be_read_do_no_harm() -> None:
    """Their mistakes are theirs to report."""
    genesis = desk_genesis(HELD) | {"perp": None, "funding": 3, "bank": "x"}
    assert problems_of(Wiring(), genesis)


@pytest.mark.parametrize(
    "value",
    [
        subaccount(1, {}),
        subaccount(-(2**80), {}),
        subaccount(0, {0: Position(1, 0, 0)}),
        subaccount(5, {0: Position(-1, 2**70, -3), 300: Position(2**64, -1, 0), 2**32 - 1: Position(7, 7, 7, -(2**66))}),
    ],
)
def test_a_subaccount_survives_its_bytes(value: Subaccount) -> None:
    """Encode and decode are inverse; nothing is ever empty."""
    data = SUBACCOUNT.encode(value)
    assert data
    assert SUBACCOUNT.decode(data) == value


def test_the_bytes_of_a_subaccount_are_fixed() -> None:
    """Field 1 collateral, field 2 per position; changing this changes the app hash."""
    value = subaccount(-256, {0: Position(10, 0, 7), 3: Position(-1, 5, 0, -1)})
    assert (
        SUBACCOUNT.encode(value).hex()
        == "0a03030100" + "1208" + "1202020a" + "22020207" + "120e" + "0803" + "12020301" + "1a020205" + "2a020301"
    )
    assert addresses.to_text(owner("alice")).startswith("dydx1")
