"""Modifiers: sigma-specification 2.1.0, "Sigma Modifiers", and pySigma's modifiers where it is silent.

Rows are (reason, selection, fields, whether it fires).
"""

from base64 import b64encode
from typing import Any

import pytest
from sigma.modifiers import modifier_mapping

from exfilwatch.errors import RuleError

from .one import WAYS, Way, fires, loaded, selecting

Row = tuple[str, str, dict[str, Any], bool]


def line(reason: str, modifiers: str, value: str, text: Any, expected: bool) -> Row:
    return reason, f"CommandLine|{modifiers}: {value}", {"CommandLine": text}, expected


STRINGS: list[Row] = [
    line("at the start", "startswith", "'ab'", "ABc", True),
    line("not elsewhere", "startswith", "'ab'", "xabc", False),
    line("the whole value starts with itself", "startswith", "'abc'", "abc", True),
    line("at the end", "endswith", "'BC'", "abc", True),
    line("not elsewhere", "endswith", "'bc'", "abcd", False),
    line("a line end is not the end", "endswith", "'bc'", "abc\n", False),
    line("a backslash is plain", "endswith", r"'\a.exe'", r"C:\A.EXE", True),
    line("and needed", "endswith", r"'\a.exe'", r"C:\ba.exe", False),
    line("anywhere", "contains", "'b'", "abc", True),
    line("nowhere", "contains", "'bd'", "abcd e", False),
    line("across a line end", "contains", "'c'", "a\nb\nc", True),
    line("wildcards within", "contains", "'a*d'", "xaxxdx", True),
    line("a wildcard within a start", "startswith", "'a?c'", "abcd", True),
    line("a wildcard within an end", "endswith", "'a?c'", "xabc", True),
    line("a wildcard at the start of a start", "startswith", "'*b'", "aabc", True),
    line("an escaped star", "contains", r"'\*'", "a*b", True),
    line("and nothing else", "contains", r"'\*'", "ab", False),
    line("an escaped backslash before the end", "startswith", r"'C:\\'", "C:\\x", True),
    line("a backslash at the end stays plain", "contains", "'\\dir\\'", "C:\\dir\\x", True),
    line("a backslash at the end is needed", "contains", "'\\dir\\'", "C:\\dirx", False),
    line("an escaped question mark at the end", "endswith", r"'x\?'", "ax?", True),
    line("and nothing else", "endswith", r"'x\?'", "axy", False),
    line("marks of expressions are plain", "contains", "'[a-z]+(.'", "X[A-Z]+(.y", True),
    line("a number", "contains", "'43'", 443, True),
    line("a number of the rule as text", "contains|all", "['4', '3']", 443, True),
    line("the order of all does not matter", "all|contains", "['a', 'b']", "ba", True),
    line("all of what needs to be whole", "all", "['a*', '*b']", "a b", True),
    line("all of what can't be at once", "all", "['a', 'b']", "a", False),
    line("all starts", "startswith|all", "['a', 'ab']", "abc", True),
    line("all ends, one wrong", "endswith|all", "['c', 'a']", "abc", False),
    line("the same case", "cased", "'AbC'", "AbC", True),
    line("another case", "cased", "'AbC'", "abC", False),
    line("contains, the same case", "contains|cased", "'bC'", "AbC", True),
    line("contains, another case", "contains|cased", "'bc'", "AbC", False),
    line("the modifiers the other way round", "cased|contains", "'bc'", "AbC", False),
    line("startswith, another case", "startswith|cased", "'a'", "Abc", False),
    line("endswith, the same case", "endswith|cased", "'C'", "AbC", True),
    line("wildcards, the same case", "cased", "'A*C'", "AbC", True),
    line("wildcards, another case", "cased", "'A*C'", "Abc", False),
    line("all, one in another case", "contains|all|cased", "['A', 'B']", "Ab", False),
]

