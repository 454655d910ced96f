"""Changes of markets: step, tick and status of a pair, tables of limits. Codes and moves of dydx-clob.md 1.5, 1.6 and 2.10."""

from itertools import product

import pytest

from modules.clob.events import ORDER_REMOVED
from modules.clob.model import PairStatus
from modules.kernel.codec import encode_signed
from modules.kernel.units import SubaccountId
from node.chain_genesis import validate
from support.authority_desk import STRANGER, Desk
from support.change_messages import book_limits, engine_limits, equity_tiers, gate, pair, windows
from support.clob_exchange import clob_section
from support.exchange import DOLLAR
from support.trader_messages import order_message

STEP, TICK, LOT = 1_000_000, 100_000, 100
ACTIVE, PAUSED, CANCEL_ONLY, POST_ONLY, INITIALIZING, FINAL_SETTLEMENT = PairStatus
_OPEN = (ACTIVE, PAUSED, CANCEL_ONLY, POST_ONLY)
MOVES = (
    *product(_OPEN, _OPEN),
    *product((*_OPEN, INITIALIZING), (FINAL_SETTLEMENT,)),
    (INITIALIZING, INITIALIZING), (INITIALIZING, ACTIVE), (INITIALIZING, POST_ONLY),
    (FINAL_SETTLEMENT, FINAL_SETTLEMENT), (FINAL_SETTLEMENT, INITIALIZING),
)  # fmt: skip
"""From where to where a status may go."""


def in_status(status: PairStatus) -> Desk:
    """A desk whose first pair has that status."""
    section = clob_section()
    section["clob_pairs"][0]["status"] = status.name
    return Desk(clob=section)


@pytest.mark.parametrize(("old", "new"), list(product(PairStatus, PairStatus)), ids=lambda status: status.name)
def test_a_status_moves_as_the_table_says(old: PairStatus, new: PairStatus) -> None:
    """All 36 moves; the others fail with 35."""
    desk = in_status(old)
    expected = "" if (old, new) in MOVES else "clob/35"
    assert desk.apply(pair(desk, status=int(new))) == expected
    found = desk.wiring.clob.keeper.pair(desk.ctx, 0)
    assert found is not None
    assert found.status == (new if not expected else old)


def test_a_settled_market_begins_anew_only_when_it_is_empty() -> None:
    """35 as long as a position is open."""
    desk = in_status(FINAL_SETTLEMENT)
    desk.wiring.perp.keeper.change_open_interest(desk.ctx, 0, LOT)
    assert desk.send(pair(desk, status=int(INITIALIZING))) == "clob/35"
    assert "open positions" in desk.log_of(pair(desk, status=int(INITIALIZING)))
    desk.wiring.perp.keeper.change_open_interest(desk.ctx, 0, -LOT)
    assert desk.send(pair(desk, status=int(INITIALIZING))) == ""


