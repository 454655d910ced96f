from perpd_proto.cosmos.base.query.v1beta1 import pagination_pb2 as _pagination_pb2
from perpd_proto.perpd.oracle.v1 import tx_pb2 as _tx_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Series(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SERIES_INDEX: _ClassVar[Series]
    SERIES_MARK: _ClassVar[Series]
SERIES_INDEX: Series
SERIES_MARK: Series

class QueryMarketRequest(_message.Message):
    __slots__ = ("market_id",)
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    def __init__(self, market_id: _Optional[int] = ...) -> None: ...

class QueryMarketResponse(_message.Message):
    __slots__ = ("market_id", "ticker", "price", "exponent", "updated_height", "updated_time_nanoseconds", "reporting_power", "total_power", "standing", "age_nanoseconds", "maximum_age_seconds", "confidence", "updates_to_come")
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    TICKER_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_TIME_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    REPORTING_POWER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_POWER_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    AGE_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_AGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    UPDATES_TO_COME_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    ticker: str
    price: int
    exponent: int
    updated_height: int
    updated_time_nanoseconds: int
    reporting_power: int
    total_power: int
    standing: str
    age_nanoseconds: int
    maximum_age_seconds: int
    confidence: int
    updates_to_come: int
    def __init__(self, market_id: _Optional[int] = ..., ticker: _Optional[str] = ..., price: _Optional[int] = ..., exponent: _Optional[int] = ..., updated_height: _Optional[int] = ..., updated_time_nanoseconds: _Optional[int] = ..., reporting_power: _Optional[int] = ..., total_power: _Optional[int] = ..., standing: _Optional[str] = ..., age_nanoseconds: _Optional[int] = ..., maximum_age_seconds: _Optional[int] = ..., confidence: _Optional[int] = ..., updates_to_come: _Optional[int] = ...) -> None: ...

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

class QuerySourcesRequest(_message.Message):
    __slots__ = ("market_id",)
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    def __init__(self, market_id: _Optional[int] = ...) -> None: ...

class QuerySourcesResponse(_message.Message):
    __slots__ = ("market_id", "in_force", "since_height", "sources")
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    SINCE_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    in_force: str
    since_height: int
    sources: _containers.RepeatedCompositeFieldContainer[SourceState]
    def __init__(self, market_id: _Optional[int] = ..., in_force: _Optional[str] = ..., since_height: _Optional[int] = ..., sources: _Optional[_Iterable[_Union[SourceState, _Mapping]]] = ...) -> None: ...

class SourceState(_message.Message):
    __slots__ = ("source", "price", "confidence", "time_nanoseconds", "height", "age_nanoseconds", "maximum_age_seconds", "fresh", "certain", "deviates", "good_blocks", "switch_back_blocks")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    AGE_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_AGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FRESH_FIELD_NUMBER: _ClassVar[int]
    CERTAIN_FIELD_NUMBER: _ClassVar[int]
    DEVIATES_FIELD_NUMBER: _ClassVar[int]
    GOOD_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    SWITCH_BACK_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    source: str
    price: int
    confidence: int
    time_nanoseconds: int
    height: int
    age_nanoseconds: int
    maximum_age_seconds: int
    fresh: bool
    certain: bool
    deviates: bool
    good_blocks: int
    switch_back_blocks: int
    def __init__(self, source: _Optional[str] = ..., price: _Optional[int] = ..., confidence: _Optional[int] = ..., time_nanoseconds: _Optional[int] = ..., height: _Optional[int] = ..., age_nanoseconds: _Optional[int] = ..., maximum_age_seconds: _Optional[int] = ..., fresh: _Optional[bool] = ..., certain: _Optional[bool] = ..., deviates: _Optional[bool] = ..., good_blocks: _Optional[int] = ..., switch_back_blocks: _Optional[int] = ...) -> None: ...

class QuerySignersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QuerySignersResponse(_message.Message):
    __slots__ = ("sets", "fee_quantums", "maximum_age_seconds", "maximum_ahead_seconds", "updates_per_block", "overlap_seconds")
    SETS_FIELD_NUMBER: _ClassVar[int]
    FEE_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_AGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_AHEAD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    UPDATES_PER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    sets: _containers.RepeatedCompositeFieldContainer[SignerSetState]
    fee_quantums: int
    maximum_age_seconds: int
    maximum_ahead_seconds: int
    updates_per_block: int
    overlap_seconds: int
    def __init__(self, sets: _Optional[_Iterable[_Union[SignerSetState, _Mapping]]] = ..., fee_quantums: _Optional[int] = ..., maximum_age_seconds: _Optional[int] = ..., maximum_ahead_seconds: _Optional[int] = ..., updates_per_block: _Optional[int] = ..., overlap_seconds: _Optional[int] = ...) -> None: ...

class SignerSetState(_message.Message):
    __slots__ = ("set", "valid_until_nanoseconds", "valid")
    SET_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    set: _tx_pb2.SignerSet
    valid_until_nanoseconds: int
    valid: bool
    def __init__(self, set: _Optional[_Union[_tx_pb2.SignerSet, _Mapping]] = ..., valid_until_nanoseconds: _Optional[int] = ..., valid: _Optional[bool] = ...) -> None: ...

class QueryReportsRequest(_message.Message):
    __slots__ = ("height",)
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    def __init__(self, height: _Optional[int] = ...) -> None: ...

class QueryReportsResponse(_message.Message):
    __slots__ = ("height", "reports")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    height: int
    reports: _containers.RepeatedCompositeFieldContainer[ValidatorReport]
    def __init__(self, height: _Optional[int] = ..., reports: _Optional[_Iterable[_Union[ValidatorReport, _Mapping]]] = ...) -> None: ...

class ValidatorReport(_message.Message):
    __slots__ = ("address", "power", "status", "prices")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    address: bytes
    power: int
    status: str
    prices: _containers.RepeatedCompositeFieldContainer[ReportedPrice]
    def __init__(self, address: _Optional[bytes] = ..., power: _Optional[int] = ..., status: _Optional[str] = ..., prices: _Optional[_Iterable[_Union[ReportedPrice, _Mapping]]] = ...) -> None: ...

class ReportedPrice(_message.Message):
    __slots__ = ("market_id", "price")
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    market_id: int
    price: int
    def __init__(self, market_id: _Optional[int] = ..., price: _Optional[int] = ...) -> None: ...

class Window(_message.Message):
    __slots__ = ("from_nanoseconds", "to_nanoseconds")
    FROM_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    TO_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    from_nanoseconds: int
    to_nanoseconds: int
    def __init__(self, from_nanoseconds: _Optional[int] = ..., to_nanoseconds: _Optional[int] = ...) -> None: ...

class QueryObserveRequest(_message.Message):
    __slots__ = ("series", "id", "windows", "seconds_ago")
    SERIES_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_AGO_FIELD_NUMBER: _ClassVar[int]
    series: Series
    id: int
    windows: _containers.RepeatedCompositeFieldContainer[Window]
    seconds_ago: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, series: _Optional[_Union[Series, str]] = ..., id: _Optional[int] = ..., windows: _Optional[_Iterable[_Union[Window, _Mapping]]] = ..., seconds_ago: _Optional[_Iterable[int]] = ...) -> None: ...

