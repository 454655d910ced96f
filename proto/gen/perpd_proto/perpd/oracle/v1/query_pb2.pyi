from perpd_proto.cosmos.base.query.v1beta1 import pagination_pb2 as _pagination_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryMarketRequest(_message.Message):
    __slots__ = ("market_id",)
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    def __init__(self, market_id: _Optional[int] = ...) -> None: ...

class QueryMarketResponse(_message.Message):
    __slots__ = ("market_id", "ticker", "price", "exponent", "updated_height", "updated_time_nanoseconds", "reporting_power", "total_power")
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    TICKER_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_TIME_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    REPORTING_POWER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_POWER_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    ticker: str
    price: int
    exponent: int
    updated_height: int
    updated_time_nanoseconds: int
    reporting_power: int
    total_power: int
    def __init__(self, market_id: _Optional[int] = ..., ticker: _Optional[str] = ..., price: _Optional[int] = ..., exponent: _Optional[int] = ..., updated_height: _Optional[int] = ..., updated_time_nanoseconds: _Optional[int] = ..., reporting_power: _Optional[int] = ..., total_power: _Optional[int] = ...) -> None: ...

class QueryMarketsRequest(_message.Message):
    __slots__ = ("pagination",)
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    pagination: _pagination_pb2.PageRequest
    def __init__(self, pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryMarketsResponse(_message.Message):
    __slots__ = ("markets", "pagination")
    MARKETS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    markets: _containers.RepeatedCompositeFieldContainer[QueryMarketResponse]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, markets: _Optional[_Iterable[_Union[QueryMarketResponse, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...
