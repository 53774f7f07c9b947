"""An independent reading of ECMA-323, to check what is sent: :func:`check` finds what is wrong with a body.

It knows the standard from ``schema.txt`` and XML from the standard library, and nothing from the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["MESSAGES", "check"]

SESSION = "http://www.ecma-international.org/standards/ecma-354/appl_session"

TEXTS = {
    "text": r"(?s).*",
    "bool": "true|false|1|0",
    "int": r"[+-]?\d+",
    "hex": "([0-9A-Fa-f]{2})*",
    "empty": "",
}


def _load() -> tuple[dict[str, str], frozenset[str]]:
    rules: dict[str, str] = {}
    messages: set[str] = set()
    section, name = "", ""
    for line in Path(__file__).with_name("schema.txt").read_text("ascii").splitlines():
        if line.startswith("#"):
            section = line.removeprefix("# ")
        elif line.startswith(" "):
            rules[name] += " " + line.strip()
        elif line:
            name, _, rule = line.partition(":")
            rules[name] = rule.strip()
            if section != "types" and not name.endswith(("Info", "Error", "Reason")):
                messages.add(name)
    return rules, frozenset(messages)


RULES, MESSAGES = _load()


def check(body: bytes) -> list[str]:
    """Everything that is wrong with ``body``, as sentences; empty when it may be sent."""
    if not body.startswith(b'<?xml version="1.0" encoding="UTF-8"?><'):
        return ["the prolog is missing"]
    if not body.isascii():
        return ["not everything beyond ASCII is a character reference"]
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        return [f"not well-formed: {error}"]
    namespace = root.tag[1:].partition("}")[0] if root.tag.startswith("{") else ""
    problems = [f"{node.tag} is in another namespace" for node in root.iter() if not _in(node, namespace)]
    name = _local(root)
    if name not in MESSAGES:
        return [*problems, f"no message is called {name}"]
    if (namespace == SESSION) != name.startswith(("StartAppl", "StopAppl", "ResetAppl", "ApplicationSession")):
        problems.append(f"{name} in namespace {namespace}")
    edition = re.search(r"/ed(\d+)", namespace)
    problems.extend(_check(root, name, name, int(edition[1]) if edition else 3))
    return problems


def _in(node: ElementTree.Element, namespace: str) -> bool:
    return node.tag.startswith(f"{{{namespace}}}") if namespace else not node.tag.startswith("{")


def _local(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def _check(node: ElementTree.Element, type_: str, path: str, edition: int) -> Iterator[str]:
    """Problems of an element of this type."""
    if type_ == "any":
        return
    if type_ == "Destinations":
        type_ = "[device]text" if edition >= 5 else "text"
    if type_ in TEXTS:
        if len(node):
            yield f"{path} has children"
        elif not re.fullmatch(TEXTS[type_], node.text or ""):
            yield f"{path} is {node.text!r}, not {type_}"
        return
    if (node.text or "").strip() and not RULES.get(type_, "").startswith("one-of"):
        yield f"{path} has text {node.text!r}"
    if type_.startswith("["):
        item, _, of = type_[1:].partition("]")
        for child in node:
            if _local(child) != item:
                yield f"{path} has a {_local(child)} among its {item}"
            yield from _check(child, of, f"{path}/{item}", edition)
        return
    kind, _, words = RULES[type_].partition(" ")
    if kind == "is":
        yield from _check(node, words, path, edition)
    elif kind == "one-of":
        if (node.text or "") not in words.split():
            yield f"{path} cannot be {node.text!r}"
    elif kind == "flags":
        yield from _check_sequence(node, [f"{word}=bool" for word in words.split()], path, edition)
    elif kind in ("|", "+"):
        if len(node) == 0 or (kind == "|" and len(node) > 1):
            yield f"{path} has {len(node)} children of a choice"
        types = dict(word.replace("!", "").split("=", 1) for word in words.split())
        for child in node:
            name = _local(child)
            if name not in types:
                yield f"{path} cannot hold {name}"
            else:
                yield from _check(child, types[name], f"{path}/{name}", edition)
    else:
        yield from _check_sequence(node, RULES[type_].split(), path, edition)


def _check_sequence(node: ElementTree.Element, rules: list[str], path: str, edition: int) -> Iterator[str]:
    children = list(node)
    for rule in rules:
        marked, _, type_ = rule.partition("=")
        name = marked.rstrip("!*")
        found = 0
        while children and _local(children[0]) == name and (found == 0 or marked.endswith("*")):
            yield from _check(children.pop(0), type_, f"{path}/{name}", edition)
            found += 1
        if not found and marked.endswith("!"):
            yield f"{path} has no {name}"
    for child in children:
        yield f"{path} has {_local(child)} where it does not belong"
