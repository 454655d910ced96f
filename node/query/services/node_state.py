"""What a node knows of the chain beside the modules' state: commits, roots, validators."""

import json

import bech32

from modules.bank.keeper import BankKeeper
from modules.bank.model import USDC
from modules.consensus.keeper import ConsensusKeeper
from modules.consensus.model import Validator
from modules.kernel import address as addresses
from modules.kernel.codec import KEY_U32
from modules.kernel.context import Context
from modules.kernel.module import QueryError, QueryRoute
from modules.kernel.pagination import paginate
from modules.kernel.units import QUOTE_ATOMIC_RESOLUTION
from node.store.chain_store import ChainStore
from perpd_proto.cosmos.base.node.v1beta1 import query_pb2 as node_service
from perpd_proto.cosmos.crypto.ed25519 import keys_pb2
from perpd_proto.cosmos.params.v1beta1 import params_pb2
from perpd_proto.cosmos.params.v1beta1 import query_pb2 as params_query
from perpd_proto.cosmos.staking.v1beta1 import query_pb2 as staking_query
from perpd_proto.cosmos.staking.v1beta1 import staking_pb2
from perpd_proto.dydxprotocol.assets import asset_pb2
from perpd_proto.dydxprotocol.assets import query_pb2 as assets_query
from perpd_proto.perpd.node.v1 import query_pb2 as perpd_node

QUOTE_ASSET_ID = 0
_ONE_SHARE = 10**18
_BONDED = staking_pb2.BondStatus.Name(staking_pb2.BOND_STATUS_BONDED)


def node_routes(store: ChainStore, consensus: ConsensusKeeper, bank: BankKeeper) -> tuple[QueryRoute, ...]:
    """Every query that needs neither a module nor the engine: for the query table, and thus for gRPC and abci_query alike."""
    handlers = NodeState(store, consensus, bank)
    return (
        QueryRoute("/perpd.node.v1.Query/Status", perpd_node.QueryStatusRequest, perpd_node.QueryStatusResponse, handlers.status),
        QueryRoute("/perpd.node.v1.Query/AppHash", perpd_node.QueryAppHashRequest, perpd_node.QueryAppHashResponse, handlers.app_hash),
        QueryRoute(
            "/cosmos.base.node.v1beta1.Service/Status",
            node_service.StatusRequest,
            node_service.StatusResponse,
            handlers.cosmos_status,
        ),
        QueryRoute(
            "/cosmos.staking.v1beta1.Query/Validators",
            staking_query.QueryValidatorsRequest,
            staking_query.QueryValidatorsResponse,
            handlers.validators,
        ),
        QueryRoute(
            "/cosmos.params.v1beta1.Query/Params",
            params_query.QueryParamsRequest,
            params_query.QueryParamsResponse,
            handlers.params,
        ),
        QueryRoute("/dydxprotocol.assets.Query/Asset", assets_query.QueryAssetRequest, assets_query.QueryAssetResponse, handlers.asset),
        QueryRoute(
            "/dydxprotocol.assets.Query/AllAssets",
            assets_query.QueryAllAssetsRequest,
            assets_query.QueryAllAssetsResponse,
            handlers.all_assets,
        ),
    )


