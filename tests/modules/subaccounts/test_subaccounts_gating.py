"""When money may not leave (SUB-20): which movements, which pools, from which height to which, and that nothing else waits."""

from collections.abc import Callable
from typing import Any

import pytest

from modules.kernel.errors import ChainError
from modules.kernel.module import QueryError
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.subaccounts.errors import FAILED_UPDATE
from modules.subaccounts.model import CROSS_KEY, GatingParams
from support.clob_exchange import owner, sub
from support.markets import BTC, ETH, LINK
from support.risk_desk import HEIGHT, RICH, Desk, desk_genesis, problems_of

LOT = 1_000_000
PATH = "/dydxprotocol.subaccounts.Query/GetWithdrawalAndTransfersBlockedInfo"
BLOCKED = "WithdrawalsAndTransfersBlocked until block "
FIVE = {"gating": {"outage_seconds": 30, "blocks": 5}}


def gated_desk(section: dict[str, Any] | None = None) -> Desk:
    """Alice and bob in the cross pool, carol and dave in LINK's own."""
    desk = Desk(desk_genesis(subaccounts=FIVE if section is None else section))
    for name in ("alice", "bob", "carol", "dave"):
        desk.deposit(name, RICH)
    desk.trade(sub("alice"), sub("bob"), BTC, 10 * LOT)
    desk.trade(sub("carol"), sub("dave"), LINK, 10 * LOT)
    return desk


def log_of(desk: Desk, action: Callable[[], None]) -> str:
    """The text with which subaccounts/102 refuses; empty when the money moves (which is then undone)."""
    mark, found = desk.ctx.mark(), None
    try:
        action()
    except ChainError as error:
        found = error
    desk.ctx.undo(mark)
    assert found is None or found.kind is FAILED_UPDATE
    return "" if found is None else found.log


def withdrawal(desk: Desk, name: str, number: int = 0) -> str:
    """What a withdrawal of one quantum is told."""
    return log_of(desk, lambda: desk.subaccounts.withdraw(desk.ctx, sub(name, number), owner(name), 1))


def transfer(desk: Desk, sender: str, recipient: str, number: int = 1) -> str:
    """What a transfer of one quantum is told."""
    return log_of(desk, lambda: desk.subaccounts.transfer(desk.ctx, sub(sender), sub(recipient, number), 1))


def go_to(desk: Desk, height: int) -> None:
    """Blocks up to that height have begun."""
    while desk.ctx.height < height:
        desk.step()


def test_a_negative_account_keeps_money_in_its_pool_for_exactly_so_many_blocks() -> None:
    """Seen at h with 5 blocks: refused at h to h + 4, open at h + 5. Other pools stay open."""
    desk = gated_desk()
    desk.subaccounts.saw_negative(desk.ctx, sub("alice"))
    for height in range(HEIGHT, HEIGHT + 5):
        go_to(desk, height)
        text = f"{BLOCKED}{HEIGHT + 5}, because block {HEIGHT} left an account of the cross pool negative"
        assert withdrawal(desk, "bob").startswith(text)
        assert transfer(desk, "bob", "carol").startswith(text)
        assert withdrawal(desk, "carol") == ""
    go_to(desk, HEIGHT + 5)
    assert withdrawal(desk, "bob") == transfer(desk, "bob", "carol") == ""


def test_a_negative_account_in_an_isolated_pool_gates_that_pool_only() -> None:
    """Carol's LINK pool waits; the cross pool, and carol's own cross subaccount, do not."""
    desk = gated_desk()
    desk.deposit("carol", 10, 1)
    desk.subaccounts.saw_negative(desk.ctx, sub("carol"))
    assert f"left an account of the pool of perpetual {LINK} negative" in withdrawal(desk, "dave")
    assert transfer(desk, "dave", "alice") != ""
    assert withdrawal(desk, "alice") == withdrawal(desk, "carol", 1) == ""


