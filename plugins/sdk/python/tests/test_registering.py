"""What registers itself when its module is imported."""

from __future__ import annotations

import pytest
from conftest import Workspace

_REGISTRIES = """
    import functools

    class Registry:
        def __init__(self):
            self._known = {}
        def register(self, name):
            def decorate(f):
                self._known[name] = f
                return f
            return decorate
        def get(self, name):
            return self._known[name]

    class Base:
        known = {}
        def __init_subclass__(cls):
            Base.known[cls.__name__] = cls
        @classmethod
        def derived(cls):
            return [c().used() for c in cls.__subclasses__()]

    TABLE, ORDER, REGISTRY = {}, [], Registry()

    def listed(f):
        TABLE[f.__name__] = f
        ORDER.append(f)
        return f

    @functools.singledispatch
    def kind(value): return "other"
"""

_REGISTERED = """
    from registries import Base, REGISTRY, kind, listed

    @listed
    def table_entry(): return 1

    @REGISTRY.register("entry")
    def registry_entry(): return 1

    @kind.register
    def whole_number(value: int): return "int 1"

    class Derived(Base):
        def used(self): return 1

    def unused(): return 1
"""


@pytest.mark.parametrize(
    ("edit", "nodes"),
    [
        ("def table_entry(): return 1", ["by_order", "by_table"]),
        ("def registry_entry(): return 1", ["by_registry"]),
        ('return "int 1"', ["by_type"]),
        ("def used(self): return 1", ["by_class", "by_subclasses"]),
        ("def unused(): return 1", []),
    ],
)
def test_what_registers_itself_counts_where_it_is_registered(ws: Workspace, edit: str, nodes: list[str]) -> None:
    ws.write("registries.py", _REGISTRIES)
    registered = ws.write("registered.py", _REGISTERED)
    ws.program(
        """
        import registered
        from registries import Base, ORDER, REGISTRY, TABLE, kind

        @fn
        def by_table(): return TABLE["table_entry"]()
        @fn
        def by_order(): return ORDER[0]()
        @fn
        def by_registry(): return REGISTRY.get("entry")()
        @fn
        def by_type(): return kind(1)
        @fn
        def by_class(): return Base.known["Derived"]().used()
        @fn
        def by_subclasses(): return Base.derived()
        """
    )
    ws.calyx("build")
    registered.write_text(registered.read_text().replace(edit, edit.replace("1", "2")))
    assert ws.runs() == nodes
    for node in nodes:
        assert "registered." in ws.calyx("why", node).out


def test_sets_of_functions_are_the_same_in_every_process(ws: Workspace) -> None:
    ws.program("def a(): pass\ndef b(): pass\nboth = {a, b, 'c', 'd', None}\n@fn\ndef node(): return len(both)\n")
    assert ws.get("node") == 5
    ws.program("# A comment.\ndef a(): pass\ndef b(): pass\nboth = {a, b, 'c', 'd', None}\n@fn\ndef node(): return len(both)\n")
    assert ws.runs() == []