class NodeState:
    """The handlers."""

    __slots__ = ("_bank", "_consensus", "_store")

    def __init__(self, store: ChainStore, consensus: ConsensusKeeper, bank: BankKeeper) -> None:
        self._bank = bank
        self._store = store
        self._consensus = consensus

    def status(self, ctx: Context, _request: perpd_node.QueryStatusRequest) -> perpd_node.QueryStatusResponse:
        """The committed state that is read, with a root per store: they tell which module differs when two nodes disagree."""
        with self._store.version(ctx.height) as version:
            response = perpd_node.QueryStatusResponse(
                chain_id=self._consensus.chain_id(ctx),
                height=version.height,
                app_hash=version.app_hash,
                store_roots=[perpd_node.StoreRoot(name=name, root=root) for name, root in sorted(version.store_roots().items())],
                earliest_height=self._store.earliest_height,
            )
            response.time.FromNanoseconds(version.time_ns)
        return response

    def app_hash(self, ctx: Context, request: perpd_node.QueryAppHashRequest) -> perpd_node.QueryAppHashResponse:
        """The root after the block that the request names, or after the one that is read."""
        if request.height < 0:
            raise QueryError("INVALID_ARGUMENT", f"height {request.height} is negative; ask for 0 to get the last committed height")
        with self._store.version(request.height or ctx.height) as version:
            return perpd_node.QueryAppHashResponse(height=version.height, app_hash=version.app_hash)

    def cosmos_status(self, ctx: Context, _request: node_service.StatusRequest) -> node_service.StatusResponse:
        with self._store.version(ctx.height) as version:
            response = node_service.StatusResponse(
                earliest_store_height=self._store.earliest_height, height=version.height, app_hash=version.app_hash
            )
            response.timestamp.FromNanoseconds(version.time_ns)
        return response

    def validators(self, ctx: Context, request: staking_query.QueryValidatorsRequest) -> staking_query.QueryValidatorsResponse:
        """Who votes on the next block, by operator address. There is no stake behind them: tokens are the voting power."""
        if request.status not in ("", *staking_pb2.BondStatus.keys()):
            raise QueryError("INVALID_ARGUMENT", f"invalid validator status {request.status[:64]}")
        voting = self._consensus.validators(ctx, ctx.height + 1) if request.status in ("", _BONDED) else ()
        rows, page = paginate(sorted(voting, key=lambda one: one.address), request.pagination, lambda one: one.address)
        return staking_query.QueryValidatorsResponse(validators=[_validator(one) for one in rows], pagination=page)

    def params(self, ctx: Context, request: params_query.QueryParamsRequest) -> params_query.QueryParamsResponse:
        """Block limits where older clients look for them. Nothing else is kept in this form."""
        if (request.subspace, request.key) != ("baseapp", "BlockParams"):
            raise QueryError("NOT_FOUND", "not found: this chain keeps only BlockParams of baseapp here")
        engine = self._consensus.chain(ctx).engine
        value = json.dumps({"max_bytes": str(engine.block_max_bytes), "max_gas": str(engine.block_max_gas)})
        return params_query.QueryParamsResponse(param=params_pb2.ParamChange(subspace=request.subspace, key=request.key, value=value))

    def asset(self, ctx: Context, request: assets_query.QueryAssetRequest) -> assets_query.QueryAssetResponse:
        """The quote asset is the only one that can be collateral. NOT_FOUND for any other."""
        if request.id != QUOTE_ASSET_ID:
            raise QueryError("NOT_FOUND", f"asset {request.id} not found")
        return assets_query.QueryAssetResponse(asset=self._quote_asset(ctx))

    def all_assets(self, ctx: Context, request: assets_query.QueryAllAssetsRequest) -> assets_query.QueryAllAssetsResponse:
        """The quote asset."""
        rows, page = paginate([self._quote_asset(ctx)], request.pagination, lambda asset: KEY_U32.encode(asset.id))
        return assets_query.QueryAllAssetsResponse(asset=rows, pagination=page)

    def _quote_asset(self, ctx: Context) -> asset_pb2.Asset:
        exponent = QUOTE_ATOMIC_RESOLUTION
        return asset_pb2.Asset(
            id=QUOTE_ASSET_ID, symbol="USDC", denom=self._bank.denom(ctx, USDC), denom_exponent=exponent, atomic_resolution=exponent
        )


def _operator_address(address: bytes) -> str:
    digits = bech32.convertbits(address, 8, 5)
    assert digits is not None, "any bytes can be padded"
    text: str = bech32.bech32_encode(f"{addresses.prefix()}valoper", digits)
    return text


def _validator(one: Validator) -> staking_pb2.Validator:
    found = staking_pb2.Validator(
        operator_address=_operator_address(one.address),
        status=staking_pb2.BOND_STATUS_BONDED,
        tokens=str(one.power),
        delegator_shares=str(one.power * _ONE_SHARE),
        description=staking_pb2.Description(moniker=one.address.hex()),
        min_self_delegation="1",
    )
    found.consensus_pubkey.type_url = "/cosmos.crypto.ed25519.PubKey"
    found.consensus_pubkey.value = keys_pb2.PubKey(key=one.public_key).SerializeToString()
    for rate in ("rate", "max_rate", "max_change_rate"):
        setattr(found.commission.commission_rates, rate, "0")
    found.commission.update_time.SetInParent()
    found.unbonding_time.SetInParent()
    return found
