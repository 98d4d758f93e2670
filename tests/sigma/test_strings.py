r"""Plain values: sigma-specification 2.1.0, "Detection", and pySigma's SigmaString where the specification is silent.

Rows are (reason, selection, fields, whether it fires). In the selections, YAML's single quotes leave backslashes alone.
"""

from typing import Any

import pytest

from .one import WAYS, Way, detected, event, fires, found, loaded, rule

Row = tuple[str, str, dict[str, Any], bool]


def pattern(reason: str, value: str, text: str, expected: bool) -> Row:
    return reason, f"CommandLine: '{value}'", {"CommandLine": text}, expected


TEXT: list[Row] = [
    pattern("equal", "whoami", "whoami", True),
    pattern("all values are case-insensitive strings", "WhoAmI", "wHOaMi", True),
    pattern("beyond ASCII too", "ÉCOLE Ж Ω", "école ж ω", True),
    pattern("the whole value, not a part", "whoami", "whoami /all", False),
    pattern("nor its end", "whoami", "c:\\whoami", False),
    pattern("a line end is a character", "whoami", "whoami\n", False),
    pattern("a blank is a character", "whoami", "whoami ", False),
    pattern("a star in the middle", "a*z", "a lot to z", True),
    pattern("a star is also nothing", "a*z", "az", True),
    pattern("a star spans line ends", "a*z", "a\r\nb\nz", True),
    pattern("a star does not loosen the end", "a*z", "a z ", False),
    pattern("a star at the start", "*z", "xyz", True),
    pattern("a star at the end", "a*", "abc", True),
    pattern("two stars need both parts in order", "*b*a*", "a b", False),
    pattern("two stars with both parts", "*b*a*", "xbya", True),
    pattern("parts don't overlap", "*aba*ba*", "xababx", False),
    pattern("parts side by side", "*aba*ba*", "xababax", True),
    pattern("the last part sits at the end", "a*b*b", "ab", False),
    pattern("a question mark is one character", "a?c", "abc", True),
    pattern("not none", "a?c", "ac", False),
    pattern("not two", "a?c", "abbc", False),
    pattern("one character outside the BMP is one", "a?c", "a𝔞c", True),
    pattern("a question mark is mandatory at the end", "abc?", "abc", False),
    pattern("?* is at least one character", "?*", "", False),
    pattern("?* and one character", "?*", "x", True),
    pattern("* is any value", "*", "x", True),
    pattern("* is any value, an empty one too", "*", "", True),
    pattern("the other marks of expressions are plain", "a.b+(c)[d]{e}^$|#", "A.B+(C)[D]{E}^$|#", True),
    pattern("a dot is a dot", "a.b", "axb", False),
    pattern("in a wildcard pattern too", "a.b*[c]", "axbyc", False),
    pattern("a percent sign is plain without expand", "%name%", "%NAME%", True),
    pattern("apostrophes are plain", "it''s", "IT'S", True),
    # Backslashes
    pattern("a single backslash is itself", r"C:\dir", r"c:\DIR", True),
    pattern("a double one is one too", r"C:\\dir", r"C:\dir", True),
    pattern("and not two", r"C:\\dir", r"C:\\dir", False),
    pattern("three are two", r"\\\host", r"\\host", True),
    pattern("four are two", r"\\\\host", r"\\host", True),
    pattern("two at the start are one: a UNC path needs four", r"\\host", r"\\host", False),
    pattern("an escaped star is a star", r"a\*b", "a*b", True),
    pattern("and nothing else", r"a\*b", "axxb", False),
    pattern("nor does the backslash stay", r"a\*b", r"a\*b", False),
    pattern("an escaped question mark is one", r"what\?", "what?", True),
    pattern("and nothing else, either", r"what\?", "whatx", False),
    pattern(r"a folder's \* is an escaped star", r"C:\Windows\*", r"C:\Windows\x.exe", False),
    pattern(r"which matches only itself", r"C:\Windows\*", r"C:\Windows*", True),
    pattern("an escaped backslash before a star leaves the star wild", r"C:\Windows\\*", r"c:\windows\x.exe", True),
    pattern("and is one backslash", r"C:\Windows\\*", r"c:\windowsx", False),
    pattern("which can end the value", r"C:\Windows\\*", "C:\\Windows\\", True),
    pattern("three before a star escape both", r"a\\\*", r"a\*", True),
    pattern("and leave nothing wild", r"a\\\*", r"a\xyz", False),
    pattern("four before a star are two and a wild star", r"a\\\\*", r"a\\xyz", True),
    pattern("not one and a wild star", r"a\\\\*", r"a\xyz", False),
    pattern("an escaped backslash before a question mark leaves that wild", r"a\\?b", r"a\xb", True),
    pattern("and does not escape it", r"a\\?b", r"a\?xb", False),
    pattern("a backslash at the end is itself", "dir\\", "dir\\", True),
    pattern("a double one at the end is one", r"dir\\", "dir\\", True),
    pattern("before a letter that means something elsewhere", r"\n\t\d", r"\N\T\D", True),
    pattern("a backslash and a letter are no escape", r"a\nb", "a\nb", False),
]

