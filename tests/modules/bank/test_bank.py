"""The bank: money moves and is never made; module accounts take no payments; genesis round trip."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.auth.module import AuthModule
from modules.bank.model import USDC
from modules.bank.module import BankModule
from modules.consensus.module import ConsensusModule
from modules.kernel import address
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.module import Problems, QueryError
from modules.kernel.stores import Registry
from modules.kernel.units import Address
from node.store.state import LiveState
from perpd_proto.cosmos.bank.v1beta1 import query_pb2, tx_pb2
from perpd_proto.cosmos.base.v1beta1 import coin_pb2

PEOPLE = [Address(bytes([number]) * 20) for number in range(1, 6)]
NAMES = [address.to_text(person) for person in PEOPLE]
SECTION: dict[str, Any] = {
    "denoms": ["uusdc", "aperpd"],
    "balances": [
        {"address": NAMES[0], "coins": [{"denom": "uusdc", "amount": "1000"}, {"denom": "aperpd", "amount": 5}]},
        {"address": NAMES[1], "coins": [{"denom": "uusdc", "amount": 10}]},
        {"module": "pool", "coins": [{"denom": "uusdc", "amount": 7}]},
    ],
}


class Desk:
    """Auth and bank on fresh state, with the genesis above."""

    def __init__(self, section: dict[str, Any] | None = None) -> None:
        registry = Registry()
        consensus = ConsensusModule(registry)
        self.auth = AuthModule(registry, consensus=consensus.keeper)
        self.bank = BankModule(registry, auth=self.auth.keeper)
        self.ctx = Context(LiveState(registry), 1, 0, "test-1")
        self.bank.keeper.register_module_account(self.ctx, "pool")
        self.bank.init_genesis(self.ctx, section or SECTION)

    def send(self, sender: str, recipient: str, *coins: tuple[str, str]) -> None:
        """MsgSend as a transaction would run it."""
        route = self.bank.messages[0]
        amount = [coin_pb2.Coin(denom=denom, amount=text) for denom, text in coins]
        route.execute(self.ctx, route.decode(tx_pb2.MsgSend(from_address=sender, to_address=recipient, amount=amount)))

    def ask(self, name: str, request: Any) -> Any:
        """One query."""
        return next(route for route in self.bank.queries if route.path.endswith("/" + name)).handle(self.ctx, request)


def test_a_payment_moves_every_coin_and_makes_the_account() -> None:
    """Two denominations; the recipient exists afterwards; one event per coin."""
    desk = Desk()
    desk.send(NAMES[0], NAMES[4], ("aperpd", "5"), ("uusdc", "999"))
    assert [desk.bank.keeper.balance(desk.ctx, PEOPLE[4], denom) for denom in (0, 1)] == [999, 5]
    assert list(desk.bank.keeper.balances(desk.ctx, PEOPLE[0])) == [(USDC, 1)]
    assert desk.auth.keeper.account(desk.ctx, PEOPLE[4]) is not None
    assert [(kind.type, values) for kind, values in desk.ctx.events] == [
        ("transfer", (NAMES[4], NAMES[0], "5aperpd")),
        ("transfer", (NAMES[4], NAMES[0], "999uusdc")),
    ]


@pytest.mark.parametrize(
    ("recipient", "coins", "code"),
    [
        (NAMES[1], [("uusdc", "1001")], 5),
        (NAMES[1], [("nothing", "1")], 5),
        (NAMES[1], [], 10),
        (NAMES[1], [("uusdc", "0")], 10),
        (NAMES[1], [("uusdc", "-1")], 10),
        (NAMES[1], [("uusdc", "01")], 10),
        (NAMES[1], [("uusdc", "1"), ("aperpd", "1")], 10),
        (NAMES[1], [("uusdc", "1"), ("uusdc", "1")], 10),
        (NAMES[1], [("uusdc", str(2**128))], 10),
        ("dydx1nobody", [("uusdc", "1")], 7),
        (address.to_text(address.of_module("pool")), [("uusdc", "1")], 4),
    ],
)
def test_bad_payments_have_the_codes_of_the_sdk(recipient: str, coins: list[tuple[str, str]], code: int) -> None:
    """Too little, bad coins, bad address, a module account."""
    desk = Desk()
    with pytest.raises(ChainError) as caught:
        desk.send(NAMES[0], recipient, *coins)
    assert (caught.value.codespace, caught.value.code) == ("sdk", code)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 1200), st.sampled_from(["uusdc", "aperpd"])), max_size=25))
@settings(max_examples=60)
def test_payments_keep_the_supply(payments: list[tuple[int, int, int, str]]) -> None:
    """BANK-1 after any sequence of payments, those that fail included."""
    desk = Desk()
    for sender, recipient, amount, denom in payments:
        mark = desk.ctx.mark()
        try:
            desk.send(NAMES[sender], NAMES[recipient], (denom, str(amount)))
        except ChainError:
            desk.ctx.undo(mark)
        assert desk.bank.check_invariants(desk.ctx) == []
    assert desk.bank.keeper.supply(desk.ctx, USDC) == 1017


def test_an_invariant_names_what_is_broken() -> None:
    """Money out of nothing is seen by the full scan."""
    desk = Desk()
    desk.bank._state.supply.set(desk.ctx, USDC, 1)
    assert desk.bank.check_invariants(desk.ctx) == ["balances of uusdc sum to 1017, the supply is 1"]


def test_an_export_is_a_genesis_of_the_same_state() -> None:
    """Module accounts by name, users by address; importing it again exports the same."""
    desk = Desk()
    desk.send(NAMES[0], NAMES[3], ("uusdc", "10"))
    section = desk.bank.export_genesis(desk.ctx)
    problems = Problems()
    desk.bank.validate_genesis(section, problems, {})
    assert problems.found == []
    assert Desk(section).bank.export_genesis(Desk(section).ctx) == section
    assert {"module": "pool", "coins": [{"denom": "uusdc", "amount": "7"}]} in section["balances"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"denoms": []}, "bank.denoms"),
        ({"denoms": ["uusdc", "uusdc"]}, "bank.denoms[1]"),
        ({"balances": [{"coins": []}]}, "bank.balances[0].address"),
        ({"balances": [{"address": "dydx1x", "coins": []}]}, "bank.balances[0].address"),
        ({"balances": [{"address": NAMES[0], "coins": []}, {"address": NAMES[0], "coins": []}]}, "bank.balances[1].address"),
        ({"balances": [{"address": NAMES[0], "coins": [{"denom": "gold", "amount": 1}]}]}, "bank.balances[0].coins[0].denom"),
        ({"balances": [{"address": NAMES[0], "coins": [{"denom": "uusdc", "amount": 0}]}]}, "bank.balances[0].coins[0].amount"),
        ({"extra": 1}, "bank.extra"),
    ],
)
def test_genesis_mistakes_are_found_by_path(change: dict[str, Any], path: str) -> None:
    """One mistake each, named where it stands."""
    desk, problems = Desk(), Problems()
    desk.bank.validate_genesis({**SECTION, **change}, problems, {})
    assert path in [where for where, _ in problems.found]


def test_queries_answer_as_wallets_expect() -> None:
    """A denomination not held is "0"; all balances are sorted; a bad address is an invalid argument."""
    desk = Desk()
    none = desk.ask("Balance", query_pb2.QueryBalanceRequest(address=NAMES[3], denom="gold")).balance
    assert (none.denom, none.amount) == ("gold", "0")
    held = desk.ask("AllBalances", query_pb2.QueryAllBalancesRequest(address=NAMES[0])).balances
    assert [(coin.denom, coin.amount) for coin in held] == [("aperpd", "5"), ("uusdc", "1000")]
    supply = desk.ask("TotalSupply", query_pb2.QueryTotalSupplyRequest()).supply
    assert [(coin.denom, coin.amount) for coin in supply] == [("aperpd", "5"), ("uusdc", "1017")]
    assert desk.ask("SupplyOf", query_pb2.QuerySupplyOfRequest(denom="uusdc")).amount.amount == "1017"
    with pytest.raises(QueryError, match="invalid bech32 address"):
        desk.ask("Balance", query_pb2.QueryBalanceRequest(address="x", denom="uusdc"))
