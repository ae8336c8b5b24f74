"""The walk over graphs of all sorts: what is found, and under which path."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Refused
from goldcopy_opcua.answers import Reference
from goldcopy_opcua.builtin import Name, NodeId
from goldcopy_opcua.client import Client
from goldcopy_opcua.crawl import DI, Crawl, Node
from goldcopy_opcua.keys import UA, Keys
from goldcopy_opcua.options import OpcUaOptions
from goldcopy_opcua.services import METHOD, OBJECT, VARIABLE

KEYS = Keys((UA, "urn:server", "http://x/plc", DI))
ORGANIZES, COMPONENT, PROPERTY = (NodeId(0, n) for n in (35, 47, 46))
FOLDER, VARIABLE_TYPE, PROPERTY_TYPE = (NodeId(0, n) for n in (61, 63, 68))
OBJECTS, NAMESPACES = NodeId(0, 85), NodeId(0, 11715)


def at(name: str) -> NodeId:
    return NodeId(2, name)


def to(
    name: str,
    *,
    node: NodeId | None = None,
    by: NodeId = COMPONENT,
    space: int = 2,
    kind: int = OBJECT,
    type_: NodeId = FOLDER,
    uri: str = "",
    server: int = 0,
) -> Reference:
    return Reference(by, node or at(name), uri, server, Name(space, name), name, kind, type_)


@dataclass
class Graph:
    """Answers Browse; stands where the client is."""

    edges: dict[NodeId, list[Reference]]
    seed: int | None = None
    bad: dict[NodeId, int] = field(default_factory=dict)
    browsed: list[NodeId] = field(default_factory=list)

    async def browse(
        self, nodes: list[NodeId], *, classes: int = 0
    ) -> list[tuple[int, list[Reference]]]:
        self.browsed += nodes
        answers = []
        for node in nodes:
            references = list(self.edges.get(node, ()))
            if self.seed is not None:
                random.Random(f"{self.seed}{node}").shuffle(references)
            answers.append((self.bad.get(node, 0), references))
        return answers


async def walk(graph: Graph, keys: Keys = KEYS, **options: Any) -> Crawl:  # noqa: ANN401
    chosen = OpcUaOptions(**options)
    crawl = Crawl(cast(Client, graph), keys, chosen)
    await crawl.run()
    return crawl


async def paths(graph: Graph, **options: Any) -> dict[str, NodeId]:  # noqa: ANN401
    found = (await walk(graph, **options)).nodes
    return {node.path: node.id for node in found if node.id not in (OBJECTS, NAMESPACES)}


async def test_loops_end_and_each_node_is_browsed_once() -> None:
    edges = {
        OBJECTS: [to("A")],
        at("A"): [to("B"), to("A"), to("Objects", node=OBJECTS, space=0)],
        at("B"): [to("A"), to("B")],
    }
    graph = Graph(edges)
    assert await paths(graph) == {"plc:A": at("A"), "plc:A/plc:B": at("B")}
    assert sorted(graph.browsed) == sorted([OBJECTS, NAMESPACES, at("A"), at("B")])


async def test_the_shortest_path_then_the_owners_then_the_smallest() -> None:
    deep = to("X")
    edges = {
        OBJECTS: [to("A"), to("B"), to("C")],
        at("A"): [to("X", by=ORGANIZES), to("Y", by=ORGANIZES), to("Z")],
        at("B"): [to("X"), to("Y", by=ORGANIZES), to("D")],
        at("C"): [to("Z")],
        at("D"): [deep],
    }
    found = {node: path for path, node in (await paths(Graph(edges))).items()}
    assert found[at("X")] == "plc:B/plc:X"
    assert found[at("Y")] == "plc:A/plc:Y"
    assert found[at("Z")] == "plc:A/plc:Z"


async def test_twins_are_told_apart_by_their_ids_not_by_their_order() -> None:
    one, other = to("Pump", node=at("p/1")), to("Pump", node=at("p/2"))
    inner = {at("p/1"): [to("Speed", node=at("s1"))], at("p/2"): [to("Speed", node=at("s2"))]}
    for pair in ([one, other], [other, one]):
        found = await paths(Graph({OBJECTS: pair} | inner))
        assert found == {
            "plc:Pump{nsu=http:~1~1x~1plc;s=p~11}": at("p/1"),
            "plc:Pump{nsu=http:~1~1x~1plc;s=p~11}/plc:Speed": at("s1"),
            "plc:Pump{nsu=http:~1~1x~1plc;s=p~12}": at("p/2"),
            "plc:Pump{nsu=http:~1~1x~1plc;s=p~12}/plc:Speed": at("s2"),
        }
    root = "plc:Pump{nsu=http:~1~1x~1plc;s=p~12}"
    found = await paths(Graph({OBJECTS: [one, other]} | inner), roots=(f"{root}/plc:Speed",))
    assert at("s2") in found.values()


names = st.sampled_from(["A", "B", "C", "D", "E", "F"])
edge = st.tuples(names, names, st.sampled_from([ORGANIZES, COMPONENT, PROPERTY]))


@given(st.lists(edge, max_size=25), st.integers(0, 1000))
async def test_the_order_of_the_answers_does_not_matter(
    edges: list[tuple[str, str, NodeId]], seed: int
) -> None:
    graph: dict[NodeId, list[Reference]] = {OBJECTS: [to("A"), to("B", by=ORGANIZES)]}
    for start, end, by in edges:
        graph.setdefault(at(start), []).append(to(end, by=by))
    sorted_, shuffled = await walk(Graph(graph)), await walk(Graph(graph, seed))
    assert {_told(node) for node in sorted_.nodes} == {_told(node) for node in shuffled.nodes}
    assert len({node.path for node in sorted_.nodes}) == len(sorted_.nodes)


def _told(node: Node) -> tuple[object, ...]:
    return (node.id, node.path, node.depth, node.property, node.parameter)


async def test_properties_have_no_children_and_variables_may() -> None:
    variable: dict[str, Any] = {"kind": VARIABLE, "type_": VARIABLE_TYPE}
    edges = {
        OBJECTS: [
            to("V", **variable),
            to("P", by=PROPERTY, **variable),
            to("T", kind=VARIABLE, type_=PROPERTY_TYPE),
            to("M", kind=METHOD),
        ],
        at("V"): [to("EURange", space=0, by=PROPERTY, **variable)],
    }
    graph = Graph(edges)
    found = await paths(graph)
    assert set(found) == {"plc:V", "plc:V/EURange", "plc:P", "plc:T", "plc:M"}
    assert sorted(graph.browsed) == sorted([OBJECTS, NAMESPACES, at("V")])
    graph = Graph(edges)
    assert "plc:V/EURange" not in await paths(graph, browse_variables=False)
    assert sorted(graph.browsed) == sorted([OBJECTS, NAMESPACES])


async def test_other_servers_and_unknown_namespaces_are_not_followed() -> None:
    edges = {
        OBJECTS: [
            to("Here", node=NodeId(0, "h"), uri="http://x/plc"),
            to("Elsewhere", server=1),
            to("Nowhere", uri="http://unknown"),
            to("Server", node=NodeId(0, 2253), space=0),
        ]
    }
    assert await paths(Graph(edges)) == {"plc:Here": NodeId(2, "h")}


async def test_what_cannot_be_browsed_is_a_gap() -> None:
    edges = {OBJECTS: [to("A"), to("B")], at("A"): [to("X")]}
    crawl = await walk(Graph(edges, bad={at("A"): 0x801F0000, NAMESPACES: 0x80340000}))
    assert [gap.path for gap in crawl.gaps] == ["plc:A"]
    assert "not complete: BadUserAccessDenied" in crawl.gaps[0].reason
    assert "plc:A/plc:X" in {node.path for node in crawl.nodes}


async def test_members_of_a_parameter_set_are_parameters_by_whatever_way_they_are_found() -> None:
    variable: dict[str, Any] = {"kind": VARIABLE, "type_": VARIABLE_TYPE}
    edges = {
        OBJECTS: [to("Group"), to("Device")],
        at("Group"): [to("P", by=ORGANIZES, **variable)],
        at("P"): [to("Member", **variable)],
        at("Device"): [to("Deep")],
        at("Deep"): [to("ParameterSet", space=3), to("Other", **variable)],
        at("ParameterSet"): [to("P", **variable)],
    }
    nodes = {node.path: node for node in (await walk(Graph(edges))).nodes}
    assert nodes["plc:Group/plc:P"].parameter
    assert nodes["plc:Group/plc:P/plc:Member"].parameter
    assert not nodes["plc:Device/plc:Deep/plc:Other"].parameter
    without_di = Keys((UA, "urn:server", "http://x/plc", "http://other"))
    crawl = await walk(Graph(edges), without_di)
    assert not any(node.parameter for node in crawl.nodes)


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("plc:A", {"plc:B", "plc:B/plc:X"}),
        ("plc:A/**", {"plc:A", "plc:B", "plc:B/plc:X"}),
        ("**/plc:X", {"plc:A", "plc:A/plc:Y", "plc:B"}),
        ("plc:[AB]/plc:?", {"plc:A", "plc:B"}),
        ("plc:[!A]*", {"plc:A", "plc:A/plc:X", "plc:A/plc:Y"}),
        ("**", set()),
        ("*:A", {"plc:B", "plc:B/plc:X"}),
    ],
)
async def test_exclusion(pattern: str, left: set[str]) -> None:
    """A node that is left out on one path is still found on another."""
    edges = {
        OBJECTS: [to("A"), to("B")],
        at("A"): [to("X"), to("Y")],
        at("B"): [to("X")],
    }
    assert set(await paths(Graph(edges), exclude=(pattern,))) == left


async def test_an_endless_address_space() -> None:
    class Endless(Graph):
        async def browse(
            self, nodes: list[NodeId], *, classes: int = 0
        ) -> list[tuple[int, list[Reference]]]:
            return [(0, [to("Next", node=at(repr(node.id)))]) for node in nodes]

    with pytest.raises(Refused, match="more than 50 nodes"):
        await walk(Endless({}), max_nodes=50)
