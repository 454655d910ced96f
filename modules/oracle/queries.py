"""Prices as the reference's clients ask for them, and with what is behind them."""

from modules.kernel.codec import KEY_U32
from modules.kernel.context import Context
from modules.kernel.module import QueryError
from modules.kernel.pagination import paginate
from modules.oracle.keeper import OracleKeeper
from modules.oracle.model import Market
from perpd_proto.dydxprotocol.prices import market_param_pb2, market_price_pb2
from perpd_proto.dydxprotocol.prices import query_pb2 as prices_pb2
from perpd_proto.perpd.oracle.v1 import query_pb2 as oracle_pb2


def _market(ctx: Context, keeper: OracleKeeper, market_id: int) -> Market:
    found = keeper.market(ctx, market_id)
    if found is None:
        raise QueryError("NOT_FOUND", f"market {market_id} does not exist")
    return found


def _key(market: Market) -> bytes:
    return KEY_U32.encode(market.id)


def _price(ctx: Context, keeper: OracleKeeper, market: Market) -> market_price_pb2.MarketPrice:
    price = keeper.recorded(ctx, market.id)
    return market_price_pb2.MarketPrice(id=market.id, exponent=price.exponent, price=price.price)


def _param(market: Market) -> market_param_pb2.MarketParam:
    return market_param_pb2.MarketParam(
        id=market.id, pair=market.ticker, exponent=market.exponent, min_price_change_ppm=market.min_price_change_ppm
    )


def _details(ctx: Context, keeper: OracleKeeper, market: Market) -> oracle_pb2.QueryMarketResponse:
    price = keeper.recorded(ctx, market.id)
    return oracle_pb2.QueryMarketResponse(
        market_id=market.id,
        ticker=market.ticker,
        price=price.price,
        exponent=price.exponent,
        updated_height=price.updated_height,
        updated_time_nanoseconds=price.updated_ns,
        reporting_power=price.reporting_power,
        total_power=price.total_power,
    )


def market_price(ctx: Context, keeper: OracleKeeper, request: prices_pb2.QueryMarketPriceRequest) -> prices_pb2.QueryMarketPriceResponse:
    """A price. NOT_FOUND if there is no such market."""
    return prices_pb2.QueryMarketPriceResponse(market_price=_price(ctx, keeper, _market(ctx, keeper, request.id)))


def all_market_prices(
    ctx: Context, keeper: OracleKeeper, request: prices_pb2.QueryAllMarketPricesRequest
) -> prices_pb2.QueryAllMarketPricesResponse:
    """Prices by ascending market id."""
    rows, page = paginate(list(keeper.markets(ctx)), request.pagination, _key)
    return prices_pb2.QueryAllMarketPricesResponse(market_prices=[_price(ctx, keeper, market) for market in rows], pagination=page)


def market_param(ctx: Context, keeper: OracleKeeper, request: prices_pb2.QueryMarketParamRequest) -> prices_pb2.QueryMarketParamResponse:
    """What a market is. NOT_FOUND if there is none."""
    return prices_pb2.QueryMarketParamResponse(market_param=_param(_market(ctx, keeper, request.id)))


def all_market_params(
    ctx: Context, keeper: OracleKeeper, request: prices_pb2.QueryAllMarketParamsRequest
) -> prices_pb2.QueryAllMarketParamsResponse:
    """Markets by ascending id."""
    rows, page = paginate(list(keeper.markets(ctx)), request.pagination, _key)
    return prices_pb2.QueryAllMarketParamsResponse(market_params=[_param(market) for market in rows], pagination=page)


def next_market_id(ctx: Context, keeper: OracleKeeper) -> prices_pb2.QueryNextMarketIdResponse:
    """One above the highest id in use."""
    return prices_pb2.QueryNextMarketIdResponse(next_market_id=max((market.id for market in keeper.markets(ctx)), default=-1) + 1)


def market(ctx: Context, keeper: OracleKeeper, request: oracle_pb2.QueryMarketRequest) -> oracle_pb2.QueryMarketResponse:
    """A market with its price and what is behind it. NOT_FOUND if there is none."""
    return _details(ctx, keeper, _market(ctx, keeper, request.market_id))


def markets(ctx: Context, keeper: OracleKeeper, request: oracle_pb2.QueryMarketsRequest) -> oracle_pb2.QueryMarketsResponse:
    """Markets by ascending id with what is behind their prices."""
    rows, page = paginate(list(keeper.markets(ctx)), request.pagination, _key)
    return oracle_pb2.QueryMarketsResponse(markets=[_details(ctx, keeper, market) for market in rows], pagination=page)
