"""Deleveraging: what neither the book nor the fund takes from a subaccount of negative worth goes to those on the other side."""

from typing import NamedTuple

from modules.clob.keeper import ClobKeeper
from modules.clob.model import PairStatus
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.intmath import div_floor
from modules.kernel.units import SubaccountId
from modules.liquidation import formulas
from modules.liquidation.crowd import Crowd
from modules.liquidation.events import DELEVERAGE_FILL, DELEVERAGE_PASSED_OVER, DELEVERAGED
from modules.liquidation.model import Holder, LiquidationParams
from modules.perp.keeper import PerpKeeper
from modules.perp.model import PositionMargin
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import Fill, Position, Risk

RE_SPLITS_MAX = 8
"""How often the share of holders that are passed over is split again among the rest. After that it waits for the next block."""
_TURNS_MAX = 2 * RE_SPLITS_MAX
_CLOSED_TO_ALL = (PairStatus.PAUSED, PairStatus.INITIALIZING)


class _Closing(NamedTuple):
    """One position of a subaccount of negative worth, before anything of it is closed."""

    subaccount: SubaccountId
    perpetual_id: int
    quantums: int
    lot: int
    risk: Risk
    margin: PositionMargin


class _Share(NamedTuple):
    """What one counterparty closes, and how it stood before."""

    holder: Holder
    quantums: int
    """Positive."""
    quote: int
    """Signed: what the deleveraged subaccount receives from it."""
    position: Position
    net_collateral: int


