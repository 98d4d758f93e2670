"""The corpus in every markup: as those who read it show it, nothing but text comes out, and nothing is lost."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import jsonschema_rs
import pytest

from exfilwatch_playbooks.cases.document import (
    Checks,
    Code,
    CodeBlock,
    Document,
    Heading,
    Items,
    Paragraph,
    Quote,
    Strong,
    Table,
    Text,
    whole,
)
from exfilwatch_playbooks.cases.render import adf, git, html, jira_wiki, markdown, plain, textile
from exfilwatch_playbooks.hostile import defang, visible

from ..hostile_corpus import CORPUS, KINDS, LONG  # noqa: TID252 (tests are no package on the path)
from ..rendered import RENDERERS, Page, classic, commonmark  # noqa: TID252
from ..servers.npm import published  # noqa: TID252
from ..servers.unavailable import Unavailable, leave_out  # noqa: TID252

_REDMINE = Path("/usr/share/redmine")
_LIMIT = 3_000_000  # characters: more than any text of the corpus, spelled out
RENDERERS_OF_CASES = [
    markdown.MARKDOWN,
    git.GIT,
    jira_wiki.JIRA_WIKI,
    adf.ADF,
    textile.TEXTILE,
    html.HTML,
    plain.PLAIN,
    plain.SERVICENOW,
]
kinds = pytest.mark.parametrize("kind", KINDS)


def everywhere(text: str, *, table: bool = True) -> Document:
    """A document with a text in every place that takes one."""
    own, exact = Text(text, _LIMIT), Code(text, _LIMIT)
    return (
        Heading(2, ("Title ", own)),
        Paragraph((own, " and ", exact, ", ", Strong("so"), " ", own)),
        CodeBlock(text, limit=_LIMIT),
        Items(((own,), ("a ", exact))),
        Items(((exact,), (own, " b"))),
        Checks(((True, (own,)), (False, (exact,)))),
        *((Table((("a",), ("b",)), (((own,), (exact,)), (("c",), ("d",)))),) if table else ()),
        Quote(((own,), (exact,))),
        Paragraph(("The end.",)),
    )


def flat(text: str) -> str:
    return " ".join(text.split())


def shown(text: str) -> str:
    """What a code block shows of it."""
    return visible(text.replace("\r\n", "\n"), keep="\n\t")


def odd(texts: Sequence[str], wrong: Callable[[str], object]) -> dict[str, object]:
    """The texts of which something is wrong, and what."""
    return {text: found for text in texts if (found := wrong(text))}


def test_the_corpus_is_large_and_has_each_text_once():
    assert len(CORPUS) >= 500
    assert len(set(CORPUS)) == len(CORPUS)
    assert all(len(text.encode("utf-8", "surrogatepass")) > 900_000 for text in LONG.values())


@kinds
@pytest.mark.parametrize("show", RENDERERS, ids=lambda show: show.__name__)
def test_markdown_has_no_markup_but_ours(kind, show):
    expected = show(markdown.write(everywhere("plain")))

    def wrong(text: str) -> object:
        page = show(markdown.write(everywhere(text)))
        # Code with a pipe stands as text in a table, and a paragraph of nothing but spaces is none.
        ours = expected.tags | {"code": expected.tags["code"] - ("|" in text)}
        if page.tags != ours and (text.strip(" ") or set(page.tags) - set(ours)):
            return page.tags
        return show is commonmark and shown(text).strip("\n") != page.texts["pre"][0].strip("\n")

    assert odd(KINDS[kind], wrong) == {}


# What GitHub and GitLab look for in what Markdown has made, outside of code; in a title, whose links are defanged.
_IN_TITLES = r"(?<![\w`])@\w|(?<!&)#\d|\bGH-\d|!\d|~\w|%\w|\$\d|&\d|\[\w+:|:\w+:|www\.|\b[A-Z]{2,10}-\d|\w@\w"
_REFERENCE = re.compile(_IN_TITLES + r"|\b(?!\d+\b)[0-9a-f]{7,40}\b|://|^/\w|\[\[", re.MULTILINE)


@kinds
def test_nobody_is_mentioned_and_nothing_is_linked_on_github_and_gitlab(kind):
    ours = set(commonmark(git.write(everywhere("a:b"))).tags)

    def wrong(text: str) -> object:
        page = commonmark(git.write(everywhere(text)))
        outside = "".join(page.outside)
        return set(page.tags) - ours or _REFERENCE.findall(outside) or re.findall(_IN_TITLES, git.GIT.title(text))

    assert odd(KINDS[kind], wrong) == {}


@kinds
def test_html_has_no_element_but_ours_and_no_attribute(kind):
    expected = Page(html.write(everywhere("plain"))).tags

    def wrong(text: str) -> object:
        written = html.write(everywhere(text))
        page = Page(written)
        if page.tags != expected or re.search(r"<\w+ ", written):
            return page.tags
        exact = page.texts["pre"][0].removeprefix("\n") == shown(text) and page.texts["code"][0] == visible(text)
        return not exact or defang(visible(text)) not in page.texts["p"][0]

    assert odd(KINDS[kind], wrong) == {}


@kinds
def test_plain_text_has_each_text_as_it_is(kind):
    def wrong(text: str) -> object:
        written = plain.write(everywhere(text))
        indented = "\n".join(f"    {line}" if line else "    ".rstrip() for line in shown(text).split("\n"))
        said = visible(text) in written or defang(visible(text)) in written
        return not said or indented not in written or visible(written, keep="\n\t") != written

    assert odd(KINDS[kind], wrong) == {}


def test_plain_text_names_addresses_so_that_no_program_makes_links_of_them():
    paragraph = Paragraph((Code("http://evil.example/in"), " by ", Code("CORP\\www-data")))
    assert plain.write((paragraph,)) == "hxxp://evil[.]example/in by CORP\\www-data"


@kinds
def test_servicenow_gets_no_tag_that_it_would_run(kind):
    assert (
        odd(KINDS[kind], lambda text: re.search(r"\[\s*/?\s*code", plain.servicenow(everywhere(text)), re.IGNORECASE))
        == {}
    )


@pytest.fixture(scope="session")
def adf_schema() -> jsonschema_rs.Draft4Validator:
    """Atlassian's own schema of its documents."""
    try:
        file = published("@atlaskit/adf-schema", "57.7.22", "dist/json-schema/v1/full.json")
    except Unavailable as error:
        leave_out(error)
    return jsonschema_rs.Draft4Validator(json.loads(file.read_text("utf-8")))


