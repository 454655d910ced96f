"""Typed questions to a node, at the latest committed state or pinned to one height."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from modules.kernel.codec import decode_signed
from node.client.connection import Connection
from node.client.errors import RequestFailedError
from node.client.market import Market
from node.failure import Failure
from perpd_proto.cosmos.auth.v1beta1 import auth_pb2
from perpd_proto.cosmos.auth.v1beta1 import query_pb2 as auth
from perpd_proto.cosmos.bank.v1beta1 import query_pb2 as bank
from perpd_proto.cosmos.base.tendermint.v1beta1 import query_pb2 as blocks
from perpd_proto.cosmos.tx.v1beta1 import service_pb2
from perpd_proto.dydxprotocol.assets import query_pb2 as assets
from perpd_proto.dydxprotocol.clob import clob_pair_pb2, order_pb2
from perpd_proto.dydxprotocol.clob import query_pb2 as clob
from perpd_proto.dydxprotocol.perpetuals import perpetual_pb2
from perpd_proto.dydxprotocol.perpetuals import query_pb2 as perpetuals
from perpd_proto.dydxprotocol.prices import query_pb2 as prices
from perpd_proto.dydxprotocol.subaccounts import query_pb2 as subaccounts
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2
from perpd_proto.perpd.clob.v1 import query_pb2 as perpd_clob
from perpd_proto.perpd.funding.v1 import query_pb2 as perpd_funding
from perpd_proto.perpd.node.v1 import query_pb2 as perpd_node
from perpd_proto.perpd.oracle.v1 import query_pb2 as perpd_oracle
from perpd_proto.perpd.perp.v1 import query_pb2 as perpd_perp

PAGE_ROWS = 1000
ALL_ROWS = 2**64 - 1


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """What signing needs of an account."""

    number: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """One position with its risk. All amounts in base or quote quantums; negative quantums are short."""

    perpetual_id: int
    quantums: int
    notional: int
    entry_quote: int
    unsettled_funding: int
    funding_index: int
    """Quote quantums per funding lot when the position was last settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRisk:
    """A subaccount with funding settled up to the height; quote quantums."""

    height: int
    net_collateral: int
    initial_margin: int
    maintenance_margin: int
    settled_collateral: int
    positions: tuple[PositionView, ...]

    @property
    def liquidatable(self) -> bool:
        return self.net_collateral < self.maintenance_margin

    def position(self, perpetual_id: int) -> int:
        """Base quantums of the position; 0 without one."""
        return next((row.quantums for row in self.positions if row.perpetual_id == perpetual_id), 0)


