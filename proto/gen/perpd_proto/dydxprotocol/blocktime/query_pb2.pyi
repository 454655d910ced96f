from perpd_proto.dydxprotocol.blocktime import blocktime_pb2 as _blocktime_pb2
from perpd_proto.dydxprotocol.blocktime import params_pb2 as _params_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueryDowntimeParamsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryDowntimeParamsResponse(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _params_pb2.DowntimeParams
    def __init__(self, params: _Optional[_Union[_params_pb2.DowntimeParams, _Mapping]] = ...) -> None: ...

class QueryPreviousBlockInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryPreviousBlockInfoResponse(_message.Message):
    __slots__ = ("info",)
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: _blocktime_pb2.BlockInfo
    def __init__(self, info: _Optional[_Union[_blocktime_pb2.BlockInfo, _Mapping]] = ...) -> None: ...

class QueryAllDowntimeInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueryAllDowntimeInfoResponse(_message.Message):
    __slots__ = ("info",)
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: _blocktime_pb2.AllDowntimeInfo
    def __init__(self, info: _Optional[_Union[_blocktime_pb2.AllDowntimeInfo, _Mapping]] = ...) -> None: ...

class QuerySynchronyParamsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QuerySynchronyParamsResponse(_message.Message):
    __slots__ = ("params",)
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _params_pb2.SynchronyParams
    def __init__(self, params: _Optional[_Union[_params_pb2.SynchronyParams, _Mapping]] = ...) -> None: ...
