from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class MsgRegisterAffiliate(_message.Message):
    __slots__ = ("referee", "affiliate")
    REFEREE_FIELD_NUMBER: _ClassVar[int]
    AFFILIATE_FIELD_NUMBER: _ClassVar[int]
    referee: str
    affiliate: str
    def __init__(self, referee: _Optional[str] = ..., affiliate: _Optional[str] = ...) -> None: ...

class MsgRegisterAffiliateResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