def test_deposits_and_transfers_of_one_owner_in_one_pool_are_never_gated() -> None:
    """During an outage's blocks too; and money may come into a gated pool from an open one, though not from a gated one."""
    desk = gated_desk()
    desk.subaccounts.saw_negative(desk.ctx, sub("alice"))
    desk.deposit("alice", 1)
    desk.deposit("bob", 1, 7)
    assert transfer(desk, "alice", "alice", 3) == ""
    assert transfer(desk, "carol", "alice", 0) == ""
    desk.subaccounts.begin_block(desk.ctx, 10**12)
    desk.deposit("alice", 1)
    assert transfer(desk, "bob", "bob", 3) == ""
    assert transfer(desk, "carol", "carol", 3) != ""


def test_trades_are_not_gated() -> None:
    """Positions may be reduced whatever waits."""
    desk = gated_desk()
    desk.subaccounts.begin_block(desk.ctx, 10**12)
    desk.trade(sub("bob"), sub("alice"), BTC, 10 * LOT)
    assert desk.subaccounts.position(desk.ctx, sub("alice"), BTC) == 0


@pytest.mark.parametrize(
    ("gap_ns", "is_outage"), [(0, False), (30 * NANOSECONDS_PER_SECOND - 1, False), (30 * NANOSECONDS_PER_SECOND, True)]
)
def test_a_gap_of_at_least_the_parameter_is_an_outage(gap_ns: int, is_outage: bool) -> None:
    """To the nanosecond; it gates every pool."""
    desk = gated_desk()
    desk.subaccounts.begin_block(desk.ctx, gap_ns)
    for name in ("alice", "carol"):
        log = withdrawal(desk, name)
        assert log.startswith(f"{BLOCKED}{HEIGHT + 5}, because the chain stood still before block {HEIGHT}") == is_outage
        assert bool(log) == is_outage


def test_an_outage_gates_for_exactly_so_many_blocks() -> None:
    """From the first block after it on."""
    desk = gated_desk()
    desk.subaccounts.begin_block(desk.ctx, 10**12)
    open_at = []
    for height in range(HEIGHT, HEIGHT + 8):
        go_to(desk, height)
        if not withdrawal(desk, "alice") and not withdrawal(desk, "carol"):
            open_at.append(height)
    assert open_at == [HEIGHT + 5, HEIGHT + 6, HEIGHT + 7]


def test_what_was_seen_later_counts() -> None:
    """An outage, then a negative account of the cross pool: that pool waits longer, the other does not."""
    desk = gated_desk()
    desk.subaccounts.begin_block(desk.ctx, 10**12)
    go_to(desk, HEIGHT + 3)
    desk.subaccounts.saw_negative(desk.ctx, sub("alice"))
    go_to(desk, HEIGHT + 5)
    assert withdrawal(desk, "carol") == ""
    assert withdrawal(desk, "alice").startswith(f"{BLOCKED}{HEIGHT + 8}, ")
    go_to(desk, HEIGHT + 8)
    assert withdrawal(desk, "alice") == ""


def test_with_no_blocks_nothing_is_ever_gated() -> None:
    """`blocks` 0."""
    desk = gated_desk({"gating": {"blocks": 0}})
    desk.subaccounts.begin_block(desk.ctx, 10**15)
    desk.subaccounts.saw_negative(desk.ctx, sub("alice"))
    assert withdrawal(desk, "alice") == ""


def test_what_was_seen_in_an_undone_frame_was_not_seen() -> None:
    """Heights are state like all else."""
    desk = gated_desk()
    mark = desk.ctx.mark()
    desk.subaccounts.saw_negative(desk.ctx, sub("alice"))
    desk.subaccounts.begin_block(desk.ctx, 10**12)
    desk.ctx.undo(mark)
    assert withdrawal(desk, "alice") == ""