class Queries:
    """Questions to one node. Every one raises RequestFailedError."""

    def __init__(self, connection: Connection, height: int = 0) -> None:
        self._connection = connection
        self.height = height
        """0: each answer is of the latest committed state."""

    def _ask(self, path: str, request: Any, answer: Any) -> Any:
        return self._connection.call(path, request, answer, self.height)

    # The chain

    def status(self) -> perpd_node.QueryStatusResponse:
        found: perpd_node.QueryStatusResponse = self._ask(
            "/perpd.node.v1.Query/Status", perpd_node.QueryStatusRequest(), perpd_node.QueryStatusResponse
        )
        return found

    def app_hash(self, height: int = 0) -> tuple[int, bytes]:
        """(height, root after that block); 0 is the latest."""
        found = self._ask("/perpd.node.v1.Query/AppHash", perpd_node.QueryAppHashRequest(height=height), perpd_node.QueryAppHashResponse)
        return found.height, found.app_hash

    def proposals(self, tx_hash: bytes = b"") -> perpd_node.QueryProposalsResponse:
        """What the node itself has proposed lately; with a hash only what it says of that transaction."""
        request = perpd_node.QueryProposalsRequest(tx_hash=tx_hash)
        found: perpd_node.QueryProposalsResponse = self._ask("/perpd.node.v1.Query/Proposals", request, perpd_node.QueryProposalsResponse)
        return found

    def block(self, height: int = 0) -> Any:
        """Block id and block as the engine has it; 0 is the latest."""
        service = "/cosmos.base.tendermint.v1beta1.Service/"
        if not height:
            return self._ask(service + "GetLatestBlock", blocks.GetLatestBlockRequest(), blocks.GetLatestBlockResponse)
        return self._ask(service + "GetBlockByHeight", blocks.GetBlockByHeightRequest(height=height), blocks.GetBlockByHeightResponse)

    def tx(self, tx_hash: str) -> service_pb2.GetTxResponse | None:
        """A committed transaction with its result; None as long as there is none."""
        try:
            found: service_pb2.GetTxResponse = self._ask(
                "/cosmos.tx.v1beta1.Service/GetTx", service_pb2.GetTxRequest(hash=tx_hash), service_pb2.GetTxResponse
            )
        except RequestFailedError as error:
            if error.status == "NOT_FOUND":
                return None
            raise
        return found

    # Money

    def account(self, address: str) -> AccountInfo:
        """Number and sequence of an account. A fresh address has none: RequestFailedError with NOT_FOUND."""
        found = self._ask("/cosmos.auth.v1beta1.Query/Account", auth.QueryAccountRequest(address=address), auth.QueryAccountResponse)
        base = auth_pb2.BaseAccount.FromString(found.account.value)
        if found.account.type_url.endswith("ModuleAccount"):
            base = auth_pb2.ModuleAccount.FromString(found.account.value).base_account
        return AccountInfo(base.account_number, base.sequence)

    def usdc_denom(self) -> str:
        """What the bank calls the quote asset."""
        return str(self._ask("/dydxprotocol.assets.Query/Asset", assets.QueryAssetRequest(), assets.QueryAssetResponse).asset.denom)

    def balance(self, address: str, denom: str) -> int:
        request = bank.QueryBalanceRequest(address=address, denom=denom)
        return int(self._ask("/cosmos.bank.v1beta1.Query/Balance", request, bank.QueryBalanceResponse).balance.amount)

    def balances(self, address: str) -> dict[str, int]:
        """By denomination; those that are zero are absent."""
        request = bank.QueryAllBalancesRequest(address=address)
        request.pagination.limit = ALL_ROWS
        found = self._ask("/cosmos.bank.v1beta1.Query/AllBalances", request, bank.QueryAllBalancesResponse)
        return {coin.denom: int(coin.amount) for coin in found.balances}

    def subaccount(self, owner: str, number: int) -> subaccount_pb2.Subaccount:
        request = subaccounts.QueryGetSubaccountRequest(owner=owner, number=number)
        found: subaccount_pb2.Subaccount = self._ask(
            "/dydxprotocol.subaccounts.Query/Subaccount", request, subaccounts.QuerySubaccountResponse
        ).subaccount
        return found

    def subaccounts(self) -> Iterator[subaccount_pb2.Subaccount]:
        """All of them, by owner and number, page by page."""
        request = subaccounts.QueryAllSubaccountRequest()
        request.pagination.limit = PAGE_ROWS
        while True:
            page = self._ask("/dydxprotocol.subaccounts.Query/SubaccountAll", request, subaccounts.QuerySubaccountAllResponse)
            yield from page.subaccount
            if not page.pagination.next_key:
                return
            request.pagination.key = page.pagination.next_key

    def pool_address(self, perpetual_id: int) -> str:
        """The account that holds the collateral of who trades a perpetual."""
        request = subaccounts.QueryCollateralPoolAddressRequest(perpetual_id=perpetual_id)
        path = "/dydxprotocol.subaccounts.Query/CollateralPoolAddress"
        return str(self._ask(path, request, subaccounts.QueryCollateralPoolAddressResponse).collateral_pool_address)

    def risk(self, owner: str, number: int) -> AccountRisk:
        """Worth and requirements of a subaccount."""
        request = perpd_perp.QueryAccountRequest(owner=owner, number=number)
        found = self._ask("/perpd.perp.v1.Query/Account", request, perpd_perp.QueryAccountResponse)
        return AccountRisk(
            height=found.height,
            net_collateral=decode_signed(found.net_collateral),
            initial_margin=decode_signed(found.initial_margin),
            maintenance_margin=decode_signed(found.maintenance_margin),
            settled_collateral=decode_signed(found.settled_collateral),
            positions=tuple(
                PositionView(
                    perpetual_id=row.perpetual_id,
                    quantums=decode_signed(row.quantums),
                    notional=decode_signed(row.notional),
                    entry_quote=decode_signed(row.entry_quote),
                    unsettled_funding=decode_signed(row.unsettled_funding),
                    funding_index=decode_signed(row.funding_index_lots),
                )
                for row in found.positions
            ),
        )

    def conservation(self) -> perpd_perp.QueryConservationResponse:
        found: perpd_perp.QueryConservationResponse = self._ask(
            "/perpd.perp.v1.Query/Conservation", perpd_perp.QueryConservationRequest(), perpd_perp.QueryConservationResponse
        )
        return found

    def insurance(self) -> dict[str, int]:
        """Balance of every fund, quote quantums, by name."""
        found = self._ask("/perpd.node.v1.Query/Insurance", perpd_node.QueryInsuranceRequest(), perpd_node.QueryInsuranceResponse)
        return {fund.name: decode_signed(fund.balance) for fund in found.funds}

    # Markets

    def clob_pairs(self) -> list[clob_pair_pb2.ClobPair]:
        """By id."""
        request = clob.QueryAllClobPairRequest()
        request.pagination.limit = ALL_ROWS
        return list(self._ask("/dydxprotocol.clob.Query/ClobPairAll", request, clob.QueryClobPairAllResponse).clob_pair)

    def perpetuals(self) -> list[perpetual_pb2.Perpetual]:
        """By id."""
        request = perpetuals.QueryAllPerpetualsRequest()
        request.pagination.limit = ALL_ROWS
        return list(self._ask("/dydxprotocol.perpetuals.Query/AllPerpetuals", request, perpetuals.QueryAllPerpetualsResponse).perpetual)

    def liquidity_tiers(self) -> list[perpetual_pb2.LiquidityTier]:
        """By id."""
        request = perpetuals.QueryAllLiquidityTiersRequest()
        request.pagination.limit = ALL_ROWS
        path = "/dydxprotocol.perpetuals.Query/AllLiquidityTiers"
        return list(self._ask(path, request, perpetuals.QueryAllLiquidityTiersResponse).liquidity_tiers)

    def margin(self, perpetual_id: int) -> perpd_perp.QueryMarginResponse:
        """What the market requires of its positions."""
        request = perpd_perp.QueryMarginRequest(perpetual_id=perpetual_id)
        found: perpd_perp.QueryMarginResponse = self._ask("/perpd.perp.v1.Query/Margin", request, perpd_perp.QueryMarginResponse)
        return found

    def mark(self, perpetual_id: int) -> perpd_perp.QueryMarkResponse:
        """The mark price with its components."""
        request = perpd_perp.QueryMarkRequest(perpetual_id=perpetual_id)
        found: perpd_perp.QueryMarkResponse = self._ask("/perpd.perp.v1.Query/Mark", request, perpd_perp.QueryMarkResponse)
        return found

    def markets(self) -> list[Market]:
        """Every perpetual with an order book, by clob pair."""
        by_id = {perpetual.params.id: perpetual.params for perpetual in self.perpetuals()}
        request = prices.QueryAllMarketPricesRequest()
        request.pagination.limit = ALL_ROWS
        found = self._ask("/dydxprotocol.prices.Query/AllMarketPrices", request, prices.QueryAllMarketPricesResponse)
        exponents = {price.id: price.exponent for price in found.market_prices}
        return [
            Market(
                ticker=by_id[pair.perpetual_clob_metadata.perpetual_id].ticker,
                perpetual_id=pair.perpetual_clob_metadata.perpetual_id,
                clob_pair_id=pair.id,
                oracle_market_id=by_id[pair.perpetual_clob_metadata.perpetual_id].market_id,
                oracle_exponent=exponents[by_id[pair.perpetual_clob_metadata.perpetual_id].market_id],
                atomic_resolution=by_id[pair.perpetual_clob_metadata.perpetual_id].atomic_resolution,
                quantum_conversion_exponent=pair.quantum_conversion_exponent,
                step_base_quantums=pair.step_base_quantums,
                subticks_per_tick=pair.subticks_per_tick,
            )
            for pair in self.clob_pairs()
        ]

    def market(self, ticker: str) -> Market:
        """The market of a ticker such as BTC-USD. Raises Failure naming those that there are."""
        markets = self.markets()
        found = next((market for market in markets if market.ticker == ticker.upper()), None)
        if found is None:
            names = ", ".join(market.ticker for market in markets[:20]) + (" …" if len(markets) > 20 else "")
            raise Failure(f"{ticker} is no market of this chain; its markets are {names}.")
        return found

    def reports(self, height: int = 0) -> perpd_oracle.QueryReportsResponse:
        """Who reported which prices at the beginning of a block; 0 is the latest."""
        request = perpd_oracle.QueryReportsRequest(height=height)
        found: perpd_oracle.QueryReportsResponse = self._ask("/perpd.oracle.v1.Query/Reports", request, perpd_oracle.QueryReportsResponse)
        return found

    def sources(self, market_id: int) -> perpd_oracle.QuerySourcesResponse:
        """The sources of an oracle market, and which is in force."""
        request = perpd_oracle.QuerySourcesRequest(market_id=market_id)
        found: perpd_oracle.QuerySourcesResponse = self._ask("/perpd.oracle.v1.Query/Sources", request, perpd_oracle.QuerySourcesResponse)
        return found

    def oracle(self, market_id: int) -> perpd_oracle.QueryMarketResponse:
        """The price with what is behind it."""
        found: perpd_oracle.QueryMarketResponse = self._ask(
            "/perpd.oracle.v1.Query/Market", perpd_oracle.QueryMarketRequest(market_id=market_id), perpd_oracle.QueryMarketResponse
        )
        return found

    def oracle_markets(self) -> list[perpd_oracle.QueryMarketResponse]:
        """Every oracle market's price with what is behind it, by id."""
        request = perpd_oracle.QueryMarketsRequest()
        request.pagination.limit = ALL_ROWS
        return list(self._ask("/perpd.oracle.v1.Query/Markets", request, perpd_oracle.QueryMarketsResponse).markets)

    def observe(
        self, series: perpd_oracle.Series, series_id: int, windows: Iterable[tuple[int, int]] = (), seconds_ago: Iterable[int] = ()
    ) -> perpd_oracle.QueryObserveResponse:
        """Averages over windows (from, to) in UNIX nanoseconds, and over so many seconds up to the latest block."""
        request = perpd_oracle.QueryObserveRequest(series=series, id=series_id, seconds_ago=seconds_ago)
        for from_ns, to_ns in windows:
            request.windows.add(from_nanoseconds=from_ns, to_nanoseconds=to_ns)
        found: perpd_oracle.QueryObserveResponse = self._ask("/perpd.oracle.v1.Query/Observe", request, perpd_oracle.QueryObserveResponse)
        return found

    def funding(self, perpetual_id: int) -> perpd_funding.QueryFundingResponse:
        """The exact index and the running epoch."""
        request = perpd_funding.QueryFundingRequest(perpetual_id=perpetual_id)
        found: perpd_funding.QueryFundingResponse = self._ask(
            "/perpd.funding.v1.Query/Funding", request, perpd_funding.QueryFundingResponse
        )
        return found

    def funding_rates(self, perpetual_id: int, limit: int = 0) -> list[perpd_funding.Rate]:
        """Charges, the latest first; 0: all that are remembered."""
        request = perpd_funding.QueryRatesRequest(perpetual_id=perpetual_id, limit=limit)
        return list(self._ask("/perpd.funding.v1.Query/Rates", request, perpd_funding.QueryRatesResponse).rates)

    # Orders

    def book(self, clob_pair_id: int, levels: int = 0, *, orders: bool = False) -> perpd_clob.QueryBookResponse:
        request = perpd_clob.QueryBookRequest(clob_pair_id=clob_pair_id, levels=levels, orders=orders)
        found: perpd_clob.QueryBookResponse = self._ask("/perpd.clob.v1.Query/Book", request, perpd_clob.QueryBookResponse)
        return found

    def orders(self, owner: str, number: int) -> list[perpd_clob.RestingOrder]:
        """What rests of a subaccount, by order id."""
        request = perpd_clob.QueryOrdersRequest(subaccount_id=subaccount_pb2.SubaccountId(owner=owner, number=number))
        request.pagination.limit = ALL_ROWS
        return list(self._ask("/perpd.clob.v1.Query/Orders", request, perpd_clob.QueryOrdersResponse).orders)

    def positions(self, owner: str, number: int) -> perpd_perp.QueryPositionsResponse:
        """What each position has cost, earned and requires, and where the account would be liquidated."""
        request = perpd_perp.QueryPositionsRequest(owner=owner, number=number)
        found: perpd_perp.QueryPositionsResponse = self._ask("/perpd.perp.v1.Query/Positions", request, perpd_perp.QueryPositionsResponse)
        return found

    def known_order(self, order_id: order_pb2.OrderId) -> perpd_clob.QueryOrderResponse:
        """What has become of one order. RequestFailedError with NOT_FOUND says since when the node keeps history."""
        found: perpd_clob.QueryOrderResponse = self._ask(
            "/perpd.clob.v1.Query/Order", perpd_clob.QueryOrderRequest(order_id=order_id), perpd_clob.QueryOrderResponse
        )
        return found

    def order(self, order_id: order_pb2.OrderId) -> perpd_clob.QueryOrderResponse | None:
        """One order; None if the node does not know it (any more)."""
        try:
            found = self.known_order(order_id)
        except RequestFailedError as error:
            if error.status == "NOT_FOUND":
                return None
            raise
        return found
