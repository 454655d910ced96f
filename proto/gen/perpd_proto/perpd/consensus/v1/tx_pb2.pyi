from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MsgUpdateValidators(_message.Message):
    __slots__ = ("authority", "validators")
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    authority: str
    validators: _containers.RepeatedCompositeFieldContainer[ValidatorPower]
    def __init__(self, authority: _Optional[str] = ..., validators: _Optional[_Iterable[_Union[ValidatorPower, _Mapping]]] = ...) -> None: ...

class ValidatorPower(_message.Message):
    __slots__ = ("public_key", "power")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    public_key: bytes
    power: int
    def __init__(self, public_key: _Optional[bytes] = ..., power: _Optional[int] = ...) -> None: ...

class MsgUpdateValidatorsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
