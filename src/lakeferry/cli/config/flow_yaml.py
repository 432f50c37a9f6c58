"""A value of a manifest as YAML that says the same again, references and all. Pure."""

import json
import re

from lakeferry.config.tree import Value
from lakeferry.config.yaml_text import kind_of

# Plain within braces too; what looks like a number, a time or a word of YAML is quoted.
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@%+=:-]*(?: [A-Za-z0-9/%]+)*")


def word(text: str) -> str:
    """A text, in quotes where it would be something else without them."""
    is_time = ":" in text and text[:1].isdigit()  # to YAML 1.1 a number, to others a date
    is_plain = _PLAIN.fullmatch(text) and kind_of(text) == "text" and not text.endswith(":")
    return text if is_plain and not is_time else json.dumps(text, ensure_ascii=False)


def flow(value: Value) -> str:
    """One line: `{kind: aws, region: us-east-1}`."""
    if value.kind == "map":
        inner = ", ".join(f"{word(key)}: {flow(one.value)}" for key, one in value.entries.items())
        return f"{{{inner}}}"
    if value.kind == "list":
        return f"[{', '.join(map(flow, value.items))}]"
    return word(value.text) if value.kind == "text" else value.text


def block(key: str, value: Value, indent: int = 0) -> list[str]:
    """A key on lines of its own, what is below it on one line each."""
    space = " " * indent
    if value.kind != "map" or not value.entries:
        return [f"{space}{word(key)}: {flow(value)}"]
    below = [f"{space}  {word(name)}: {flow(one.value)}" for name, one in value.entries.items()]
    return [f"{space}{word(key)}:", *below]
