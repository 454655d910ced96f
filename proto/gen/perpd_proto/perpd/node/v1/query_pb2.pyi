import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryStatusResponse(_message.Message):
    __slots__ = ("chain_id", "height", "app_hash", "time", "store_roots", "earliest_height")
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    APP_HASH_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    STORE_ROOTS_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    chain_id: str
    height: int
    app_hash: bytes
    time: _timestamp_pb2.Timestamp
    store_roots: _containers.RepeatedCompositeFieldContainer[StoreRoot]
    earliest_height: int
    def __init__(self, chain_id: _Optional[str] = ..., height: _Optional[int] = ..., app_hash: _Optional[bytes] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., store_roots: _Optional[_Iterable[_Union[StoreRoot, _Mapping]]] = ..., earliest_height: _Optional[int] = ...) -> None: ...

class StoreRoot(_message.Message):
    __slots__ = ("name", "root")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    name: str
    root: bytes
    def __init__(self, name: _Optional[str] = ..., root: _Optional[bytes] = ...) -> None: ...

class QueryAppHashRequest(_message.Message):
    __slots__ = ("height",)
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    def __init__(self, height: _Optional[int] = ...) -> None: ...

class QueryAppHashResponse(_message.Message):
    __slots__ = ("height", "app_hash")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    APP_HASH_FIELD_NUMBER: _ClassVar[int]
    height: int
    app_hash: bytes
    def __init__(self, height: _Optional[int] = ..., app_hash: _Optional[bytes] = ...) -> None: ...

class QueryInsuranceRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryInsuranceResponse(_message.Message):
    __slots__ = ("funds",)
    FUNDS_FIELD_NUMBER: _ClassVar[int]
    funds: _containers.RepeatedCompositeFieldContainer[InsuranceFund]
    def __init__(self, funds: _Optional[_Iterable[_Union[InsuranceFund, _Mapping]]] = ...) -> None: ...

class InsuranceFund(_message.Message):
    __slots__ = ("name", "address", "balance")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    address: str
    balance: bytes
    def __init__(self, name: _Optional[str] = ..., address: _Optional[str] = ..., balance: _Optional[bytes] = ...) -> None: ...

class QueryProposalsRequest(_message.Message):
    __slots__ = ("tx_hash",)
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    tx_hash: bytes
    def __init__(self, tx_hash: _Optional[bytes] = ...) -> None: ...

class QueryProposalsResponse(_message.Message):
    __slots__ = ("proposals",)
    PROPOSALS_FIELD_NUMBER: _ClassVar[int]
    proposals: _containers.RepeatedCompositeFieldContainer[Proposal]
    def __init__(self, proposals: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("height", "pool_txs", "proposed_txs", "proposed_bytes", "max_bytes", "left_out_txs", "left_out")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    POOL_TXS_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_TXS_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_TXS_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    height: int
    pool_txs: int
    proposed_txs: int
    proposed_bytes: int
    max_bytes: int
    left_out_txs: int
    left_out: _containers.RepeatedCompositeFieldContainer[LeftOutTx]
    def __init__(self, height: _Optional[int] = ..., pool_txs: _Optional[int] = ..., proposed_txs: _Optional[int] = ..., proposed_bytes: _Optional[int] = ..., max_bytes: _Optional[int] = ..., left_out_txs: _Optional[int] = ..., left_out: _Optional[_Iterable[_Union[LeftOutTx, _Mapping]]] = ...) -> None: ...

class LeftOutTx(_message.Message):
    __slots__ = ("tx_hash", "rule", "code", "reason")
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    tx_hash: bytes
    rule: str
    code: int
    reason: str
    def __init__(self, tx_hash: _Optional[bytes] = ..., rule: _Optional[str] = ..., code: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...
