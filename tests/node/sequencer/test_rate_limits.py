"""Windows of messages before the pool (dydx-clob.md 6.5): what counts, how much, for whom, and how long it is remembered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.clob.errors import RATE_LIMIT_EXCEEDED
from modules.clob.limit_tables import NO_RATES, RateLimit, RateLimits
from modules.clob.model import ClobPair, PairStatus
from modules.kernel.errors import INSUFFICIENT_FUNDS, UNAUTHORIZED, WRONG_SEQUENCE, ChainError
from modules.kernel.units import Address
from node.sequencer.check import CheckState
from node.sequencer.errors import WINDOW
from node.sequencer.lanes import SEQUENCED, traits_of
from node.sequencer.rate_limits import RateLimiter, Windows
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob_pb2
from support.sequencing import ALICE, BOB, HEIGHT, LONG_TERM, Desk, Signer, batch_cancel, cancel, deposit, place

TWO_IN_ONE, FIVE_IN_TEN = RateLimit(1, 2), RateLimit(10, 5)


def leverage_update(who: Signer) -> Any:
    """For pair 0."""
    message = clob_pb2.MsgUpdateLeverage()
    message.subaccount_id.owner = who.text
    message.clob_pair_leverage.add(clob_pair_id=0, custom_imf_ppm=500_000)
    return message


class Door:
    """A node's CheckTx with these windows, and market 0."""

    def __init__(self, **classes: tuple[RateLimit, ...]) -> None:
        self.desk = desk = Desk()
        desk.wiring.clob._state.pairs.set(desk.ctx, 0, ClobPair(0, 0, 1_000_000, 100_000, -9, PairStatus.ACTIVE))
        self.set_rates(**classes)
        self.limiter = RateLimiter(desk.wiring.clob.keeper)
        self.economic: Any = None
        self.check = CheckState(desk.sources, count=self.limiter.check, economic=self._judge)
        self.sequences = {ALICE: 0, BOB: 0}

    def _judge(self, ctx: Any, tx: Any, commands: list[Any]) -> None:
        if self.economic is not None:
            self.economic(ctx, tx, commands)

    def set_rates(self, **classes: tuple[RateLimit, ...]) -> None:
        """As genesis or the authority would."""
        self.desk.wiring.clob.keeper.limits.set_rate_limits(self.desk.ctx, NO_RATES._replace(**classes))
        self.desk.ctx.state.forget()

    def go_to(self, height: int) -> None:
        """The next block is that one."""
        self.desk.ctx.height = height
        self.check.reset()

    def send(self, who: Signer, *messages: Any) -> tuple[str, int]:
        """(codespace, code) of CheckTx; with the next sequence unless a short-term message needs none."""
        short_term = traits_of(messages[0].DESCRIPTOR.full_name)(messages[0]).good_til_block != SEQUENCED
        sequence = 0 if short_term else self.sequences[who]
        raw = self.desk.sign(who, *messages, sequence=sequence)
        try:
            self.check.check(self.desk.ctx, raw)
        except ChainError as error:
            return error.codespace, error.code
        if not short_term:
            self.sequences[who] += 1
        return "", 0


OK = ("", 0)
EXCEEDED = ("clob", 5001)


def short(client_id: int, who: Signer = ALICE, **changes: Any) -> Any:
    """A short-term order that is new by its client id."""
    return place(who, client_id, good_til_block=HEIGHT + 20, **changes)


def test_short_term_orders_and_cancels_share_a_window() -> None:
    """Weight 1 each; the text names count, window and limit."""
    door = Door(short_term_orders_and_cancels=(TWO_IN_ONE,))
    assert door.send(ALICE, short(1)) == OK
    assert door.send(ALICE, cancel(ALICE, 1)) == OK
    with pytest.raises(ChainError) as caught:
        door.check.check(door.desk.ctx, door.desk.sign(ALICE, short(2)))
    assert caught.value.kind is RATE_LIMIT_EXCEEDED
    assert caught.value.log.startswith(f"{ALICE.text} has sent 3 short-term orders and cancels within one block; the limit is 2: ")


def test_a_batch_cancel_weighs_two_whatever_its_size() -> None:
    """6.5's table."""
    door = Door(short_term_orders_and_cancels=(RateLimit(1, 4),))
    assert door.send(ALICE, batch_cancel(ALICE, (1,))) == OK
    assert door.send(ALICE, batch_cancel(ALICE, tuple(range(50)))) == OK
    assert door.send(ALICE, short(1)) == EXCEEDED