DASHES = ["-", "/", "\u2013", "\u2014", "\u2015"]
WINDASH: list[Row] = [
    *(line(f"U+{ord(d):04X}", "windash|contains", "' -f '", f"x {d}f y", True) for d in DASHES),
    *(line(f"a slash means U+{ord(d):04X} too", "windash|contains", "' /f '", f"x {d}f y", True) for d in DASHES),
    *(line(f"all, U+{ord(d):04X}", "windash|contains|all", "['-f', '-g']", f"x -g {d}f y", True) for d in DASHES),
    line("in the other order", "contains|windash", "' -f '", "x /f y", True),
    line("another sign", "windash|contains", "' -f '", "x +f y", False),
    line("case", "windash|contains", "' -F '", "x /f y", True),
    line("at the start", "windash|startswith", "'-f'", "/fx", True),
    line("at the end", "windash|endswith", "' -f'", "x /f", True),
    line("the whole value", "windash", "'-f'", "/f", True),
    line("a dash within a word stays", "windash|contains", "'-a-b'", "x /a-b", True),
    line("and nothing else", "windash|contains", "'-a-b'", "x /a/b", False),
    line("two dashes of one value, each its own", "windash|contains", "' -a -b'", "x /a \u2013b", True),
    line("one of a list", "windash|contains", "[' -a', ' -b']", "x /b", True),
    line("all of a list, one missing", "windash|contains|all", "[' -a', ' -b']", "x /b", False),
]

EXPRESSIONS: list[Row] = [
    line("anywhere", "re", "'b+'", "abbc", True),
    line("with case", "re", "'B'", "abc", False),
    line("anchored at the start", "re", "'^b'", "abc", False),
    line("anchored at both ends", "re", "'^a.c$'", "abc", True),
    line("a dot is no line end", "re", "'a.c'", "a\nc", False),
    line("$ stands before a last line end, as in PCRE", "re", "'c$'", "abc\n", True),
    line("$ does not stand before another line end", "re", "'c$'", "abc\nd", False),
    line("^ stands only at the start", "re", "'^d'", "abc\nd", False),
    line("backslashes are the expression's", "re", r"'C:\\\w+\\x\.exe'", "C:\\dir\\x.exe", True),
    line("a star is a quantifier", "re", "'^ab*$'", "abbb", True),
    line("bounded repetition", "re", "'^[0-9]{3}$'", "443", True),
    line("bounded repetition, too many", "re", "'^[0-9]{3}$'", "4430", False),
    line("a number of the event as text", "re", "'^44[0-9]$'", 443, True),
    line("alternatives", "re", "'^(a|b)$'", "b", True),
    line("alternatives without parentheses", "re", "'^a|b$'", "axx", True),
    line("negated classes", "re", "'^[^a-c]+$'", "xyz", True),
    line("a word boundary", "re", r"'\bgci\b'", "x gci y", True),
    line("a word boundary, within a word", "re", r"'\bgci\b'", "xgciy", False),
    line("escaped marks", "re", r"'a\.b\-c\/d\_e\ f\,g\%h\<i'", "a.b-c/d_e f,g%h<i", True),
    line("an escaped mark is not wild", "re", r"'a\.b'", "axb", False),
    line("lazy quantifiers", "re", "'^a.*?c$'", "abbc", True),
    line("groups that capture nothing", "re", "'^(?:ab)+$'", "abab", True),
    line("named groups", "re", "'^(?P<x>ab)$'", "ab", True),
    line("beyond ASCII", "re", "'^é+$'", "éé", True),
    line("one of a list", "re", "['x', 'b']", "abc", True),
    line("all of a list", "re|all", "['a', 'b']", "abc", True),
    line("all of a list, one missing", "re|all", "['a', 'x']", "abc", False),
    line("an empty text", "re", "'^$'", "", True),
    line("i: without case", "re|i", "'^ABC$'", "abc", True),
    line("i: beyond ASCII", "re|i", "'^É$'", "é", True),
    line("m: ^ at each line", "re|m", "'^b'", "a\nb", True),
    line("m: $ at each line", "re|m", "'a$'", "a\nb", True),
    line("m: a dot is still no line end", "re|m", "'a.b'", "a\nb", False),
    line("m: case counts", "re|m", "'^B'", "a\nb", False),
    line("s: a dot is a line end too", "re|s", "'a.b'", "a\nb", True),
    line("s: ^ only at the start", "re|s", "'^b'", "a\nb", False),
    line("i and m", "re|i|m", "'^B$'", "a\nb\nc", True),
    line("m and i", "re|m|i", "'^B$'", "a\nb\nc", True),
    line("i and s", "re|i|s", "'A.B'", "a\nb", True),
    line("m and s", "re|m|s", "'^b.c$'", "a\nb\nc\nd", True),
    line("i, m and s", "re|i|m|s", "'^B.C$'", "a\nb\nc\nd", True),
    line("i, m and s, but not there", "re|i|m|s", "'^B.C$'", "a\nbb\nc\nd", False),
    line("all with i", "re|i|all", "['A', 'B']", "ab", True),
    line("i by its long name", "re|ignorecase", "'A'", "a", True),
    line("m by its long name", "re|multiline", "'^b'", "a\nb", True),
    line("s by its long name", "re|dotall", "'a.b'", "a\nb", True),
    line("contains", "re|contains", "'b'", "abc", True),
    line("contains, alternatives", "re|contains", "'x|b'", "abc", True),
    line("contains, nowhere", "re|contains", "'x'", "abc", False),
]


