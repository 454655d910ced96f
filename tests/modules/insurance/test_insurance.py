"""Insurance funds: where they are, what they hold, what they refuse."""

from modules.kernel import address as addresses
from modules.kernel.codec import decode_signed
from modules.kernel.module import Problems
from node.wiring import Wiring
from support.clob_exchange import owner
from support.markets import BTC, LINK
from support.risk_desk import RICH, Desk, desk_genesis


def test_there_is_a_common_fund_and_one_for_every_isolated_market() -> None:
    """The reference's name and address; balances come from the bank's genesis."""
    desk = Desk(desk_genesis(fund=123))
    assert [(fund.name, fund.balance) for fund in desk.insurance.funds(desk.ctx)] == [("insurance_fund", 123), ("insurance_fund:2", 0)]
    assert addresses.to_text(next(desk.insurance.funds(desk.ctx)).address) == "dydx1c7ptc87hkd54e3r7zjy92q29xkq7t79w64slrq"
    cross, isolated = desk.perp.require(desk.ctx, BTC), desk.perp.require(desk.ctx, LINK)
    assert (desk.insurance.balance(desk.ctx, cross), desk.insurance.balance(desk.ctx, isolated)) == (123, 0)
    assert desk.insurance.address(isolated) == addresses.of_module("insurance_fund:2")


def test_funds_take_no_payments() -> None:
    """Sdk 4: their money comes from liquidations alone."""
    desk = Desk()
    for name in ("insurance_fund", "insurance_fund:2"):
        code = desk.code(lambda name=name: desk.bank.send(desk.ctx, owner("alice"), addresses.of_module(name), 0, 1))
        assert code[:2] == ("sdk", 4)
    assert desk.wiring.insurance.check_invariants(desk.ctx) == []


def test_anyone_may_ask_for_the_funds() -> None:
    """Name, address, balance."""
    desk = Desk()
    answer = desk.ask("/perpd.node.v1.Query/Insurance")
    assert [(row.name, addresses.from_text(row.address), decode_signed(row.balance)) for row in answer.funds] == [
        ("insurance_fund", addresses.of_module("insurance_fund"), RICH),
        ("insurance_fund:2", addresses.of_module("insurance_fund:2"), 0),
    ]


def test_the_genesis_section_is_empty() -> None:
    """Anything in it is a mistake."""
    desk = Desk()
    assert desk.wiring.insurance.export_genesis(desk.ctx) == {}
    found = Problems()
    Wiring().insurance.validate_genesis({"balance": 5}, found, {})
    assert [where for where, _ in found.found] == ["insurance.balance"]


def test_the_invariant_speaks_where_a_fund_is_not_protected() -> None:
    """A fund that is no module account could be paid into."""
    desk = Desk()
    accounts = desk.wiring.bank._state.module_accounts
    accounts.delete(desk.ctx, addresses.of_module("insurance_fund:2"))
    assert desk.wiring.insurance.check_invariants(desk.ctx) == ["insurance_fund:2 is no module account"]