def test_stateful_orders_have_their_own_window_and_their_cancels_none() -> None:
    """Every message of a bundle counts."""
    door = Door(stateful_orders=(TWO_IN_ONE,))
    assert door.send(ALICE, place(ALICE, 1, flags=LONG_TERM)) == OK
    for client_id in range(5):
        assert door.send(ALICE, cancel(ALICE, client_id, flags=LONG_TERM)) == OK
        assert door.send(ALICE, short(client_id)) == OK
    assert door.send(ALICE, place(ALICE, 2, flags=LONG_TERM), place(ALICE, 3, flags=LONG_TERM)) == EXCEEDED


def test_leverage_updates_have_a_window() -> None:
    """Weight 1."""
    door = Door(leverage_updates=(RateLimit(5, 1),))
    assert door.send(ALICE, leverage_update(ALICE)) == OK
    assert door.send(ALICE, leverage_update(ALICE)) == EXCEEDED
    assert door.send(BOB, leverage_update(BOB)) == OK


def test_an_owner_s_subaccounts_count_together_and_others_do_not() -> None:
    """Keyed by the owner's address."""
    door = Door(short_term_orders_and_cancels=(TWO_IN_ONE,))
    for number, expected in ((0, OK), (1, OK), (2, EXCEEDED)):
        message = short(1)
        message.order.order_id.subaccount_id.number = number
        assert door.send(ALICE, message) == expected
    assert door.send(BOB, short(1, BOB)) == OK


def test_a_window_of_n_blocks_is_the_current_one_and_n_minus_1_before() -> None:
    """What was sent at h counts until h + 9 in a window of 10."""
    door = Door(short_term_orders_and_cancels=(FIVE_IN_TEN,))
    for client_id in range(5):
        assert door.send(ALICE, short(client_id)) == OK
    door.go_to(HEIGHT + 9)
    assert door.send(ALICE, short(5)) == EXCEEDED
    door.go_to(HEIGHT + 10)
    # The attempt of HEIGHT + 9 counts.
    assert [door.send(ALICE, short(client_id)) for client_id in range(6, 11)] == [OK] * 4 + [EXCEEDED]


def test_all_windows_must_hold() -> None:
    """Two in one block and five in ten."""
    door = Door(short_term_orders_and_cancels=(TWO_IN_ONE, FIVE_IN_TEN))
    seen = []
    for height in range(HEIGHT, HEIGHT + 3):
        door.go_to(height)
        seen.append([door.send(ALICE, short(100 * height + client_id)) for client_id in range(2)])
    assert seen == [[OK, OK], [OK, OK], [OK, EXCEEDED]]


def test_attempts_count_whatever_becomes_of_them() -> None:
    """Those that fail later, and those beyond the limit."""
    door = Door(short_term_orders_and_cancels=(FIVE_IN_TEN,))

    def poor(_ctx: Any, _tx: Any, _commands: list[Any]) -> None:
        raise INSUFFICIENT_FUNDS("poor")

    door.economic = poor
    assert [door.send(ALICE, short(client_id)) for client_id in range(5)] == [("sdk", 5)] * 5
    door.economic = None
    assert [door.send(ALICE, short(client_id)) for client_id in range(10, 20)] == [EXCEEDED] * 10
    door.go_to(HEIGHT + 9)
    assert door.send(ALICE, short(30)) == EXCEEDED


