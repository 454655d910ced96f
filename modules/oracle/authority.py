"""What the authority may change of the oracle: a market's name and what clients read as its smallest change, and who signs updates."""

from modules.kernel.context import Context
from modules.kernel.module import ChangeRoute
from modules.oracle import errors, msgs
from modules.oracle.formulas import is_pair
from modules.oracle.model import MIN_PRICE_CHANGE_PPM_MAX, TICKER_CHARACTERS_MAX, Market
from modules.oracle.pull import PullUpdates
from modules.oracle.state import OracleState
from perpd_proto.dydxprotocol.prices import tx_pb2
from perpd_proto.perpd.oracle.v1 import tx_pb2 as own_pb2


def changes(state: OracleState) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""
    return (
        ChangeRoute(
            tx_pb2.MsgUpdateMarketParam,
            tx_pb2.MsgUpdateMarketParamResponse,
            decode_market,
            lambda ctx, wanted: update_market(ctx, state, wanted),
        ),
    )


def rotation(pull: PullUpdates) -> ChangeRoute:
    """Route of a rotation of the signers."""
    return ChangeRoute(own_pb2.MsgRotateSigners, own_pb2.MsgRotateSignersResponse, msgs.decode_rotation, pull.rotate)


def decode_market(message: tx_pb2.MsgUpdateMarketParam) -> Market:
    """The market as it is wanted; its exponent is fixed, and what the message says of it is passed over. Raises prices 1, 206."""
    param = message.market_param
    if not 0 < len(param.pair) <= TICKER_CHARACTERS_MAX:
        raise errors.INVALID_INPUT(f"the pair has {len(param.pair)} characters")
    if not 0 < param.min_price_change_ppm <= MIN_PRICE_CHANGE_PPM_MAX:
        raise errors.INVALID_INPUT(f"min_price_change_ppm {param.min_price_change_ppm}")
    if not is_pair(param.pair):
        raise errors.INVALID_PAIR(f"{param.pair!r}")
    return Market(param.id, param.pair, 0, param.min_price_change_ppm)


def update_market(ctx: Context, state: OracleState, wanted: Market) -> None:
    """The market has the wanted pair and smallest change; its price stays. Raises prices 200, 205."""
    old = state.markets.get(ctx, wanted.id)
    if old is None:
        raise errors.MARKET_MISSING(f"market {wanted.id}")
    for other_id, other in state.markets.items(ctx):
        if other_id != wanted.id and other.ticker == wanted.ticker:
            raise errors.DUPLICATE_PAIR(f"market {other_id} is {other.ticker}")
    state.markets.set(ctx, old.id, old._replace(ticker=wanted.ticker, min_price_change_ppm=wanted.min_price_change_ppm))
