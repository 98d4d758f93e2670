"""Languages of `and`, `or` and regular expressions (Splunk, Kusto, Sumo Logic): tests as expressions on fields.

No expression made here from a rule's texts repeats without a bound: what stands between two texts of a glob is left
out, each text is searched for alone. So no engine's backtracking gets lost in a hostile command line (Splunk gives up
such an event as no match: match_limit in limits.conf). A rule's own regular expression is used as it is where it
repeats nothing without a bound either, or where the engine is RE2 (`linear`).

A field may stand within a text, as a member of JSON or XML: there only letters, digits and plain signs are as they
are, so that the others may be anything for a few characters.
"""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from exfilwatch.detection.nodes import PRESENT
from exfilwatch.detection.pattern import Pattern
from exfilwatch.detection.values import Cidr, Compare, Null, Number, Part, Test, Wild
from exfilwatch.siem.queries.globs import Fold, Glob, exact, globs, simplified
from exfilwatch.siem.queries.language import joined
from exfilwatch.siem.queries.networks import dotted, octets

_ESCAPED = frozenset("\\\"/<>&'+=`") | {chr(code) for code in (*range(32), 127)}
"""What JSON and XML encoders write otherwise."""
_SAME = {"k": r"(?:k|\\u212a|&#)", "s": r"(?:s|\\u017f|&#)"}
"""Letters that one beyond ASCII is equal to without case, and that one as encoders may write it."""
_FOREIGN = {Fold.NONE: re.compile("(?!)"), Fold.LOWER: re.compile("[kK]")}
_FOREIGN |= dict.fromkeys((Fold.RE2, Fold.REGEX), re.compile("[kKsS]"))
_SIGNS = re.compile(r"[.^$*+?{}\[\]\\|()]")
_FLAGS = re.compile(r"\(\?[a-z]+\)")
_UNBOUNDED = re.compile(r"(?<!\\)(?:\\\\)*[*+]|\{\d+,\}|\(\?[=!<]")
# Or differs in Unicode: what is no letter, digit or space.
_ELSEWHERE = re.compile(_UNBOUNDED.pattern + r"|\\[BWDS]|\\b[?*+{]|\[\^[^\]]*\\[wsdb]")


class Place(NamedTuple):
    """A field in the language, or the text that holds it."""

    field: str
    within: bool = False


class Match(str):
    """An expression in the language that says: in one of these fields this regular expression is found."""

    fields: tuple[str, ...]
    expression: str

    def __new__(cls, text: str, fields: Sequence[str], expression: str) -> "Match":
        made = super().__new__(cls, text)
        made.fields, made.expression = tuple(fields), expression
        return made


