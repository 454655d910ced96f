"""Volume of a window: what counts from when until when, what a block writes, what is pruned, and equality with a plain list of fills."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.fees.formulas import first_hour, tier_index
from modules.fees.model import DEFAULT_WINDOW_SECONDS, EVERYBODY, HOUR_SECONDS, HourKey, Trail, Volume
from modules.fees.pending import FOLDED_EVERY
from modules.fees.state import FeesState
from modules.fees.volume import PRUNED_AT_LEAST, broken
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.stores import Registry
from node.store.state import CommittedView, LiveState
from support.clob_exchange import owner
from support.fee_desk import SECOND, START, FeeDesk

NAMES = ("alice", "bob", "carol")


def test_a_fill_counts_for_both_sides_once_for_all_and_from_the_next_block_on() -> None:
    """11.6: the taker's, the maker's, and everybody's volume."""
    desk = FeeDesk()
    desk.fill("alice", "bob", 1_000)
    desk.fill("bob", "alice", 30)
    assert desk.volume("alice") == desk.volume("bob") == (0, 0)
    desk.step()
    assert desk.volume("alice") == (1_000, 30)
    assert desk.volume("bob") == (30, 1_000)
    assert desk.keeper.total_volume(desk.ctx) == 1_030


def test_two_subaccounts_of_one_owner_count_on_both_sides() -> None:
    """An owner's fill with itself is its volume as taker and as maker; everybody's once."""
    desk = FeeDesk()
    desk.fill("alice", "alice", 7)
    desk.step()
    assert desk.volume("alice") == (7, 7)
    assert desk.keeper.total_volume(desk.ctx) == 7


