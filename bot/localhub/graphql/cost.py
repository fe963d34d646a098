"""What a query costs, before it runs.

"Rate limits and query limits for the GraphQL API": a point is a hundred requests, rounded; one at least. Each
connection is one request for every node of the connections around it, all of them assumed full. The nodes are
the products themselves, and at most 500,000.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)
from pydantic import JsonValue

from bot.localhub.graphql.ask import Cost, Refused

MOST_NODES = 500_000
DEEPEST = 25


@dataclass
class _Count:
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, JsonValue]
    requests: int = 0
    nodes: int = 0

    def walk(self, selections: SelectionSetNode, around: int, depth: int) -> None:
        """Add what these selections ask for, once for each of the `around` nodes that hold them."""
        if depth > DEEPEST * 4:
            return
        for selection in selections.selections:
            if isinstance(selection, InlineFragmentNode):
                self.walk(selection.selection_set, around, depth + 1)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments.get(selection.name.value)
                if fragment is not None:
                    self.walk(fragment.selection_set, around, depth + 1)
            elif isinstance(selection, FieldNode):
                inside = around
                size = self._size(selection)
                if size is not None:
                    self.requests += around
                    inside = around * size
                    self.nodes += inside
                if selection.selection_set is not None:
                    self.walk(selection.selection_set, inside, depth + 1)

    def _size(self, node: FieldNode) -> int | None:
        """`first` or `last` of a connection; None for other fields."""
        for argument in node.arguments or ():
            if argument.name.value in ("first", "last"):
                value = argument.value
                if isinstance(value, IntValueNode):
                    return int(value.value)
                if isinstance(value, VariableNode):
                    given = self.variables.get(value.name.value)
                    if isinstance(given, int):
                        return given
        return None


def cost_of(document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, JsonValue]) -> Cost:
    """Points and nodes of an operation. Raises `Refused` beyond 500,000 nodes."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    defaults: dict[str, JsonValue] = {
        one.variable.name.value: int(one.default_value.value)
        for one in operation.variable_definitions or ()
        if isinstance(one.default_value, IntValueNode)
    }
    count = _Count(fragments, {**defaults, **variables})
    count.walk(operation.selection_set, 1, 0)
    if count.nodes > MOST_NODES:
        raise Refused(
            "MAX_NODE_LIMIT_EXCEEDED",
            f"This query requests up to {count.nodes:,} possible nodes which exceeds the maximum limit of "
            f"{MOST_NODES:,}.",
        )
    return Cost(points=max(1, int(count.requests / 100 + 0.5)), nodes=count.nodes)
