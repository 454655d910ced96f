"""Accounts, payments, fees and gas of everything that is no trade."""

from modules.kernel import address as addresses
from support.exchange import DOLLAR, GAS_TOKEN, USDC, WALLET, OpenExchange, genesis
from support.sequencing import Signer
from support.trader_messages import order_message, transfer_message

GAS_PER_MESSAGE, GAS_PER_BYTE = 20_000, 10
"""The defaults of section `consensus.sequencer`."""
MODULES = ("fee_collector", "subaccounts", "subaccounts:2", "insurance_fund", "insurance_fund:2")


def test_a_payment_makes_the_recipient_s_account(open_exchange: OpenExchange) -> None:
    """Sends, withdrawals and transfers to somebody new give an account with the next number; it can sign from the next block on."""
    exchange = open_exchange(genesis(collateral={"alice": 1_000 * DOLLAR}))
    auth = exchange.wiring.auth.keeper
    assert auth.account(exchange.ctx, Signer("new1").address) is None
    exchange.block(exchange.send("alice", "new1", 5 * DOLLAR))
    exchange.block(exchange.withdraw("alice", 6 * DOLLAR, to="new2"))
    exchange.block(exchange.transfer("alice", 7 * DOLLAR, to="new3"))
    made = [auth.account(exchange.ctx, Signer(name).address) for name in ("new1", "new2", "new3")]
    # Five traders of the genesis have 0 to 4.
    assert [(account.number, account.sequence) for account in made if account] == [(5, 0), (6, 0), (7, 0)]
    assert (exchange.wallet("new1"), exchange.wallet("new2"), exchange.collateral("new3")) == (5 * DOLLAR, 6 * DOLLAR, 7 * DOLLAR)
    back = exchange.send("new1", "alice", 5 * DOLLAR)
    assert exchange.block(back).code(back) == 0
    account = auth.account(exchange.ctx, Signer("new1").address)
    assert account is not None
    assert (account.sequence, account.public_key) == (1, Signer("new1").public_key)
    assert exchange.wallet("new1") == 0


def test_a_stranger_s_transaction_is_not_admitted(open_exchange: OpenExchange) -> None:
    """Nobody without an account can sign anything; in a block that comes by sync it has code sequencer/4 and no effect."""
    exchange = open_exchange()
    tx = exchange.send("nobody", "alice", 1)
    assert exchange.decide(tx).outcome(tx) == ("sequencer", 4)


def test_module_accounts_take_no_payments(open_exchange: OpenExchange) -> None:
    """One stray unit in a pool would break its exactness: sends and withdrawals to pools, funds and the collector are refused (sdk 4)."""
    exchange = open_exchange(genesis(collateral={"alice": 1_000 * DOLLAR}))
    for name in MODULES:
        address = addresses.to_text(addresses.of_module(name))
        before = exchange.module(name), exchange.wallet("alice"), exchange.collateral("alice")
        paid, withdrawn = exchange.send("alice", address, DOLLAR), exchange.withdraw("alice", DOLLAR, to=address)
        happened = exchange.block(paid, withdrawn)
        assert happened.outcome(paid) == happened.outcome(withdrawn) == ("sdk", 4)
        assert (exchange.module(name), exchange.wallet("alice"), exchange.collateral("alice")) == before


def test_money_that_is_not_there_cannot_be_sent(open_exchange: OpenExchange) -> None:
    """sdk 5 for more than one has and for a denomination that the chain does not know; the sequence is used all the same."""
    exchange = open_exchange()
    much, unknown = exchange.send("alice", "bob", WALLET + 1), exchange.send("alice", "bob", 1, "ukelele")
    deposit = exchange.deposit("alice", WALLET + 1)
    happened = exchange.block(much, unknown, deposit)
    assert [happened.outcome(tx) for tx in (much, unknown, deposit)] == [("sdk", 5)] * 3
    account = exchange.wiring.auth.keeper.account(exchange.ctx, Signer("alice").address)
    assert account is not None
    assert account.sequence == 3
    assert exchange.wallet("alice") == exchange.wallet("bob") == WALLET


