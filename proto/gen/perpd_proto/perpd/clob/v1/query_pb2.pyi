from perpd_proto.cosmos.base.query.v1beta1 import pagination_pb2 as _pagination_pb2
from perpd_proto.dydxprotocol.clob import order_pb2 as _order_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2 as _subaccount_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OrderStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_STATUS_UNSPECIFIED: _ClassVar[OrderStatus]
    ORDER_STATUS_OPEN: _ClassVar[OrderStatus]
    ORDER_STATUS_UNTRIGGERED: _ClassVar[OrderStatus]
    ORDER_STATUS_TRIGGERED: _ClassVar[OrderStatus]
    ORDER_STATUS_FILLED: _ClassVar[OrderStatus]
    ORDER_STATUS_CANCELLED: _ClassVar[OrderStatus]
    ORDER_STATUS_EXPIRED: _ClassVar[OrderStatus]
    ORDER_STATUS_REMOVED: _ClassVar[OrderStatus]

class OrderCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_CAUSE_UNSPECIFIED: _ClassVar[OrderCause]
    ORDER_CAUSE_TRANSACTION: _ClassVar[OrderCause]
    ORDER_CAUSE_CLOCK: _ClassVar[OrderCause]
    ORDER_CAUSE_ENGINE: _ClassVar[OrderCause]
    ORDER_CAUSE_BLOCK_END: _ClassVar[OrderCause]
ORDER_STATUS_UNSPECIFIED: OrderStatus
ORDER_STATUS_OPEN: OrderStatus
ORDER_STATUS_UNTRIGGERED: OrderStatus
ORDER_STATUS_TRIGGERED: OrderStatus
ORDER_STATUS_FILLED: OrderStatus
ORDER_STATUS_CANCELLED: OrderStatus
ORDER_STATUS_EXPIRED: OrderStatus
ORDER_STATUS_REMOVED: OrderStatus
ORDER_CAUSE_UNSPECIFIED: OrderCause
ORDER_CAUSE_TRANSACTION: OrderCause
ORDER_CAUSE_CLOCK: OrderCause
ORDER_CAUSE_ENGINE: OrderCause
ORDER_CAUSE_BLOCK_END: OrderCause

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
    __slots__ = ("order", "remaining_quantums", "placed_height", "placed_index", "status", "remaining_legs", "next_slice_seconds")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    REMAINING_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    PLACED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PLACED_INDEX_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REMAINING_LEGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_SLICE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    order: _order_pb2.Order
    remaining_quantums: int
    placed_height: int
    placed_index: int
    status: OrderStatus
    remaining_legs: int
    next_slice_seconds: int
    def __init__(self, order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ..., remaining_quantums: _Optional[int] = ..., placed_height: _Optional[int] = ..., placed_index: _Optional[int] = ..., status: _Optional[_Union[OrderStatus, str]] = ..., remaining_legs: _Optional[int] = ..., next_slice_seconds: _Optional[int] = ...) -> None: ...

class QueryBookOrdersRequest(_message.Message):
    __slots__ = ("clob_pair_id", "is_buy", "pagination")
    CLOB_PAIR_ID_FIELD_NUMBER: _ClassVar[int]
    IS_BUY_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    clob_pair_id: int
    is_buy: bool
    pagination: _pagination_pb2.PageRequest
    def __init__(self, clob_pair_id: _Optional[int] = ..., is_buy: _Optional[bool] = ..., pagination: _Optional[_Union[_pagination_pb2.PageRequest, _Mapping]] = ...) -> None: ...

class QueryBookOrdersResponse(_message.Message):
    __slots__ = ("height", "orders", "pagination")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    PAGINATION_FIELD_NUMBER: _ClassVar[int]
    height: int
    orders: _containers.RepeatedCompositeFieldContainer[RestingOrder]
    pagination: _pagination_pb2.PageResponse
    def __init__(self, height: _Optional[int] = ..., orders: _Optional[_Iterable[_Union[RestingOrder, _Mapping]]] = ..., pagination: _Optional[_Union[_pagination_pb2.PageResponse, _Mapping]] = ...) -> None: ...

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
    __slots__ = ("order", "filled_quantums", "open", "status", "reason", "height", "tx_hash", "cause", "placed_height", "placed_tx_hash", "cancelled_until", "read_height")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    FILLED_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TX_HASH_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    PLACED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PLACED_TX_HASH_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    READ_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    order: RestingOrder
    filled_quantums: int
    open: bool
    status: OrderStatus
    reason: str
    height: int
    tx_hash: bytes
    cause: OrderCause
    placed_height: int
    placed_tx_hash: bytes
    cancelled_until: int
    read_height: int
    def __init__(self, order: _Optional[_Union[RestingOrder, _Mapping]] = ..., filled_quantums: _Optional[int] = ..., open: _Optional[bool] = ..., status: _Optional[_Union[OrderStatus, str]] = ..., reason: _Optional[str] = ..., height: _Optional[int] = ..., tx_hash: _Optional[bytes] = ..., cause: _Optional[_Union[OrderCause, str]] = ..., placed_height: _Optional[int] = ..., placed_tx_hash: _Optional[bytes] = ..., cancelled_until: _Optional[int] = ..., read_height: _Optional[int] = ...) -> None: ...