def test_documents_for_jira_cloud_are_valid(adf_schema):
    plain_document = adf.nodes(everywhere("plain"))
    assert [error.message for error in adf_schema.iter_errors(plain_document)] == []
    broken = {**plain_document, "content": [{"type": "text", "text": ""}]}
    assert not adf_schema.is_valid(broken)
    wrong = odd(
        CORPUS, lambda text: [error.message[:100] for error in adf_schema.iter_errors(adf.nodes(everywhere(text)))]
    )
    assert wrong == {}


def _texts(node: object) -> list[tuple[str, str]]:
    """Each text node's mark and text."""
    if isinstance(node, list):
        return [text for each in node for text in _texts(each)]
    if not isinstance(node, dict):
        return []
    if node["type"] == "text":
        return [(node["marks"][0]["type"] if "marks" in node else "", node["text"])]
    return _texts(node.get("content", []))


def _kinds(node: object) -> list[str]:
    if isinstance(node, list):
        return [kind for each in node for kind in _kinds(each)]
    return [node["type"], *_kinds(node.get("content", []))] if isinstance(node, dict) else []


@kinds
def test_jira_cloud_gets_text_nodes_and_ours(kind):
    ours = set(_kinds(adf.nodes(everywhere("plain"))))

    def wrong(text: str) -> object:
        document = json.loads(adf.write(everywhere(text)))
        found = _texts(document)
        if set(_kinds(document)) - ours or any(not each for _, each in found):
            return document
        exact = ("code", visible(text) or " ") in found and (not text or ("", shown(text)) in found)
        return not exact or "".join(each for _, each in found).encode("utf-8", "strict") == b""

    assert odd(KINDS[kind], wrong) == {}


