"""The licence a card states: the one that was asked for, or the terms of a teacher that bind its output."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from ...data import data_file
from ...schemas.errors import CotkitError
from .public import public_teacher

HINT = "give an id that the Hub knows, such as apache-2.0 or cc-by-4.0, or your own as NAME=https://LINK"


class Terms(NamedTuple):
    """Terms that are no licence with an id of the Hub's own."""

    name: str
    link: str


def parse_licence(text: str) -> str | Terms:
    """Read `--license`: an id, or `NAME=LINK`; raises CotkitError on another form.

    >>> parse_licence("apache-2.0"), parse_licence("acme-1=https://acme.example/terms")
    ('apache-2.0', Terms(name='acme-1', link='https://acme.example/terms'))
    """
    name, equals, link = text.partition("=")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.\-]{0,60}", name) or (name == "other" and not equals):
        raise CotkitError(f"--license {text}: no licence", HINT)
    if not equals:
        return name
    if urlsplit(link).scheme not in ("http", "https") or not urlsplit(link).netloc or re.search(r"\s", link):
        raise CotkitError(f"--license {text}: {link!r} is no link", HINT)
    return Terms(name, link)


def teacher_terms(teachers: Iterable[str]) -> list[Terms]:
    """Give the terms that are known of teachers, by their names.

    >>> teacher_terms(["vllm:google/gemma-3-27b-it", "vllm:Qwen/QwQ-32B"])
    [Terms(name='gemma-terms', link='https://ai.google.dev/gemma/terms')]
    """
    known = tomllib.loads(data_file("teacher_terms.toml").read_text(encoding="utf-8"))["terms"]
    found = []
    for teacher in teachers:
        name = public_teacher(teacher).lower()
        found += [Terms(entry["name"], entry["link"]) for entry in known if any(part in name for part in entry["names"])][:1]
    return list(dict.fromkeys(found))


def licence_fields(asked: str | None, terms: list[Terms]) -> dict[str, str]:
    """Give the YAML fields; none when nothing was asked for and no terms are known."""
    licence = parse_licence(asked) if asked is not None else (terms[0] if terms else None)
    if licence is None:
        return {}
    if isinstance(licence, str):
        return {"license": licence}
    return {"license": "other", "license_name": licence.name, "license_link": licence.link}
