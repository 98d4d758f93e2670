r"""How texts stand in a query, as each language's documentation has it, read back: the code around them, and the texts.

SPL: https://help.splunk.com/en/splunk-enterprise/search/search-manual/9.4/search-primer/backslashes and the search
command's "Quotes and escaping characters": within double quotes a backslash stands before a quote, or another
backslash; pipes, brackets and backticks mean nothing there.
KQL: https://learn.microsoft.com/kusto/query/scalar-data-types/string: in double quotes \" \\ \t \n, no line end as it
is; \r, \uXXXX and which characters may not stand there: KqlTokens.g4 of github.com/microsoft/Kusto-Query-Language.
Sumo Logic: https://www.sumologic.com/help/docs/search/search-query-language/search-operators/matches/: a regular
expression between slashes, a slash in it after a backslash; texts in double quotes, a quote in them after a backslash;
comments (.../get-started-with-search/search-basics/comments-search-queries/) begin with // or /*.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

SPL = r'"(?:[^"\\]|\\["\\])*"'
KQL = r'"(?:[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|\\(?:["\\nrt]|u[0-9a-f]{4}))*"'
SUMO = r'(?<=\ matches\ )/(?:[^/\\\n]|\\.)+/|"(?:[^"\\]|\\["\\])*"'
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}


class Read(NamedTuple):
    """`code`: the query with each of its texts empty; `texts`: what they say."""

    code: str
    texts: list[str]


def spl(query: str) -> Read:
    return _read(query, SPL, '"`', spl_text)


def spl_text(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL)


def kql(query: str) -> Read:
    return _read(query, KQL, "\"'`@", kql_text)


def kql_text(literal: str) -> str:
    def one(found: re.Match[str]) -> str:
        return chr(int(found[1], 16)) if found[1] else _NAMED.get(found[2], found[2])

    return re.sub(r"\\(?:u([0-9a-f]{4})|(.))", one, literal[1:-1])


def sumo(query: str) -> Read:
    """A regular expression stays as it is, but for its slashes."""
    return _read(query, SUMO, "\"'/%#`", sumo_text)


def sumo_text(literal: str) -> str:
    quote = literal[0]
    return re.sub(rf"(\\\\)|\\{quote}", lambda found: found[1] or quote, literal[1:-1])


def _read(query: str, literal: str, forbidden: str, text: Callable[[str], str]) -> Read:
    """Outside of texts there is nothing that begins one, and no line end that our queries do not have."""
    query.encode()  # no half of a surrogate pair
    texts: list[str] = []

    def empty(found: re.Match[str]) -> str:
        texts.append(text(found[0]))
        return "\0"

    code = re.sub(literal, empty, query, flags=re.DOTALL)
    left = {
        char for char in code if char in forbidden or not (char.isascii() and (char.isprintable() or char in "\n\0"))
    }
    assert not left, f"{left} in {code[:500]!r}"
    return Read(code, texts)