NOTHING: list[Row] = [
    ("'' is the empty value", "CommandLine: ''", {"CommandLine": ""}, True),
    ("'' is no other value", "CommandLine: ''", {"CommandLine": "x"}, False),
    ("'' is not blank", "CommandLine: ''", {"CommandLine": " "}, False),
    ("'' is not an absent field", "CommandLine: ''", {"Image": "x"}, False),
    ("null is an absent field", "CommandLine: null", {"Image": "x"}, True),
    ("null is a null value", "CommandLine: null", {"CommandLine": None, "Image": "x"}, True),
    ("null is no value", "CommandLine: null", {"CommandLine": "x"}, False),
    ("null is not the empty value", "CommandLine: null", {"CommandLine": ""}, False),
    ("null is not the word", "CommandLine: null", {"CommandLine": "null"}, False),
    ("null is not zero", "ProcessId: null", {"ProcessId": 0}, False),
    ("null is not false", "Initiated: null", {"Initiated": False}, False),
    ("YAML's ~ and nothing at all are null", "CommandLine:\nUser: ~", {"Image": "x"}, True),
    ("the word in quotes is a text", "CommandLine: 'null'", {"Image": "x"}, False),
    ("a value never fits an absent field", "CommandLine: 'x'", {"Image": "x"}, False),
    ("nor does * fit it", "CommandLine: '*'", {"Image": "x"}, False),
    ("nor a null value", "CommandLine: '*'", {"CommandLine": None, "Image": "x"}, False),
    ("a text never fits a null value as its name", "CommandLine: 'None'", {"CommandLine": None, "Image": "x"}, False),
]