def address(reason: str, network: str, ip: Any, expected: bool) -> Row:
    return reason, f"DestinationIp|cidr: {network}", {"DestinationIp": ip}, expected


NETWORKS: list[Row] = [
    address("within", "10.0.0.0/8", "10.200.3.4", True),
    address("outside", "10.0.0.0/8", "11.0.0.1", False),
    address("the first address", "192.168.4.0/22", "192.168.4.0", True),
    address("the last address", "192.168.4.0/22", "192.168.7.255", True),
    address("one after", "192.168.4.0/22", "192.168.8.0", False),
    address("not a prefix of texts", "10.0.0.0/8", "10.evil.example", False),
    address("nor of longer addresses", "1.0.0.0/8", "10.0.0.1", False),
    address("a single address", "10.1.2.3/32", "10.1.2.3", True),
    address("a single address without its length", "10.1.2.3", "10.1.2.3", True),
    address("another single address", "10.1.2.3/32", "10.1.2.30", False),
    address("everything of version 4", "0.0.0.0/0", "8.8.8.8", True),
    address("which version 6 is not", "0.0.0.0/0", "2001:db8::1", False),
    address("version 6", "2001:db8::/32", "2001:db8:1::5", True),
    address("version 6, outside", "2001:db8::/32", "2001:db9::5", False),
    address("version 6, written out, as Sysmon does", "fe80::/10", "fe80:0:0:0:5d54:ed5a:760f:c4ff", True),
    address("version 6, with leading zeros", "2001:db8::/32", "2001:0db8:0000:0000:0000:0000:0000:0001", True),
    address("version 6, in capitals", "2001:db8::/32", "2001:DB8::A", True),
    address("version 6 in the rule in capitals", "2001:DB8::/32", "2001:db8::a", True),
    address("version 6, the loopback", "::1/128", "::1", True),
    address("version 6, the loopback written out", "::1/128", "0:0:0:0:0:0:0:1", True),
    address("version 6, everything", "::/0", "fe80::1", True),
    address("which version 4 is not", "::/0", "8.8.8.8", False),
    address("one of a list", "[10.0.0.0/8, 'fe80::/10']", "fe80::1", True),
    address("none of a list", "[10.0.0.0/8, 'fe80::/10']", "8.8.8.8", False),
    address("no address", "0.0.0.0/0", "-", False),
    address("a name", "127.0.0.0/8", "localhost", False),
    address("an empty value", "0.0.0.0/0", "", False),
    address("a broken address", "0.0.0.0/0", "256.1.1.1", False),
    address("three parts", "10.0.0.0/8", "10.1.1", False),
    address("a port behind it", "10.0.0.0/8", "10.1.1.1:443", False),
]


def number(reason: str, modifier: str, than: str, value: Any, expected: bool) -> Row:
    return reason, f"Size|{modifier}: {than}", {"Size": value}, expected


