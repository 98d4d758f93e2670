"""How PowerShell's texts are taken apart into tokens."""

import re
from typing import Final

_COMMENT = r"<#(?:[^#]++|#(?!>))*+(?:#>)?|#[^\n]*+"
BLANK: Final = re.compile(rf"(?:[^\S\n]++|`\r?\n|{_COMMENT})*+")
SPACE: Final = re.compile(rf"(?:\s++|`\r?\n|{_COMMENT})*+")
BETWEEN: Final = re.compile(rf"(?:[\s;]++|`\r?\n|{_COMMENT})*+")

_WORDS: Final = """
    if elseif else foreach for while do until switch try catch finally function filter return throw param begin process
    end exit break continue trap data class enum workflow using dynamicparam clean default
"""
KEYWORDS: Final = frozenset(_WORDS.split())
_KEYWORD = "|".join(sorted(KEYWORDS, key=len, reverse=True))
KEYWORD: Final = re.compile(rf"({_KEYWORD})(?![\w.:\\/-])", re.IGNORECASE)
NAME: Final = re.compile(r"\s*[\w:?.-]+\s*")
PARAMETER_TYPE: Final = re.compile(r"\s*\[[\w.]+(?:\[\])?\]")
IN: Final = re.compile(r"\s*\$(\w+)\s+in\b", re.IGNORECASE)
COUNTED: Final = re.compile(
    r"\s*\$(?P<name>\w+)\s*=\s*(?P<first>\d{1,6})\s*;\s*\$(?P=name)\s*-(?P<how>l[te])\s*(?P<last>[^;{}]{1,80})"
    r";\s*\$(?P=name)\s*(?:\+\+|\+=\s*(?P<step>\d{1,4}))\s*\)",
    re.IGNORECASE,
)
"""What stands in the parentheses of a `for` that counts upwards."""
LABEL: Final = re.compile(r":\w+[ \t]+(?=for|while|do|switch)", re.IGNORECASE)
SWITCH_OPTION: Final = re.compile(r"\s*-\w+")
CAUGHT: Final = re.compile(r"\s*\[[^\]\n]*\]\s*,?")
STATEMENT_END: Final = re.compile(r"\s*(?:$|[;\n|&})])")

SINGLE: Final = re.compile(r"'([^']*+(?:''[^']*+)*+)'?")
DOUBLE: Final = re.compile(r'"([^"`$]*+)"(?!")')
HERE: Final = re.compile(r"@(['\"])[^\S\n]*+\n")
CHUNK: Final = re.compile(r'[^"`$]++|""')
HERE_CHUNK: Final = re.compile(r"[^`$]++")
VARIABLE: Final = re.compile(r"\$(?:(?:(\w+):(?=[\w{]))?(\w+|[$?^])|\{((?:[^}`]++|`.)*+)\})", re.DOTALL)
_TYPE = r"[A-Za-z_](?:[\w.+`, ]|\[[\w.+`, ]*+\])*+"
ASSIGNED: Final = re.compile(
    rf"(?:\[{_TYPE}\][ \t]*+)*+"
    r"\$(?:(?:(?P<scope>\w+):)?(?P<name>\w+)|\{(?P<braced>[^}]*+)\})[ \t]*"
    r"(?P<how>[-+*/%]|\?\?)?=(?!=)[ \t]*"
)
SEVERAL: Final = re.compile(r"(\$\w+(?:[ \t]*,[ \t]*\$\w+)+)[ \t]*=(?!=)[ \t]*")
"""The variables of an assignment to several of them."""
NUMBER: Final = re.compile(
    r"([-+]?)(?:(0x[0-9a-f]{1,15})|(\d{1,18})(\.\d{1,18}(?:e[-+]?\d{1,3})?)?)(l|d|kb|mb|gb|tb|pb)?(?![\w\\:/-]|\.\w)"
    r"|[-+]?\d{1,18}(?=\.\.)",
    re.IGNORECASE,
)
OPERATOR: Final = re.compile(
    r"-(?:[ic]?(?:eq|ne|gt|ge|lt|le|like|notlike|match|notmatch|contains|notcontains|in|notin|replace|split)"
    r"|join|f|as|is|isnot|and|or|xor|band|bor|bxor|shl|shr)(?!\w)|\.\.|\+(?!\+)|-(?![-a-zA-Z])|[*/%,]|\?\?",
    re.IGNORECASE,
)
UNARY: Final = re.compile(r"-(?:not|bnot|join|[ic]?split)(?!\w)|!|\+\+|--|[-+](?=[\s(\$'\"\[\d])", re.IGNORECASE)
TYPE: Final = re.compile(rf"\[({_TYPE})\]")
ATTRIBUTE: Final = re.compile(r"\[[\w.]++\((?:[^()\[\]'\"]++|'[^']*+'|\"[^\"]*+\"|\([^()]*+\))*+\)\]")
MEMBER: Final = re.compile(r"(\?\.|\.|::)(?=[\w'\"$({`])")
MEMBER_NAME: Final = re.compile(r"(?:\w|`.)+")
INVOKED: Final = re.compile(r"\.invoke\(", re.IGNORECASE)
CALL: Final = re.compile(r"\.\w+\(|::")
GENERIC: Final = re.compile(r"[^\s'\"`$(){};|&,<>@#]++|[#@](?=\S)|`(\r?\n|.)?", re.DOTALL)
PARAMETER: Final = re.compile(r"-[A-Za-z_?][\w-]*+(:?)(?=[\s'\"$(){};|&,@\[]|$|:?\w)")
REDIRECTION: Final = re.compile(r"([1-6*]?)(>>?|<)[ \t]*(&[12])?")
SPLATTED: Final = re.compile(r"@(\w+)")
KEY: Final = re.compile(r"[\w-]+(?=\s*=)")
VERBATIM: Final = re.compile(r'(?:[^\s"]++|"[^"]*+"?)++')
CMDLET: Final = re.compile(r"\w+-\w+$")

