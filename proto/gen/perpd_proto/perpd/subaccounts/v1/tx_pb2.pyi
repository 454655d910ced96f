from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgUpdateGatingParams(_message.Message):
    __slots__ = ("authority", "params")
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    authority: str
    params: GatingParams
    def __init__(self, authority: _Optional[str] = ..., params: _Optional[_Union[GatingParams, _Mapping]] = ...) -> None: ...

class GatingParams(_message.Message):
    __slots__ = ("outage_seconds", "blocks")
    OUTAGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    outage_seconds: int
    blocks: int
    def __init__(self, outage_seconds: _Optional[int] = ..., blocks: _Optional[int] = ...) -> None: ...

class MsgUpdateGatingParamsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
