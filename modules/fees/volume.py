"""How much everybody has traded lately.

An account's trail has running sums that only grow, and the hours in which they grew; beside it stands what the sums were before each of
those hours. What was traded since some hour is then one subtraction, found by two point reads. Nothing is ever taken off a sum, so nothing
has to happen when an hour ages out, and hours that count no more can be deleted whenever there is time.
"""

from collections.abc import Iterator

from modules.fees.formulas import first_hour, hour_of, hours_from, hours_of
from modules.fees.model import NO_VOLUME, HourKey, Trail, Volume
from modules.fees.state import FeesState
from modules.kernel.context import Context
from modules.kernel.units import Address

EVERYBODY = Address(bytes(20))
"""Under this address, which no key has, stands the trail of the whole exchange: every fill once, as taker."""

PRUNED_AT_LEAST = 64
"""Every block deletes up to this many trails and hours that count no more, and two for each trader of the block: more than it adds."""


class Volumes:
    """Reads and writes trails. Hours are those of block time; the window is genesis'."""

    def __init__(self, state: FeesState) -> None:
        self._state = state

    def since(self, ctx: Context, owner: Address, first: int) -> Volume:
        """FEE-4: what the account has traded from the start of hour `first`, a counting hour, to the end of the last block."""
        trail = self._state.trails.get(ctx, owner)
        if trail is None or trail.hour < first:
            return NO_VOLUME
        oldest = next(hours_of(trail, first))
        start = self._start(ctx, oldest, owner)
        return Volume(trail.taker - start.taker, trail.maker - start.maker)

    def is_below(self, ctx: Context, owner: Address, volume: int) -> bool:
        """Whether the account has surely traded less than this in the window: all it ever traded since its trail began is less."""
        trail = self._state.trails.get(ctx, owner)
        return (0 if trail is None else trail.taker + trail.maker) < volume

    def by_hour(self, ctx: Context, owner: Address, first: int) -> Iterator[tuple[int, Volume]]:
        """(hour, what the account traded in it), ascending, from hour `first`, a counting hour, on."""
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

    def in_hour(self, ctx: Context, hour: int) -> Iterator[tuple[Address, Volume]]:
        """(trader, what it traded in this counting hour), by address."""
        for key in self._state.starts.keys(ctx, hour.to_bytes(4, "big")):
            if key.owner != EVERYBODY:
                yield key.owner, next(self.by_hour(ctx, key.owner, hour))[1]

    def record(self, ctx: Context, taker: Address, maker: Address, quote: int) -> None:
        """A fill has happened. It counts from the next block on."""
        traded = self._state.traded
        before = traded.get(ctx, taker) or NO_VOLUME
        traded.set(ctx, taker, Volume(before.taker + quote, before.maker))
        before = traded.get(ctx, maker) or NO_VOLUME
        traded.set(ctx, maker, Volume(before.taker, before.maker + quote))

    def fold(self, ctx: Context, window_seconds: int) -> None:
        """The block's trades are in the trails, and some of what counts no more is gone.

        They are of the block's hour; where a genesis has volume of an hour yet to come, of that one.
        """
        traded = self._state.traded
        everybody = self._state.trails.get(ctx, EVERYBODY)
        hour, first = hour_of(ctx.time_ns), first_hour(ctx.time_ns, window_seconds)
        if everybody is not None and everybody.hour > hour:
            hour = everybody.hour
        block = list(traded.items(ctx))
        total = 0
        for owner, volume in block:
            traded.delete(ctx, owner)
            self.add(ctx, owner, hour, first, volume)
            total += volume.taker
        if block:
            self.add(ctx, EVERYBODY, hour, first, Volume(total, 0))
        self._prune(ctx, first, PRUNED_AT_LEAST + 2 * len(block))

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
    """By full scan: every counting hour of a trail has its start, none that is above what came later, and what takers traded in each
    hour from `first` on is what the whole exchange did.
    """
    sentences: list[str] = []
    volumes = Volumes(state)
    takers: dict[int, int] = {}
    whole: dict[int, int] = {}
    for owner, trail in state.trails.items(ctx):
        if trail.hour < first:
            continue
        missing = [hour for hour in hours_of(trail, first) if not state.starts.has(ctx, HourKey(hour, owner))]
        if missing or not trail.hours & 1:
            sentences.append(f"the trail of {owner.hex()} lacks the start of an hour: {missing or [trail.hour]}")
            continue
        for hour, volume in volumes.by_hour(ctx, owner, first):
            if min(volume) < 0:
                sentences.append(f"{owner.hex()} traded less than nothing in hour {hour}: {volume}")
            sums = whole if owner == EVERYBODY else takers
            sums[hour] = sums.get(hour, 0) + volume.taker
    if takers != whole:
        sentences.append(f"takers traded {takers} by hour, the whole exchange {whole}")
    return sentences