class Infix:
    """What Splunk, Kusto and Sumo Logic have in common."""

    conjunction: ClassVar[str] = " and "
    disjunction: ClassVar[str] = " or "
    end: ClassVar[str] = "$"
    """The end of the text and nothing else, in a regular expression."""
    linear: ClassVar[bool] = False
    nulls: ClassVar[bool] = False
    """Whether a field that is empty can be told from one that is absent."""

    def place(self, path: str) -> Place | None:
        """Where a member is to be found; None: nowhere."""
        raise NotImplementedError

    def matching(self, fields: Sequence[str], expression: str) -> str:
        """A regular expression is found in one of the fields; false, not unknown, where there are none."""
        each = [self.found(field, expression) for field in fields]
        return each[0] if len(each) == 1 else f"({self.disjunction.join(each)})"

    def found(self, field: str, expression: str) -> str:
        """A regular expression is found in a field."""
        raise NotImplementedError

    def matches(self, field: str, expression: str) -> str:
        return Match(self.matching([field], expression), [field], expression)

    def absent(self, field: str) -> str:
        raise NotImplementedError

    def negated(self, part: str) -> str:
        raise NotImplementedError

    def every(self, parts: Sequence[str]) -> str:
        return f"({self.conjunction.join(parts)})"

    def some(self, parts: Sequence[str]) -> str:
        """Alternatives; those that look for the same in several fields, or in the same fields, as one."""
        fields: dict[str, dict[str, None]] = {}
        for part in parts:
            if isinstance(part, Match):
                fields.setdefault(part.expression, {}).update(dict.fromkeys(part.fields))
        alike: dict[tuple[tuple[str, ...], str], list[str]] = {}
        for expression, where in fields.items():
            flags = _FLAGS.match(expression)
            start = flags[0] if flags else ""
            alike.setdefault((tuple(where), start), []).append(expression.removeprefix(start))
        found: list[str] = []
        for (names, start), expressions in alike.items():
            body = expressions[0] if len(expressions) == 1 else f"(?:{'|'.join(expressions)})"
            found.append(Match(self.matching(names, start + body), names, start + body))
        found += [part for part in parts if not isinstance(part, Match)]
        return found[0] if len(found) == 1 else f"({self.disjunction.join(found)})"

    def test(self, path: str, test: Test, *, wide: bool) -> str | bool:
        place = self.place(path)
        if place is None:
            return test.holds(None)
        if place.within and isinstance(test, Compare):  # a text that holds the number names it
            return self.matches(place.field, escaped(path.rpartition(".")[2])) if wide else False
        if place.within:
            return self._within(place.field, test) if wide else False
        if isinstance(test, Null):
            return self.absent(place.field) if wide or self.nulls else False
        if test is PRESENT:
            return self.matches(place.field, "(?s).")
        return self._wide(place.field, test) if wide else self._narrow(place.field, test)

    def _wide(self, field: str, test: Test) -> str | bool:
        if isinstance(test, Pattern) and test.linear and (self.linear or not _ELSEWHERE.search(test.expression)):
            return self.matches(field, test.expression if self.linear else _without_borders(test.expression))
        found = globs(test)
        if found is not None:
            return joined([*self._alike(field, found), *self._apart(field, found)], self, every=False)
        if isinstance(test, Number) and (number := natural(test)) is not None:
            return self.matches(field, f"^0*{number}$|[^0-9]")
        if isinstance(test, Compare) and (digits := least_digits(test)) > 1:
            return self.matches(field, f"[0-9]{{{digits}}}|[eExX]")
        if isinstance(test, Cidr) and (starts := dotted(test.network)):
            return self.matches(field, f"(?i){'|'.join(map(escaped, starts))}|:ffff:")
        return True

    def _alike(self, field: str, found: Sequence[Glob]) -> Iterator[str | bool]:
        """Of globs of one piece, those that begin and end alike in one expression."""
        groups: dict[tuple[str, str, str], dict[str, None]] = {}
        for glob in found:
            pieces = _pieces(simplified(glob))
            if len(pieces) == 1:
                groups.setdefault((_flags(glob), pieces[0].start, pieces[0].end), {})[pieces[0].text] = None
        for (flags, start, end), texts in groups.items():
            together = "|".join(texts) if len(texts) == 1 else f"(?:{'|'.join(texts)})"
            yield self.matches(field, f"{flags}{start}{together}{end}")

    def _apart(self, field: str, found: Sequence[Glob]) -> Iterator[str | bool]:
        """Of globs of as many pieces, each having the first piece of one, the second of one, ..."""
        groups: dict[tuple[str, int], list[list[str]]] = {}
        for glob in found:
            texts = [f"{piece.start}{piece.text}{piece.end}" for piece in _pieces(simplified(glob))]
            if len(texts) != 1:
                groups.setdefault((_flags(glob), len(texts)), []).append(texts)
        for (flags, _), group in groups.items():
            yield self._each(field, flags, group)

    def _each(self, field: str, flags: str, group: Sequence[Sequence[str]]) -> str | bool:
        columns = [list(dict.fromkeys(column)) for column in zip(*group, strict=True)]
        found = [flags + (column[0] if len(column) == 1 else f"(?:{'|'.join(column)})") for column in columns]
        return joined([self.matches(field, expression) for expression in found], self, every=True)

    def _narrow(self, field: str, test: Test) -> str | bool:
        if exact(test):
            return joined([self._exactly(field, glob) for glob in globs(test) or ()], self, every=False)
        if isinstance(test, Number) and (number := natural(test)) is not None:
            return self.matches(field, f"^0*{number}{self.end}")
        if isinstance(test, Cidr) and (expression := octets(test.network)):
            return self.matches(field, f"^{expression}{self.end}")
        return False

    def _exactly(self, field: str, glob: Glob) -> str | bool:
        """Only what is like the glob. A long s is no s for `str.lower`, but is one for (?i)."""
        if any(_is_control(char) for text in glob.literals for char in text):
            return False  # they are asked for as any character
        if glob.fold is Fold.NONE:
            texts = [escaped(part) if isinstance(part, str) else part.value for part in glob.parts]
            return self.matches(field, f"(?s)^{''.join(texts)}{self.end}")
        if Wild.ONE in glob.parts or glob.fold is not Fold.LOWER or not all(map(str.isascii, glob.literals)):
            return False
        texts = [escaped(part) if isinstance(part, str) else part.value for part in glob.parts]
        inner = re.sub("[sS]", "(?-i:[sS])", "".join(texts))
        return self.matches(field, f"(?is)^{inner}{self.end}")

    def _within(self, field: str, test: Test) -> str | bool:
        """A text holds, somewhere in JSON or XML, a value that fulfils the test."""
        found = globs(test)
        if found is None:
            return True
        groups: dict[tuple[str, int], list[list[str]]] = {}
        for glob in found:
            texts = [_encoded(part, glob.fold) for part in simplified(glob) if isinstance(part, str)]
            texts = [text for text in texts if len(text) > 1] or [text for text in texts if text]
            groups.setdefault((_flags(glob), len(texts)), []).append(texts)
        return joined([self._each(field, flags, group) for (flags, _), group in groups.items()], self, every=False)