_LITERAL = r"(?:'[^']*+'(?!')|\"[^\"`$]*+\"(?!\"))"
_CHAR = r"\[char\]\s*+(?:0x[0-9a-f]{1,6}|\d{1,7})"
_INTEGER = r"(?:0x[0-9a-f]{1,15}|\d{1,18})"
SUM: Final = re.compile(
    rf"(?:{_LITERAL}|{_CHAR})(?:\s*+\+\s*+(?:{_LITERAL}|{_CHAR}))++(?=\s*+(?:[)\n;|}}+]|$))", re.IGNORECASE
)
SUMMED: Final = re.compile(r"'([^']*+)'|\"([^\"]*+)\"|\]\s*+(?:0x([0-9a-f]++)|(\d++))", re.IGNORECASE)
LIST: Final = re.compile(rf"{_LITERAL}(?:\s*+,\s*+{_LITERAL})++(?!\s*+,|[.\[:(])")
LISTED: Final = re.compile(r"'([^']*+)'|\"([^\"]*+)\"")
NUMBERS: Final = re.compile(rf"{_INTEGER}(?:\s*+,\s*+{_INTEGER})++(?!\s*+,|[\w.\[:(])", re.IGNORECASE)
ARGUMENTS: Final = re.compile(rf"\s*+(?:{_LITERAL}(?:\s*+,\s*+{_LITERAL})*+)?\s*+\)")

_FILLED = r'"(?:[^"`$]++|\$(?:\w++:)?\w++)*+"(?!")'
_BARE = r"[^\s'\"`$(){};|&,<>@#]"
_OWN = r"\$(?:env:)?\w++(?![\w.\[:({?])"
_REST = rf"(?:[^\s'\"`$(){{}};|&,<>]++|{_OWN}|,(?=[\w*.\\-])|\$(?=[\\/]))*+"
_WORD = rf"(?:(?:{_BARE}|{_OWN}){_REST}|\$_(?:\.\w++)*+)(?![^\s;|)}}])"
RUN: Final = re.compile(
    rf"(?!(?i:{_KEYWORD})(?![\w.:\\/-]))([A-Za-z.\\][\w.\\:/-]*+)"
    rf"((?:[ \t]++(?!--%|[0-9*]?>)(?:{_WORD}|(?:'[^']*+'(?!')|{_FILLED})(?![^\s;|)}}])))*+)"
    r"[ \t]*+(?=[;|\r\n)}]|$)"
)
"""A command of plain words, whole variables and plain quoted texts: what most commands are."""
SET: Final = re.compile(rf"\$(\w+)[ \t]*+=[ \t]*+(?:'([^']*+)'|({_FILLED}))[ \t]*+(?=[;\r\n}}]|$)")
RUN_WORD: Final = re.compile(r"'([^']*+)'|\"([^\"]*+)\"|([^\s'\"]++)")
COLON: Final = re.compile(r"[ \t]-\w++:")

ESCAPES: Final = {"0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
TYPOGRAPHIC: Final = (
    {ord(each): "'" for each in "\u2018\u2019\u201a\u201b"}
    | {ord(each): '"' for each in "\u201c\u201d\u201e"}
    | {ord(each): "-" for each in "\u2013\u2014\u2015"}
)
"""Quotes and dashes of word processors, which PowerShell takes for plain ones."""