NUMBERS: list[Row] = [
    ("a number is a number", "DestinationPort: 443", {"DestinationPort": 443}, True),
    ("a number is its text", "DestinationPort: 443", {"DestinationPort": "443"}, True),
    ("a text is its number", "DestinationPort: '443'", {"DestinationPort": 443}, True),
    ("the whole number", "DestinationPort: 44", {"DestinationPort": 443}, False),
    ("the whole text", "DestinationPort: 443", {"DestinationPort": "4430"}, False),
    ("the same from behind", "DestinationPort: 43", {"DestinationPort": "443"}, False),
    ("zero is a value", "ProcessId: 0", {"ProcessId": 0}, True),
    ("zero is not the empty value", "ProcessId: 0", {"ProcessId": ""}, False),
    ("zero is not an absent field", "ProcessId: 0", {"Image": "x"}, False),
    ("negative", "Status: -1", {"Status": "-1"}, True),
    ("a minus sign counts", "Status: -1", {"Status": 1}, False),
    ("a fraction", "Ratio: 1.5", {"Ratio": 1.5}, True),
    ("a fraction as text", "Ratio: 1.5", {"Ratio": "1.5"}, True),
    ("a number is not another word", "DestinationPort: 443", {"DestinationPort": "https"}, False),
    ("wildcards see a number as text", "DestinationPort: '44*'", {"DestinationPort": 443}, True),
    ("modifiers see a number as text", "DestinationPort|endswith: '43'", {"DestinationPort": 443}, True),
    ("hexadecimal texts are texts", "LogonId: '0x3e7'", {"LogonId": "0x3e7"}, True),
    ("and case-insensitive", "LogonId: '0x3e7'", {"LogonId": "0X3E7"}, True),
    ("other hexadecimal texts are others", "LogonId: '0x3e7'", {"LogonId": "0x3e70"}, False),
    ("a list of numbers", "DestinationPort: [80, 443]", {"DestinationPort": "443"}, True),
    ("a list of both", "DestinationPort: ['80', 443]", {"DestinationPort": 80}, True),
    ("none of a list", "DestinationPort: [80, 443]", {"DestinationPort": 8443}, False),
    ("true", "Initiated: true", {"Initiated": True}, True),
    ("true as a text of the event", "Initiated: true", {"Initiated": "true"}, True),
    ("in whatever case", "Initiated: true", {"Initiated": "True"}, True),
    ("true as a text of the rule", "Initiated: 'true'", {"Initiated": True}, True),
    ("both as texts", "Initiated: 'true'", {"Initiated": "TRUE"}, True),
    ("true is not false", "Initiated: true", {"Initiated": False}, False),
    ("nor the text", "Initiated: true", {"Initiated": "false"}, False),
    ("false", "Initiated: false", {"Initiated": False}, True),
    ("false as a text of the event", "Initiated: false", {"Initiated": "false"}, True),
    ("false as a text of the rule", "Initiated: 'false'", {"Initiated": False}, True),
    ("false is not an absent field", "Initiated: false", {"Image": "x"}, False),
    ("false is not the empty value", "Initiated: false", {"Initiated": ""}, False),
]

TWO = {"Image": "C:\\a.exe", "CommandLine": "a -x -y"}
LISTS: list[Row] = [
    ("one of a list", "CommandLine: [b, 'a -x -y', c]", TWO, True),
    ("none of a list", "CommandLine: [b, c]", TWO, False),
    ("a list of one", "CommandLine: ['a -x -y']", TWO, True),
    ("all of a list", "CommandLine|contains|all: ['-y', '-X']", TWO, True),
    ("not all of a list", "CommandLine|contains|all: ['-y', '-z']", TWO, False),
    ("any of a list with a modifier", "CommandLine|contains: ['-z', '-y']", TWO, True),
    ("a map needs all its keys", "Image|endswith: '\\a.exe'\nCommandLine|contains: '-x'", TWO, True),
    ("a map with one that is wrong", "Image|endswith: '\\b.exe'\nCommandLine|contains: '-x'", TWO, False),
    ("a list of maps needs one", "- Image|endswith: '\\b.exe'\n- CommandLine|contains: '-x'", TWO, True),
    ("a list of maps needs one of all its keys", "- Image: 'b'\n  User: 'u'\n- Image: 'a'\n  User: 'u'", TWO, False),
    (
        "the maps of a list are not mixed",
        "- Image|endswith: '\\a.exe'\n  CommandLine: 'b'\n- Image: 'b'\n  CommandLine|contains: '-x'",
        TWO,
        False,
    ),
    (
        "lists within maps within lists",
        "- Image: [b, c]\n- Image|endswith: ['\\c.exe', '\\a.exe']\n  CommandLine|contains|all: ['-x', '-y']",
        TWO,
        True,
    ),
    (
        "one field twice with different modifiers",
        "CommandLine|startswith: 'a'\nCommandLine|endswith: '-y'\nCommandLine|contains: '-z'",
        TWO,
        False,
    ),
]