@kinds
def test_jiras_wiki_markup_is_ours_alone(kind):
    """No parser of Jira's own is to be had: outside of {noformat}, what is not ours is letters and entities."""
    expected = _marks(re.sub(_NOFORMAT, "", jira_wiki.write(everywhere("plain"))))

    def wrong(text: str) -> object:
        written = jira_wiki.write(everywhere(text))
        found = re.findall(_NOFORMAT, written)
        if found:
            return (
                found != [shown(text)]
                or "{noformat" in text.lower()
                or _marks(re.sub(_NOFORMAT, "", written)) != expected
            )
        return _marks(written) != sorted(
            expected + ["{", "{", "}", "}"] * sum(map(bool, map(str.strip, shown(text).split("\n"))))
        )

    assert odd(KINDS[kind], wrong) == {}


_NOFORMAT = r"(?s)\{noformat\}\n(.*?)\n\{noformat\}"


def _marks(written: str) -> list[str]:
    """The characters that could be markup."""
    return sorted(re.findall(r"[!-/:-@\[-`{-~]", re.sub(r"&#\d+;", "", written)))


@pytest.fixture(scope="session")
def redmine() -> Callable[[Sequence[str]], list[Page]]:
    """What Redmine's own formatter makes of texts."""
    ruby = shutil.which("ruby")
    if ruby is None or not (_REDMINE / "lib/redmine/wiki_formatting").is_dir():
        leave_out(Unavailable("Textile: needs Debian's redmine, for its formatter"))

    def show(texts: Sequence[str]) -> list[Page]:
        command = [ruby, str(Path(__file__).with_name("textile.rb")), str(_REDMINE)]
        done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=300)
        return [Page(page) for page in json.loads(done.stdout)]

    return show


_TEXTILE_TAGS = {"h2", "p", "code", "pre", "ul", "li", "strong", "blockquote", "table", "tr", "th", "td", "br"}


def test_redmine_shows_textile_as_text(redmine):
    expected, *pages = redmine([textile.write(everywhere(text)) for text in ["a:b", *CORPUS]])
    assert set(expected.tags) <= _TEXTILE_TAGS
    wrong = {}
    for text, page in zip(CORPUS, pages, strict=True):
        same = ("h2", "ul", "li", "table", "tr", "th", "td", "blockquote", "strong")
        everything = " ".join(each for texts in page.texts.values() for each in texts)
        # Redmine takes tabs and empty lines off, and adds a space after a quotation mark that ends a line.
        exact = flat(visible(text)).replace(" ", "") in everything.replace(" ", "").replace("\xa0", "")
        if set(page.tags) - _TEXTILE_TAGS or any(page.tags[tag] != expected.tags[tag] for tag in same) or not exact:
            wrong[text] = page.tags
    assert wrong == {}


def test_redmine_notifies_nobody():
    """Redmine looks for mentions in the source, except in <pre>; for macros everywhere."""
    mention = re.compile(r"(?:^|\W)@[A-Za-z0-9_\-@.]")

    def wrong(text: str) -> object:
        source = textile.write(everywhere(text))
        return mention.findall(re.sub(r"<pre>.*?</pre>", "", source, flags=re.DOTALL)) or "{{" in source

    assert odd(CORPUS, wrong) == {}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize(
    "renderer",
    [
        markdown.MARKDOWN,
        git.GIT,
        jira_wiki.JIRA_WIKI,
        adf.ADF,
        textile.TEXTILE,
        html.HTML,
        plain.PLAIN,
        plain.SERVICENOW,
    ],
    ids=lambda renderer: renderer.name,
)
def test_a_text_of_a_megabyte_is_cut_with_a_mark_and_kept_whole(renderer, name):
    text = LONG[name]
    document = (
        Heading(2, (Text(text),)),
        Paragraph((Text(text), Code(text))),
        CodeBlock(text),
        Items(((Code(text),),)),
    )
    written = renderer.write(document)
    assert len(written) < 40_000
    assert re.search(r"\d,\d{3} characters cut", written)
    assert whole(document) == (text,)
    assert len(renderer.title(text)) < 500


def test_what_fits_is_not_attached_again():
    assert whole(everywhere("short")) == ()
    assert whole((CodeBlock("x" * 2001), Paragraph((Code("y" * 10),)))) == ("x" * 2001,)


def test_the_classic_renderer_shows_the_same_paragraphs():
    page = classic(markdown.write(everywhere("C:\\x <b>")))
    assert page.texts["p"][0] == "C:\\x <b> and C:\\x <b>, so C:\\x <b>"
