"""Every platform's playbook has the same steps, in the same order, with the same conditions and questions."""

import re
from importlib import import_module

import pytest
from tests.playbook.outline import one_after_the_other, outline, until_a_question, without_failures, without_times

from exfilwatch_playbooks.playbook.exports.registry import Export, export, names
from exfilwatch_playbooks.playbook.model import every
from exfilwatch_playbooks.playbook.source import incident

PLATFORMS = names()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_export_read_back_says_what_the_source_says(platform: str) -> None:
    made = export(platform)
    read = import_module(f"tests.playbook.readers.{platform.replace('-', '_')}").read
    wanted = outline(incident(), made.title)
    if "together" in made.lacks:
        wanted = one_after_the_other(wanted)
    if "failures" in made.lacks:
        wanted = without_failures(wanted)
    if "questions" in made.lacks:
        wanted = until_a_question(wanted)
    wanted = without_times(wanted, questions="timeouts" in made.lacks, actions="limits" in made.lacks)
    found = read(made.files(incident()))
    assert [step.title for step in found] == [step.title for step in wanted]
    for seen, step in zip(found, wanted, strict=True):
        assert seen == step


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_same_source_makes_the_same_files(platform: str) -> None:
    made: Export = export(platform)
    assert made.files(incident()) == made.files(incident())


FIELDS = {"id", "incident", "finding", "findings", "level", "answer", "verdict", "Answer", "facts_level"}
"""What expressions may take from data: ids, levels, and answers of people."""
EXPRESSION = re.compile(
    r"\{\{(.*?)\}\}|<%(.*?)%>|<<(.*?)>>|\$\{(.*?)\}|(__\w+__):value|(artifact:[^\"]+|\w+:action_result[^\"]+)"
    r"|(\$[a-z_]+(?:\.#?\w+)+)|@\{(.*?)\}|\"@(.*?)\"[,\s]"
)
NAMES = re.compile(r"(?:\.|ctx\(|\[')(\w+)")
OTHERS = {
    # Of the platforms themselves, and methods of theirs; XSOAR keeps what it puts in as data.
    "xsoar": {"exfilwatchid", "exfilwatchfinding", "exfilwatchhost", "EnrichFinding", "OpenCase", "url"},
    "n8n": {"first", "json", "stringify", "parse", "map"},
    "stackstorm": {"body", "data", "response", "result", "approve", "finished"},
    "splunk-soar": {"cef", "exfilwatchIncident", "exfilwatchFinding", "data", "summary", "responses", "0", "status"},
    "sekoia": {"0"},
    "fortisoar": {
        *("input", "params", "request", "data", "item", "steps", "status"),
        *("Enrich_the_incident", "Open_the_case", "Get_the_news", "Keep_an_alert"),
    },
    "tines": {"item", "body", "status", "prompt", "exfilwatch", "exfilwatch_url", "exfilwatch_analyst"},
    "tracecat": {
        *("result", "data", "items", "url", "content", "iteration", "news", "item", "exfilwatch", "EXFILWATCH_TOKEN"),
        *("is_in", "contains_none_of"),
        *(
            f"{step.id}{part}"
            for step in every(incident().steps)
            for part in ("", "_asked", "_waits", "_looked", "_heard")
        ),
    },
    "power-automate": {"items", "text", "text_1", "name", "outcome"},
    "shuffle": {"type", "data", "success", "click_info", "note", "approve", "finished"},
    "cacao": set(),
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_text_of_events_comes_into_an_expression(platform: str) -> None:
    texts = [text.replace('\\"', '"') for text in export(platform).files(incident()).values()]
    found = {next(filter(None, each)) for text in texts for each in EXPRESSION.findall(text)}
    assert found
    named = {name for each in found for name in NAMES.findall(re.sub(r"\$\(\"[^\"]*\"\)|'[a-z-]+'", "", each))}
    assert named <= FIELDS | OTHERS[platform]