LOG = {"Image": "C:\\a.exe", "CommandLine": "Sekurlsa::LogonPasswords", "Details": "50% off", "ProcessId": 4711}
KEYWORDS: list[Row] = [
    ("a keyword stands anywhere in a field", "- 'logonpass'", LOG, True),
    ("in any field, of the record's own names too", "- 'off'", LOG, True),
    ("any of a list", "- 'zzz'\n- 'sekurlsa'", LOG, True),
    ("none of a list", "- 'zzz'\n- 'yyy'", LOG, False),
    ("a keyword can be the whole field", "- 'sekurlsa::logonpasswords'", LOG, True),
    ("a single keyword without a list", "'sekurlsa'", LOG, True),
    ("a wildcard within", "- 'sek*word'", LOG, True),
    ("a wildcard needs its parts in order", "- 'word*sek'", LOG, False),
    ("a question mark within", "- 'sekurlsa:?logon'", LOG, True),
    ("a keyword does not go from field to field", "- 'a.exe*sekurlsa'", LOG, False),
    ("an escaped wildcard is plain", "- '50\\%'\n- 'sek\\*'", LOG, False),
    ("other marks are plain", "- '50% off'", LOG, True),
    ("all, in different fields", "'|all':\n  - 'sekurlsa'\n  - 'OFF'", LOG, True),
    ("all, one missing", "'|all':\n  - 'sekurlsa'\n  - 'on'\n  - 'zzz'", LOG, False),
    ("a number", "- 4711", LOG, True),
    ("an expression", "'|re': 'Sekur[a-z]+::'", LOG, True),
    ("an expression looks at case", "'|re': 'sekur[a-z]+::'", LOG, False),
    ("contains changes nothing", "'|contains': 'logonpass'", LOG, True),
    ("case-sensitive", "'|cased': 'sekurlsa'", LOG, False),
    ("a list of a keyword and a map: the keyword", "- 'sekurlsa'\n- Image: 'b'", LOG, True),
    ("a list of a keyword and a map: the map", "- 'zzz'\n- Image|endswith: '\\a.exe'", LOG, True),
    ("a list of a keyword and a map: neither", "- 'zzz'\n- Image: 'b'", LOG, False),
]

ROWS = [*TEXT, *NOTHING, *NUMBERS, *LISTS, *KEYWORDS]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("selection", "fields", "expected"),
    [row[1:] for row in ROWS],
    ids=[f"{row[1]!r}: {row[0]}"[:110] for row in ROWS],
)
def test_a_value_matches_as_sigma_says(selection: str, fields: dict[str, Any], expected: bool, way: Way) -> None:
    assert fires(selection, fields, way) is expected


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "selection",
    [
        "CommandLine: 'x'",
        "CommandLine: '*'",
        "CommandLine|contains: 'x'",
        "CommandLine|re: '.*'",
        "CommandLine|re: '^$'",
        "CommandLine|cidr: '0.0.0.0/0'",
        "CommandLine|lt: 5",
        "CommandLine|gte: 0",
        "CommandLine|exists: true",
        "CommandLine|fieldref: Image",
        "CommandLine|cased: 'x'",
        "CommandLine|hour: 0",
        "CommandLine: 0",
        "CommandLine: false",
        "CommandLine: ''",
    ],
)
def test_the_negation_of_anything_holds_for_an_absent_field(selection: str, way: Way) -> None:
    rules = loaded(rule(f"all:\n  Image: x\nwrong:\n  {selection}\ncondition: all and not wrong"))
    assert found(rules, {"Image": "x"}, way)


def test_a_keyword_is_found_in_nested_and_listed_values() -> None:
    rules = loaded(rule("words: [needle]\ncondition: words"))
    assert detected(rules, [event({"Image": "x"}, raw={"Data": ["a", "the needle"]})])
    assert detected(rules, [event({"Image": "x"}, raw={"Outer": {"Inner": {"Text": "a Needle"}}})])
    assert not detected(rules, [event({"Image": "x"}, raw={"Data": ["a", "b"]})])