COMPARISONS: list[Row] = [
    number("less", "lt", "10", 9, True),
    number("not less", "lt", "10", 10, False),
    number("numbers, not texts", "lt", "10", "9", True),
    number("numbers, not texts", "gt", "9", "10", True),
    number("less or equal", "lte", "10", 10, True),
    number("not less or equal", "lte", "10", "11", False),
    number("greater", "gt", "10", 11, True),
    number("not greater", "gt", "10", 10, False),
    number("greater or equal", "gte", "10", "10", True),
    number("not greater or equal", "gte", "10", 9, False),
    number("negative", "lt", "0", "-5", True),
    number("fractions in the event", "gt", "1", "1.5", True),
    number("fractions in the rule", "lt", "1.5", 1, True),
    number("far beyond 64 bits", "gt", "1000", "99999999999999999999999", True),
    number("text is never less", "lt", "10", "abc", False),
    number("nor greater", "gte", "0", "abc", False),
    number("an empty text is no number", "lte", "0", "", False),
    number("nor is a dash", "lte", "0", "-", False),
    number("nor not-a-number", "gte", "0", "nan", False),
    number("one of a list", "lt", "[5, 10]", 7, True),
    number("all of a list", "lt|all", "[5, 10]", 7, False),
    (
        "a range",
        "Size|gte: 10\nSize|lt: 20",
        {"Size": 19},
        True,
    ),
    (
        "outside of a range",
        "Size|gte: 10\nSize|lt: 20",
        {"Size": 20},
        False,
    ),
]

NOT_EQUAL: list[Row] = [
    line("another value", "neq", "'a'", "b", True),
    line("the same value", "neq", "'a'", "A", False),
    line("none of a list", "neq", "[a, b]", "c", True),
    line("one of a list", "neq", "[a, b]", "b", False),
    line("with contains", "contains|neq", "'a'", "bcd", True),
    line("with contains, there", "contains|neq", "'a'", "bad", False),
    line("with wildcards", "neq", "'a*'", "abc", False),
    line("with an expression", "re|neq", "'^a'", "bca", True),
    ("a number", "Size|neq: 10", {"Size": "10"}, False),
    ("another number", "Size|neq: 10", {"Size": 11}, True),
    ("another field", "User|fieldref|neq: Owner", {"User": "a", "Owner": "b"}, True),
    ("the same as another field", "User|fieldref|neq: Owner", {"User": "a", "Owner": "a"}, False),
    ("no address of the network", "DestinationIp|cidr|neq: 10.0.0.0/8", {"DestinationIp": "8.8.8.8"}, True),
    ("an absent field equals nothing", "CommandLine|neq: 'a'", {"Image": "x"}, True),
]

EXISTENCE: list[Row] = [
    ("there", "CommandLine|exists: true", {"CommandLine": "x"}, True),
    ("not there", "CommandLine|exists: true", {"Image": "x"}, False),
    ("not there, as wished", "CommandLine|exists: false", {"Image": "x"}, True),
    ("there, not as wished", "CommandLine|exists: false", {"CommandLine": "x"}, False),
    ("an empty value is there", "CommandLine|exists: true", {"CommandLine": ""}, True),
    ("a null value is there", "Extra|exists: true", {"Extra": None, "Image": "x"}, True),
    ("a null value is there, not as wished", "Extra|exists: false", {"Extra": None, "Image": "x"}, False),
    ("false is there", "Initiated|exists: true", {"Initiated": False}, True),
    ("zero is there", "ProcessId|exists: true", {"ProcessId": 0}, True),
]

