"""How much everybody has traded lately.

An account's trail has running sums that only grow, and the hours in which they grew; beside it stands what the sums were before each of
those hours. What was traded since some hour is then one subtraction, found by two point reads. Nothing is ever taken off a sum, so nothing
has to happen when an hour ages out, and hours that count no more can be deleted whenever there is time.

Trails are brought up to date every few blocks. What the blocks since then have traded is pending, and every answer adds it.
"""

from collections.abc import Iterator

from modules.fees.formulas import first_hour, hour_of, hours_from, hours_of
from modules.fees.model import EVERYBODY, NO_VOLUME, HourKey, Trail, Volume
from modules.fees.pending import FOLDED_EVERY, BlockVolume, Pending, summed
from modules.fees.state import FeesState
from modules.kernel.context import Context
from modules.kernel.units import Address

PRUNED_AT_LEAST = 64
"""Every block deletes up to this many trails and hours that count no more, and two for each trail that it writes: more than it adds."""


class Volumes:
    """Reads and writes trails. Hours are those of block time; the window is genesis'."""

    def __init__(self, state: FeesState) -> None:
        self._state = state
        self._pending = Pending(state.pending)

    def since(self, ctx: Context, owner: Address, first: int) -> Volume:
        """FEE-4: what the account has traded from the start of hour `first`, a counting hour, to the end of the last block."""
        recent = self._pending.of(ctx, owner)
        taker, maker = NO_VOLUME if recent is None or recent.hour < first else recent.volume
        trail = self._state.trails.get(ctx, owner)
        if trail is not None and trail.hour >= first:
            start = self._start(ctx, next(hours_of(trail, first)), owner)
            taker += trail.taker - start.taker
            maker += trail.maker - start.maker
        return Volume(taker, maker)

    def is_below(self, ctx: Context, owner: Address, volume: int) -> bool:
        """Whether the account has surely traded less than this in the window: all it ever traded since its trail began is less."""
        trail = self._state.trails.get(ctx, owner)
        known = 0 if trail is None else trail.taker + trail.maker
        return known + self._pending.at_most(ctx) < volume or known + self._pending.both(ctx, owner) < volume

    def by_hour(self, ctx: Context, owner: Address, first: int) -> Iterator[tuple[int, Volume]]:
        """(hour, what the account traded in it), ascending, from hour `first`, a counting hour, on."""
        recent = self._pending.of(ctx, owner)
        for hour, volume in self._trail_by_hour(ctx, owner, first):
            if recent is None or recent.hour != hour:
                yield hour, volume
            else:
                yield hour, Volume(volume.taker + recent.volume.taker, volume.maker + recent.volume.maker)
                recent = None
        if recent is not None and recent.hour >= first:
            yield recent

    def in_hour(self, ctx: Context, hour: int) -> Iterator[tuple[Address, Volume]]:
        """(trader, what it traded in this counting hour), by address."""
        owners = dict.fromkeys([key.owner for key in self._state.starts.keys(ctx, hour.to_bytes(4, "big"))])
        for block in self._pending.blocks(ctx):
            if block.hour == hour:
                owners |= dict.fromkeys(block.volumes)
        for owner in sorted(owners):
            if owner != EVERYBODY:
                yield owner, next(self.by_hour(ctx, owner, hour))[1]

    def owners(self, ctx: Context) -> list[Address]:
        """All accounts that have a trail or volume that is pending, EVERYBODY too, by address."""
        owners = dict.fromkeys(self._state.trails.keys(ctx))
        for block in self._pending.blocks(ctx):
            owners |= dict.fromkeys(block.volumes)
        return sorted(owners)

    def record(self, ctx: Context, taker: Address, maker: Address, quote: int) -> None:
        """A fill has happened. It counts from the next block on."""
        traded = self._state.traded
        before = traded.get(ctx, taker) or NO_VOLUME
        traded.set(ctx, taker, Volume(before.taker + quote, before.maker))
        before = traded.get(ctx, maker) or NO_VOLUME
        traded.set(ctx, maker, Volume(before.taker, before.maker + quote))

    def fold(self, ctx: Context, window_seconds: int) -> None:
        """What the block has traded counts, and some of what counts no more is gone.

        It is of the block's hour; where a genesis has volume of an hour yet to come, of that one. What is pending of an earlier hour goes
        into the trails first, so that what is pending is always of one hour, and none before that of a trail.
        """
        everybody = self._state.trails.get(ctx, EVERYBODY)
        hour, first = hour_of(ctx.time_ns), first_hour(ctx.time_ns, window_seconds)
        if everybody is not None and everybody.hour > hour:
            hour = everybody.hour
        block = self._take_traded(ctx, hour)
        pending = self._pending.blocks(ctx)
        written = 0
        if pending and pending[0].hour != hour:
            written = self._into_trails(ctx, pending, first)
            pending = ()
        if ctx.height % FOLDED_EVERY == 0:
            written += self._into_trails(ctx, pending if block is None else (*pending, block), first)
        elif block is not None:
            self._pending.put(ctx, block)
        self._prune(ctx, first, PRUNED_AT_LEAST + 2 * written)

    def _take_traded(self, ctx: Context, hour: int) -> BlockVolume | None:
        """What the block has traded, which is taken out of the state; None: nobody has."""
        volumes = dict(self._state.traded.items(ctx))
        for owner in volumes:
            self._state.traded.delete(ctx, owner)
        if not volumes:
            return None
        volumes[EVERYBODY] = Volume(sum([volume.taker for volume in volumes.values()]), 0)
        return BlockVolume(hour, volumes)

    def _into_trails(self, ctx: Context, blocks: tuple[BlockVolume, ...], first: int) -> int:
        """What these blocks of one hour have traded is in the trails, if it counts, and not pending; so many trails are written."""
        self._pending.clear(ctx)
        if not blocks or blocks[0].hour < first:
            return 0
        sums = summed(blocks)
        for owner in sorted(sums):
            self.add(ctx, owner, blocks[0].hour, first, sums[owner])
        return len(sums)

    def add(self, ctx: Context, owner: Address, hour: int, first: int, volume: Volume) -> None:
        """The account has traded so much more in this hour, which is not before that of its trail."""
        trail = self._state.trails.get(ctx, owner)
        if trail is None or trail.hour < first:
            # Nothing of it counts: it begins anew, as it does where it has been pruned already.
            self._state.starts.set(ctx, HourKey(hour, owner), NO_VOLUME)
            self._state.trails.set(ctx, owner, Trail(hour, 1, volume.taker, volume.maker))
            return
        hours, passed = trail.hours, hour - trail.hour
        if passed:
            self._state.starts.set(ctx, HourKey(hour, owner), Volume(trail.taker, trail.maker))
            hours = hours_from(hours << passed | 1, hour, first)
        self._state.trails.set(ctx, owner, Trail(hour, hours, trail.taker + volume.taker, trail.maker + volume.maker))

    def _trail_by_hour(self, ctx: Context, owner: Address, first: int) -> Iterator[tuple[int, Volume]]:
        """The same of the trail alone."""
        trail = self._state.trails.get(ctx, owner)
        if trail is None or trail.hour < first:
            return
        hours = hours_of(trail, first)
        hour = next(hours)
        start = self._start(ctx, hour, owner)
        for following in hours:
            end = self._start(ctx, following, owner)
            yield hour, Volume(end.taker - start.taker, end.maker - start.maker)
            hour, start = following, end
        yield hour, Volume(trail.taker - start.taker, trail.maker - start.maker)

    def _start(self, ctx: Context, hour: int, owner: Address) -> Volume:
        start = self._state.starts.get(ctx, HourKey(hour, owner))
        assert start is not None, "every counting hour of a trail has its start"
        return start

    def _prune(self, ctx: Context, first: int, allowed: int) -> None:
        """At most so many starts and so many trails of hours before `first`, the oldest first, are gone."""
        state = self._state
        for _ in range(allowed):
            start = state.starts_by_hour.first(ctx, ())
            if start is None or start[1].hour >= first:
                break
            state.starts.delete(ctx, start[1])
        for _ in range(allowed):
            trail = state.trails_by_hour.first(ctx, ())
            if trail is None or trail[0] >= first:
                break
            state.trails.delete(ctx, trail[1])