class Average(_message.Message):
    __slots__ = ("from_nanoseconds", "to_nanoseconds", "numerator", "denominator", "price", "fresh_nanoseconds")
    FROM_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    TO_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    NUMERATOR_FIELD_NUMBER: _ClassVar[int]
    DENOMINATOR_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    FRESH_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    from_nanoseconds: int
    to_nanoseconds: int
    numerator: bytes
    denominator: int
    price: int
    fresh_nanoseconds: int
    def __init__(self, from_nanoseconds: _Optional[int] = ..., to_nanoseconds: _Optional[int] = ..., numerator: _Optional[bytes] = ..., denominator: _Optional[int] = ..., price: _Optional[int] = ..., fresh_nanoseconds: _Optional[int] = ...) -> None: ...

class QueryObserveResponse(_message.Message):
    __slots__ = ("exponent", "oldest_nanoseconds", "latest_nanoseconds", "averages")
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    LATEST_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    AVERAGES_FIELD_NUMBER: _ClassVar[int]
    exponent: int
    oldest_nanoseconds: int
    latest_nanoseconds: int
    averages: _containers.RepeatedCompositeFieldContainer[Average]
    def __init__(self, exponent: _Optional[int] = ..., oldest_nanoseconds: _Optional[int] = ..., latest_nanoseconds: _Optional[int] = ..., averages: _Optional[_Iterable[_Union[Average, _Mapping]]] = ...) -> None: ...
