from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2 as _subaccount_pb2
from perpd_proto.dydxprotocol.vault import share_pb2 as _share_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgDepositToMegavault(_message.Message):
    __slots__ = ("subaccount_id", "quote_quantums")
    SUBACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    QUOTE_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    subaccount_id: _subaccount_pb2.SubaccountId
    quote_quantums: bytes
    def __init__(self, subaccount_id: _Optional[_Union[_subaccount_pb2.SubaccountId, _Mapping]] = ..., quote_quantums: _Optional[bytes] = ...) -> None: ...

class MsgDepositToMegavaultResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MsgWithdrawFromMegavault(_message.Message):
    __slots__ = ("subaccount_id", "shares", "min_quote_quantums")
    SUBACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    MIN_QUOTE_QUANTUMS_FIELD_NUMBER: _ClassVar[int]
    subaccount_id: _subaccount_pb2.SubaccountId
    shares: _share_pb2.NumShares
    min_quote_quantums: bytes
    def __init__(self, subaccount_id: _Optional[_Union[_subaccount_pb2.SubaccountId, _Mapping]] = ..., shares: _Optional[_Union[_share_pb2.NumShares, _Mapping]] = ..., min_quote_quantums: _Optional[bytes] = ...) -> None: ...

class MsgWithdrawFromMegavaultResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
