"""Prices as the reference's clients ask for them, and with what is behind them."""

from modules.kernel.codec import KEY_U32, encode_signed
from modules.kernel.context import Context
from modules.kernel.module import QueryError
from modules.kernel.pagination import paginate
from modules.kernel.units import NANOSECONDS_PER_SECOND
from modules.oracle.keeper import OracleKeeper
from modules.oracle.model import SERIES_NAMES, Market, Series
from modules.oracle.pull import PullUpdates
from modules.oracle.sources import Source
from modules.oracle.twap import Kept
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
    maximum_age_seconds = keeper.maximum_age_seconds(ctx, market.id)
    reading = keeper.price(ctx, market.id, maximum_age_seconds)
    return oracle_pb2.QueryMarketResponse(
        market_id=market.id,
        ticker=market.ticker,
        price=price.price,
        exponent=price.exponent,
        updated_height=price.updated_height,
        updated_time_nanoseconds=price.updated_ns,
        reporting_power=price.reporting_power,
        total_power=price.total_power,
        standing=reading.standing.name,
        age_nanoseconds=reading.age_ns if reading.price else 0,
        maximum_age_seconds=maximum_age_seconds,
        confidence=price.confidence,
        updates_to_come=keeper.updates_to_come(ctx, market.id),
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


WINDOWS_MAX = 100
"""Of one question."""


def observe(ctx: Context, keeper: OracleKeeper, request: oracle_pb2.QueryObserveRequest) -> oracle_pb2.QueryObserveResponse:
    """Averages over windows. NOT_FOUND for a series without a price, OUT_OF_RANGE for a window that is not kept, INVALID_ARGUMENT for an
    empty one or too many.
    """
    if len(request.windows) + len(request.seconds_ago) > WINDOWS_MAX:
        raise QueryError("INVALID_ARGUMENT", f"a question has at most {WINDOWS_MAX} windows")
    series = Series(request.series, request.id)
    kept = keeper.averages.kept(ctx, series) if request.series in range(len(SERIES_NAMES)) else None
    if kept is None:
        raise QueryError("NOT_FOUND", f"there is no series {request.series} with id {request.id} that has had a price")
    windows = [(window.from_nanoseconds, window.to_nanoseconds) for window in request.windows]
    windows += [(kept.latest_ns - seconds * NANOSECONDS_PER_SECOND, kept.latest_ns) for seconds in request.seconds_ago]
    averages = []
    for from_ns, to_ns in windows:
        _check_window(kept, from_ns, to_ns)
        found = keeper.averages.average(ctx, series, from_ns, to_ns)
        averages.append(
            oracle_pb2.Average(
                from_nanoseconds=from_ns,
                to_nanoseconds=to_ns,
                numerator=encode_signed(found.numerator),
                denominator=found.denominator,
                price=found.price,
                fresh_nanoseconds=found.fresh_ns,
            )
        )
    return oracle_pb2.QueryObserveResponse(
        exponent=_market(ctx, keeper, kept.market_id).exponent,
        oldest_nanoseconds=kept.oldest_ns,
        latest_nanoseconds=kept.latest_ns,
        averages=averages,
    )


def _check_window(kept: Kept, from_ns: int, to_ns: int) -> None:
    """Raises QueryError for a window that has no average."""
    if from_ns >= to_ns:
        raise QueryError("INVALID_ARGUMENT", f"the window from {from_ns} to {to_ns} is empty: it begins before it ends")
    if from_ns < kept.oldest_ns or to_ns > kept.latest_ns:
        raise QueryError(
            "OUT_OF_RANGE",
            f"the window from {from_ns} to {to_ns} is not kept: windows lie between {kept.oldest_ns}, the oldest observation, and"
            f" {kept.latest_ns}, the time of the latest block",
        )


def sources(ctx: Context, keeper: OracleKeeper, request: oracle_pb2.QuerySourcesRequest) -> oracle_pb2.QuerySourcesResponse:
    """The market's sources with what they have said, and which is in force. NOT_FOUND if there is no such market."""
    found = _market(ctx, keeper, request.market_id)
    response = oracle_pb2.QuerySourcesResponse(market_id=found.id)
    states, choice, switch_back_blocks = keeper.source_states(ctx, found)
    response.in_force, response.since_height = Source(states[choice.place].rule.source).name, choice.since_height
    for one in states:
        row = response.sources.add(
            source=Source(one.rule.source).name,
            maximum_age_seconds=one.rule.maximum_age_seconds,
            fresh=one.fresh,
            certain=one.certain,
            deviates=one.deviates,
            good_blocks=one.good_blocks,
            switch_back_blocks=switch_back_blocks,
        )
        if one.price is not None:
            row.price, row.confidence, row.height = one.price.price, one.price.confidence, one.price.height
            row.time_nanoseconds, row.age_nanoseconds = one.price.time_ns, ctx.time_ns - one.price.time_ns
    return response


def signers(ctx: Context, pull: PullUpdates) -> oracle_pb2.QuerySignersResponse:
    """Who may sign updates, and what updates must keep to."""
    params = pull.params(ctx)
    response = oracle_pb2.QuerySignersResponse(**params._asdict())
    for version, one in pull.sets(ctx):
        row = response.sets.add(valid_until_nanoseconds=one.valid_until_ns, valid=one.is_valid(ctx.time_ns))
        row.set.version, row.set.threshold = version, one.threshold
        row.set.public_keys.extend(one.keys)
    return response