def test_the_query_tells_heights_and_keeps_what_has_passed() -> None:
    """dydx-risk.md 3.1: 0 where nothing was seen, and unblocked_at does not go back to 0."""
    desk = gated_desk()

    def told(perpetual_id: int) -> tuple[int, int, int]:
        answer = desk.ask(PATH, perpetual_id=perpetual_id)
        return (
            answer.negative_tnc_subaccount_seen_at_block,
            answer.chain_outage_seen_at_block,
            answer.withdrawals_and_transfers_unblocked_at_block,
        )

    assert told(BTC) == told(LINK) == (0, 0, 0)
    desk.subaccounts.saw_negative(desk.ctx, sub("alice"))
    go_to(desk, HEIGHT + 2)
    desk.subaccounts.begin_block(desk.ctx, 10**12)
    assert told(BTC) == told(ETH) == (HEIGHT, HEIGHT + 2, HEIGHT + 7)
    assert told(LINK) == (0, HEIGHT + 2, HEIGHT + 7)
    go_to(desk, HEIGHT + 20)
    assert told(BTC) == (HEIGHT, HEIGHT + 2, HEIGHT + 7)
    with pytest.raises(QueryError, match="perpetual 99 does not exist"):
        told(99)


def test_parameters_can_be_set_and_default_to_the_reference() -> None:
    """300 seconds and 50 blocks; new ones judge at once by what was seen before."""
    desk = gated_desk({})
    gating = desk.subaccounts.gating
    assert gating.params(desk.ctx) == GatingParams(300, 50)
    gating.saw_negative(desk.ctx, CROSS_KEY)
    go_to(desk, HEIGHT + 2)
    assert withdrawal(desk, "alice").startswith(f"{BLOCKED}{HEIGHT + 50}, ")
    gating.set_params(desk.ctx, GatingParams(10, 2))
    assert withdrawal(desk, "alice") == ""


def test_an_export_carries_what_was_seen() -> None:
    """The genesis that comes of it gates as this chain does."""
    desk = gated_desk()
    desk.subaccounts.saw_negative(desk.ctx, sub("carol"))
    go_to(desk, HEIGHT + 1)
    desk.subaccounts.begin_block(desk.ctx, 10**12)
    section = desk.wiring.subaccounts.export_genesis(desk.ctx)
    assert section["gating"] == {
        "outage_seconds": 30,
        "blocks": 5,
        "outage_height": str(HEIGHT + 1),
        "negative": [{"pool": LINK + 1, "height": str(HEIGHT)}],
    }
    document = desk.wiring.export_genesis(desk.ctx)
    assert problems_of(desk.wiring, document) == []


def test_a_genesis_cannot_gate_beyond_its_parameter() -> None:
    """Heights above the chain's beginning count as the beginning."""
    far = {"gating": {"blocks": 5, "outage_height": 10**9, "negative": [{"pool": CROSS_KEY, "height": 10**9}]}}
    desk = Desk(desk_genesis(subaccounts=far))
    desk.deposit("alice", RICH)
    assert withdrawal(desk, "alice").startswith(f"{BLOCKED}{HEIGHT + 5}, ")


@pytest.mark.parametrize(
    ("path", "gating"),
    [
        ("subaccounts.gating.outage_seconds", {"outage_seconds": 0}),
        ("subaccounts.gating.outage_seconds", {"outage_seconds": 2**31}),
        ("subaccounts.gating.blocks", {"blocks": -1}),
        ("subaccounts.gating.blocks", {"blocks": 2**31}),
        ("subaccounts.gating.outage_height", {"outage_height": -1}),
        ("subaccounts.gating.negative[0].pool", {"negative": [{"pool": -1, "height": 5}]}),
        ("subaccounts.gating.negative[0].height", {"negative": [{"pool": 0, "height": 0}]}),
        ("subaccounts.gating.negative[1].pool", {"negative": [{"pool": 0, "height": 5}, {"pool": 0, "height": 6}]}),
        ("subaccounts.gating.block", {"block": 5}),
    ],
)
def test_each_mistake_of_the_genesis_has_its_path(path: str, gating: dict[str, Any]) -> None:
    """And there is no other."""
    desk = Desk()
    found = problems_of(desk.wiring, desk_genesis(subaccounts={"gating": gating}))
    assert [where for where, _ in found] == [path]