SAME = {"User": "Ann", "Owner": "Ann"}
REFERENCES: list[Row] = [
    ("equal", "User|fieldref: Owner", SAME, True),
    ("different", "User|fieldref: Owner", {"User": "Ann", "Owner": "Bob"}, False),
    ("a part is not equal", "User|fieldref: Owner", {"User": "Annie", "Owner": "Ann"}, False),
    ("the other is absent", "User|fieldref: Owner", {"User": "Ann"}, False),
    ("the other is the name of the field", "User|fieldref: Owner", {"User": "Owner"}, False),
    ("this one is absent", "User|fieldref: Owner", {"Owner": "Ann"}, False),
    ("both are absent", "User|fieldref: Owner", {"Image": "x"}, False),
    ("a text and a number", "ProcessId|fieldref: Pid", {"ProcessId": "7", "Pid": 7}, True),
    ("starts with it", "User|fieldref|startswith: Owner", {"User": "Annie", "Owner": "Ann"}, True),
    ("does not start with it", "User|fieldref|startswith: Owner", {"User": "MaryAnn", "Owner": "Ann"}, False),
    ("ends with it", "User|fieldref|endswith: Owner", {"User": "MaryAnn", "Owner": "Ann"}, True),
    ("does not end with it", "User|fieldref|endswith: Owner", {"User": "Annie", "Owner": "Ann"}, False),
    ("contains it", "User|fieldref|contains: Owner", {"User": "MaryAnnie", "Owner": "Ann"}, True),
    ("does not contain it", "User|fieldref|contains: Owner", {"User": "Ana", "Owner": "Ann"}, False),
    ("its wildcards are plain", "User|fieldref|contains: Owner", {"User": "axxb", "Owner": "a*b"}, False),
    ("one of two", "User|fieldref: [Owner, Editor]", {"User": "a", "Owner": "b", "Editor": "a"}, True),
]


def coded(text: str, encoding: str = "utf-8", before: bytes = b"") -> str:
    return b64encode(before + text.encode(encoding) + b"tail").decode()


WORD = "http://evil"
ENCODED: list[Row] = [
    line("the code", "base64|contains", "'foo'", "x Zm9v y", True),
    line("not the text", "base64|contains", "'foo'", "foo", False),
    line("the whole code", "base64", "'foobar'", "Zm9vYmFy", True),
    line("another code", "base64", "'foobar'", "Zm9vYmF6", False),
    *(
        line(f"offset {n}", "base64offset|contains", f"'{WORD}'", f"-e {coded(WORD, before=b'123'[:n])}", True)
        for n in range(3)
    ),
    line("another text", "base64offset|contains", f"'{WORD}'", coded("http://good"), False),
    line("not the text", "base64offset|contains", f"'{WORD}'", WORD, False),
    *(
        line(
            f"{name}, offset {n}",
            f"{name}|base64offset|contains",
            f"'{WORD}'",
            coded(WORD, encoding, b"123"[:n]),
            True,
        )
        for n in range(3)
        for name, encoding in (("wide", "utf-16-le"), ("utf16le", "utf-16-le"), ("utf16be", "utf-16-be"))
    ),
    line("wide is not plain", "wide|base64offset|contains", f"'{WORD}'", coded(WORD), False),
    line("wide and base64", "wide|base64|contains", "'foobar'", b64encode("foobar".encode("utf-16-le")).decode(), True),
    line(
        "utf16 has a byte order mark",
        "utf16|base64offset|contains",
        f"'{WORD}'",
        coded(WORD, "utf-16-le", b"\xff\xfe"),
        True,
    ),
    line("utf16 without one", "utf16|base64offset|contains", f"'{WORD}'", coded(WORD, "utf-16-le"), False),
    line("wide itself", "wide|contains", "'cmd'", "x c\0m\0d\0 y", True),
    line("wide itself, another", "wide|contains", "'cmd'", "cmd", False),
    line("utf16be itself", "utf16be|contains", "'cmd'", "\0c\0m\0d", True),
    line("all of two codes", "base64offset|contains|all", "['evil', 'tail']", coded("an evil "), True),
    line("all of two codes, one missing", "base64offset|contains|all", "['evil', 'good']", coded("an evil "), False),
    line("case-sensitive codes", "base64|contains|cased", "'foo'", "zm9V", False),
]


def moment(reason: str, part: str, value: str, text: Any, expected: bool) -> Row:
    return reason, f"UtcTime|{part}: {value}", {"UtcTime": text}, expected


