from perpd_proto.cosmos.base.query.v1beta1 import pagination_pb2 as _pagination_pb2
from perpd_proto.dydxprotocol.clob import order_pb2 as _order_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2 as _subaccount_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryBookRequest(_message.Message):
    __slots__ = ("clob_pair_id", "levels", "orders")
    CLOB_PAIR_ID_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    clob_pair_id: int
    levels: int
    orders: bool
    def __init__(self, clob_pair_id: _Optional[int] = ..., levels: _Optional[int] = ..., orders: _Optional[bool] = ...) -> None: ...

class QueryBookResponse(_message.Message):
    __slots__ = ("height", "bids", "asks", "checksum")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    BIDS_FIELD_NUMBER: _ClassVar[int]
    ASKS_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    height: int
    bids: _containers.RepeatedCompositeFieldContainer[Level]
    asks: _containers.RepeatedCompositeFieldContainer[Level]
    checksum: bytes
    def __init__(self, height: _Optional[int] = ..., bids: _Optional[_Iterable[_Union[Level, _Mapping]]] = ..., asks: _Optional[_Iterable[_Union[Level, _Mapping]]] = ..., checksum: _Optional[bytes] = ...) -> None: ...

class Level(_message.Message):
    __slots__ = ("subticks", "quantums", "order_count", "orders")
    SUBTICKS_FIELD_NUMBER: _ClassVar[int]
    QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    ORDER_COUNT_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    subticks: int
    quantums: int
    order_count: int
    orders: _containers.RepeatedCompositeFieldContainer[RestingOrder]
    def __init__(self, subticks: _Optional[int] = ..., quantums: _Optional[int] = ..., order_count: _Optional[int] = ..., orders: _Optional[_Iterable[_Union[RestingOrder, _Mapping]]] = ...) -> None: ...

class RestingOrder(_message.Message):
    __slots__ = ("order", "remaining_quantums", "placed_height", "placed_index")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    REMAINING_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    PLACED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PLACED_INDEX_FIELD_NUMBER: _ClassVar[int]
    order: _order_pb2.Order
    remaining_quantums: int
    placed_height: int
    placed_index: int
    def __init__(self, order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ..., remaining_quantums: _Optional[int] = ..., placed_height: _Optional[int] = ..., placed_index: _Optional[int] = ...) -> None: ...

class QueryOrdersRequest(_message.Message):
    __slots__ = ("subaccount_id", "pagination")
    SUBACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    subaccount_id: _subaccount_pb2.SubaccountId
    pagination: _pagination_pb2.PageRequest
    def __init__(self, subaccount_id: _Optional[_Union[_subaccount_pb2.SubaccountId, _Mapping]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryOrdersResponse(_message.Message):
    __slots__ = ("orders", "pagination")
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[RestingOrder]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, orders: _Optional[_Iterable[_Union[RestingOrder, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

class QueryOrderRequest(_message.Message):
    __slots__ = ("order_id",)
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    order_id: _order_pb2.OrderId
    def __init__(self, order_id: _Optional[_Union[_order_pb2.OrderId, _Mapping]] = ...) -> None: ...

class QueryOrderResponse(_message.Message):
    __slots__ = ("order", "filled_quantums", "open")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    FILLED_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    order: RestingOrder
    filled_quantums: int
    open: bool
    def __init__(self, order: _Optional[_Union[RestingOrder, _Mapping]] = ..., filled_quantums: _Optional[int] = ..., open: _Optional[bool] = ...) -> None: ...
