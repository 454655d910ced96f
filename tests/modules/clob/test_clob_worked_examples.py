"""The worked examples of dydx-clob.md section 4, to the quantum, as formulas and through a book; 1.11's is in test_clob_messages.py."""

import pytest

from modules.clob import formulas
from modules.kernel.intmath import round_down_to_multiple
from modules.perp.formulas import index_subticks
from support.clob_exchange import STEP, TICK, Exchange, fees_section, genesis_of

EXAMPLES = [
    ("0.01 BTC at 50000", 5_000_000_000, 100_000_000, 500_000_000),
    ("0.1237 BTC at 61234", 6_123_400_000, 1_237_000_000, 7_574_645_800),
    ("0.1234 BTC at 61234, after the client has floored", 6_123_400_000, 1_234_000_000, 7_556_275_600),
    ("0.0001 BTC at 28688", 2_868_800_000, 1_000_000, 2_868_800),
]
"""Subticks, quantums, quote quantums."""


@pytest.mark.parametrize(("subticks", "quantums", "quote"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES])
def test_the_quote_of_a_fill(subticks: int, quantums: int, quote: int) -> None:
    """CLOB-1, section 4."""
    assert formulas.quote_of(subticks, quantums, -9) == quote


@pytest.mark.parametrize(("subticks", "quantums", "quote"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES])
def test_the_money_of_the_examples_through_a_book(subticks: int, quantums: int, quote: int) -> None:
    """Section 4: a fill without fees moves exactly that."""
    x = Exchange(genesis_of(fees=fees_section(0, 0)), price=subticks)
    x.place(x.short("bob", 1, "sell", quantums, subticks))
    x.place(x.short("alice", 2, "buy", quantums, subticks))
    assert x.collateral("alice") == 10**12 - quote
    assert x.collateral("bob") == 10**12 + quote


def test_a_client_floors_to_steps_and_ticks() -> None:
    """Section 4: 0.12345678 BTC at 61234.56 is 0.1234 at 61234 by then; unfloored it is refused (12)."""
    assert round_down_to_multiple(1_234_567_800, STEP) == 1_234_000_000
    assert round_down_to_multiple(6_123_456_000, TICK) == 6_123_400_000
    x = Exchange()
    assert x.place(x.short("alice", 1, "buy", 1_234_567_800, 6_123_400_000)) == 12
    assert x.place(x.short("alice", 1, "buy", 1_234_000_000, 6_123_456_000)) == 12
    assert x.place(x.short("alice", 1, "buy", 1_234_000_000, 6_123_400_000)) == 0


def test_the_oracle_price_in_subticks() -> None:
    """Section 4: 2868819524 x 10^-5 is 2868819524 subticks with BTC's exponents."""
    top, bottom = index_subticks(2_868_819_524, -5, -10, -9)
    assert (divmod(top, bottom)) == (2_868_819_524, 0)


def test_with_these_parameters_quotes_are_always_whole() -> None:
    """Section 4: step x tick x 10^-9 = 100."""
    assert formulas.quote_of(TICK, STEP, -9) == 100