@pytest.mark.parametrize(
    ("late_ns", "first"),
    [
        (0, START // HOUR_SECONDS - 721),
        (1, START // HOUR_SECONDS - 720),
        (HOUR_SECONDS * SECOND, START // HOUR_SECONDS - 720),
        (HOUR_SECONDS * SECOND + 1, START // HOUR_SECONDS - 719),
    ],
)
def test_the_first_hour_is_the_one_whose_end_and_window_reach_the_time(late_ns: int, first: int) -> None:
    """FEE-4: an hour expires when its end + window < time, to the nanosecond."""
    assert first_hour(START * SECOND + late_ns, DEFAULT_WINDOW_SECONDS) == first


def test_early_times_have_no_negative_hours() -> None:
    """FEE-4 at the unix epoch."""
    assert first_hour(0, DEFAULT_WINDOW_SECONDS) == 0


@pytest.mark.parametrize(("second", "expires"), [(0, HOUR_SECONDS), (HOUR_SECONDS - 1, 1)])
def test_volume_counts_to_the_end_of_its_hours_window_and_not_longer(second: int, expires: int) -> None:
    """A fill at the start of an hour counts as long as one at its end: up to the hour's end + window, that moment included."""
    desk = FeeDesk(time_ns=(START + second) * SECOND)
    desk.fill("alice", "bob", 5)
    desk.step(expires + DEFAULT_WINDOW_SECONDS)
    assert desk.volume("alice") == (5, 0)
    assert desk.keeper.total_volume(desk.ctx) == 5
    desk.step(0, nanoseconds=1)
    assert desk.volume("alice") == (0, 0)
    assert desk.keeper.total_volume(desk.ctx) == 0


def test_only_what_is_older_than_the_window_is_left_out() -> None:
    """Three hours of trading, of which the first ages out, then the second."""
    desk = FeeDesk({"window_seconds": 2 * HOUR_SECONDS})
    for quote in (1, 10, 100):
        desk.fill("alice", "bob", quote)
        desk.step(HOUR_SECONDS)
    assert desk.volume("alice") == (111, 0)
    desk.step(0, nanoseconds=1)
    assert desk.volume("alice") == (110, 0)
    desk.step(HOUR_SECONDS)
    assert desk.volume("alice") == (100, 0)
    assert desk.volume("bob") == (0, 100)


def test_an_undone_frame_has_traded_nothing() -> None:
    """A transaction that fails after its fills leaves no volume, not even of another fill before it."""
    desk = FeeDesk()
    desk.fill("alice", "bob", 5)
    mark = desk.ctx.mark()
    desk.keeper.record(desk.ctx, owner("alice"), owner("carol"), 1_000)
    desk.ctx.undo(mark)
    desk.step()
    assert desk.volume("alice") == (5, 0)
    assert desk.volume("carol") == (0, 0)
    assert desk.keeper.total_volume(desk.ctx) == 5


def test_a_block_writes_one_key_and_the_sixteenth_one_per_trader() -> None:
    """However many fills: the cost of volume is counted in keys. The first trails of an hour have one more; nothing else is left."""
    desk = FeeDesk(height=FOLDED_EVERY + 1)
    for _ in range(FOLDED_EVERY - 1):
        for _ in range(5):
            desk.fill("alice", "bob", 5)
            desk.fill("bob", "alice", 5)
        assert len(desk.end()["fees"]) == 1
        desk.step()
    assert len(desk.end()["fees"]) == FOLDED_EVERY - 1 + 2 * 3, "alice, bob and everybody: sums, and what they were before the hour"
    desk.step()
    assert desk.end() == {}
    desk.fill("bob", "alice", 5)
    assert len(desk.end()["fees"]) == 1
    for _ in range(FOLDED_EVERY - 1):
        desk.step()
    assert len(desk.end()["fees"]) == 1 + 3
    assert [len(table) for table in desk.state.tables[4:]] == [3, 3, 0, 0]


def test_the_first_block_of_an_hour_puts_the_last_ones_volume_into_trails() -> None:
    """Under its own hour, whether or not anybody trades then; what this block trades is pending again."""
    for trades in (False, True):
        desk = FeeDesk()
        desk.fill("alice", "bob", 5)
        desk.step(HOUR_SECONDS)
        if trades:
            desk.fill("bob", "alice", 7)
        changes = desk.end()["fees"]
        assert len(changes) == 1 + 2 * 3 + trades
        assert desk.state.tables[4][owner("alice")] == Trail(START // HOUR_SECONDS, 1, 5, 0)
        assert len(desk.state.tables[7]) == trades
        assert desk.broken() == []


def test_a_check_reads_rates_while_a_block_is_staged() -> None:
    """Rates need point reads alone, and are those of the committed state."""
    desk = FeeDesk()
    desk.fill("alice", "bob", 10**12)
    desk.step()
    desk.fill("bob", "carol", 10**12)
    desk.keeper.end_block(desk.ctx)
    view = Context(CommittedView(desk.state), desk.ctx.height, desk.ctx.time_ns, "test-1")
    assert desk.keeper.rates(view, owner("alice"), 0) == (450, -110)
    assert desk.keeper.rates(view, owner("carol"), 0) == (500, -110)
    assert desk.keeper.volume(view, owner("bob")) == Volume(0, 10**12)
    assert desk.keeper.total_volume(view) == 10**12


def test_what_counts_no_more_is_pruned_some_per_block() -> None:
    """A crowd trades once. When its hour has aged out, blocks without trade forget it in equal portions, then nothing is left."""
    desk = FeeDesk({"window_seconds": HOUR_SECONDS}, height=FOLDED_EVERY)
    for number in range(PRUNED_AT_LEAST):
        desk.fill(f"taker {number}", f"maker {number}", 5)
    desk.step(2 * HOUR_SECONDS)
    assert desk.end() == {}, "its end + window is now: it counts still"
    desk.step(1)
    assert len(desk.end()["fees"]) == 2 * PRUNED_AT_LEAST
    assert len(desk.end()["fees"]) == 2 * PRUNED_AT_LEAST
    assert len(desk.end()["fees"]) == 2, "everybody's"
    assert desk.end() == {}
    assert [len(table) for table in desk.state.tables[4:]] == [0, 0, 0, 0]


def test_pruning_keeps_up_with_any_number_of_traders() -> None:
    """A block deletes more than it adds: twice the trails that it writes besides the constant."""
    desk = FeeDesk({"window_seconds": HOUR_SECONDS})
    sizes = []
    for _ in range(12):
        for number in range(100):
            desk.fill(f"taker {number}", f"maker {number}", 5)
        desk.step(HOUR_SECONDS)
        sizes.append(len(desk.state.tables[5]))
    assert max(sizes) == sizes[-1] == 2 * 201, "the third hour that counts is pending"


def test_an_answer_does_not_depend_on_when_pruning_happens() -> None:
    """Whoever trades again after all of it has aged out begins anew, whether its trail was still there or not."""
    crowded, alone = (FeeDesk({"window_seconds": HOUR_SECONDS}, height=FOLDED_EVERY) for _ in range(2))
    for number in range(3 * PRUNED_AT_LEAST):
        crowded.fill(f"taker {number}", f"taker {number}", 1)
    last = max((f"late {number}" for number in range(50)), key=owner)
    for desk in (crowded, alone):
        desk.fill(last, "bob", 1_000)
        for _ in range(FOLDED_EVERY - 2):
            desk.step(0)
        desk.step(3 * HOUR_SECONDS)
        desk.step(1)
    trails = crowded.state.tables[4], alone.state.tables[4]
    assert [owner(last) in table for table in trails] == [True, False]
    for desk in (crowded, alone):
        assert desk.volume(last) == (0, 0)
        desk.fill(last, "bob", 7)
        assert desk.ctx.height % FOLDED_EVERY == 0
        desk.step(1)
        assert desk.volume(last) == (7, 0)
        assert desk.broken() == []
    assert trails[0][owner(last)] == trails[1][owner(last)]


moves = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 10**20)),
        st.tuples(st.just("undone"), st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 10**20)),
        st.tuples(st.just("step"), st.sampled_from((0, 1, 1_799, 3_599, 3_600, 3_601, 10_800, 14_400, 20_000, 10**6)), st.integers(0, 1)),
        st.tuples(st.just("blocks"), st.integers(1, FOLDED_EVERY + 2)),
        st.tuples(st.just("staged")),
        st.tuples(st.just("restart")),
        st.tuples(st.just("again")),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(moves=moves, window_hours=st.integers(1, 4), odd=st.integers(0, 3_599), height=st.integers(1, 2 * FOLDED_EVERY))
def test_volume_is_what_a_list_of_all_fills_says(moves: list[tuple[object, ...]], window_hours: int, odd: int, height: int) -> None:
    """Random fills, undone fills, gaps, staged blocks that are undone, restarts, exports and imports, from any height on: every trader's
    volume, each hour's, and everybody's.
    """
    desk = FeeDesk({"window_seconds": window_hours * HOUR_SECONDS + odd}, height=height)
    for move in moves:
        match move:
            case ("fill", str(taker), str(maker), int(quote)):
                desk.fill(taker, maker, quote)
                continue
            case ("undone", str(taker), str(maker), int(quote)):
                mark = desk.ctx.mark()
                desk.keeper.record(desk.ctx, owner(taker), owner(maker), quote)
                desk.ctx.undo(mark)
                continue
            case ("step", int(seconds), int(nanoseconds)):
                desk.step(seconds, nanoseconds)
            case ("blocks", int(count)):
                for _ in range(count):
                    desk.step()
            case ("staged",):
                mark = desk.ctx.mark()
                desk.keeper.end_block(desk.ctx)
                compare_points(desk, Context(CommittedView(desk.state), desk.ctx.height, desk.ctx.time_ns, "test-1"))
                desk.ctx.undo(mark)
            case ("restart",):
                desk.step()
                restart(desk)
            case _:
                desk.step()
                fills, desk = desk.fills, desk.again()
                desk.fills = fills
        compare(desk)


def restart(desk: FeeDesk) -> None:
    """The state is read back from its bytes."""
    before, desk.state = desk.state, LiveState(desk.registry)
    for declared in desk.registry.maps:
        for key, value in before.tables[declared.slot].items():
            data = declared.value_codec.encode(value)
            desk.state.load(declared.slot, declared.decode_key(declared.encode_key(key)), declared.value_codec.decode(data))
    assert desk.state.tables == before.tables
    desk.ctx = Context(desk.state, desk.ctx.height, desk.ctx.time_ns, "test-1")


def compare_points(desk: FeeDesk, ctx: Context) -> None:
    """What point reads of a context tell is what the list of fills does, up to the last block that has ended."""
    assert desk.keeper.total_volume(ctx) == desk.slow_total()
    tiers = desk.keeper.tiers(ctx)
    for name in NAMES:
        expected = desk.slow_volume(name)
        assert desk.keeper.volume(ctx, owner(name)) == expected
        assert desk.keeper.tier_index(ctx, owner(name)) == tier_index(tiers, expected, desk.slow_total())


def compare(desk: FeeDesk) -> None:
    """All answers, of the next block's context and of the last one's as a query sees it, are those of the list of fills."""
    query = Context(desk.state, desk.ctx.height - 1, desk.ctx.time_ns, "test-1")
    for ctx in (desk.ctx, query):
        assert desk.module.check_invariants(ctx) == []
        compare_points(desk, ctx)
        for hour in {fill[0] for fill in desk.fills}:
            told = dict(desk.keeper.hour_volumes(ctx, hour))
            counts = hour >= desk.keeper.first_hour(ctx)
            fills = [one for one in desk.fills if one[0] == hour]
            traded = {name for one in fills for name in one[1:3]}
            assert sorted(told) == sorted(owner(name) for name in traded if counts)
            for name in traded if counts else ():
                assert told[owner(name)] == (
                    sum(one[3] for one in fills if one[1] == name),
                    sum(one[3] for one in fills if one[2] == name),
                )


def test_an_imported_hour_to_come_takes_the_volume_of_the_present() -> None:
    """A genesis may be ahead of its chain's time: fills then count into its last hour, and nothing breaks."""
    ahead = START // HOUR_SECONDS + 5
    volumes = [{"address": addresses.to_text(owner("alice")), "hours": [{"hour": ahead, "taker": "9", "maker": 0}]}]
    desk = FeeDesk({"volumes": volumes})
    assert desk.volume("alice") == (9, 0)
    desk.fill("alice", "bob", 1)
    desk.fill("bob", "alice", 2)
    desk.step(6 * HOUR_SECONDS)
    desk.fill("alice", "bob", 4)
    desk.step()
    assert desk.volume("alice") == (14, 2)
    assert desk.keeper.total_volume(desk.ctx) == 16
    assert dict(desk.keeper.hour_volumes(desk.ctx, ahead)) == {owner("alice"): (10, 2), owner("bob"): (2, 1)}
    assert desk.broken() == []


def test_each_broken_invariant_is_told() -> None:
    """A lost start, a start above its sums, takers who are not everybody."""
    state = FeesState(registry := Registry())
    ctx = Context(LiveState(registry), 1, START * SECOND, "test-1")
    hour = START // HOUR_SECONDS
    state.trails.set(ctx, owner("alice"), Trail(hour, 1, 5, 0))
    assert "lacks the start" in broken(ctx, state, hour)[0]
    state.starts.set(ctx, HourKey(hour, owner("alice")), Volume(0, 0))
    assert broken(ctx, state, hour) == [f"takers traded {{{hour}: 5}} by hour, the whole exchange {{}}"]
    state.trails.set(ctx, EVERYBODY, Trail(hour, 1, 5, 0))
    state.starts.set(ctx, HourKey(hour, EVERYBODY), Volume(0, 0))
    assert broken(ctx, state, hour) == []
    state.starts.set(ctx, HourKey(hour, owner("alice")), Volume(0, 3))
    assert "less than nothing" in broken(ctx, state, hour)[0]
    assert broken(ctx, state, hour + 1) == [], "what does not count is not judged"
