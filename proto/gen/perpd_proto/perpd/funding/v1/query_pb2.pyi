from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryFundingRequest(_message.Message):
    __slots__ = ("perpetual_id",)
    PERPETUAL_ID_FIELD_NUMBER: _ClassVar[int]
    perpetual_id: int
    def __init__(self, perpetual_id: _Optional[int] = ...) -> None: ...

class QueryFundingResponse(_message.Message):
    __slots__ = ("index", "lot_base_quantums", "carry", "last_rate_ppm", "premium_sum", "covered_nanoseconds", "epoch_end_seconds", "paid_quote_quantums_total")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LOT_BASE_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    CARRY_FIELD_NUMBER: _ClassVar[int]
    LAST_RATE_PPM_FIELD_NUMBER: _ClassVar[int]
    PREMIUM_SUM_FIELD_NUMBER: _ClassVar[int]
    COVERED_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_END_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PAID_QUOTE_QUANTUMS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    index: bytes
    lot_base_quantums: int
    carry: bytes
    last_rate_ppm: int
    premium_sum: bytes
    covered_nanoseconds: int
    epoch_end_seconds: int
    paid_quote_quantums_total: bytes
    def __init__(self, index: _Optional[bytes] = ..., lot_base_quantums: _Optional[int] = ..., carry: _Optional[bytes] = ..., last_rate_ppm: _Optional[int] = ..., premium_sum: _Optional[bytes] = ..., covered_nanoseconds: _Optional[int] = ..., epoch_end_seconds: _Optional[int] = ..., paid_quote_quantums_total: _Optional[bytes] = ...) -> None: ...

class QueryRatesRequest(_message.Message):
    __slots__ = ("perpetual_id", "limit")
    PERPETUAL_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    perpetual_id: int
    limit: int
    def __init__(self, perpetual_id: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class QueryRatesResponse(_message.Message):
    __slots__ = ("rates",)
    RATES_FIELD_NUMBER: _ClassVar[int]
    rates: _containers.RepeatedCompositeFieldContainer[Rate]
    def __init__(self, rates: _Optional[_Iterable[_Union[Rate, _Mapping]]] = ...) -> None: ...

class Rate(_message.Message):
    __slots__ = ("height", "time_seconds", "rate_ppm", "premium_ppm", "covered_nanoseconds", "index")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RATE_PPM_FIELD_NUMBER: _ClassVar[int]
    PREMIUM_PPM_FIELD_NUMBER: _ClassVar[int]
    COVERED_NANOSECONDS_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    height: int
    time_seconds: int
    rate_ppm: int
    premium_ppm: int
    covered_nanoseconds: int
    index: bytes
    def __init__(self, height: _Optional[int] = ..., time_seconds: _Optional[int] = ..., rate_ppm: _Optional[int] = ..., premium_ppm: _Optional[int] = ..., covered_nanoseconds: _Optional[int] = ..., index: _Optional[bytes] = ...) -> None: ...