def test_step_and_tick_become_divisors_of_what_they_are() -> None:
    """So that every resting order still lies on the grid; the step stays whole funding lots."""
    desk = Desk()
    assert desk.apply(pair(desk, step_base_quantums=STEP // 10, subticks_per_tick=TICK // 4)) == ""
    found = desk.wiring.clob.keeper.pair(desk.ctx, 0)
    assert found is not None
    assert (found.step_base_quantums, found.subticks_per_tick) == (STEP // 10, TICK // 4)
    assert desk.apply(pair(desk, step_base_quantums=LOT, subticks_per_tick=1)) == ""
    assert validate(desk.exported(), desk.wiring.modules) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"step_base_quantums": 2 * STEP}, 39),
        ({"step_base_quantums": STEP - LOT}, 39),
        ({"step_base_quantums": LOT // 2}, 39),
        ({"subticks_per_tick": 2 * TICK}, 39),
        ({"subticks_per_tick": TICK - 1}, 39),
        ({"perpetual_id": 1}, 39),
        ({"quantum_conversion_exponent": -8}, 39),
        ({"id": 77}, 8),
        ({"step_base_quantums": 0}, 27),
        ({"subticks_per_tick": 0}, 27),
        ({"status": 0}, 27),
        ({"status": 7}, 27),
    ],
)
def test_what_a_pair_cannot_become_has_its_code(changes: dict[str, int], code: int) -> None:
    """8, 27 and 39; nothing changes."""
    desk = Desk()
    before = desk.exported()
    assert desk.send(pair(desk, **changes)) == f"clob/{code}"
    assert desk.end_block() == []
    assert desk.exported() == before


def test_a_pair_is_of_a_perpetual() -> None:
    """27 without one, and for a spot market."""
    desk = Desk()
    message = pair(desk)
    message.clob_pair.ClearField("perpetual_clob_metadata")
    assert desk.send(message) == "clob/27"
    message.clob_pair.spot_clob_metadata.base_asset_id = 1
    assert desk.send(message) == "clob/27"


def test_a_strangers_pair_is_refused() -> None:
    """With the code that the reference has for an authority that is none."""
    desk = Desk()
    message = pair(desk, status=int(FINAL_SETTLEMENT))
    message.authority = STRANGER.text
    assert desk.send(message) == "clob/40"


def test_final_settlement_ends_every_order_of_its_market_and_no_other() -> None:
    """Each with an event; what rests in another market stays."""
    desk = Desk()
    owner = SubaccountId(STRANGER.address, 0)
    desk.wiring.subaccounts.keeper.deposit(desk.ctx, STRANGER.address, owner, 10_000 * DOLLAR)
    for client_id, market, price in ((1, 0, 6_000_000_000), (2, 0, 5_900_000_000), (3, 1, 3_000_000_000)):
        placed = order_message(STRANGER.name, client_id, "buy", 10 * STEP, price, pair=market, good_til_block=desk.ctx.height + 10)
        assert desk.send(placed) == ""
    desk.wiring.clob.keeper.end_block(desk.ctx)
    assert desk.send(pair(desk, status=int(FINAL_SETTLEMENT))) == ""
    clob = desk.wiring.clob.keeper
    assert len(clob.open_orders(desk.ctx, owner)) == 3
    first = len(desk.ctx.events)
    assert len(desk.end_block()) == 1
    removed = [values for kind, values in desk.ctx.events[first:] if kind is ORDER_REMOVED]
    assert [values[1] for values in removed] == ["FINAL_SETTLEMENT"] * 2
    assert [order_id.client_id for order_id in clob.open_orders(desk.ctx, owner)] == [3]
    assert desk.wiring.check_invariants(desk.ctx) == []


def test_limits_of_order_books_change() -> None:
    """All of them are said; each has its bounds."""
    desk = Desk()
    for wrong in ((0, 1, 0), (1, 0, 0), (1_000_001, 1, 0), (1, 1_000_001, 0), (1, 1, 1_000_001)):
        assert desk.send(book_limits(*wrong)) == "sdk/18"
    assert desk.apply(book_limits(7, 8, 9)) == ""
    assert desk.wiring.clob.keeper.params(desk.ctx)[:3] == (7, 8, 9)


def test_equity_tiers_change_and_fail_with_10000() -> None:
    """Ascending equities, limits up to ten million; an empty message ends all limits."""
    desk = Desk()
    limits = desk.wiring.clob.keeper.limits
    assert desk.apply(equity_tiers([(b"", 0), (encode_signed(20 * DOLLAR), 4)])) == ""
    assert limits.equity_tiers(desk.ctx).stateful == ((0, 0), (20 * DOLLAR, 4))
    assert validate(desk.exported(), desk.wiring.modules) == []
    for rows in (
        [(encode_signed(5), 1), (encode_signed(5), 2)],
        [(encode_signed(-1), 1)],
        [(b"\x07\x01", 1)],
        [(b"", 10_000_001)],
    ):
        assert desk.send(equity_tiers(rows)) == "clob/10000"
    assert desk.apply(equity_tiers([])) == ""
    assert limits.equity_tiers(desk.ctx).stateful == ()


def test_windows_of_messages_change_and_fail_with_5000() -> None:
    """Each length once, within the bounds of its class; the deprecated lists are passed over."""
    desk = Desk()
    limits = desk.wiring.clob.keeper.limits
    assert desk.apply(windows((10_000, 1_000_000), (1, 1))) == ""
    assert limits.rate_limits(desk.ctx).stateful_orders == ((10_000, 1_000_000), (1, 1))
    assert desk.apply(windows((2_000, 10_000), name="max_leverage_updates_per_n_blocks")) == ""
    assert limits.rate_limits(desk.ctx) == ((), (), ((2_000, 10_000),))
    for rows in ([(0, 1)], [(1, 0)], [(10_001, 1)], [(1, 1_000_001)], [(5, 1), (5, 2)]):
        assert desk.send(windows(*rows)) == "clob/5000"
    assert desk.apply(windows((0, 0), name="max_short_term_orders_per_n_blocks")) == ""
    assert limits.rate_limits(desk.ctx) == ((), (), ())


def test_the_gate_of_withdrawals_changes() -> None:
    """How long a gap is an outage, and for how many blocks money then waits."""
    desk = Desk()
    gating = desk.wiring.subaccounts.keeper.gating
    for seconds, blocks in ((0, 5), (2**31, 5), (5, 2**31)):
        assert desk.send(gate(seconds, blocks)) == "sdk/18"
    assert desk.apply(gate(60, 3)) == ""
    assert gating.params(desk.ctx) == (60, 3)


def test_limits_of_the_engines_step_change() -> None:
    """Those that only this chain has; none may be 0, and the reference's configuration stays as it is."""
    desk = Desk()
    keeper = desk.wiring.liquidation.keeper
    config = keeper.params(desk.ctx).message()
    for wrong in ((0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)):
        assert desk.send(engine_limits(*wrong)) == "clob/1000"
    assert desk.apply(engine_limits(1, 2, 3, 4)) == ""
    params = keeper.params(desk.ctx)
    assert (params.max_orders_per_block, params.max_deleveraged_positions_per_block) == (1, 2)
    assert (params.max_deleveraging_counterparties, params.max_settled_pairs_per_block) == (3, 4)
    assert params.message() == config
