"""Final settlement: the positions of a market that ends are closed against each other at the oracle price."""

from modules.clob.keeper import ClobKeeper
from modules.clob.model import PairStatus
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import SubaccountId
from modules.liquidation import formulas
from modules.liquidation.deleveraging import exchanged
from modules.liquidation.events import SETTLED_AT_ORACLE
from modules.perp.keeper import PerpKeeper
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Fill


class _Side:
    """The subaccounts of one side in key order, from the first that can be closed on."""

    __slots__ = ("_keys", "_perpetual_id", "_place", "_subaccounts", "net_collateral", "quantums")

    def __init__(self, subaccounts: SubaccountsKeeper, perpetual_id: int, keys: list[SubaccountId]) -> None:
        self._subaccounts = subaccounts
        self._perpetual_id = perpetual_id
        self._keys = keys
        self._place = -1
        self.quantums = 0
        """Signed, of the present one: what is left to close of it."""
        self.net_collateral = 0

    @property
    def key(self) -> SubaccountId:
        return self._keys[self._place]

    def advance(self, ctx: Context) -> bool:
        """The next one whose net collateral is not negative is present; False if there is none."""
        while (place := self._place + 1) < len(self._keys):
            self._place = place
            self.net_collateral = self._subaccounts.risk(ctx, self.key).net_collateral
            self.quantums = self._subaccounts.position(ctx, self.key, self._perpetual_id)
            if self.net_collateral >= 0:
                return True
        return False


class Settlement:
    """One block's closes. Funding is settled by each; fees there are none."""

    __slots__ = ("_clob", "_left", "_perp", "_subaccounts")

    def __init__(self, perp: PerpKeeper, subaccounts: SubaccountsKeeper, clob: ClobKeeper, pairs_max: int) -> None:
        self._perp = perp
        self._subaccounts = subaccounts
        self._clob = clob
        self._left = pairs_max
        """How many closes this block may still make."""

    def settle(self, ctx: Context, perpetual_id: int) -> None:
        """Longs and shorts have closed against each other in key order, as many as the block may, at the oracle price, to the quantum.

        Whose net collateral is negative takes no part. A close that would leave somebody with a debt, or that a pool cannot pay, is left
        out. Raises nothing. The market has a price.
        """
        if self._left == 0:
            return
        sides: tuple[list[SubaccountId], list[SubaccountId]] = ([], [])
        for key in self._subaccounts.holders(ctx, perpetual_id):
            sides[self._subaccounts.position(ctx, key, perpetual_id) < 0].append(key)
        longs, shorts = (_Side(self._subaccounts, perpetual_id, keys) for keys in sides)
        going = longs.advance(ctx) and shorts.advance(ctx)
        while going and self._left:
            quantums = min(longs.quantums, -shorts.quantums)
            ends_long, ends_short = longs.quantums == quantums, shorts.quantums == -quantums
            if self._close(ctx, perpetual_id, longs, shorts, quantums):
                self._left -= 1
            going = (not ends_long or longs.advance(ctx)) and (not ends_short or shorts.advance(ctx))

    def _close(self, ctx: Context, perpetual_id: int, longs: _Side, shorts: _Side, quantums: int) -> bool:
        """So much of both is closed, and the sides say what is left; or nothing has happened."""
        notional = self._perp.notional
        lost = notional(ctx, perpetual_id, longs.quantums) - notional(ctx, perpetual_id, longs.quantums - quantums)
        gained = notional(ctx, perpetual_id, shorts.quantums + quantums) - notional(ctx, perpetual_id, shorts.quantums)
        quote = formulas.settlement_quote(notional(ctx, perpetual_id, quantums), longs.net_collateral, lost)
        fill = Fill(perpetual_id, longs.key, shorts.key, False, quantums, quote, 0, 0)
        if shorts.net_collateral + gained - quote < 0 or not exchanged(ctx, self._subaccounts, fill):
            return False
        longs.quantums -= quantums
        shorts.quantums += quantums
        longs.net_collateral += quote - lost
        shorts.net_collateral += gained - quote
        long, short, price = fill.taker, fill.maker, self._perp.terms(ctx, perpetual_id).price
        self._clob.tell_deleverage(ctx, fill)
        names = (addresses.to_text(long.owner), long.number, addresses.to_text(short.owner), short.number)
        ctx.emit(SETTLED_AT_ORACLE, *names, perpetual_id, quantums, quote, price)
        return True


def is_ending(ctx: Context, perp: PerpKeeper, perpetual_id: int, status: int) -> bool:
    """Whether there is something to settle, and a price to do it at: however old, it is the market's last, and the market ends with it."""
    return status == PairStatus.FINAL_SETTLEMENT and perp.open_interest(ctx, perpetual_id) > 0 and perp.terms(ctx, perpetual_id).price != 0
