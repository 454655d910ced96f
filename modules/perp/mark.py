"""The mark price: made when a block begins, of the block's index and of what the book showed when the block before ended."""

from modules.kernel.context import Context
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.oracle.keeper import OracleKeeper
from modules.oracle.model import Reading, Standing
from modules.perp import formulas
from modules.perp.model import BookPrices, Exact, Mark, Perpetual
from modules.perp.state import PerpState


class Marks:
    """One mark price per perpetual. Between the beginnings of two blocks it does not change, whatever the book does."""

    __slots__ = ("_oracle", "_state")

    def __init__(self, state: PerpState, oracle: OracleKeeper) -> None:
        self._state = state
        self._oracle = oracle

    def price(self, ctx: Context, perpetual_id: int) -> int:
        """The mark of an existing perpetual in oracle units; 0 if its market was never priced."""
        found = self._state.marks.get(ctx, perpetual_id)
        return self.index(ctx, self._perpetual(ctx, perpetual_id)).price if found is None else found.price

    def look(self, ctx: Context, perpetual_id: int) -> Mark:
        """The mark of an existing perpetual with everything behind it."""
        found = self._state.marks.get(ctx, perpetual_id)
        if found is None:
            index = self.index(ctx, self._perpetual(ctx, perpetual_id)).price
            return Mark(index, index)
        return found

    def begin_block(self, ctx: Context) -> None:
        """Every mark follows from the block's index (PERP-15). After the oracle's prices, before anybody values anything.

        Where no book has been seen there is nothing to keep: the mark is the index.
        """
        for perpetual_id, old in list(self._state.marks.items(ctx)):
            if not (old.ema or old.book_middle or old.book_impact_middle):
                self._state.marks.delete(ctx, perpetual_id)
                continue
            perpetual = self._perpetual(ctx, perpetual_id)
            index = self.index(ctx, perpetual).price
            basis = formulas.whole_units(old.ema)
            price = formulas.mark_price(index, basis, old.book_impact_middle or index, perpetual.mark_clamp_ppm)
            new = old._replace(price=price, index_price=index, basis=basis, impact_middle=old.book_impact_middle)
            if new != old:
                self._state.marks.set(ctx, perpetual_id, new)

    def record(self, ctx: Context) -> None:
        """The oracle keeps every mark's history; each is in force from the block's time on. After `begin_block`."""
        for perpetual_id, perpetual in self._state.perpetuals.items(ctx):
            price = self.price(ctx, perpetual_id)
            if price:
                self._oracle.record_mark(ctx, perpetual_id, perpetual.market_id, price)

    def observe(self, ctx: Context, perpetual_id: int, book: BookPrices | None, *, frozen: bool) -> None:
        """What the next block's mark is made of is what the book shows now, at the block's end; None: it is not open for trading.

        A frozen market, and one whose index is not fresh, keeps what it had, and the time does not count for its average.
        """
        perpetual = self._perpetual(ctx, perpetual_id)
        old = self._state.marks.get(ctx, perpetual_id)
        if frozen or self._oracle.standing(ctx, perpetual.market_id) is not Standing.FRESH:
            if old is not None:
                observed_ns = ctx.time_ns if old.observed_ns else 0
                frozen_height = ctx.height if frozen else old.frozen_height
                self._state.marks.set(ctx, perpetual_id, old._replace(observed_ns=observed_ns, frozen_height=frozen_height))
            return
        reading = self.index(ctx, perpetual)
        middle = impact_middle = 0
        if book is not None:
            unit = formulas.index_subticks(1, reading.exponent, perpetual.atomic_resolution, book.quantum_conversion_exponent)
            middle = _middle(book.bid, book.ask, unit)
            impact_middle = _middle(book.impact_bid, book.impact_ask, unit)
        before = old or Mark(reading.price, reading.price)
        new = _observed(before, middle, impact_middle, reading.price, ctx.time_ns, perpetual)
        if new != before:
            self._state.marks.set(ctx, perpetual_id, new)

    def forget(self, ctx: Context, perpetual_id: int) -> None:
        """From the next block on the mark is the index, until a book is seen again."""
        old = self._state.marks.get(ctx, perpetual_id)
        if old is not None:
            self._state.marks.set(ctx, perpetual_id, Mark(old.price, old.index_price, old.basis, old.impact_middle))

    def check(self, ctx: Context) -> list[str]:
        """PERP-B: every mark is of a perpetual, was made of its index, and lies within its clamp."""
        broken = []
        for perpetual_id, mark in self._state.marks.items(ctx):
            perpetual = self._state.perpetuals.get(ctx, perpetual_id)
            if perpetual is None:
                broken.append(f"a mark of perpetual {perpetual_id}, which does not exist")
                continue
            index = self.index(ctx, perpetual).price
            if mark.index_price != index:
                broken.append(f"the mark of perpetual {perpetual_id} was made of index {mark.index_price}, not {index}")
            if not is_within(mark, perpetual.mark_clamp_ppm):
                broken.append(f"the mark {mark.price} of perpetual {perpetual_id} is too far from index {mark.index_price}")
        return broken

    def _perpetual(self, ctx: Context, perpetual_id: int) -> Perpetual:
        found = self._state.perpetuals.get(ctx, perpetual_id)
        assert found is not None, f"perpetual {perpetual_id} does not exist"
        return found

    def index(self, ctx: Context, perpetual: Perpetual) -> Reading:
        """The price of its market, at the market's own maximum age: margin values a position at the last price, however old."""
        return self._oracle.price(ctx, perpetual.market_id, self._oracle.maximum_age_seconds(ctx, perpetual.market_id))


def is_within(mark: Mark, clamp_ppm: int) -> bool:
    """Whether a mark is one that its index allows (PERP-14)."""
    low, high = formulas.mark_bounds(mark.index_price, clamp_ppm)
    return low <= mark.price <= high


def _middle(bid: Exact | None, ask: Exact | None, unit: Exact) -> int:
    """Of two prices of a book in oracle units; 0 where one is missing."""
    if bid is None or ask is None:
        return 0
    return formulas.middle(formulas.oracle_units(bid, unit), formulas.oracle_units(ask, unit))


def _observed(old: Mark, middle: int, impact_middle: int, index: int, now_ns: int, perpetual: Perpetual) -> Mark:
    """With new components. The middle of a book without a side is the index.

    One look counts for at most the time constant, so for half: after a gap no single block is the whole average.
    """
    sample = formulas.mark_sample(index, middle, perpetual.mark_clamp_ppm) if middle else 0
    constant_ns = perpetual.mark_ema_seconds * NANOSECONDS_PER_SECOND
    elapsed_ns = min(now_ns - old.observed_ns, constant_ns) if old.observed_ns else 0
    ema = formulas.ema_after(old.ema, sample, elapsed_ns, constant_ns)
    if not (middle or impact_middle or formulas.whole_units(ema)):
        return old._replace(ema=0, book_middle=0, book_impact_middle=0, observed_ns=0)
    return old._replace(ema=ema, book_middle=middle, book_impact_middle=impact_middle, observed_ns=now_ns)
