"""cosmos.base.tendermint.v1beta1.Service: blocks and the node, for clients that speak gRPC only."""

from collections.abc import Mapping

from modules.kernel.module import QueryError
from node.query.engine_rpc import EngineRpc
from node.query.services import wire
from node.query.services.tx_service import AsyncHandler, block_at, parse
from perpd_proto.cosmos.base.tendermint.v1beta1 import query_pb2
from perpd_proto.tendermint.p2p import types_pb2 as p2p

NAME = "cosmos.base.tendermint.v1beta1.Service"
SURFACE_VERSION = "0.50.11"
"""The Cosmos SDK release whose client surface this is; cosmpy wants a version number here."""


class BlockService:
    """Asynchronous handlers, request bytes in and response bytes out. They raise QueryError and the engine's errors."""

    def __init__(self, engine: EngineRpc, version: str) -> None:
        self._engine = engine
        self._version = version

    @property
    def handlers(self) -> Mapping[str, AsyncHandler]:
        return {
            f"/{NAME}/GetLatestBlock": self._latest_block,
            f"/{NAME}/GetBlockByHeight": self._block_by_height,
            f"/{NAME}/GetNodeInfo": self._node_info,
            f"/{NAME}/GetSyncing": self._syncing,
        }

    async def _latest_block(self, data: bytes) -> bytes:
        """`sdk_block` stays unset: it would be the block once more, and no client reads it."""
        parse(query_pb2.GetLatestBlockRequest, data)
        found = await block_at(self._engine)
        return wire.encode(query_pb2.GetLatestBlockResponse(block_id=wire.block_id(found["block_id"]), block=wire.block(found["block"])))

    async def _block_by_height(self, data: bytes) -> bytes:
        request = parse(query_pb2.GetBlockByHeightRequest, data)
        if request.height < 1:
            raise QueryError("INVALID_ARGUMENT", f"height {request.height} is not positive")
        found = await block_at(self._engine, request.height)
        return wire.encode(query_pb2.GetBlockByHeightResponse(block_id=wire.block_id(found["block_id"]), block=wire.block(found["block"])))

    async def _node_info(self, data: bytes) -> bytes:
        parse(query_pb2.GetNodeInfoRequest, data)
        info = (await self._engine.status())["node_info"]
        protocol, other = info.get("protocol_version") or {}, info.get("other") or {}
        return wire.encode(
            query_pb2.GetNodeInfoResponse(
                default_node_info=p2p.DefaultNodeInfo(
                    protocol_version=p2p.ProtocolVersion(
                        p2p=int(protocol.get("p2p", 0)), block=int(protocol.get("block", 0)), app=int(protocol.get("app", 0))
                    ),
                    default_node_id=info.get("id", ""),
                    listen_addr=info.get("listen_addr", ""),
                    network=info.get("network", ""),
                    version=info.get("version", ""),
                    channels=bytes.fromhex(info.get("channels", "")),
                    moniker=info.get("moniker", ""),
                    other=p2p.DefaultNodeInfoOther(tx_index=other.get("tx_index", ""), rpc_address=other.get("rpc_address", "")),
                ),
                application_version=query_pb2.VersionInfo(
                    name="perpd", app_name="perpd", version=self._version, cosmos_sdk_version=SURFACE_VERSION
                ),
            )
        )

    async def _syncing(self, data: bytes) -> bytes:
        parse(query_pb2.GetSyncingRequest, data)
        status = await self._engine.status()
        return wire.encode(query_pb2.GetSyncingResponse(syncing=bool(status["sync_info"]["catching_up"])))
