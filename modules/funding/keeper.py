"""Funding's verbs: gather premiums over time, charge them at the end of epochs, say what a position owes."""

from modules.funding import formulas
from modules.funding.events import EPOCH_ENDED
from modules.funding.model import Accrual, Charge, FundingIndex, FundingParams, FundingSettings, History
from modules.funding.state import FundingState
from modules.kernel.context import Context
from modules.kernel.intmath import clamp, div_floor
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.perp.keeper import PerpKeeper
from modules.perp.model import Perpetual


class FundingKeeper:
    """One index per perpetual; settlement is lazy and exact, so it does not matter when or how often a position settles."""

    def __init__(self, state: FundingState, perp: PerpKeeper) -> None:
        self._state = state
        self._perp = perp

    # What positions need

    def index(self, ctx: Context, perpetual_id: int) -> int:
        """Quote quantums that one lot of a long has paid since the beginning (negative: received)."""
        return self.accrued(ctx, perpetual_id).value

    def lot(self, ctx: Context, perpetual_id: int) -> int:
        """Base quantums of one funding lot. Every position is a whole number of lots."""
        return self.settings(ctx, perpetual_id).lot_base_quantums

    def payment(self, ctx: Context, perpetual_id: int, quantums: int, since_index: int) -> int:
        """Quote quantums that a position of signed size receives for the index's way from `since_index` to now. Exact."""
        change = self.index(ctx, perpetual_id) - since_index
        return formulas.payment(quantums, self.lot(ctx, perpetual_id), change)

    def display_index(self, ctx: Context, perpetual_id: int, index: int) -> int:
        """An index as the reference's clients show it: quote quantums per 10^6 base quantums, nearest. Never for money."""
        return formulas.display_index(index, self.lot(ctx, perpetual_id))

    # What is kept

    def params(self, ctx: Context) -> FundingParams:
        return self._state.params.require(ctx)

    def settings(self, ctx: Context, perpetual_id: int) -> FundingSettings:
        found = self._state.settings.get(ctx, perpetual_id)
        assert found is not None, f"perpetual {perpetual_id} has no funding"
        return found

    def accrued(self, ctx: Context, perpetual_id: int) -> FundingIndex:
        """The index with its carry and the total paid."""
        found = self._state.index.get(ctx, perpetual_id)
        assert found is not None, f"perpetual {perpetual_id} has no funding"
        return found

    def running(self, ctx: Context, perpetual_id: int) -> Accrual:
        """The running epoch's premium, gathered up to the last block that funding has seen."""
        accrual = self._accrual(ctx, perpetual_id)
        clock = self._state.clock_ns.get(ctx)
        return accrual if clock is None else formulas.gather(accrual, clock)

    def epoch_end_ns(self, ctx: Context, perpetual_id: int) -> int:
        """When the running epoch ends; 0 before the first block."""
        clock = self._state.clock_ns.get(ctx)
        return 0 if clock is None else formulas.next_boundary(clock, self.settings(ctx, perpetual_id).epoch_seconds)

    def charges(self, ctx: Context, perpetual_id: int) -> tuple[Charge, ...]:
        """The last charges, oldest first."""
        found = self._state.history.get(ctx, perpetual_id)
        return () if found is None else found.charges

    # What the block does

    def begin_block(self, ctx: Context) -> None:
        """Time up to this block is covered, or skipped as an outage; epochs that have ended are charged at this block's price.

        The first block ever only sets the clock. A block's time that is not later than the last one's changes nothing.
        """
        clock = self._state.clock_ns.get(ctx)
        now = ctx.time_ns
        if clock is not None and now <= clock:
            return
        for perpetual in self._perp.all(ctx):
            if clock is None:
                self._state.accrual.set(ctx, perpetual.id, self._accrual(ctx, perpetual.id)._replace(since_ns=now))
            else:
                self._advance(ctx, perpetual, clock, now)
        self._state.clock_ns.set(ctx, now)

    def add_premium(self, ctx: Context, perpetual_id: int, premium_ppm: int) -> None:
        """The premium (ppm of the index) stands from this block's time until the next sample, clamped to the premium bound."""
        perpetual = self._perp.require(ctx, perpetual_id)
        bound = self.premium_bound(ctx, perpetual)
        sample = clamp(premium_ppm, -bound, bound)
        accrual = self._accrual(ctx, perpetual_id)
        if sample != accrual.sample_ppm or accrual.silent:
            gathered = formulas.gather(accrual, ctx.time_ns)
            self._state.accrual.set(ctx, perpetual_id, gathered._replace(sample_ppm=sample, silent=False))

    def no_premium(self, ctx: Context, perpetual_id: int) -> None:
        """No premium can be known from this block's time on: until the next sample time is not covered, and not charged."""
        accrual = self._accrual(ctx, perpetual_id)
        if not accrual.silent:
            self._state.accrual.set(ctx, perpetual_id, formulas.gather(accrual, ctx.time_ns)._replace(silent=True))

    def follow_terms(self, ctx: Context) -> None:
        """After tiers, markets or bounds have changed: samples keep to their bounds, and a remainder that is none any more is dropped."""
        for perpetual in self._perp.all(ctx):
            bound = self.premium_bound(ctx, perpetual)
            accrual = self._accrual(ctx, perpetual.id)
            sample = clamp(accrual.sample_ppm, -bound, bound)
            if sample != accrual.sample_ppm:
                self._state.accrual.set(ctx, perpetual.id, formulas.gather(accrual, ctx.time_ns)._replace(sample_ppm=sample))
            index = self.accrued(ctx, perpetual.id)
            if index.carry >= formulas.index_divisor(self._perp.terms(ctx, perpetual.id).divisor):
                self._state.index.set(ctx, perpetual.id, index._replace(carry=0))

    def premium_bound(self, ctx: Context, perpetual: Perpetual) -> int:
        """Largest absolute premium of one sample, ppm."""
        return formulas.margin_bound(self.params(ctx).premium_clamp_factor_ppm, *self._perp.lowest_rates(ctx, perpetual))

    def rate_bound(self, ctx: Context, perpetual: Perpetual) -> int:
        """Largest absolute rate, ppm per 8 hours: the tier's bound or the absolute cap, whichever is lower."""
        by_margin = formulas.margin_bound(self.params(ctx).rate_clamp_factor_ppm, *self._perp.lowest_rates(ctx, perpetual))
        return formulas.rate_bound(by_margin, self.settings(ctx, perpetual.id).rate_cap_ppm)

    def _accrual(self, ctx: Context, perpetual_id: int) -> Accrual:
        found = self._state.accrual.get(ctx, perpetual_id)
        assert found is not None, f"perpetual {perpetual_id} has no funding"
        return found

    def _advance(self, ctx: Context, perpetual: Perpetual, clock: int, now: int) -> None:
        """From the last block's time to this one's. Covered time is split exactly at the boundaries that lie in it."""
        settings = self.settings(ctx, perpetual.id)
        accrual = self._accrual(ctx, perpetual.id)
        outage = now - clock > settings.outage_seconds * NANOSECONDS_PER_SECOND
        boundary = formulas.next_boundary(clock, settings.epoch_seconds)
        if now < boundary:
            if outage:
                self._state.accrual.set(ctx, perpetual.id, formulas.gather(accrual, clock)._replace(since_ns=now))
            return
        ended = formulas.gather(accrual, clock if outage else boundary)
        self._charge(ctx, perpetual, ended, boundary)
        fresh = Accrual(0, 0, accrual.sample_ppm, now if outage else boundary, accrual.silent)
        latest = formulas.last_boundary(now, settings.epoch_seconds)
        if fresh.since_ns < latest:
            # Blocks were slower than epochs: the epochs in between had one sample and one rate, so one charge is exactly theirs.
            self._charge(ctx, perpetual, formulas.gather(fresh, latest), latest)
            fresh = fresh._replace(since_ns=latest)
        self._state.accrual.set(ctx, perpetual.id, fresh)

    def _charge(self, ctx: Context, perpetual: Perpetual, ended: Accrual, boundary: int) -> None:
        """What was covered is charged at the block's index price; nothing covered, nothing happens."""
        if ended.covered_ns == 0:
            return
        premium = formulas.mean_premium(ended.weighted, ended.covered_ns)
        rate = formulas.rate(premium, perpetual.default_funding_ppm, self.rate_bound(ctx, perpetual))
        terms = self._perp.index_terms(ctx, perpetual.id)
        lot = self.lot(ctx, perpetual.id)
        old = self.accrued(ctx, perpetual.id)
        change, carry = formulas.accrue(
            rate.rate_ppm, ended.covered_ns, lot * terms.multiplier, formulas.index_divisor(terms.divisor), old.carry
        )
        open_lots = div_floor(self._perp.open_interest(ctx, perpetual.id), lot)
        index = FundingIndex(old.value + change, carry, old.paid_total + open_lots * abs(change))
        self._state.index.set(ctx, perpetual.id, index)
        end = div_floor(boundary, NANOSECONDS_PER_SECOND)
        charge = Charge(ctx.height, ctx.time_seconds, end, rate.rate_ppm, premium, rate.capped_ppm, ended.covered_ns, index.value)
        kept = (*self.charges(ctx, perpetual.id), charge)[-self.params(ctx).history_length :]
        self._state.history.set(ctx, perpetual.id, History(kept))
        ctx.emit(EPOCH_ENDED, perpetual.id, end, rate.rate_ppm, premium, rate.capped_ppm, ended.covered_ns, change, index.value)

    def check(self, ctx: Context) -> list[str]:
        """FUND-A: open interest is whole lots, the carry is a proper remainder, samples keep their bound, time never runs back."""
        broken = []
        clock = self._state.clock_ns.get(ctx) or 0
        for perpetual in self._perp.all(ctx):
            settings, index, accrual = self.settings(ctx, perpetual.id), self.accrued(ctx, perpetual.id), self._accrual(ctx, perpetual.id)
            open_interest = self._perp.open_interest(ctx, perpetual.id)
            if div_floor(open_interest, settings.lot_base_quantums) * settings.lot_base_quantums != open_interest:
                broken.append(
                    f"open interest {open_interest} of perpetual {perpetual.id} is not whole lots of {settings.lot_base_quantums}"
                )
            divisor = formulas.index_divisor(self._perp.terms(ctx, perpetual.id).divisor)
            if not 0 <= index.carry < divisor:
                broken.append(f"carry {index.carry} of perpetual {perpetual.id} is no remainder of {divisor}")
            if abs(accrual.sample_ppm) > self.premium_bound(ctx, perpetual):
                broken.append(f"premium {accrual.sample_ppm} of perpetual {perpetual.id} is outside its bound")
            if accrual.since_ns > clock:
                broken.append(f"premium of perpetual {perpetual.id} is gathered up to {accrual.since_ns}, after {clock}")
            if len(self.charges(ctx, perpetual.id)) > self.params(ctx).history_length:
                broken.append(f"perpetual {perpetual.id} remembers more charges than {self.params(ctx).history_length}")
        return broken
