"""The corpus as command line, host, user, file name and URL of findings: the case in every markup stays what it is."""

import json
import re
from collections.abc import Iterator

import pytest

from exfilwatch.findings.incident import group
from exfilwatch_playbooks.cases.body import draft
from exfilwatch_playbooks.cases.case import Draft
from exfilwatch_playbooks.cases.render import adf, git, html, jira_wiki, markdown, plain, textile
from exfilwatch_playbooks.hostile import visible

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import CORPUS, LONG  # noqa: TID252
from ..rendered import Page, commonmark  # noqa: TID252

HEADINGS = ["What happened", "How bad it is", "How we know", "What to do now"]
RENDERERS = [
    markdown.MARKDOWN,
    git.GIT,
    jira_wiki.JIRA_WIKI,
    adf.ADF,
    textile.TEXTILE,
    html.HTML,
    plain.PLAIN,
    plain.SERVICENOW,
]
_TAGS = {"h2", "h3", "p", "strong", "em", "ul", "ol", "li", "code", "pre"}


def drafts() -> Iterator[tuple[str, Draft]]:
    """A case for every five texts, each in another place, and the text that is its command line."""
    for five in _fives():
        command, host, user, file, url = (*five, *["x"] * 5)[:5]
        finding = make(
            "a",
            CommandLine=command,
            Image=f"C:\\{file}",
            TargetFilename=file,
            TaskName=file,
            DestinationHostname=url,
            host=host,
            user=user,
            source=file,
        )
        (incident,) = group([finding])
        yield command, draft(incident, [finding])


def _fives() -> Iterator[list[str]]:
    every = [*CORPUS, *LONG.values()]
    return (every[at : at + 5] for at in range(0, len(every), 5))


@pytest.fixture(scope="module")
def cases() -> list[tuple[str, Draft]]:
    return list(drafts())


def test_every_markup_has_the_sections_and_nothing_else_that_stands_out(cases):
    wrong = []
    for command, case in cases:
        found = {
            "Markdown": _sections(commonmark(case.body)),
            "git": _sections(commonmark(git.write(case.document))),
            "HTML": _sections(Page(html.write(case.document))),
            "Jira": _wiki(jira_wiki.write(case.document), "{noformat}", "{noformat}"),
            "Textile": _wiki(textile.write(case.document), "<pre>", "</pre>"),
            "ADF": [
                node["content"][0]["text"]
                for node in json.loads(adf.write(case.document))["content"]
                if node["type"] == "heading" and node["attrs"]["level"] == 2
            ],
            "plain": re.findall(r"^(\w.*)\n={3,}$", plain.write(case.document), re.MULTILINE),
        }
        wrong += [(command[:80], name, sections) for name, sections in found.items() if sections != HEADINGS]
    assert wrong == []


def _wiki(written: str, begin: str, end: str) -> list[str]:
    outside = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", "", written, flags=re.DOTALL)
    return re.findall(r"^h2\. (.*)$", outside, re.MULTILINE)


def _sections(page: Page) -> object:
    return page.texts["h2"] if set(page.tags) <= _TAGS else set(page.tags) - _TAGS


def test_a_command_line_of_the_corpus_is_in_the_case_as_it_was(cases):
    for command, case in cases:
        if len(command) < 500 and command not in ("", "-"):
            shown = visible(command.replace("\r\n", "\n"), keep="\n\t")
            assert shown.strip("\n") in "".join(commonmark(case.body).texts["pre"])
            assert f"<pre>\n{shown}</pre>".replace("&", "") in html.write(case.document).replace("&", "") or any(
                each in shown for each in "<>&'\""
            )


@pytest.mark.parametrize("renderer", RENDERERS, ids=lambda renderer: renderer.name)
def test_a_case_fits_into_what_the_system_takes(renderer):
    many = [
        make(str(at), at / 10, host="H", user="u", CommandLine=f"{at} {text}") for at, text in enumerate(CORPUS[:300])
    ]
    many += [make(name, 40, host="H", user="u", CommandLine=text) for name, text in LONG.items()]
    (incident,) = group(many)
    made = draft(incident, many, renderer=renderer)
    assert len(made.body.encode()) <= renderer.limit
    assert len(made.findings) == len(many)
    assert made.title.isprintable()
