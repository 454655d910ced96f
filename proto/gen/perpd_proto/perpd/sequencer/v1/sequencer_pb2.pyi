from perpd_proto.tendermint.abci import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgPreamble(_message.Message):
    __slots__ = ("last_commit",)
    LAST_COMMIT_FIELD_NUMBER: _ClassVar[int]
    last_commit: _types_pb2.ExtendedCommitInfo
    def __init__(self, last_commit: _Optional[_Union[_types_pb2.ExtendedCommitInfo, _Mapping]] = ...) -> None: ...

class MsgPreambleResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class VoteExtension(_message.Message):
    __slots__ = ("prices",)
    PRICES_FIELD_NUMBER: _ClassVar[int]
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    def __init__(self, prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("market_id", "price")
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    price: int
    def __init__(self, market_id: _Optional[int] = ..., price: _Optional[int] = ...) -> None: ...

class Params(_message.Message):
    __slots__ = ("max_block_bytes", "max_block_txs", "quota_per_account_and_lane", "max_tx_bytes", "lane_byte_share_ppm", "max_vote_extension_bytes", "max_memo_bytes", "gas_per_message", "gas_per_byte")
    MAX_BLOCK_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_BLOCK_TXS_FIELD_NUMBER: _ClassVar[int]
    QUOTA_PER_ACCOUNT_AND_LANE_FIELD_NUMBER: _ClassVar[int]
    MAX_TX_BYTES_FIELD_NUMBER: _ClassVar[int]
    LANE_BYTE_SHARE_PPM_FIELD_NUMBER: _ClassVar[int]
    MAX_VOTE_EXTENSION_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_MEMO_BYTES_FIELD_NUMBER: _ClassVar[int]
    GAS_PER_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    GAS_PER_BYTE_FIELD_NUMBER: _ClassVar[int]
    max_block_bytes: int
    max_block_txs: int
    quota_per_account_and_lane: int
    max_tx_bytes: int
    lane_byte_share_ppm: _containers.RepeatedScalarFieldContainer[int]
    max_vote_extension_bytes: int
    max_memo_bytes: int
    gas_per_message: int
    gas_per_byte: int
    def __init__(self, max_block_bytes: _Optional[int] = ..., max_block_txs: _Optional[int] = ..., quota_per_account_and_lane: _Optional[int] = ..., max_tx_bytes: _Optional[int] = ..., lane_byte_share_ppm: _Optional[_Iterable[int]] = ..., max_vote_extension_bytes: _Optional[int] = ..., max_memo_bytes: _Optional[int] = ..., gas_per_message: _Optional[int] = ..., gas_per_byte: _Optional[int] = ...) -> None: ...

class QueryParamsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryParamsResponse(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: Params
    def __init__(self, params: _Optional[_Union[Params, _Mapping]] = ...) -> None: ...
