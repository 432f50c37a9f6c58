"""What the arguments of Terraform's providers are, by their published bindings for TypeScript.

A binding is made from the provider's own schema: names, which are required, types, nested blocks,
and the attributes that expressions may read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.servers import require

# Of every resource; Terraform Language, "Meta-Arguments".
META = {"depends_on", "count", "lifecycle"}
_INTERFACE = re.compile(r"export interface (\w+)(?: extends [\w.]+)? \{\n(.*?)\n\}", re.DOTALL)
_MEMBER = re.compile(
    r"/\*\*(?P<said>(?:(?!\*/).)*)\*/\s+"
    r"readonly (?P<name>\w+)(?P<maybe>\??): (?P<type>[^;]+(?:;\s*\})?)",
    re.DOTALL,
)
_LINK = re.compile(r"#(\w+) \w+#(\w+)\}")
_SIMPLE: Mapping[str, Any] = {"string": str, "number": (int, float), "boolean": bool}


@dataclass(frozen=True)
class Argument:
    name: str  # as Terraform writes it
    type: str  # as TypeScript writes it: 'string[]', 'FlowLogDestinationOptions'
    required: bool


@dataclass(frozen=True)
class Binding:
    """One resource, data source or provider."""

    text: str

    @property
    def blocks(self) -> Mapping[str, str]:
        return dict(_INTERFACE.findall(self.text))

    def arguments(self, block: str) -> Mapping[str, Argument]:
        found = {}
        for member in _MEMBER.finditer(self.blocks[block]):
            link = _LINK.search(member["said"])
            name = link[2] if link else _snake(member["name"])
            type_ = " ".join(member["type"].split())
            found[name] = Argument(name, type_, not member["maybe"])
        return found

    @property
    def main(self) -> str:
        """The block that holds the others."""
        return next(name for name in self.blocks if name.endswith("Config"))

    def has_attribute(self, name: str) -> bool:
        """Whether expressions may read it. TypeScript writes `outputBase64Sha256`."""
        getters = re.findall(r"get (\w+)\(\)", self.text)
        return name.replace("_", "") in {getter.lower() for getter in getters}


def _snake(name: str) -> str:
    return re.sub(r"([A-Z]+)", r"_\1", name).lower()


@cache
def binding(kind: str) -> Binding:
    """`aws_flow_log`, `data_aws_ssm_parameter`, `archive_file`, or `provider`."""
    named = kind.removeprefix("data_")
    provider, _, rest = ("aws", "", "provider") if kind == "provider" else named.partition("_")
    folder = rest.replace("_", "-")
    if named != kind:
        folder = f"data-{named.replace('_', '-')}"
    if provider == "archive":
        folder = f"data-{kind.replace('_', '-')}"
    at = require(f"provider-{provider}").parent / folder / "index.d.ts"
    return Binding(Path(at).read_text())


def faults(kind: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Everything that the provider would refuse about one resource."""
    if kind == "terraform_data":  # Terraform's own
        yield from (f"{kind}.{key}: no such argument" for key in arguments.keys() - {"input"})
        return
    found = binding(kind)
    if f'tfResourceType = "{kind.removeprefix("data_")}"' not in found.text and kind != "provider":
        yield f"{kind}: the binding is of another resource"
    given = {key: value for key, value in arguments.items() if key not in META}
    yield from _block_faults(found, found.main, given, kind)


def _block_faults(found: Binding, block: str, given: Mapping[str, Any], at: str) -> Iterator[str]:
    known = found.arguments(block)
    for name in sorted(given.keys() - known.keys()):
        yield f"{at}.{name}: no such argument"
    for name, argument in known.items():
        if argument.required and name not in given:
            yield f"{at}.{name}: required and missing"
        elif name in given:
            yield from _value_faults(found, argument, given[name], f"{at}.{name}")


def _value_faults(found: Binding, argument: Argument, value: Any, at: str) -> Iterator[str]:
    kinds = [kind.strip() for kind in argument.type.split("|") if "IResolvable" not in kind]
    kind = kinds[0]
    if isinstance(value, str) and re.fullmatch(r"\$\{[^}]*\}", value):
        return  # an expression; what it gives is not known here
    if kind.startswith("{"):
        texts = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        if not texts:
            yield f"{at}: not a map of texts"
        return
    many = kind.endswith("[]")
    one_kind = kind.removesuffix("[]")
    if one_kind in found.blocks:
        blocks = value if isinstance(value, list) else [value]
        for one in blocks:
            yield from _block_faults(found, one_kind, one, at)
        return
    for one in value if many and isinstance(value, list) else [value]:
        wrong = isinstance(one, bool) != (one_kind == "boolean")
        if one_kind not in _SIMPLE or not isinstance(one, _SIMPLE[one_kind]) or wrong:
            yield f"{at}: {one!r} is no {one_kind}"
    if many != isinstance(value, list):
        yield f"{at}: {'one' if many else 'many'} where {argument.type} is wanted"