def _without_borders(expression: str) -> str:
    r"""Wider: without `\b`, which engines take for the border of other letters than ASCII's or not."""
    return re.sub(r"\\(.)", lambda found: "" if found[1] == "b" else found[0], expression, flags=re.DOTALL)


class _Piece(NamedTuple):
    """What stands between two ANYs, as an expression; `start`, `end`: where it has to stand."""

    start: str
    text: str
    end: str


def _pieces(parts: Sequence[Part]) -> list[_Piece]:
    groups: list[list[Part]] = [[]]
    for part in parts:
        if part is Wild.ANY:
            groups.append([])
        else:
            groups[-1].append(part)
    texts = ["".join("." if isinstance(part, Wild) else escaped(part) for part in group) for group in groups]
    last = len(texts) - 1
    made = [_Piece("^" if at == 0 else "", text, "$" if at == last else "") for at, text in enumerate(texts)]
    return [piece for piece in made if piece.text or last == 0]


def _flags(glob: Glob) -> str:
    return "(?s)" if glob.fold is Fold.NONE else "(?is)"


def _encoded(text: str, fold: Fold) -> str:
    """A text as it may stand within JSON or XML."""
    plain = [char if char.isascii() and char not in _ESCAPED else None for char in text]
    while plain and plain[0] is None:
        del plain[0]
    while plain and plain[-1] is None:
        del plain[-1]
    if fold is Fold.NONE and not any(plain):
        return ""
    runs = re.sub("(\0+)", lambda found: f".{{1,{8 * len(found[0])}}}", "".join(char or "\0" for char in plain))
    found = (each if each.startswith(".{") else escaped(each) for each in re.split(r"(\.\{1,\d+\})", runs))
    return _FOREIGN[fold].sub(lambda letter: _SAME[letter[0].lower()], "".join(found))


def escaped(text: str) -> str:
    """A text as a regular expression: what means something with a backslash, what may not stand in one as a dot."""
    return "".join("." if _is_control(char) else _SIGNS.sub(r"\\\g<0>", char) for char in text)


def _is_control(char: str) -> bool:
    return char < " " or char == "\x7f"


def least_digits(test: Compare) -> int:
    """How many digits in a row each number has that is above the limit, unless an exponent or hexadecimal says it."""
    return len(str(int(test.limit))) if test.op in ("gt", "gte") and test.limit >= 1 else 0


def natural(test: Number) -> int | None:
    """The number, where it is a whole one and not negative."""
    wanted = test.wanted
    return int(wanted) if wanted is not None and 0 <= wanted < 1 << 63 and wanted % 1 == 0 else None
