"""Reflection (under both of its names) and health: the only calls that may stay open, within a limit of their own."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

STREAMS_MAX = 64
"""Open at a time. Clients may leave them open for as long as they like, so they must not be able to take every place."""

_REFLECTION_V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"
_REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
_HEALTH = "grpc.health.v1.Health"
STREAM_SERVICES = (_REFLECTION_V1ALPHA, _REFLECTION_V1, _HEALTH)

_FULL = f"{STREAMS_MAX} streams are open already, and this node keeps no more"


class StreamServices:
    """Handlers for `STREAM_SERVICES`; `services` is what reflection lists and health knows."""

    def __init__(self, services: Iterable[str]) -> None:
        _describe_reflection_v1()
        self._services = tuple(services)
        self._reflection: Any = reflection.aio.ReflectionServicer(self._services)
        self._health: Any = health.aio.HealthServicer()
        self._open = 0
        reflect = grpc.stream_stream_rpc_method_handler(
            self._reflect,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        decode, encode = health_pb2.HealthCheckRequest.FromString, health_pb2.HealthCheckResponse.SerializeToString
        health_methods = {
            "Check": grpc.unary_unary_rpc_method_handler(self._health.Check, decode, encode),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch, decode, encode),
        }
        self.handlers: tuple[Any, ...] = (
            grpc.method_handlers_generic_handler(_REFLECTION_V1ALPHA, {"ServerReflectionInfo": reflect}),
            grpc.method_handlers_generic_handler(_REFLECTION_V1, {"ServerReflectionInfo": reflect}),
            grpc.method_handlers_generic_handler(_HEALTH, health_methods),
        )

    async def serving(self) -> None:
        """Health says SERVING for the server and each service."""
        for name in ("", *self._services):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def ending(self) -> None:
        """Health says NOT_SERVING, for good."""
        await self._health.enter_graceful_shutdown()

    async def _reflect(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        await self._enter(context)
        try:
            async for answer in self._reflection.ServerReflectionInfo(requests, context):
                yield answer
        finally:
            self._open -= 1

    async def _watch(self, request: Any, context: Any) -> None:
        await self._enter(context)
        try:
            await self._health.Watch(request, context)
        finally:
            self._open -= 1

    async def _enter(self, context: Any) -> None:
        if self._open >= STREAMS_MAX:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _FULL)
        self._open += 1


def _describe_reflection_v1() -> None:
    """The descriptor of v1, whose wire is that of v1alpha under another package, is where reflection looks for it."""
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name = "grpc/reflection/v1/reflection.proto"
    file.package = "grpc.reflection.v1"
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(".v1alpha.", ".v1.")
    for service in file.service:
        for method in service.method:
            method.input_type = method.input_type.replace(".v1alpha.", ".v1.")
            method.output_type = method.output_type.replace(".v1alpha.", ".v1.")
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())  # adding the same file again changes nothing
