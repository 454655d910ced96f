"""Volume that is in no trail yet: its bytes, which heights can hold it, and what is wrong with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.fees.model import EVERYBODY, HOUR_SECONDS, HourKey, Trail, Volume
from modules.fees.pending import BLOCK_VOLUME, FOLDED_EVERY, BlockVolume, pending_heights
from modules.fees.state import FeesState
from modules.fees.volume import broken
from modules.kernel.context import Context
from modules.kernel.stores import Registry
from modules.kernel.units import Address
from node.store.state import LiveState
from support.clob_exchange import owner
from support.fee_desk import SECOND, START, FeeDesk

HOUR = START // HOUR_SECONDS
ALICE, BOB = owner("alice"), owner("bob")
numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**200))
volumes = st.dictionaries(st.binary(min_size=20, max_size=20).map(Address), st.builds(Volume, numbers, numbers), min_size=1, max_size=8)


def test_a_blocks_volume_has_these_bytes() -> None:
    """The format of the state table: hour, then rows by owner, each number after its length; nothing has no bytes."""
    block = BlockVolume(300, {Address(b"b" * 20): Volume(0, 2**64), Address(b"a" * 20): Volume(256, 255)})
    rows = b"a" * 20 + b"\x02\x01\x00" + b"\x01\xff" + b"b" * 20 + b"\x00" + b"\x09\x01" + bytes(8)
    assert BLOCK_VOLUME.encode(block) == b"\x08\xac\x02\x12" + bytes((len(rows),)) + rows


@given(hour=st.integers(0, 2**32 - 1), found=volumes)
def test_a_blocks_volume_survives_its_bytes_and_has_one_form(hour: int, found: dict[Address, Volume]) -> None:
    """Numbers of any size; the order in which traders were met does not matter."""
    data = BLOCK_VOLUME.encode(BlockVolume(hour, found))
    assert BLOCK_VOLUME.decode(data) == BlockVolume(hour, found)
    assert BLOCK_VOLUME.encode(BlockVolume(hour, dict(reversed(found.items())))) == data


@pytest.mark.parametrize("committed", range(4 * FOLDED_EVERY + 1))
def test_a_height_tells_where_something_can_be_pending(committed: int) -> None:
    """Seen from the height itself once it has ended, and from the next while that runs: at most sixteen, and all that can be."""
    pending: list[int] = []
    for height in range(1, committed + 1):
        pending = [] if height % FOLDED_EVERY == 0 else [*pending, height]
    for height in (committed, committed + 1):
        looked = pending_heights(height)
        assert len(looked) <= FOLDED_EVERY
        assert [one for one in pending if one in looked] == pending


def test_every_block_with_trade_stays_pending_until_a_sixteenth_height() -> None:
    """What the state holds at each height, and that nothing else is looked for."""
    desk = FeeDesk()
    held = []
    for _ in range(2 * FOLDED_EVERY):
        desk.fill("alice", "bob", 1)
        desk.step()
        held.append(sorted(desk.state.tables[7]))
        assert desk.broken() == []
    expected = [list(range(height // FOLDED_EVERY * FOLDED_EVERY + 1, height + 1)) for height in range(1, 2 * FOLDED_EVERY + 1)]
    assert held == expected


def test_pending_volume_that_has_aged_out_gets_no_trail() -> None:
    """A gap longer than the window: the block after it finds volume that counts no more."""
    desk = FeeDesk({"window_seconds": HOUR_SECONDS})
    desk.fill("alice", "bob", 5)
    desk.step(2 * HOUR_SECONDS, nanoseconds=1)
    assert desk.volume("alice") == (0, 0)
    assert len(desk.end()["fees"]) == 1
    assert [len(table) for table in desk.state.tables[4:]] == [0, 0, 0, 0]


def test_each_broken_invariant_of_pending_volume_is_told() -> None:
    """A forgotten block, two hours, an hour before a trail's, takers who are not everybody."""
    state = FeesState(registry := Registry())
    ctx = Context(LiveState(registry), 2 * FOLDED_EVERY + 3, START * SECOND, "test-1")
    fine = BlockVolume(HOUR, {ALICE: Volume(5, 0), BOB: Volume(0, 5), EVERYBODY: Volume(5, 0)})
    state.pending.set(ctx, 2 * FOLDED_EVERY + 1, fine)
    assert broken(ctx, state, HOUR) == []
    state.pending.set(ctx, FOLDED_EVERY, fine)
    assert "nobody looks" in broken(ctx, state, HOUR)[0]
    state.pending.delete(ctx, FOLDED_EVERY)

    def sentences() -> list[str]:
        ctx.scratch.clear()
        return broken(ctx, state, HOUR)

    state.pending.set(ctx, 2 * FOLDED_EVERY + 2, fine._replace(hour=HOUR + 1))
    assert "more than one hour" in sentences()[0]
    state.pending.set(ctx, 2 * FOLDED_EVERY + 2, BlockVolume(HOUR, {ALICE: Volume(5, 0), EVERYBODY: Volume(4, 0)}))
    assert sentences()[0].startswith(f"takers traded 5 at height {2 * FOLDED_EVERY + 2}")
    state.pending.delete(ctx, 2 * FOLDED_EVERY + 2)
    state.trails.set(ctx, ALICE, Trail(HOUR + 1, 1, 0, 0))
    state.starts.set(ctx, HourKey(HOUR + 1, ALICE), Volume(0, 0))
    assert "before that of its trail" in sentences()[0]
