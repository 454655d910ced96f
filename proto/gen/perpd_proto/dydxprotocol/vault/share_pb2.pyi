from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NumShares(_message.Message):
    __slots__ = ("num_shares",)
    NUM_SHARES_FIELD_NUMBER: _ClassVar[int]
    num_shares: bytes
    def __init__(self, num_shares: _Optional[bytes] = ...) -> None: ...

class ShareUnlock(_message.Message):
    __slots__ = ("shares", "unlock_block_height")
    SHARES_FIELD_NUMBER: _ClassVar[int]
    UNLOCK_BLOCK_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    shares: NumShares
    unlock_block_height: int
    def __init__(self, shares: _Optional[_Union[NumShares, _Mapping]] = ..., unlock_block_height: _Optional[int] = ...) -> None: ...
