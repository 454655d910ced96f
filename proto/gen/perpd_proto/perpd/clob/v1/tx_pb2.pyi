from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgUpdateParams(_message.Message):
    __slots__ = ("authority", "params")
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    authority: str
    params: Params
    def __init__(self, authority: _Optional[str] = ..., params: _Optional[_Union[Params, _Mapping]] = ...) -> None: ...

class Params(_message.Message):
    __slots__ = ("max_fills_per_order", "max_impact_orders", "max_open_orders")
    MAX_FILLS_PER_ORDER_FIELD_NUMBER: _ClassVar[int]
    MAX_IMPACT_ORDERS_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    max_fills_per_order: int
    max_impact_orders: int
    max_open_orders: int
    def __init__(self, max_fills_per_order: _Optional[int] = ..., max_impact_orders: _Optional[int] = ..., max_open_orders: _Optional[int] = ...) -> None: ...

class MsgUpdateParamsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
