"""Every platform's playbook has the same steps, in the same order, with the same conditions and questions."""

from importlib import import_module

import pytest
from tests.playbook.outline import one_after_the_other, outline, until_a_question, without_failures, without_times

from exfilwatch_playbooks.playbook.exports.registry import Export, export, names
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
