"""Where the time goes: exclusive time by stage, and counts of calls, by wrapping functions for the length of a measurement."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from types import ModuleType
from typing import Any

Wrapper = Callable[..., Any]


@dataclass(slots=True)
class Stages:
    """Exclusive seconds and calls by stage. What no wrapped function covers belongs to the wrapped function around it."""

    seconds: dict[str, float] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    _open: list[float] = field(default_factory=list)
    """For every wrapped call under way the seconds that belong to calls inside it."""

    def timing(self, stage: str, function: Wrapper) -> Wrapper:
        """The function, whose own time counts for the stage."""
        seconds, calls, inner = self.seconds, self.calls, self._open
        seconds.setdefault(stage, 0.0)

        def timed(*arguments: Any, **named: Any) -> Any:
            inner.append(0.0)
            begin = perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                elapsed = perf_counter() - begin
                seconds[stage] += elapsed - inner.pop()
                calls[stage] += 1
                if inner:
                    inner[-1] += elapsed

        return timed

    def counting(self, name: str, function: Wrapper) -> Wrapper:
        """The function, whose calls are counted."""
        calls = self.calls

        def counted(*arguments: Any, **named: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **named)

        return counted

    def clear(self) -> None:
        """Everything from zero; what is wrapped stays wrapped."""
        for stage in self.seconds:
            self.seconds[stage] = 0.0
        self.calls.clear()


@contextmanager
def wrapped(targets: Sequence[tuple[Any, str, Callable[[Wrapper], Wrapper]]]) -> Iterator[None]:
    """While the block runs, each (owner, attribute) is what its wrapper makes of it; owners are classes and modules.

    A function of a module is replaced wherever another module of ours has imported it by name.
    """
    replaced: list[tuple[Any, str, Any]] = []
    try:
        for owner, name, wrap in targets:
            original = owner.__dict__[name]
            wrapper = wrap(original)
            places = importers(original) if isinstance(owner, ModuleType) else [(owner, name)]
            for place, alias in places:
                replaced.append((place, alias, original))
                setattr(place, alias, wrapper)
        yield
    finally:
        for place, alias, original in reversed(replaced):
            setattr(place, alias, original)


def importers(function: Any) -> list[tuple[ModuleType, str]]:
    """Every name under which our modules know this function."""
    return [
        (module, name)
        for key, module in list(sys.modules.items())
        if key.partition(".")[0] in ("node", "modules") and isinstance(module, ModuleType)
        for name, value in list(vars(module).items())
        if value is function
    ]