class Deleveraging:
    """One block's deleveraging. Lives for one pass: what it knows of the markets is refreshed by its own fills only."""

    __slots__ = ("_clob", "_crowds", "_params", "_perp", "_subaccounts")

    def __init__(self, perp: PerpKeeper, subaccounts: SubaccountsKeeper, clob: ClobKeeper, params: LiquidationParams) -> None:
        self._perp = perp
        self._subaccounts = subaccounts
        self._clob = clob
        self._params = params
        self._crowds: dict[int, Crowd] = {}

    def is_open(self, ctx: Context, perpetual_id: int) -> bool:
        """Whether positions in this market may be deleveraged: it has a price, and is neither paused nor initializing."""
        pair = self._clob.pair_of(ctx, perpetual_id)
        return pair is not None and pair.status not in _CLOSED_TO_ALL and self._perp.terms(ctx, perpetual_id).price != 0

    def close(self, ctx: Context, subaccount: SubaccountId, perpetual_id: int) -> bool:
        """As much as possible of one position has gone to the other side; whether anything has. The market is open.

        Nothing happens to a subaccount whose net collateral is not negative. Who would be left with a debt, or could not be paid, is passed
        over and its share split again. Raises nothing.
        """
        risk = self._subaccounts.risk(ctx, subaccount)
        quantums = self._subaccounts.position(ctx, subaccount, perpetual_id)
        if risk.net_collateral >= 0 or quantums == 0:
            return False
        lot = self._subaccounts.backing(ctx, perpetual_id).lot
        closing = _Closing(subaccount, perpetual_id, quantums, lot, risk, self._perp.margin(ctx, perpetual_id, quantums))
        crowd = self._crowd(ctx, perpetual_id)
        wanted_lots = div_floor(abs(quantums), lot)
        passed_over: dict[SubaccountId, _Share] = {}
        stood: dict[SubaccountId, tuple[Position, int]] = {}
        for turn in range(_TURNS_MAX):
            if turn <= RE_SPLITS_MAX:
                holders = crowd.choose(quantums < 0, passed_over, self._params.max_deleveraging_counterparties)
                lots = formulas.shares(wanted_lots, holders)
            else:
                lots = [0 if holder.id in passed_over else held for holder, held in zip(holders, lots, strict=True)]
            shares = self._shares(ctx, closing, holders, lots, stood)
            if not shares:
                return False
            refused = [share for share in shares if self._would_owe(ctx, closing, share)] or self._exchange(ctx, closing, shares)
            if not refused:
                self._tell(ctx, closing, shares, [holder for holder in holders if holder.id not in passed_over], passed_over)
                for share in shares:
                    crowd.refresh(ctx, share.holder.id)
                crowd.refresh(ctx, subaccount)
                return True
            passed_over.update((share.holder.id, share) for share in refused)
        return False

    def _crowd(self, ctx: Context, perpetual_id: int) -> Crowd:
        found = self._crowds.get(perpetual_id)
        if found is None:
            found = self._crowds[perpetual_id] = Crowd(ctx, self._perp, self._subaccounts, perpetual_id)
        return found

    def _shares(
        self, ctx: Context, closing: _Closing, holders: list[Holder], lots: list[int], stood: dict[SubaccountId, tuple[Position, int]]
    ) -> list[_Share]:
        """Those of the holders who close something, with what each pays: one total for all of it, split in key order."""
        sharing = [(holder, given) for holder, given in zip(holders, lots, strict=True) if given]
        if not sharing:
            return []
        parts = [given for _, given in sharing]
        total = formulas.deleverage_quote(closing.risk, closing.margin, self._margin_left(ctx, closing, sum(parts) * closing.lot))
        shares = []
        for (holder, given), quote in zip(sharing, formulas.split_quote(total, parts), strict=True):
            if holder.id not in stood:
                stood[holder.id] = self._standing(ctx, holder.id, closing.perpetual_id)
            shares.append(_Share(holder, given * closing.lot, quote, *stood[holder.id]))
        return shares

    def _margin_left(self, ctx: Context, closing: _Closing, closed: int) -> PositionMargin:
        """Of the position after so much (positive) of it is closed."""
        left = closing.quantums - closed if closing.quantums > 0 else closing.quantums + closed
        return self._perp.margin(ctx, closing.perpetual_id, left)

    def _standing(self, ctx: Context, key: SubaccountId, perpetual_id: int) -> tuple[Position, int]:
        """A counterparty's position and net collateral, with funding settled."""
        settled = self._subaccounts.settled(ctx, key)
        position = settled.position(perpetual_id)
        assert position is not None, "the crowd is of those who hold"
        return position, self._subaccounts.risk_of(ctx, settled).net_collateral

    def _would_owe(self, ctx: Context, closing: _Closing, share: _Share) -> bool:
        """Whether the counterparty would be left with negative net collateral."""
        before = share.position.quantums
        after = before - share.quantums if before > 0 else before + share.quantums
        notional = self._perp.notional
        gained = notional(ctx, closing.perpetual_id, after) - notional(ctx, closing.perpetual_id, before)
        return share.net_collateral + gained - share.quote < 0

    def _exchange(self, ctx: Context, closing: _Closing, shares: list[_Share]) -> list[_Share]:
        """All of it in one frame, or nothing: then whose share was refused."""
        mark = ctx.mark()
        is_buy = closing.quantums < 0
        for share in shares:
            quote = -share.quote if is_buy else share.quote
            fill = Fill(closing.perpetual_id, closing.subaccount, share.holder.id, is_buy, share.quantums, quote, 0, 0)
            if not exchanged(ctx, self._subaccounts, fill):
                ctx.undo(mark)
                return [share]
            self._clob.tell_deleverage(ctx, fill)
        return []

    def _tell(
        self,
        ctx: Context,
        closing: _Closing,
        shares: list[_Share],
        considered: list[Holder],
        passed_over: dict[SubaccountId, _Share],
    ) -> None:
        """The receipt, from which anyone can recompute who closed how much at what price."""
        perpetual_id, lot = closing.perpetual_id, closing.lot
        closed = sum([share.quantums for share in shares])
        left = self._margin_left(ctx, closing, closed)
        profitable = sum([holder.lots for holder in considered if holder.profitable])
        others = sum([holder.lots for holder in considered if not holder.profitable])
        ctx.emit(
            DELEVERAGED,
            addresses.to_text(closing.subaccount.owner),
            closing.subaccount.number,
            perpetual_id,
            closing.quantums,
            closing.margin.notional,
            closing.margin.maintenance,
            closing.risk.net_collateral,
            closing.risk.maintenance,
            self._perp.terms(ctx, perpetual_id).price,
            lot,
            closed,
            left.notional,
            left.maintenance,
            sum([share.quote for share in shares]),
            len(shares),
            profitable * lot,
            others * lot,
        )
        for holder, quantums, quote, position, net_collateral in shares:
            name = (addresses.to_text(holder.id.owner), holder.id.number, perpetual_id)
            before = (position.quantums, position.entry_quote, net_collateral)
            ctx.emit(DELEVERAGE_FILL, *name, quantums, quote, *before, holder.profitable)
        for (owner, number), share in passed_over.items():
            ctx.emit(DELEVERAGE_PASSED_OVER, addresses.to_text(owner), number, perpetual_id, share.position.quantums, share.net_collateral)


def exchanged(ctx: Context, subaccounts: SubaccountsKeeper, fill: Fill) -> bool:
    """Whether the engine's fill has happened; if not, nothing has. Total: also what the door raises is a refusal."""
    mark = ctx.mark()
    try:
        if subaccounts.exchange(ctx, fill):
            return True
    except ChainError:
        pass
    ctx.undo(mark)
    return False