def test_what_is_not_the_owner_s_or_too_old_counts_nothing() -> None:
    """Bad signatures, good-til-blocks out of the window, wrong sequences, unknown markets, other messages, rechecks."""
    door = Door(short_term_orders_and_cancels=(RateLimit(10, 1),), stateful_orders=(RateLimit(10, 1),))
    desk = door.desk
    forged = bytearray(desk.sign(ALICE, short(1)))
    forged[-1] ^= 1
    for raw, kind in (
        (bytes(forged), UNAUTHORIZED),
        (desk.sign(ALICE, place(ALICE, 1, good_til_block=HEIGHT - 1)), WINDOW.kind),
        (desk.sign(ALICE, place(ALICE, 1, good_til_block=HEIGHT + 41)), WINDOW.kind),
        (desk.sign(ALICE, place(ALICE, 1, flags=LONG_TERM), sequence=7), WRONG_SEQUENCE),
    ):
        with pytest.raises(ChainError) as caught:
            door.check.check(desk.ctx, raw)
        assert caught.value.kind is kind
    unknown, unknown_cancel = short(1), cancel(ALICE, 2)
    unknown.order.order_id.clob_pair_id = unknown_cancel.order_id.clob_pair_id = 9
    assert door.send(ALICE, unknown) == door.send(ALICE, unknown_cancel) == OK
    assert door.send(ALICE, deposit(ALICE)) == OK
    raw = desk.sign(ALICE, short(3))
    for _ in range(3):
        door.check.reset()
        door.check.check(desk.ctx, raw, recheck=True)
    door.check.reset()
    door.sequences[ALICE] = 0
    assert door.send(ALICE, short(4)) == OK
    assert door.send(ALICE, short(5)) == EXCEEDED


def test_new_windows_begin_at_nothing() -> None:
    """A change forgets all counts, as a restart does; the same windows written again do not."""
    door = Door(short_term_orders_and_cancels=(TWO_IN_ONE,))
    assert [door.send(ALICE, short(client_id)) for client_id in range(3)] == [OK, OK, EXCEEDED]
    door.set_rates(short_term_orders_and_cancels=(RateLimit(1, 2),))
    assert door.send(ALICE, short(3)) == EXCEEDED
    door.set_rates(short_term_orders_and_cancels=(RateLimit(1, 3),))
    assert [door.send(ALICE, short(client_id)) for client_id in range(4, 8)] == [OK, OK, OK, EXCEEDED]
    door.set_rates()
    assert door.send(ALICE, short(9)) == OK
    door.set_rates(short_term_orders_and_cancels=(RateLimit(1, 3),))
    assert door.send(ALICE, short(10)) == OK


def test_without_windows_nobody_is_remembered() -> None:
    """Nothing is even weighed: a message of an unknown kind would do."""
    door = Door()
    assert [door.send(ALICE, short(client_id)) for client_id in range(50)] == [OK] * 50
    assert [len(windows) for windows in door.limiter._windows] == [0, 0, 0]


def test_owners_are_forgotten_when_their_windows_are_empty() -> None:
    """Memory is bounded by who has sent something within the longest window."""
    windows = Windows((RateLimit(10, 5), RateLimit(3, 2)))
    for height in range(1_000):
        windows.count(Address(height.to_bytes(20, "big")), height, 1)
        assert len(windows) == min(height + 1, 10)


def test_what_is_kept_of_one_owner_is_bounded_by_its_longest_window() -> None:
    """However long it goes on sending."""
    windows = Windows((RateLimit(100, 1_000),))
    owner = Address(bytes(20))
    longest = 0
    for height in range(5_000):
        windows.count(owner, height, 1)
        longest = max(longest, len(windows._by_owner[owner].heights))
    assert longest <= 2 * 100 + 1


@given(
    sent=st.lists(st.tuples(st.integers(0, 4), st.sampled_from((1, 2)), st.integers(0, 2)), max_size=80),
    limits=st.lists(st.builds(RateLimit, st.integers(1, 12), st.integers(1, 8)), max_size=3),
)
def test_sums_are_those_of_a_full_count(sent: list[tuple[int, int, int]], limits: list[RateLimit]) -> None:
    """Against a list of everything that was ever sent."""
    windows = Windows(tuple(limits))
    everything: list[tuple[int, int, int]] = []
    height = 1
    for later, weight, owner in sent:
        height += later
        everything.append((height, weight, owner))
        expected = None
        for limit in limits:
            total = sum(other for at, other, whose in everything if whose == owner and at > height - limit.num_blocks)
            if total > limit.limit:
                expected = limit, total
                break
        assert windows.count(Address(bytes((owner,)) * 20), height, weight) == expected


def test_rate_limits_are_named_as_their_classes() -> None:
    """The limiter takes the windows in the order of RateLimits."""
    door = Door(stateful_orders=(TWO_IN_ONE,), short_term_orders_and_cancels=(FIVE_IN_TEN,))
    door.send(ALICE, short(1))
    assert [windows._limits for windows in door.limiter._windows] == list(RateLimits((TWO_IN_ONE,), (FIVE_IN_TEN,), ()))
