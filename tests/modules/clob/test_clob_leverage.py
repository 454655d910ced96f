"""MsgUpdateLeverage (dydx-clob.md 2.9, dydx-risk.md 5.5): its codes in order, what it stores, what it changes and what it does not."""

from typing import Any

import pytest

from modules.clob import leverage
from modules.clob.leverage import UpdateLeverage
from modules.kernel import address as addresses
from modules.kernel.errors import ChainError
from perpd_proto.dydxprotocol.clob import tx_pb2
from support.clob_exchange import BTC_PRICE, STEP, Exchange, owner, sub
from support.markets import BTC, ETH, LINK

ALICE = addresses.to_text(owner("alice"))
PATH = "/dydxprotocol.clob.Query/Leverage"


def message(*entries: tuple[int, int], who: str = ALICE, number: int = 0) -> Any:
    """The message of (clob pair id, ppm)."""
    found = tx_pb2.MsgUpdateLeverage()
    found.subaccount_id.owner, found.subaccount_id.number = who, number
    for pair_id, ppm in entries:
        found.clob_pair_leverage.add(clob_pair_id=pair_id, custom_imf_ppm=ppm)
    return found


def outcome(x: Exchange, sent: Any) -> tuple[str, int]:
    """(codespace, code) of decoding and executing it; what check says is the same."""
    mark = x.ctx.mark()
    try:
        command = leverage.decode(sent)
    except ChainError as error:
        return error.codespace, error.code
    codes = []
    for judge in (leverage.check, leverage.execute):
        try:
            judge(x.ctx, x.clob, x.subaccounts, command)
            codes.append(("", 0))
        except ChainError as error:
            x.ctx.undo(mark)
            codes.append((error.codespace, error.code))
    assert codes[0] == codes[1]
    return codes[1]


def chosen(x: Exchange, name: str = "alice", number: int = 0) -> list[tuple[int, int]]:
    """What the query tells."""
    answer = x.ask(PATH, owner=addresses.to_text(owner(name)), number=number)
    return [(row.clob_pair_id, row.custom_imf_ppm) for row in answer.clob_pair_leverage]


REFUSED: list[tuple[str, tuple[str, int], Any]] = [
    ("no subaccount", ("clob", 11001), tx_pb2.MsgUpdateLeverage()),
    ("bad owner", ("subaccounts", 201), message((BTC, 50_000), who="alice")),
    ("bad number", ("subaccounts", 200), message((BTC, 50_000), number=128_001)),
    ("no entry", ("clob", 11002), message()),
    ("zero ppm", ("clob", 11002), message((BTC, 0))),
    ("above 100 %", ("clob", 11002), message((BTC, 1_000_001))),
    ("a pair twice", ("clob", 11002), message((BTC, 50_000), (BTC, 50_000))),
    ("no such pair", ("clob", 8), message((BTC, 50_000), (9, 50_000))),
    ("below the tier", ("subaccounts", 701), message((BTC, 19_999))),
    ("one of two below its tier", ("subaccounts", 701), message((BTC, 50_000), (LINK, 99_999))),
    ("an owner before an entry", ("subaccounts", 201), message((BTC, 0), who="")),
    ("an entry before a pair", ("clob", 11002), message((9, 1), (9, 2))),
]


@pytest.mark.parametrize(("expected", "sent"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_each_mistake_has_its_code_and_changes_nothing(expected: tuple[str, int], sent: Any) -> None:
    """Of several the first of 2.9 is told."""
    x = Exchange()
    mark = x.ctx.mark()
    assert outcome(x, sent) == expected
    assert x.ctx.mark() == mark
    assert chosen(x) == []


def test_bounds_are_the_tier_s_margin_and_all_of_the_notional() -> None:
    """20,000 ppm in BTC, 10^6 ppm in any market."""
    x = Exchange()
    assert outcome(x, message((BTC, 20_000), (ETH, 1_000_000))) == ("", 0)
    assert chosen(x) == [(BTC, 20_000), (ETH, 1_000_000)]


def test_updates_merge_and_nothing_is_taken_away() -> None:
    """By subaccount; a market named again gets the new value, which may be lower."""
    x = Exchange()
    assert outcome(x, message((ETH, 500_000), (BTC, 300_000))) == ("", 0)
    assert outcome(x, message((BTC, 20_000))) == ("", 0)
    assert outcome(x, message((LINK, 400_000), number=128_000)) == ("", 0)
    assert chosen(x) == [(BTC, 20_000), (ETH, 500_000)]
    assert chosen(x, number=128_000) == [(LINK, 400_000)]
    assert chosen(x, "bob") == []


def test_it_raises_what_new_positions_need_and_not_what_old_ones_keep() -> None:
    """A position that 2 % carries and 100 % does not: 703 while it is there; before it, the order fails instead."""
    x = Exchange(rich=("bob",))
    x.deposit("alice", 100_000_000)
    x.place(x.short("bob", 1, "sell", 100 * STEP, BTC_PRICE))
    mark = x.ctx.mark()
    assert outcome(x, message((BTC, 1_000_000))) == ("", 0)
    x.place(x.short("alice", 1, "buy", 100 * STEP, BTC_PRICE, tif="ioc"))
    assert x.position("alice") == 0
    x.ctx.undo(mark)
    x.place(x.short("alice", 1, "buy", 100 * STEP, BTC_PRICE, tif="ioc"))
    assert x.position("alice") == 100 * STEP
    maintenance = x.subaccounts.risk(x.ctx, sub("alice")).maintenance
    assert outcome(x, message((BTC, 1_000_000))) == ("subaccounts", 703)
    assert outcome(x, message((BTC, 100_000))) == ("", 0)
    risk = x.subaccounts.risk(x.ctx, sub("alice"))
    assert (risk.maintenance, risk.initial > maintenance) == (maintenance, True)


def test_an_undone_update_was_not_made() -> None:
    """Undo of the frame of its transaction."""
    x = Exchange()
    mark = x.ctx.mark()
    leverage.execute(x.ctx, x.clob, x.subaccounts, UpdateLeverage(sub("alice"), ((BTC, 50_000),)))
    x.ctx.undo(mark)
    assert chosen(x) == []