def broken(ctx: Context, state: FeesState, first: int) -> list[str]:
    """By full scan: every counting hour of a trail has its start, none that is above what came later, what is pending is in order and of
    no hour before that of a trail, and what takers traded in each hour from `first` on is what the whole exchange did.
    """
    volumes, pending = Volumes(state), Pending(state.pending)
    sentences = pending.broken(ctx)
    takers: dict[int, int] = {}
    whole: dict[int, int] = {}
    for owner in volumes.owners(ctx):
        trail, recent = state.trails.get(ctx, owner), pending.of(ctx, owner)
        if trail is not None and trail.hour >= first:
            missing = [hour for hour in hours_of(trail, first) if not state.starts.has(ctx, HourKey(hour, owner))]
            if missing or not trail.hours & 1:
                sentences.append(f"the trail of {owner.hex()} lacks the start of an hour: {missing or [trail.hour]}")
                continue
        if trail is not None and recent is not None and recent.hour < trail.hour:
            sentences.append(f"volume of {owner.hex()} is pending of hour {recent.hour}, before that of its trail, {trail.hour}")
            continue
        for hour, volume in volumes.by_hour(ctx, owner, first):
            if min(volume) < 0:
                sentences.append(f"{owner.hex()} traded less than nothing in hour {hour}: {volume}")
            sums = whole if owner == EVERYBODY else takers
            sums[hour] = sums.get(hour, 0) + volume.taker
    if takers != whole:
        sentences.append(f"takers traded {takers} by hour, the whole exchange {whole}")
    return sentences
