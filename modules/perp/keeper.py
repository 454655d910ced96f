"""The perpetuals' verbs: what exists, what a position is worth and requires, how much is open."""

from collections.abc import Iterator

from modules.kernel.context import Context
from modules.oracle.keeper import OracleKeeper
from modules.oracle.model import Standing
from modules.perp import formulas
from modules.perp.errors import PERPETUAL_MISSING
from modules.perp.mark import Marks
from modules.perp.model import MARK, LiquidityTier, Perpetual, PositionMargin, Terms
from modules.perp.state import PerpState

_MEMO = "perp.terms"
_STANDING = "perp.standing"


class PerpKeeper:
    """Perpetuals by id. `terms` and what builds on it are remembered in the context's scratch until prices may change."""

    def __init__(self, state: PerpState, oracle: OracleKeeper) -> None:
        self._state = state
        self._oracle = oracle
        self.mark = Marks(state, oracle)

    def perpetual(self, ctx: Context, perpetual_id: int) -> Perpetual | None:
        return self._state.perpetuals.get(ctx, perpetual_id)

    def require(self, ctx: Context, perpetual_id: int) -> Perpetual:
        """The perpetual. Raises perpetuals/1 when there is none."""
        found = self._state.perpetuals.get(ctx, perpetual_id)
        if found is None:
            raise PERPETUAL_MISSING(f"perpetual {perpetual_id}")
        return found

    def all(self, ctx: Context) -> Iterator[Perpetual]:
        """Every perpetual, ascending by id."""
        for _, perpetual in self._state.perpetuals.items(ctx):
            yield perpetual

    def tier(self, ctx: Context, perpetual: Perpetual) -> LiquidityTier:
        found = self._state.tiers.get(ctx, perpetual.liquidity_tier)
        assert found is not None, f"liquidity tier {perpetual.liquidity_tier} does not exist"
        return found

    def lowest_rates(self, ctx: Context, perpetual: Perpetual) -> tuple[int, int]:
        """Initial and maintenance margin of the smallest positions, ppm: what funding's bounds are made of, never a margin."""
        return formulas.lowest_rates(self.tier(ctx, perpetual))

    def tiers(self, ctx: Context) -> Iterator[LiquidityTier]:
        """Every liquidity tier, ascending by id."""
        for _, tier in self._state.tiers.items(ctx):
            yield tier

    def terms(self, ctx: Context, perpetual_id: int) -> Terms:
        """Margin maths of an existing perpetual at its margin price, index or mark; `price == 0` if the market was never priced.

        The price is the block's: both are made once, when it begins.
        """
        memo: dict[int, Terms] | None = ctx.scratch.get(_MEMO)
        if memo is None:
            memo = ctx.scratch[_MEMO] = {}
        found = memo.get(perpetual_id)
        if found is None:
            perpetual = self.require(ctx, perpetual_id)
            index = self.mark.index(ctx, perpetual)
            price = self.mark.price(ctx, perpetual_id) if perpetual.margin_price == MARK else index.price
            found = memo[perpetual_id] = formulas.terms(price, index.exponent, perpetual.atomic_resolution, self.tier(ctx, perpetual))
        return found

    def index_terms(self, ctx: Context, perpetual_id: int) -> Terms:
        """The same at the index, whatever the margin price is: what funding charges by."""
        perpetual = self.require(ctx, perpetual_id)
        if perpetual.margin_price != MARK:
            return self.terms(ctx, perpetual_id)
        index = self.mark.index(ctx, perpetual)
        return formulas.terms(index.price, index.exponent, perpetual.atomic_resolution, self.tier(ctx, perpetual))

    def price_exponent(self, ctx: Context, perpetual: Perpetual) -> int:
        """Dollars per coin of its index and mark are 10^this."""
        return self.mark.index(ctx, perpetual).exponent

    def notional(self, ctx: Context, perpetual_id: int, quantums: int) -> int:
        """Signed quote quantums of a signed size at the block's price, truncated toward zero."""
        return formulas.notional(self.terms(ctx, perpetual_id), quantums)

    def margin(
        self, ctx: Context, perpetual_id: int, quantums: int, open_interest: int | None = None, custom_imf_ppm: int = 0
    ) -> PositionMargin:
        """Value and requirements of a signed position size.

        `open_interest` (base quantums) is what the market has after the trade that is judged; None: what it has now.
        `custom_imf_ppm` is the account's own initial fraction, which can only raise the requirement.
        """
        terms = self.terms(ctx, perpetual_id)
        if open_interest is None:
            open_interest = self.open_interest(ctx, perpetual_id) if terms.scales else 0
        return formulas.margin(terms, quantums, open_interest, custom_imf_ppm)

    def open_interest(self, ctx: Context, perpetual_id: int) -> int:
        """Base quantums: the sum of all long positions."""
        return self._state.open_interest.get(ctx, perpetual_id) or 0

    def change_open_interest(self, ctx: Context, perpetual_id: int, delta: int) -> None:
        """The open interest is `delta` base quantums more (negative: less). It never goes below zero: only matched trades change it."""
        if delta == 0:
            return
        changed = self.open_interest(ctx, perpetual_id) + delta
        assert changed >= 0, f"open interest of perpetual {perpetual_id} would be {changed}"
        if changed:
            self._state.open_interest.set(ctx, perpetual_id, changed)
        else:
            self._state.open_interest.delete(ctx, perpetual_id)

    def index_subticks(self, ctx: Context, perpetual_id: int, quantum_conversion_exponent: int) -> tuple[int, int]:
        """The oracle price in subticks of a book as an exact (numerator, denominator); numerator 0 if never priced."""
        perpetual = self.require(ctx, perpetual_id)
        price = self.mark.index(ctx, perpetual)
        return formulas.index_subticks(price.price, price.exponent, perpetual.atomic_resolution, quantum_conversion_exponent)

    def subticks_of(self, ctx: Context, perpetual_id: int, price: int, quantum_conversion_exponent: int) -> tuple[int, int]:
        """Any price in oracle units in subticks of a book, exact, as above."""
        perpetual = self.require(ctx, perpetual_id)
        exponent = self.price_exponent(ctx, perpetual)
        return formulas.index_subticks(price, exponent, perpetual.atomic_resolution, quantum_conversion_exponent)

    def priced(self, ctx: Context, perpetual_id: int, price: int) -> Context:
        """A context that reads the same state as if this were the perpetual's margin price, in oracle units. For questions only."""
        perpetual = self.require(ctx, perpetual_id)
        exponent = self.mark.index(ctx, perpetual).exponent
        trial = Context(ctx.state, ctx.height, ctx.time_ns, ctx.chain_id)
        changed = formulas.terms(price, exponent, perpetual.atomic_resolution, self.tier(ctx, perpetual))
        trial.scratch[_MEMO] = {perpetual_id: changed}
        return trial

    def standing(self, ctx: Context, perpetual_id: int) -> Standing:
        """What the price of an existing perpetual's market allows in this block. Asked with every fill, so remembered as terms are."""
        memo: dict[int, Standing] | None = ctx.scratch.get(_STANDING)
        if memo is None:
            memo = ctx.scratch[_STANDING] = {}
        found = memo.get(perpetual_id)
        if found is None:
            found = memo[perpetual_id] = self._oracle.standing(ctx, self.require(ctx, perpetual_id).market_id)
        return found

    def check(self, ctx: Context) -> list[str]:
        """PERP-A: every perpetual has a market and a tier; open interest is positive where it is kept, and of a perpetual."""
        broken = []
        for perpetual in self.all(ctx):
            if self._oracle.market(ctx, perpetual.market_id) is None:
                broken.append(f"perpetual {perpetual.id} is priced by market {perpetual.market_id}, which does not exist")
            if not self._state.tiers.has(ctx, perpetual.liquidity_tier):
                broken.append(f"perpetual {perpetual.id} has tier {perpetual.liquidity_tier}, which does not exist")
        for perpetual_id, quantums in self._state.open_interest.items(ctx):
            if quantums <= 0 or not self._state.perpetuals.has(ctx, perpetual_id):
                broken.append(f"open interest of perpetual {perpetual_id} is kept as {quantums}")
        return broken + self.mark.check(ctx)