def test_fees_and_gas_of_what_is_no_order(open_exchange: OpenExchange) -> None:
    """The offered fee goes to the collector first; gas is constants of message and bytes; a failed transaction keeps only its fee."""
    exchange = open_exchange()
    fee = ((GAS_TOKEN, 700), (USDC, 30))
    deposit = exchange.deposit("alice", 10 * DOLLAR, fee=fee, gas_limit=100_000)
    result = exchange.block(deposit).result(deposit)
    assert (result.code, result.gas_wanted, result.gas_used) == (0, 100_000, GAS_PER_MESSAGE + GAS_PER_BYTE * len(deposit))
    assert exchange.wallet("alice") == WALLET - 10 * DOLLAR - 30
    assert exchange.wallet("alice", 1) == WALLET - 700
    assert exchange.module("fee_collector") == 30

    failing = exchange.withdraw("alice", 11 * DOLLAR, fee=((USDC, 40),))
    happened = exchange.block(failing)
    assert happened.outcome(failing) == ("subaccounts", 102)
    assert happened.result(failing).log.startswith("failed to execute message; message index: 0: ")
    assert exchange.module("fee_collector") == 70
    assert (exchange.collateral("alice"), exchange.wallet("alice")) == (10 * DOLLAR, WALLET - 10 * DOLLAR - 70)

    scarce = exchange.deposit("alice", DOLLAR, fee=((USDC, 50),), gas_limit=GAS_PER_MESSAGE)
    result = exchange.block(scarce).result(scarce)
    assert (result.codespace, result.code, result.gas_wanted) == ("sdk", 11, GAS_PER_MESSAGE)
    assert exchange.module("fee_collector") == 120

    dear = exchange.deposit("alice", DOLLAR, fee=((USDC, 2 * WALLET),))
    foreign = exchange.deposit("alice", DOLLAR, fee=(("ukelele", 1),))
    happened = exchange.block(dear, foreign)
    assert happened.outcome(dear) == happened.outcome(foreign) == ("sdk", 5)
    assert exchange.module("fee_collector") == 120
    assert exchange.collateral("alice") == 10 * DOLLAR


def test_orders_and_cancels_are_free(open_exchange: OpenExchange) -> None:
    """Gas 0/0 and no fee taken, even where one is offered; also for a transfer bundled with a long-term order."""
    exchange = open_exchange(genesis(collateral={"alice": 1_000 * DOLLAR}))
    placed, cancelled = exchange.limit("alice", 1, "buy", 1_000_000, 6_000_000_000), exchange.cancel("alice", 2)
    order = order_message("alice", 3, "buy", 1_000_000, 6_000_000_000, good_til_time=exchange.next_seconds + 60, number=1)
    bundle = exchange.sign("alice", transfer_message("alice", 100 * DOLLAR, to_number=1), order, fee=((USDC, 5),), gas_limit=0)
    happened = exchange.block(placed, cancelled, bundle)
    for tx in (placed, cancelled, bundle):
        result = happened.result(tx)
        assert (result.code, result.gas_wanted, result.gas_used) == (0, 0, 0)
    assert exchange.module("fee_collector") == 0
    assert exchange.wallet("alice") == WALLET
    assert exchange.book()["bids"] == [("alice/1", 6_000_000_000, 1_000_000), ("alice#1/3", 6_000_000_000, 1_000_000)]


def test_messages_of_one_transaction_happen_together_or_not_at_all(open_exchange: OpenExchange) -> None:
    """Two transfers in one transaction, the second too large: neither has happened; with a fitting one both have."""
    exchange = open_exchange(genesis(collateral={"alice": 100 * DOLLAR}))
    bundle = [transfer_message("alice", 60 * DOLLAR, to="bob"), transfer_message("alice", 60 * DOLLAR, to="carol")]
    failing = exchange.sign("alice", *bundle)
    happened = exchange.block(failing)
    assert happened.outcome(failing) == ("subaccounts", 102)
    assert "message index: 1" in happened.result(failing).log
    assert (exchange.collateral("alice"), exchange.collateral("bob")) == (100 * DOLLAR, 0)
    assert happened.events("create_transfer") == []
    bundle[1].transfer.amount = 40 * DOLLAR
    fitting = exchange.sign("alice", *bundle)
    assert exchange.block(fitting).code(fitting) == 0
    assert [exchange.collateral(name) for name in ("alice", "bob", "carol")] == [0, 60 * DOLLAR, 40 * DOLLAR]


def test_margin_between_own_subaccounts_comes_before_the_takers(open_exchange: OpenExchange) -> None:
    """A transfer to one's own subaccount is lane 2, one to somebody else lane 5: the first is there when the order matches."""
    exchange = open_exchange(genesis(collateral={"alice": 1_000 * DOLLAR, "bob": 100_000 * DOLLAR, "carol": 1_000 * DOLLAR}))
    exchange.block(exchange.limit("bob", 1, "sell", 20_000_000, 6_012_300_000))
    own = exchange.transfer("alice", 900 * DOLLAR, to_number=1)
    to_other = exchange.transfer("carol", 900 * DOLLAR, to="dave")
    takers = [
        exchange.limit("alice", 1, "buy", 10_000_000, 6_012_300_000, number=1, tif="ioc"),
        exchange.limit("dave", 1, "buy", 10_000_000, 6_012_300_000, tif="ioc"),
    ]
    happened = exchange.block(*takers, own, to_other)
    assert [fill.taker for fill in happened.fills()] == ["alice#1/1"]
    assert happened.removed() == [("dave/1", "UNDERCOLLATERALIZED")]
    assert exchange.collateral("dave") == 900 * DOLLAR
