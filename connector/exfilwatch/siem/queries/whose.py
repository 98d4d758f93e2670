r"""Hosts and users as people name them, asked for in every notation that records may have.

ws1 is WS1, ws1.corp.local and WS1. in records, as findings/node.py has it; anna is CORP\anna and anna@corp.local. What
is found is never narrower than that: of a user, names that hold it (a join of members is asked for by its pieces).
Blanks around a name in a record are not thought of.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from exfilwatch.detection.condition import FieldTest
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import OneOf, Part, Text, Wild
from exfilwatch.events.shape import SHAPES
from exfilwatch.events.spelling import paths_of
from exfilwatch.findings.node import bare_host, bare_user

_HALF = re.compile("[\ud800-\udfff]")
"""Half a pair of surrogates, which no query can have."""


def named(hosts: Sequence[str], users: Sequence[str]) -> bool:
    """Whether each is one that can be asked for; `-` and the like stand for whoever is not named."""
    return None not in [*map(bare_host, hosts), *map(bare_user, users)]


@lru_cache(256)
def of_hosts(hosts: tuple[str, ...]) -> OneOf:
    """The test that the name of one of the hosts fulfils."""
    names = dict.fromkeys(bare_host(host) or host for host in hosts)
    return OneOf([text for name in names for text in _of_host(name)])


def _of_host(name: str) -> list[Text]:
    if ":" in name:  # an IPv6 address, which has many spellings
        return [_text(Wild.ANY, ":", Wild.ANY)]
    if half := _HALF.search(name):
        return [_text(name[: half.start()], Wild.ANY)]
    return [_text(name), _text(f"{name}.", Wild.ANY)]


@lru_cache(256)
def is_user(users: tuple[str, ...]) -> OneOf:
    """The test that the name of one of the users fulfils."""
    names = dict.fromkeys(max(_HALF.split(bare_user(user) or user), key=len) for user in users)
    return OneOf([_text(Wild.ANY, name, Wild.ANY) for name in names])


@lru_cache(256)
def of_users(users: tuple[str, ...]) -> Rule:
    """A rule that fires on each event of one of the users."""
    info = RuleInfo("exfilwatch.of_users", "Of users", "informational")
    return Rule(info, LogSource(), FieldTest("User", is_user(users)), {}, [])


@cache
def user_fields() -> tuple[str, ...]:
    """Where records of any shape have what their user is made of."""
    found = dict.fromkeys(
        path
        for shape in SHAPES.values()
        for each in shape.classifier.classes
        for expression, bases in shape.field_expressions(each).get("User", ())
        for option in (expression if isinstance(expression, list) else [expression])
        for path in paths_of(option, bases)
    )
    own = (f"{base}.User" if base else "User" for shape in SHAPES.values() for base in shape.bases)
    return tuple(dict.fromkeys([*found, *own]))


def _text(*parts: Part) -> Text:
    return Text(parts, cased=False)