SPRING = "2024-05-01T03:04:05Z"
TIMES: list[Row] = [
    moment("the minute", "minute", "4", SPRING, True),
    moment("another minute", "minute", "5", SPRING, False),
    moment("the hour", "hour", "3", SPRING, True),
    moment("another hour", "hour", "4", SPRING, False),
    moment("the day", "day", "1", SPRING, True),
    moment("another day", "day", "5", SPRING, False),
    moment("the week, ISO 8601", "week", "18", SPRING, True),
    moment("another week", "week", "17", SPRING, False),
    moment("the month", "month", "5", SPRING, True),
    moment("another month", "month", "4", SPRING, False),
    moment("the year", "year", "2024", SPRING, True),
    moment("another year", "year", "2023", SPRING, False),
    moment("as Sysmon writes it", "hour", "23", "2024-05-01 23:04:05.123", True),
    moment("with seven digits, as .NET writes it", "minute", "59", "2024-05-01T23:59:05.1234567Z", True),
    moment("one of a list", "hour", "[1, 2, 3]", SPRING, True),
    moment("none of a list", "hour", "[1, 2]", SPRING, False),
    moment("no time", "hour", "0", "soon", False),
    moment("an empty text", "hour", "0", "", False),
    moment("midnight", "hour", "0", "2024-05-01T00:00:00Z", True),
    moment("compared", "hour|gte", "3", SPRING, True),
    moment("compared, before", "hour|lt", "3", SPRING, False),
]

ROWS = [
    *STRINGS,
    *WINDASH,
    *EXPRESSIONS,
    *NETWORKS,
    *COMPARISONS,
    *NOT_EQUAL,
    *EXISTENCE,
    *REFERENCES,
    *ENCODED,
    *TIMES,
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("selection", "fields", "expected"),
    [row[1:] for row in ROWS],
    ids=[f"{row[1]!r}: {row[0]}"[:110] for row in ROWS],
)
def test_a_modifier_matches_as_sigma_says(selection: str, fields: dict[str, Any], expected: bool, way: Way) -> None:
    assert fires(selection, fields, way) is expected


GIVEN = {"admins": ["root", "adm_*"], "servers": ["srv1"]}
EXPANDED: list[Row] = [
    ("a placeholder is its values", "User|expand: '%admins%'", {"User": "ROOT"}, True),
    ("which may be patterns", "User|expand: '%admins%'", {"User": "adm_ann"}, True),
    ("and are no others", "User|expand: '%admins%'", {"User": "ann"}, False),
    ("nor the name", "User|expand: '%admins%'", {"User": "%admins%"}, False),
    ("within a text", "User|expand: 'EX-%admins%'", {"User": "ex-root"}, True),
    ("with contains", "User|expand|contains: '%admins%'", {"User": "EX\\root2"}, True),
    ("contains first", "User|contains|expand: '%admins%'", {"User": "EX\\root2"}, True),
    ("two at once", "User|expand: '%servers%-%admins%'", {"User": "srv1-root"}, True),
    ("one of a list", "User|expand: ['bob', '%servers%']", {"User": "srv1"}, True),
    ("in an expression", "User|re|expand: '^%servers%$'", {"User": "srv1"}, True),
    ("a lone percent sign is plain", "User|expand: '50%'", {"User": "50%"}, True),
    ("without expand it is plain", "User: '%admins%'", {"User": "root"}, False),
    ("without expand it is itself", "User: '%admins%'", {"User": "%Admins%"}, True),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("selection", "fields", "expected"),
    [row[1:] for row in EXPANDED],
    ids=[f"{row[1]!r}: {row[0]}" for row in EXPANDED],
)
def test_a_placeholder_stands_for_its_values(selection: str, fields: dict[str, Any], expected: bool, way: Way) -> None:
    assert fires(selection, fields, way, GIVEN) is expected


@pytest.mark.parametrize("placeholders", [{}, {"other": ["x"]}])
def test_a_placeholder_without_values_is_an_error_that_names_it(placeholders: dict[str, list[str]]) -> None:
    with pytest.raises(RuleError, match="admins") as error:
        loaded(selecting("User|expand: '%admins%'"), placeholders=placeholders)
    assert "Rule" in str(error.value)


def test_every_modifier_of_pysigma_has_a_row() -> None:
    used = {part for row in [*ROWS, *EXPANDED] for key in row[1].split("\n") for part in key.split(":")[0].split("|")}
    assert set(modifier_mapping) - used == set()
