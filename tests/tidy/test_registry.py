"""What others rely on: codes, events and prefixes are unique, and change only together with their vector."""

import json

from tidy import registry

from modules.kernel import errors
from node.wiring import Wiring


def test_registry_equals_its_vector() -> None:
    """Error codes, event kinds with their attributes and store prefixes are those of the golden vector."""
    known = json.loads(registry.VECTOR.read_text())
    now = json.loads(registry.text())
    assert now == known, "codes, events or prefixes have changed: if that is meant, run `make vectors` and name it in CHANGELOG.md"


def test_error_texts_say_something() -> None:
    """Every registered error has a text that stands on one line, and a number that is not success."""
    registry.everything()
    assert errors.registry(), "no errors are registered"
    for (codespace, code), kind in errors.registry().items():
        where = f"{codespace}/{code}"
        assert codespace.strip(), where
        assert code > 0, where
        assert kind.text.strip() == kind.text, where
        assert kind.text, where
        assert "\n" not in kind.text, where


def test_event_types_are_declared_once() -> None:
    """No two event kinds share a type, and no kind has an attribute twice."""
    kinds = registry.event_kinds()
    types = [kind.type for kind in kinds]
    assert len(set(types)) == len(types), sorted(one for one in types if types.count(one) > 1)
    for kind in kinds:
        assert kind.type, kind.keys
        assert len(set(kind.keys)) == len(kind.keys), kind.type


def test_every_module_keeps_its_state_in_a_store_of_its_name() -> None:
    """A store is named after the module that declares it, so that a differing root names the module."""
    wiring = Wiring()
    names = {module.name for module in wiring.modules}
    assert set(wiring.registry.stores) <= names, set(wiring.registry.stores) - names


def test_user_numbers_are_not_reused_between_texts() -> None:
    """Inside a codespace two codes never have the same text: one mistake has one number."""
    registry.everything()
    seen: dict[tuple[str, str], int] = {}
    for (codespace, code), kind in errors.registry().items():
        other = seen.setdefault((codespace, kind.text), code)
        assert other == code, f"{codespace}/{other} and {codespace}/{code} have the same text"
