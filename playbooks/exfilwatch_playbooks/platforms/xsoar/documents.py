"""What people read about the pack: its page, the integration's, the playbook's, the release notes."""

from collections.abc import Sequence

from exfilwatch_playbooks.platforms.arguments import Argument
from exfilwatch_playbooks.platforms.xsoar.commands import BRAND, Command
from exfilwatch_playbooks.platforms.xsoar.integration import CLASSIFIER, DOCKER_IMAGE, MAPPER, yml
from exfilwatch_playbooks.platforms.xsoar.items import FIELDS, TYPE
from exfilwatch_playbooks.playbook.exports import xsoar as exported
from exfilwatch_playbooks.playbook.model import Ask, every
from exfilwatch_playbooks.playbook.source import incident

DESCRIPTION = f"""## {BRAND}

This integration asks the HTTP service of exfilwatch, which runs beside your SIEM: see `exfilwatch serve`.

1. On the service's machine, make a token with the scope `act` (to fetch and to look, `read` is enough).
2. Put the service's address into **Server URL**, without a path, and the token into **API token**.
3. Press **Test**: it says what the service cannot reach, and what to change there.
4. To fetch incidents, choose **Fetches incidents**; the classifier and the mapper are chosen already.
"""

PACK = f"""{BRAND} finds automated data exfiltration (MITRE ATT&CK T1020, T1041, T1048, T1560, T1567) in the process and
network events of your SIEM, with Sigma rules, explains each finding, and opens a case that says what to do now.

## What does this pack do?

- Fetches the incidents of exfilwatch, each once, also those that were seen late.
- Gives an analyst a command for each of its actions: explain, enrich, timeline, process tree, volume, who else, hunt,
  response plan, report, case, disposition, suppression.
- Shows an incident by who, where, how we know, and when.
- Runs a playbook that enriches, asks the analyst, contains after approval, opens the case, and follows it up.

## Before you start

The pack needs the service of exfilwatch (`exfilwatch serve`), reached over HTTPS from the platform or from one of its
engines. Nothing else leaves the platform: the integration asks that service only, and runs in the Docker image
`{DOCKER_IMAGE}` with what is in it.
"""


def integration(commands: list[Command]) -> str:
    """The README of the integration."""
    parts = [
        f"{yml(commands)['description']}\nIt asks the service of exfilwatch, and is tested against it.",
        f"## Configure {BRAND} in Cortex",
        _table(
            ("**Parameter**", "**Description**", "**Required**"),
            [
                (
                    each.get("displaypassword") or each["display"],
                    each.get("additionalinfo", ""),
                    str(each.get("required", False)),
                )
                for each in yml(commands)["configuration"]
            ],
        ),
        "## Commands",
        "You can run these commands from the CLI, as part of an automation, or in a playbook.",
        *(_command(each) for each in commands),
    ]
    return "\n\n".join(parts) + "\n"


def playbook() -> str:
    """The README of the playbook."""
    source = incident()
    used = "\n".join(f"* {name}" for name in sorted(set(exported.commands_used(source))))
    questions = [step for step in every(source.steps) if isinstance(step, Ask)]
    asked = "\n".join(f"* {each.ask} ({', '.join(choice.label for choice in each.choices)})" for each in questions)
    return f"""Enriches an incident of exfilwatch, asks the analyst, contains after approval, opens the case and follows
it up.

It asks a person:

{asked}

## Dependencies

This playbook uses the following sub-playbooks, integrations, and scripts.

### Sub-playbooks

* {exported.ISOLATE} (of the pack Common Playbooks; skipped without it)

### Integrations

* {BRAND}

### Scripts

This playbook does not use any scripts.

### Commands

{used}
* closeInvestigation
* setIncident

## Playbook Inputs

---
There are no inputs for this playbook.

## Playbook Outputs

---
There are no outputs for this playbook.

## Playbook Image

---

![{exported.NAME}](../doc_files/ExfilWatch_-_Automated_Exfiltration.png)
"""


def release_notes(version: str) -> str:
    """What is new in the first version, in the sections that the platform knows."""
    sections = {
        "Classifiers": [(CLASSIFIER, f"Classifies what {BRAND} fetches.")],
        "Incident Fields": [(field.name, field.description) for field in FIELDS],
        "Incident Types": [(TYPE, "What left, from where, to where, and how we know.")],
        "Integrations": [
            (BRAND, f"Finds automated data exfiltration, explains it, and opens cases, by the service {version}."),
        ],
        "Layouts": [(TYPE, "Who and where, how do we know, when.")],
        "Mappers": [(MAPPER, f"Maps the incidents of {BRAND} into their fields.")],
        "Playbooks": [
            (exported.NAME, "Enriches, asks the analyst, contains after approval, opens the case and follows it up.")
        ],
    }
    lines: list[str] = []
    for section, entries in sections.items():
        lines += ["", f"#### {section}"]
        for name, said in entries:
            lines += ["", f"##### New: {name}", "", f"- New: {said}"]
    return "\n".join([*lines, ""])


def _command(command: Command) -> str:
    parts = [
        f"### {command.name}",
        "***",
        command.action.description,
        f"#### Base Command\n\n`{command.name}`",
        "#### Input",
        _table(
            ("**Argument Name**", "**Description**", "**Required**"),
            [(each.name, _described(each), "Required" if each.required else "Optional") for each in command.arguments]
            + (
                [("polling", "Whether to run it in the background. Default is true.", "Optional")]
                if command.later
                else []
            ),
        ),
        "#### Context Output",
        _table(
            ("**Path**", "**Type**", "**Description**"),
            [(each.path, each.type, each.description) for each in command.outputs],
        ),
    ]
    if command.action.examples:
        given = " ".join(f'{name}="{value}"' for name, value in command.action.examples[0].items())
        parts += ["#### Command example", f"```!{command.name} {given}".rstrip() + "```"]
    return "\n\n".join(parts)


def _described(argument: Argument) -> str:
    words = f" Possible values are: {', '.join(argument.words)}." if argument.words else ""
    return f"{argument.description}{words}" + (f" Default is {argument.default}." if argument.default else "")


def _table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [headers, tuple("---" for _ in headers), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') or ' ' for cell in line)} |" for line in lines)
