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
    __slots__ = ("max_orders_per_block", "max_deleveraged_positions_per_block", "max_deleveraging_counterparties", "max_settled_pairs_per_block")
    MAX_ORDERS_PER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    MAX_DELEVERAGED_POSITIONS_PER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    MAX_DELEVERAGING_COUNTERPARTIES_FIELD_NUMBER: _ClassVar[int]
    MAX_SETTLED_PAIRS_PER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    max_orders_per_block: int
    max_deleveraged_positions_per_block: int
    max_deleveraging_counterparties: int
    max_settled_pairs_per_block: int
    def __init__(self, max_orders_per_block: _Optional[int] = ..., max_deleveraged_positions_per_block: _Optional[int] = ..., max_deleveraging_counterparties: _Optional[int] = ..., max_settled_pairs_per_block: _Optional[int] = ...) -> None: ...

class MsgUpdateParamsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
