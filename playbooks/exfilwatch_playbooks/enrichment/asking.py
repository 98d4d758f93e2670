"""Rules that ask SIEMs for what findings name: a destination, a command template, an archive, a host's processes."""

import re

from exfilwatch.commands.template import MARK
from exfilwatch.detection.condition import All, Any, FieldTest, Node
from exfilwatch.detection.rule import Rule
from exfilwatch.detection.values import Exists, Part, Text, Wild
from exfilwatch.siem.queries.whose import of_hosts
from exfilwatch_playbooks.enrichment.history import rule
from exfilwatch_playbooks.enrichment.indicator import Kind, indicator

TRAFFIC = ("network_connection", "firewall", "proxy")
COMMANDS = ("process_creation", "ps_script")
_ADDRESSES = ("DestinationIp", "dst_ip")
_NAMES = ("DestinationHostname", "cs-host", "r-dns")
_LOOKUPS = ("QueryName", "query")
_LONGEST = 200
_HALF = re.compile("[\ud800-\udfff]")


def exactly(field: str, value: str) -> Node:
    return FieldTest(field, Text(_parts(value), cased=False))


def holding(field: str, value: str) -> Node:
    return FieldTest(field, Text([Wild.ANY, *_parts(value), Wild.ANY], cased=False))


def ending(field: str, value: str) -> Node:
    return FieldTest(field, Text([Wild.ANY, *_parts(value)], cased=False))


def starting(field: str, value: str) -> Node:
    return FieldTest(field, Text([*_parts(value), Wild.ANY], cased=False))


def _parts(value: str) -> list[Part]:
    """The text; for half a pair of surrogates, which no expression and no query can have, any character."""
    pieces = _HALF.split(value)
    found: list[Part] = [pieces[0]]
    for piece in pieces[1:]:
        found += [Wild.ONE, piece]
    return [part for part in found if part != ""]


def traffic_to(host: str) -> tuple[Rule, ...]:
    """Records of traffic to an address or a name, and of names looked up."""
    name = f"to {host}"
    if _is_address(host):
        by_address = Any(tuple(exactly(field, host) for field in _ADDRESSES))
        proxied = Any((*by_address.parts, *_named(host), holding("c-uri", f"//{host}")))
        return (rule(name, TRAFFIC[0], by_address), rule(name, TRAFFIC[1], by_address), rule(name, TRAFFIC[2], proxied))
    named = Any(tuple(_named(host)))
    proxied = Any((*named.parts, holding("c-uri", f"//{host}"), starting("c-uri", f"{host}:")))
    return (rule(name, TRAFFIC[0], named), rule(name, TRAFFIC[1], named), rule(name, TRAFFIC[2], proxied))


def lookups_of(name: str) -> tuple[Rule, ...]:
    """Records of a name that was looked up."""
    return (rule(f"of {name}", "dns", Any(tuple(exactly(field, name) for field in _LOOKUPS))),)


def commands_to(host: str) -> tuple[Rule, ...]:
    """Commands and scripts that name an address or a name."""
    process, script = COMMANDS
    return (
        rule(f"at {host}", process, holding("CommandLine", host)),
        rule(f"at {host}", script, holding("ScriptBlockText", host)),
    )


def commands_like(template: str, program: str) -> tuple[Rule, ...]:
    """Commands of a template (commands/template.py), which `program` runs where it is known.

    SIEMs know no templates: they are asked for the longest word of it that stays as it is.
    """
    like = exactly("command.template", template)
    word = max(re.split(rf"[\s{re.escape(MARK)}*>]+", template), key=len)[:_LONGEST]
    asked = holding("CommandLine", word) if len(word) > 3 else FieldTest("CommandLine", Exists(True))
    parts = (asked, *((ending("Image", program),) if program else ()), like)
    scripts = (holding("ScriptBlockText", word), like) if len(word) > 3 else ()
    found = (rule(f"like {template} by {program}", COMMANDS[0], All(parts)),)
    return (*found, rule(f"like {template}", COMMANDS[1], All(scripts))) if scripts else found


def files_named(name: str) -> tuple[Rule, ...]:
    """Files of this name that are made, and commands that name it."""
    of_file = Any(
        (exactly("TargetFilename", name), ending("TargetFilename", f"\\{name}"), ending("TargetFilename", f"/{name}"))
    )
    return (
        rule(f"file {name}", "file_event", of_file),
        rule(f"file {name}", COMMANDS[0], holding("CommandLine", name)),
        rule(f"file {name}", COMMANDS[1], holding("ScriptBlockText", name)),
    )


def starts_on(host: str) -> tuple[Rule, ...]:
    """The starts of processes on a host."""
    return (rule(f"on {host}", COMMANDS[0], FieldTest("Computer", of_hosts((host,)))),)


def connections_of(host: str) -> tuple[Rule, ...]:
    """Connections that a host records itself, with its own address."""
    named = FieldTest("Computer", of_hosts((host,)))
    return (rule(f"by {host}", TRAFFIC[0], All((named, FieldTest("SourceIp", Exists(True))))),)


def _named(host: str) -> list[Node]:
    return [each for field in _NAMES for each in (exactly(field, host), starting(field, f"{host}:"))]


def _is_address(host: str) -> bool:
    found = indicator(host)
    return found is not None and found.kind is Kind.ADDRESS
