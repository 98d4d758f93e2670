"""Scripts of PowerShell, read into the commands that they run.

By about_Parsing, about_Quoting_Rules, about_Operators, about_Operator_Precedence, about_Variables, about_Splatting and
about_Redirection. What is built of known parts is put together; what is not known stays as written. Loops, conditions
and functions are read once, as if all of them ran.
"""

import re
from typing import Final

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.powershell import methods, names, values
from exfilwatch.commands.shells.powershell.values import Block, Type, Value

Node = tuple[Value, str]
"""A value, and its text with what hides it undone."""

_DEEPEST: Final = 40
_MOST_STEPS: Final = 12_000
_LONGEST_LOOP: Final = 4_000
_LONGEST_TEXT: Final = 400
_LONGEST_PIPE: Final = 16

_BLANK = re.compile(r"(?:[^\S\n]++|`\r?\n|<#(?:[^#]++|#(?!>))*+(?:#>)?|#[^\n]*+)*+")
_SPACE = re.compile(r"(?:[\s]++|`\r?\n|<#(?:[^#]++|#(?!>))*+(?:#>)?|#[^\n]*+)*+")
_BETWEEN = re.compile(r"(?:[\s;]++|`\r?\n|<#(?:[^#]++|#(?!>))*+(?:#>)?|#[^\n]*+)*+")
_KEYWORD = re.compile(
    r"(if|elseif|else|foreach|for|while|do|until|switch|try|catch|finally|function|filter|return|throw|param|begin"
    r"|process|end|exit|break|continue|trap|data|class|enum|workflow|using|dynamicparam|clean)(?![\w.:\\/-])",
    re.IGNORECASE,
)
_NAME = re.compile(r"\s*[\w:?.-]+\s*")
_IN = re.compile(r"\s*\$(\w+)\s+in\b", re.IGNORECASE)
_LABEL = re.compile(r":\w+[ \t]+(?=for|while|do|switch)", re.IGNORECASE)
_SINGLE = re.compile(r"'([^']*+(?:''[^']*+)*+)'?")
_DOUBLE = re.compile(r'"([^"`$]*+)"(?!")')
_HERE = re.compile(r"@(['\"])[^\S\n]*\n(?:(.*?)\n)??\1@", re.DOTALL)
_CHUNK = re.compile(r'[^"`$]++|""')
_HERE_CHUNK = re.compile(r"[^`$]++")
_VARIABLE = re.compile(r"\$(?:(?:(\w+):(?=[\w{]))?(\w+|[$?^])|\{((?:[^}`]++|`.)*+)\})", re.DOTALL)
_ASSIGNED = re.compile(
    r"(?:\[[\w.\[\], ]{1,80}\][ \t]*)*\$(?:(?:(?P<scope>\w+):)?(?P<name>\w+)|\{(?P<braced>[^}]*+)\})[ \t]*"
    r"(?P<how>[-+*/%]|\?\?)?=(?!=)[ \t]*"
)
_NUMBER = re.compile(
    r"([-+]?)(?:(0x[0-9a-f]{1,15})|(\d{1,18})(\.\d{1,18}(?:e[-+]?\d{1,3})?)?)(l|d|kb|mb|gb|tb|pb)?(?![\w.\\:/-]|\.\w)|[-+]?\d{1,18}(?=\.\.)",
    re.IGNORECASE,
)
_INTEGER = re.compile(r"\d{1,18}|0x[0-9a-f]{1,15}", re.IGNORECASE)
_OPERATOR = re.compile(
    r"-(?:[ic]?(?:eq|ne|gt|ge|lt|le|like|notlike|match|notmatch|contains|notcontains|in|notin|replace|split)"
    r"|join|f|as|is|isnot|and|or|xor|band|bor|bxor|shl|shr)(?!\w)|\.\.|\+(?!\+)|-(?![-a-zA-Z])|[*/%,]",
    re.IGNORECASE,
)
_UNARY = re.compile(r"-(?:not|bnot|join|[ic]?split)(?!\w)|!|\+\+|--|[-+](?=[\s(\$'\"\[\d])", re.IGNORECASE)
_TYPE = re.compile(r"\[([A-Za-z_][\w.+`, ]*(?:\[[\w., \[\]]*\])?)\](?!\s*\$?\w+\s*=(?!=)\s*$)")
_MEMBER = re.compile(r"(\?\.|\.|::)(?=[\w'\"$({`])")
_MEMBER_NAME = re.compile(r"(?:\w|`.)+")
_CALL = re.compile(r"\.\w+\(|::")
_POSTFIX = re.compile(r"\+\+|--")
_GENERIC = re.compile(r"[^\s'\"`$(){};|&,<>\u2018-\u201e@#]++|[#@](?=\S)|`(\r?\n|.)?|[\u2018-\u201e]", re.DOTALL)
_PARAMETER = re.compile(r"-[A-Za-z_?][\w-]*+(:?)(?=[\s'\"$(){};|&,@\[]|$|:?\w)")
_REDIRECTION = re.compile(r"([1-6*]?)(>>?|<)[ \t]*(&[12])?")
_STATEMENT_END = re.compile(r"\s*(?:$|[;\n|&})])")
_CMDLET = re.compile(r"\w+-\w+$")
_STARTS_EXPRESSION: Final = frozenset("'\"$(@[{0123456789+-!,")
_ESCAPES: Final = {"0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_FOLDED: Final = {ord(each): "'" for each in "\u2018\u2019\u201a\u201b"} | {
    ord(each): '"' for each in "\u201c\u201d\u201e"
}
_DASHES: Final = {ord(each): "-" for each in "\u2013\u2014\u2015"}

_TIGHTNESS: Final = {",": 8, "..": 7, "-f": 6, "*": 5, "/": 5, "%": 5, "+": 4, "-": 4}
_LOOSEST: Final = {"-band": 2, "-bor": 2, "-bxor": 2, "-and": 1, "-or": 1, "-xor": 1}


def commands(script: str, undoing: Undoing) -> list[Command]:
    """What a script runs, in the order in which it stands: cmdlets and programs, and calls of methods. Never raises.

    The words of a call of a method are empty: its `raw` says what it does, with the known values put in. A script that
    is built and then run (`iex`, `&`, `.Invoke()`) comes after the one that builds it.
    """
    script = undoing.within(script)
    if not script.isascii():
        script = script.translate(_FOLDED | _DASHES)
    reader = _Reader(script, undoing)
    try:
        reader.statements("")
    except (_TooMuch, RecursionError):
        reader.found += _roughly(script[reader.at :])
    for inner, within in reader.pending:
        reader.found += commands(inner, within)
    return reader.found


class _TooMuch(Exception):
    """A script is nested too deeply, or is too much work."""


def _roughly(script: str) -> list[Command]:
    """Commands told only by separators, where a script can't be read."""
    pieces = [piece.strip() for piece in re.split(r"[;|\n{}()]+", script)]
    return [Command(piece.split(), piece) for piece in pieces if piece][:200]


def quoted(text: str) -> str:
    """A text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def written(value: Value, raw: str) -> str:
    """A node's text: its literal where the value is a text or a number."""
    if isinstance(value, str):
        return quoted(value)
    return str(value) if isinstance(value, int) else raw


class _Reader:
    """A script and the place in it that is read next."""

    def __init__(self, text: str, undoing: Undoing, outer: "_Reader | None" = None) -> None:
        self.text = text
        self.at = 0
        self.undoing = undoing
        self.found: list[Command] = []
        self.pending: list[tuple[str, Undoing]] = outer.pending if outer else []
        self.variables: dict[str, Value] = outer.variables if outer else dict(undoing.variables)
        self.objects: dict[str, str] = outer.objects if outer else {}
        self.aliases: dict[str, str] = outer.aliases if outer else {}
        self.depth: int = outer.depth if outer else 0
        self.loops: int = outer.loops if outer else 0
        self.steps: int = outer.steps if outer else 0
        self.within = 0

    # places in the text

    def step(self) -> None:
        """Count the work, and stop when it is too much."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise _TooMuch

    def deeper(self) -> None:
        self.depth += 1
        self.step()
        if self.depth > _DEEPEST:
            raise _TooMuch

    def skip(self, pattern: "re.Pattern[str]") -> "re.Match[str] | None":
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, mark: str) -> bool:
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    # statements

    def statements(self, closer: str) -> Node:
        """Statements up to the closing mark, which is taken; the value of the last one."""
        last: Node = (None, "")
        text = self.text
        while True:
            self.skip(_BETWEEN)
            mark = self.peek()
            if not mark:
                return last
            if mark in ")}":
                self.at += 1
                if mark == closer or closer:
                    return last
                continue
            before = self.at
            last = self.statement()
            if self.at == before or text[self.at : self.at + 1] == "&":
                self.at += 1

    def statement(self) -> Node:
        self.step()
        word = _KEYWORD.match(self.text, self.at)
        if word:
            self.at = word.end()
            return self.worded(word[1].lower())
        if self.peek() == ":":
            self.skip(_LABEL)
        assigned = _ASSIGNED.match(self.text, self.at)
        if assigned:
            return self.assignment(assigned)
        return self.pipeline()

    def worded(self, word: str) -> Node:
        """A statement that begins with a word of the language."""
        if word in ("if", "elseif", "while", "until", "switch", "for", "param", "catch", "trap", "data", "foreach"):
            if word == "switch":
                while self.skip(re.compile(r"\s*-\w+")):
                    pass
            if word in ("catch", "trap"):
                while self.skip(re.compile(r"\s*\[[^\]\n]*\]\s*,?")):
                    pass
            self.skip(_SPACE)
            if word == "foreach":
                return self.each()
            if self.take("("):
                self.deeper()
                self.loops += word in ("while", "for")
                self.statements(")")
                self.loops -= word in ("while", "for")
                self.depth -= 1
        elif word in ("function", "filter", "workflow", "class", "enum"):
            self.skip(_NAME)
            if self.take("("):
                self.statements(")")
        elif word in ("return", "throw", "exit"):
            self.skip(_BLANK)
            return (None, "") if _STATEMENT_END.match(self.text, self.at) else self.pipeline()
        elif word == "using":
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
            return None, ""
        self.skip(_SPACE)
        if self.take("{"):
            looping = word in ("while", "for", "do", "function", "filter", "process")
            self.loops += looping
            self.block()
            self.loops -= looping
        return None, ""

    def block(self) -> None:
        """The statements of a block, whose opening brace is taken."""
        self.deeper()
        within, self.within = self.within, 0
        self.statements("}")
        self.within = within
        self.depth -= 1

    def each(self) -> Node:
        """`foreach ($name in values) { ... }`: with each value if nothing but texts is built, else once."""
        if not self.take("("):
            return self.pipeline()
        variable = self.skip(_IN)
        if variable is None:
            self.statements(")")
            self.block() if self.skip(_SPACE) and self.take("{") else None
            return None, ""
        self.deeper()
        value, _ = self.statements(")")
        self.depth -= 1
        self.skip(_SPACE)
        if not self.take("{"):
            return None, ""
        name = variable[1].lower()
        several = values.items(value)
        before = dict(self.variables)
        self.bind(name, several[0] if len(several) == 1 else None)
        start, count = self.at, len(self.found)
        self.loops += 1
        self.block()
        self.loops -= 1
        body = self.text[start : self.at - 1]
        built = 1 < len(several) <= _LONGEST_LOOP and not any(each.words for each in self.found[count:])
        if built and "=" in body:
            del self.found[count:]
            after = self.variables
            self.variables = before
            for item in several:
                if not self.again(body, name, item):
                    self.variables = after
                    break
        self.bind(name, None)
        return None, ""

    def again(self, body: str, name: str, item: Value) -> bool:
        """Read a loop's body with a value; False when it is too much."""
        if not self.undoing.within(body) or self.undoing.bounds.left <= 0:
            return False
        inner = _Reader(body, self.undoing, self)
        inner.loops = 0
        inner.bind(name, item)
        inner.statements("")
        self.steps = inner.steps
        return True

    # variables

    def bind(self, name: str, value: Value, raw: str = "") -> None:
        """Set a variable; None makes it unknown."""
        self.objects.pop(name, None)
        if value is None:
            self.variables.pop(name, None)
            self.undoing.variables.pop(name, None)
            if raw and len(raw) < _LONGEST_TEXT and names.MADE.match(raw):
                self.objects[name] = raw if raw[0] in "([" else f"({raw})"
            return
        self.variables[name] = value
        if isinstance(value, str):
            self.undoing.variables[name] = value
        else:
            self.undoing.variables.pop(name, None)

    def assignment(self, assigned: "re.Match[str]") -> Node:
        self.at = assigned.end()
        self.skip(_SPACE)
        name = _key(assigned["scope"], assigned["name"], assigned["braced"])
        how = assigned["how"]
        value, raw = self.statement()
        if how and how != "??":
            old = self.variables.get(name) if not self.loops else None
            if self.loops and how:
                value = None
            elif how == "+":
                value = values.added(old, value)
                self.undoing.did("string building") if isinstance(value, str) else None
            else:
                value = values.times(old, value) if how == "*" else values.arithmetic(how, old, value)
        if isinstance(value, str):
            value = self.undoing.within(value)
        self.bind(name, value, raw)
        return value, raw

    def variable(self, found: "re.Match[str]") -> Node:
        """A variable's value, or the variable as written."""
        name = _key(found[1], found[2], found[3])
        if found[3] is not None and "`" in found[3]:
            self.undoing.did("backtick")
        if name in self.variables:
            value = self.variables[name]
            if value is not None:
                self.undoing.did("variable")
                if isinstance(value, str):
                    value = self.undoing.within(value)
                return value, written(value, found[0])
        if name in self.objects:
            return None, self.undoing.within(self.objects[name])
        shown = f"${found[2]}" if found[1] is None else f"${found[1]}:{found[2]}"
        usual = names.usual(name)
        if usual is not None:
            return usual, quoted(usual)
        return None, shown if found[3] is None else "$" + found[3].replace("`", "")

    # pipelines

    def pipeline(self) -> Node:
        """Commands and expressions with `|` between."""
        before: list[Command] = []
        value: Value = None
        raw = ""
        raws: list[str] = []
        first = True
        while True:
            self.skip(_SPACE if not first else _BLANK)
            count = len(self.found)
            value, raw = self.element(before, value)
            here = self.found[count:]
            before = (before + here)[-_LONGEST_PIPE:]
            self.skip(_BLANK)
            if self.text.startswith("||", self.at) or self.text.startswith("&&", self.at):
                self.at += 2
                before, value, first, raws = [], None, True, []
                continue
            if self.peek() != "|":
                return value, " | ".join([*raws, raw])
            raws.append(raw)
            self.at += 1
            first = False

    def element(self, before: list[Command], given: Value) -> Node:
        """One part of a pipeline: an expression or a command."""
        self.step()
        mark = self.peek()
        if mark in "&.":
            after = self.text[self.at + 1 : self.at + 2]
            if mark == "&" or after in " \t\n'\"($&{":
                self.at += 1
                self.skip(_SPACE)
                return self.command(before, given, True)
        elif mark in _STARTS_EXPRESSION and mark:
            start, count, steps = self.at, len(self.found), self.steps
            if (
                not (mark.isdigit() or mark in "+-")
                or _NUMBER.match(self.text, self.at)
                or _UNARY.match(self.text, self.at)
            ):
                value, raw = self.expression(0)
                if self.skip(_BLANK) and self.peek() == "=" and self.text[self.at + 1 : self.at + 2] != "=":
                    return self.stored(raw, "=")
                if self.text[self.at : self.at + 2] in ("+=", "-="):
                    return self.stored(raw, self.text[self.at : self.at + 2])
                if _STATEMENT_END.match(self.text, self.at) or self.peek() in (">", "2", "*"):
                    self.calls(value, raw, before)
                    return value, raw
                if isinstance(value, str) and mark in "'\"":  # a program's name in quotes, without the & that it needs
                    del self.found[count:]
                    self.at, self.steps = start, steps
                    return self.command(before, given, True)
                self.calls(value, raw, before)
                return value, raw
        return self.command(before, given, False)

    def calls(self, value: Value, raw: str, before: list[Command]) -> None:
        """Note an expression that does something: calls a method, or sets something."""
        redirected = self.redirection()
        if redirected or (not self.within and value is None and _CALL.search(raw) and raw[:1] != "{"):
            text = values.text(value)
            self.found.append(Command([], raw, text=text, writes=redirected, piped=list(before)))

    def redirection(self) -> list[str]:
        """Where output goes that is redirected here."""
        places: list[str] = []
        while True:
            self.skip(_BLANK)
            found = self.skip(_REDIRECTION)
            if found is None:
                return places
            if found[3]:
                continue
            words, _, _ = self.argument(True)
            if found[1] in ("", "1", "*") and words and words[0].lower() not in ("$null", "nul"):
                places += words[:1]

    def stored(self, raw: str, how: str) -> Node:
        """`target.member = value`"""
        self.at += len(how)
        self.skip(_SPACE)
        value, right = self.statement()
        self.found.append(Command([], f"{raw} {how} {written(value, right)}"))
        return value, right

    def command(self, before: list[Command], given: Value, called: bool) -> Node:
        """A cmdlet, a function, a script or a program with its arguments."""
        start = self.at
        value, raw = self.called(called)
        if raw == "" and self.at == start:
            return None, ""
        raw_block = value is None and called and raw[:1] == "{"
        if isinstance(value, Block):
            self.later(value.text)
            raw_block = True
        name = values.text(value) if value is not None else raw
        name = name if name is not None else raw
        name = self.aliases.get(name.lower(), name)
        lower = name.lower()
        words, raws = [name], [raw if called and not isinstance(value, str) else _program(name)]
        arguments: list[tuple[Value, str]] = []
        writes: list[str] = []
        reads = ""
        loop = lower in names.FOR_EACH
        own = _CMDLET.match(name) is not None or lower in names.ALIASES
        while True:
            self.skip(_BLANK)
            mark = self.peek()
            if not mark or mark in ";|\n)}" or (mark == "&" and self.text[self.at + 1 : self.at + 2] != "1"):
                break
            redirected = _REDIRECTION.match(self.text, self.at)
            if redirected and (mark in "<>" or redirected[1]):
                self.at = redirected.end()
                if not redirected[3]:
                    self.skip(_BLANK)
                    target, _, _ = self.argument(True)
                    if redirected[2] == "<":
                        reads = "".join(target[:1])
                    elif redirected[1] in ("", "1", "*") and target and target[0].lower() not in ("$null", "nul"):
                        writes += target[:1]
                continue
            if mark == "{" and loop:
                count = len(self.found)
                arguments.append(self.looped(given))
                for each in self.found[count:]:
                    each.piped = each.piped or list(before)
                words.append(arguments[-1][1])
                raws.append(arguments[-1][1])
                continue
            if mark == "-":
                parameter = _PARAMETER.match(self.text, self.at)
                if parameter and (own or not parameter[1]):
                    end = parameter.end()
                    after = self.text[end : end + 1]
                    if parameter[1] or not after or after in " \t\r\n;|)}{(&,":
                        self.at = end
                        word = parameter[0].rstrip(":")
                        words.append(word)
                        raws.append(word)
                        arguments.append((word, word))
                        if parameter[1]:
                            self.skip(_BLANK)
                        continue
                if self.text.startswith("--%", self.at):
                    end = self.text.find("\n", self.at)
                    rest = self.text[self.at + 3 : len(self.text) if end < 0 else end]
                    self.at += 3 + len(rest)
                    words += [word.replace('"', "") for word in re.findall(r'(?:[^\s"]++|"[^"]*+"?)++', rest)]
                    raws.append(rest.strip())
                    continue
            before_argument = self.at
            spread, value, raw = self.argument(False)
            if self.at == before_argument:
                self.at += 1
                continue
            words += spread
            raws.append(raw)
            arguments.append((value, raw))
        text = values.text(given) if isinstance(given, str | int) else None
        if isinstance(given, list):
            lines = [values.text(item) for item in given]
            text = None if None in lines else "\n".join(line or "" for line in lines)
        command = Command(words, " ".join(raws), reads, text, writes, list(before))
        node = self.effect(lower, command, arguments, given)
        if not (raw_block or (node[0] is not None and lower in names.QUIET) or (loop and len(arguments) == 1)):
            self.found.append(command)
        return node

    def called(self, by_operator: bool) -> Node:
        """The name of what is called: a word, or after & and . also an expression."""
        mark = self.peek()
        if by_operator and mark in "'\"$({@[":
            if mark == "{":
                self.at += 1
                start = self.at
                self.block()
                return None, "{" + self.text[start : self.at]
            value, raw = self.postfix()
            if mark == "(" and isinstance(value, str):
                self.undoing.did("string building")
            return value, raw
        words, value, raw = self.argument(True)
        return (value if value is not None else "".join(words[:1])), raw

    def later(self, script: str) -> None:
        """Read a script that the script has built, after this one."""
        inner = self.undoing.inner()
        if inner is not None and script.strip():
            self.pending.append((script, inner))

    def looped(self, given: Value) -> Node:
        """The block of a ForEach-Object: its commands once, or what it makes of each of the known values."""
        several = values.items(given)
        self.at += 1
        start, count = self.at, len(self.found)
        kept = self.variables.get("_")
        self.bind("_", several[0] if len(several) == 1 else None)
        self.loops += 1
        self.deeper()
        within, self.within = self.within, 0
        last = self.statements("}")
        self.within = within
        self.depth -= 1
        self.loops -= 1
        body = self.text[start : self.at - 1]
        made: Value = last[0] if len(several) == 1 else None
        if 1 < len(several) <= _LONGEST_LOOP and not any(each.words for each in self.found[count:]):
            results: list[Value] = []
            for item in several:
                if not self.undoing.within(body) or self.undoing.bounds.left <= 0:
                    break
                inner = _Reader(body, self.undoing, self)
                inner.bind("_", item)
                results.append(inner.statements("")[0])
                self.steps = inner.steps
            if len(results) == len(several) and None not in results:
                made = results
                del self.found[count:]
        self.bind("_", kept)
        return made, "{" + body + "}"

    def effect(self, name: str, command: Command, arguments: list[tuple[Value, str]], given: Value) -> Node:
        """What a cmdlet gives or does that can be told without running it."""
        raw = command.raw
        plain = [
            value for value, text in arguments if not (isinstance(value, str) and value == text and value[:1] == "-")
        ]
        first = plain[0] if plain else None
        if name in names.EXPRESSION:
            script = first if first is not None else given
            script = (
                "\n".join(values.text(item) or "" for item in script)
                if isinstance(script, list)
                else values.text(script)
            )
            if script is not None:
                self.undoing.did("built script")
                self.later(script)
            return None, raw
        if name in names.FOR_EACH:
            return (arguments[0][0] if arguments else None), raw
        if name in names.WRITING:
            return (first if len(plain) == 1 else list(plain) if plain else given), raw
        if name == "new-object":
            return self.object(plain, raw)
        if name in names.SETTING and len(plain) > 1:
            self.bind(str(values.text(plain[0]) or "").lower().removeprefix("variable:"), plain[1])
            return None, raw
        if name in ("set-item", "si", "new-item", "ni") and len(plain) > 1:
            place = str(values.text(first) or "").lower()
            if place.startswith(("variable:", "env:")):
                self.bind(place.removeprefix("variable:").lstrip("\\/"), plain[1])
        if name in names.GETTING:
            asked = str(values.text(first) or "").lower().removeprefix("variable:").lstrip("\\/")
            known = names.automatic(asked) if "*" in asked or "?" in asked else None
            return (known or self.variables.get(asked, names.usual(asked))), raw
        if name in ("get-command", "gcm", "get-alias", "gal") and isinstance(first, str):
            return names.command(first), raw
        if name in ("set-alias", "new-alias", "sal", "nal") and len(plain) > 1:
            alias, target = values.text(plain[0]), values.text(plain[1])
            if alias and target:
                self.undoing.did("alias")
                self.aliases[alias.lower()] = target
        if name == "join-path" and len(plain) > 1:
            parts = [values.text(each) for each in plain]
            if None not in parts:
                return "\\".join(
                    str(part).strip("\\") if at else str(part).rstrip("\\") for at, part in enumerate(parts)
                ), raw
        if name == "out-string":
            return values.text(given), raw
        return None, raw

    def object(self, plain: list[Value], raw: str) -> Node:
        """New-Object."""
        if not plain or not isinstance(plain[0], str):
            return None, raw
        given: list[Value] = []
        for each in plain[1:]:
            given += each if isinstance(each, list) else [each]
        made = methods.created(Type(plain[0]), given)
        if isinstance(made, bytes) and "compression" in plain[0].lower():
            self.undoing.did("gzip" if "gzip" in plain[0].lower() else "deflate")
        return made, raw

    # arguments

    def argument(self, single: bool) -> tuple[list[str], Value, str]:
        """One argument: its words, its value, its text. `a,b` is one word."""
        value, raw, words = self.one()
        if single or self.peek() not in (",", " ", "\t"):
            return words, value, raw
        several: list[Value] = [value]
        raws, parts = [raw], list(words)
        while True:
            ahead = _BLANK.match(self.text, self.at)
            if not ahead or self.text[ahead.end() : ahead.end() + 1] != ",":
                break
            self.at = ahead.end() + 1
            self.skip(_SPACE)
            start = self.at
            value, raw, words = self.one()
            if self.at == start:
                break
            several.append(value)
            raws.append(raw)
            parts += words
        if len(raws) == 1:
            return words, value, raw
        return [",".join(parts)], several, ",".join(raws)

    def one(self) -> tuple[Value, str, list[str]]:
        mark = self.peek()
        if mark in "'\"" or mark == "(" or (mark == "@" and self.text[self.at + 1 : self.at + 2] in "({'\""):
            value, raw = self.postfix()
        elif mark == "@":
            return self.splatted()
        elif mark == "{":
            self.at += 1
            start = self.at
            self.block()
            raw = "{" + self.text[start : self.at]
            return Block(raw[1:-1]), raw, [raw]
        elif mark == "$":
            start = self.at
            value, raw = self.postfix()
            after = self.peek()
            if self.at > start and after and after not in " \t\r\n,;|)}&<>({":
                return self.compound(value, raw)
        else:
            return self.compound(None, "")
        text = _word(value)
        return value, raw, [text if text is not None else raw]

    def splatted(self) -> tuple[Value, str, list[str]]:
        """`@name`"""
        found = re.compile(r"@(\w+)").match(self.text, self.at)
        if found is None:
            return self.compound(None, "")
        self.at = found.end()
        value = self.variables.get(found[1].lower())
        if isinstance(value, dict):
            self.undoing.did("splatting")
            words: list[str] = []
            raws: list[str] = []
            for name, each in value.items():
                words.append("-" + name)
                raws.append("-" + name)
                text = _word(each)
                if text is not None:
                    words.append(text)
                    raws.append(written(each, text))
                else:
                    words.append(f"${found[1]}.{name}")
                    raws.append(words[-1])
            return None, " ".join(raws), words
        if isinstance(value, list):
            words = [_word(item) or "" for item in value]
            return None, " ".join(map(quoted, words)), words
        return None, found[0], [found[0]]

    def compound(self, value: Value, raw: str) -> tuple[Value, str, list[str]]:
        """A word that is put together of bare text, variables and quoted parts."""
        parts: list[str] = []
        if raw:
            parts.append(values.text(value) if value is not None and values.text(value) is not None else raw)  # type: ignore[arg-type]
        bare = True
        while True:
            found = _GENERIC.match(self.text, self.at)
            if found:
                self.step()
                self.at = found.end()
                if found[1] is not None:
                    parts.append("" if found[1].strip("\r") == "\n" else found[1])
                    if found[1].isalnum():
                        self.undoing.did("backtick")
                elif found[0] != "`":
                    parts.append(found[0])
                continue
            mark = self.peek()
            if mark in ("'", '"') and mark:
                self.undoing.did("quotes inside a word") if parts and parts[-1][-1:].isalnum() else None
                inner = self.string()
            elif mark == "$":
                start = self.at
                inner = self.primary()
                if self.at == start:
                    break
            else:
                break
            bare = False
            text = values.text(inner[0]) if inner[0] is not None else None
            parts.append(text if text is not None else inner[1])
        whole = self.undoing.within("".join(parts))
        return whole, whole if bare or not re.search(r"[\s;|(){}]", whole) else quoted(whole), [whole]

    # expressions

    def expression(self, loosest: int) -> Node:
        """Operators by their precedence, from the loosest that is asked for."""
        left = self.unary()
        while True:
            place = self.at
            self.skip(_BLANK)
            found = _OPERATOR.match(self.text, self.at)
            if found is None:
                self.at = place
                return left
            operator = found[0].lower()
            tightness = _TIGHTNESS.get(operator) or _LOOSEST.get(operator, 3)
            if tightness < loosest:
                self.at = place
                return left
            self.step()
            self.at = found.end()
            self.skip(_SPACE)
            if operator == ",":
                left = self.listed(left)
            else:
                left = self.operated(operator, left, self.expression(tightness + 1))

    def listed(self, first: Node) -> Node:
        """Items with commas between, of which the first and its comma are read."""
        nodes = [first]
        while True:
            nodes.append(self.unary())
            place = self.at
            self.skip(_BLANK)
            if self.peek() != ",":
                self.at = place
                break
            self.step()
            self.at += 1
            self.skip(_SPACE)
        several = [value for value, _ in nodes]
        return several, ",".join(raw for _, raw in nodes)

    def operated(self, operator: str, left: Node, right: Node) -> Node:
        a, b = left[0], right[0]
        value: Value = None
        base = operator.lstrip("-").removeprefix("i") if operator[0] == "-" and len(operator) > 3 else operator
        if operator == "+":
            if a is not None or b is not None:
                value = self.sum(left, right)
        elif a is not None and (b is not None or operator == "-as"):
            if operator == "-f":
                value = values.formatted(a, b)
                self.undoing.did("format operator")
            elif operator == "-join":
                value = values.joined(a, b)
                self.undoing.did("string building")
            elif base in ("replace", "-creplace"):
                value = values.replaced(a, b, operator == "-creplace")
                self.undoing.did("replacing")
            elif base in ("split", "-csplit"):
                value = values.split(a, b, operator == "-csplit")
            elif operator == "..":
                value = values.ranged(a, b)
            elif operator == "*":
                value = values.times(a, b)
            elif operator == "-as" and isinstance(b, Type):
                value = values.cast(b.name, a)
            else:
                value = values.arithmetic(operator, a, b)
        if isinstance(value, str):
            value = self.undoing.within(value)
            return value, quoted(value)
        return value, f"{left[1]} {operator} {right[1]}"

    def sum(self, left: Node, right: Node) -> Value:
        """`+`, also of a text with what is not known."""
        a, b = left[0], right[0]
        if a is None:
            a = left[1] if isinstance(b, str) and len(left[1]) < _LONGEST_TEXT else None
        if b is None:
            b = right[1] if isinstance(a, str) and len(right[1]) < _LONGEST_TEXT else None
        value = values.added(a, b)
        if isinstance(value, str):
            self.undoing.did("string building")
        return value

    def unary(self) -> Node:
        self.step()
        mark = self.peek()
        if mark in ("-", "!", "+") and mark and not self.text[self.at + 1 : self.at + 2].isdigit():
            found = self.skip(_UNARY)
            if found:
                self.skip(_SPACE)
                self.deeper()
                value, raw = self.unary()
                self.depth -= 1
                operator = found[0].lower()
                if operator == "-join" and value is not None:
                    self.undoing.did("string building")
                    joined = values.joined(value, "")
                    return joined, written(joined, raw)
                if operator.endswith("split") and value is not None:
                    whole = values.text(value)
                    return (list(whole.split()) if whole is not None else None), raw
                number = values.number(value) if operator == "-" else None
                return (-number if number is not None else None), f"{found[0]} {raw}"
        if mark == "," and self.take(","):
            self.skip(_SPACE)
            self.deeper()
            value, raw = self.unary()
            self.depth -= 1
            return [value] if value is not None else None, raw
        return self.postfix()

    def postfix(self) -> Node:
        """A primary with what follows it without a blank: members, calls, indices."""
        node = self.primary()
        while True:
            mark = self.peek()
            if mark in (".", ":", "?"):
                found = _MEMBER.match(self.text, self.at)
                if not found:
                    return node
                self.at = found.end()
                node = self.member(node, found[1])
            elif mark == "[" and node[1]:
                self.at += 1
                self.deeper()
                self.skip(_SPACE)
                index, raw = self.expression(0)
                self.skip(_SPACE)
                self.take("]")
                self.depth -= 1
                value = values.indexed(node[0], index) if node[0] is not None and index is not None else None
                if value is not None:
                    self.undoing.did("string building")
                node = value, written(value, f"{node[1]}[{raw}]")
            elif mark in ("+", "-") and self.skip(_POSTFIX):
                node = None, node[1]
            else:
                return node

    def member(self, owner: Node, mark: str) -> Node:
        """`.name`, `::name`, with its arguments if there are some."""
        self.step()
        found = self.skip(_MEMBER_NAME)
        if found:
            name = found[0].replace("`", "")
            if len(name) != len(found[0]):
                self.undoing.did("backtick")
        else:
            value, raw = self.primary()
            text = values.text(value)
            name = text if text is not None else raw
            if self.text[self.at - 1 : self.at] == ")" and text is not None:
                self.undoing.did("string building")
        if isinstance(owner[0], str) and name.lower() == "invoke" and owner[1].endswith("." + owner[0]):
            pass
        if self.peek() == "(":
            return self.method(owner, mark, name)
        if self.text.startswith(".Invoke(", self.at) or self.text[self.at : self.at + 8].lower() == ".invoke(":
            self.at += 7
            return self.method(owner, mark, name)
        value = None
        if mark == "::":
            kind = owner[0] if isinstance(owner[0], Type) else None
            value = methods.static(kind, name, None) if kind else None
        elif owner[0] is not None:
            value = methods.member(owner[0], name)
        raw = f"{_dotted(owner)}{mark}{name}"
        return value, written(value, raw) if isinstance(value, str | int) else raw

    def method(self, owner: Node, mark: str, name: str) -> Node:
        """A call, whose opening parenthesis comes next."""
        self.at += 1
        self.deeper()
        nodes: list[Node] = []
        while True:
            self.skip(_SPACE)
            if self.take(")") or not self.peek():
                break
            start = self.at
            nodes.append(self.expression(9))
            self.skip(_SPACE)
            if not self.take(",") and self.peek() != ")":
                if _OPERATOR.match(self.text, self.at):
                    nodes[-1] = self.rest(nodes[-1])
                    self.skip(_SPACE)
                    if self.take(",") or self.peek() == ")":
                        continue
                if self.at == start or self.peek() in "};\n|":
                    break
                self.at += 1
        self.depth -= 1
        given = [value for value, _ in nodes]
        value = self.result(owner, mark, name, given)
        raw = f"{_dotted(owner)}{mark}{name}({', '.join(written(*node) for node in nodes)})"
        if isinstance(value, str):
            value = self.undoing.within(value)
        return value, written(value, raw) if isinstance(value, str | int) else raw

    def rest(self, left: Node) -> Node:
        """The operators behind an operand that is read, up to a comma."""
        while True:
            self.skip(_BLANK)
            found = _OPERATOR.match(self.text, self.at)
            if found is None or found[0] == ",":
                return left
            self.step()
            operator = found[0].lower()
            self.at = found.end()
            self.skip(_SPACE)
            tightness = _TIGHTNESS.get(operator) or _LOOSEST.get(operator, 3)
            left = self.operated(operator, left, self.expression(9) if tightness > 6 else self.tighter(tightness))

    def tighter(self, tightness: int) -> Node:
        left = self.unary()
        while True:
            place = self.at
            self.skip(_BLANK)
            found = _OPERATOR.match(self.text, self.at)
            operator = found[0].lower() if found else ","
            if found is None or operator == "," or (_TIGHTNESS.get(operator) or _LOOSEST.get(operator, 3)) <= tightness:
                self.at = place
                return left
            self.step()
            self.at = found.end()
            self.skip(_SPACE)
            left = self.operated(operator, left, self.unary())

    def result(self, owner: Node, mark: str, name: str, given: list[Value]) -> Value:
        """What a call gives; scripts that it runs are read later."""
        value, lower = owner[0], name.lower()
        if mark == "::":
            if not isinstance(value, Type):
                return None
            if value.name == "array" and lower == "reverse" and given and isinstance(given[0], list):
                given[0].reverse()
                self.undoing.did("string building")
                return None
            made = methods.static(value, name, given)
            if made is not None and lower == "frombase64string":
                self.undoing.did("base64")
            elif isinstance(made, bytes) and "compression" in value.name:
                self.undoing.did("gzip" if "gzip" in value.name else "deflate")
            elif isinstance(made, str) and value.name != "text.encoding":
                self.undoing.did("string building")
            return made
        if lower in ("invoke", "invokereturnasis", "invokescript") and (
            isinstance(value, Block) or lower == "invokescript"
        ):
            script = value.text if isinstance(value, Block) else values.text(given[0]) if given else None
            if script is not None:
                self.undoing.did("built script")
                self.later(script)
            return None
        if lower in ("newscriptblock", "create") and "invokecommand" in owner[1].lower() and given:
            whole = values.text(given[0])
            return Block(whole) if whole is not None else None
        if lower == "expandstring" and given and isinstance(given[0], str):
            return self.undoing.within(given[0])
        if lower in ("getcommand", "getcmdlet", "getcommandname") and given and isinstance(given[0], str):
            return names.command(given[0])
        if value is None:
            return None
        made = methods.called(value, name, given)
        if isinstance(made, str):
            self.undoing.did("string building")
        return made

    def primary(self) -> Node:
        """A literal, a variable, a type, or what stands in brackets."""
        mark = self.peek()
        text = self.text
        if mark in ("'", '"') and mark:
            return self.string()
        if mark == "$":
            found = _VARIABLE.match(text, self.at)
            if found:
                self.at = found.end()
                return self.variable(found)
            if text.startswith("$(", self.at):
                self.at += 2
                self.deeper()
                start = self.at
                value, _ = self.statements(")")
                self.depth -= 1
                return value, written(value, "$(" + text[start : self.at])
            self.at += 1
            return None, "$"
        if mark == "(":
            self.at += 1
            self.deeper()
            self.skip(_SPACE)
            if self.take(")"):
                self.depth -= 1
                return None, "()"
            self.within += 1
            value, raw = self.statement()
            self.within -= 1
            self.skip(_BETWEEN)
            while self.peek() not in (")", "}", ""):
                before = self.at
                value, raw = self.statement()
                self.skip(_BETWEEN)
                if self.at == before:
                    self.at += 1
            self.take(")")
            self.depth -= 1
            if isinstance(value, str | int):
                return value, written(value, raw)
            return value, raw if raw[:1] == "(" and raw.endswith(")") and raw.count("(") == 1 else f"({raw})"
        if mark == "@":
            return self.gathered()
        if mark == "{":
            self.at += 1
            start = self.at
            self.block()
            return Block(text[start : self.at - 1]), "{" + text[start : self.at]
        if mark == "[":
            return self.typed()
        number = _NUMBER.match(text, self.at) if mark.isdigit() or mark in ("-", "+") else None
        if number:
            self.at = number.end()
            return _numeral(number), number[0]
        word, raw, _ = self.compound(None, "")
        return (word if isinstance(word, str) and word else None), raw

    def gathered(self) -> Node:
        """`@( )`, `@{ }` and here-strings."""
        text = self.text
        after = text[self.at + 1 : self.at + 2]
        if after == "(":
            self.at += 2
            self.deeper()
            several: list[Value] = []
            raws: list[str] = []
            while True:
                self.skip(_BETWEEN)
                if self.take(")") or not self.peek():
                    break
                before = self.at
                value, raw = self.statement()
                several += value if isinstance(value, list) else [value]
                raws.append(raw)
                if self.at == before:
                    self.at += 1
            self.depth -= 1
            return several, "@(" + "; ".join(raws) + ")"
        if after == "{":
            self.at += 2
            return self.table()
        if after in ("'", '"') and after:
            here = _HERE.match(text, self.at)
            if here is None:
                self.at += 1
                return self.string()
            start = here.start(2)
            if here[1] == "'" or here[2] is None:
                self.at = here.end()
                return here[2] or "", quoted(here[2] or "")
            self.at = start
            value = self.expanded(_HERE_CHUNK, here.end(2))
            self.at = here.end()
            return value, quoted(value)
        word, raw, _ = self.compound(None, "")
        if not raw:
            self.at += 1
        return (word if isinstance(word, str) and word else None), raw or "@"

    def table(self) -> Node:
        """The entries of `@{ }`, whose opening is read."""
        self.deeper()
        table: dict[str, Value] = {}
        raws: list[str] = []
        known = True
        while True:
            self.skip(_BETWEEN)
            if self.take("}") or not self.peek():
                break
            before = self.at
            found = self.skip(re.compile(r"[\w-]+(?=\s*=)"))
            key = (found[0], found[0]) if found else self.postfix()
            self.skip(_SPACE)
            if self.take("="):
                self.skip(_SPACE)
                value, raw = self.statement()
                name = values.text(key[0])
                if name is not None:
                    table[name] = value
                    raws.append(f"{name} = {written(value, raw)}")
                    known = known and value is not None
            if self.at == before:
                self.at += 1
        self.depth -= 1
        return table, "@{" + "; ".join(raws) + "}"

    def typed(self) -> Node:
        """`[type]`: alone, before `::`, or as a cast."""
        found = _TYPE.match(self.text, self.at)
        if found is None:
            self.at += 1
            return None, "["
        self.at = found.end()
        kind = Type(found[1])
        mark = self.peek()
        if mark == ":" or not mark:
            return kind, f"[{kind.written}]"
        place = self.at
        self.skip(_BLANK)
        mark = self.peek()
        if (
            not mark
            or mark not in "'\"$(@[-+0123456789{"
            or (mark == "-" and not self.text[self.at + 1 : self.at + 2].isdigit())
        ):
            self.at = place
            return kind, f"[{kind.written}]"
        self.deeper()
        value, raw = self.unary()
        self.depth -= 1
        if kind.name == "void":
            return None, raw
        made = values.cast(kind.name, value) if value is not None else None
        if isinstance(made, str) and kind.name in ("char", "string"):
            self.undoing.did("string building") if kind.name == "char" else None
        if made is None and kind.name in names.SAME:
            return value, raw
        return made, written(made, f"[{kind.written}]{raw}")

    # strings

    def string(self) -> Node:
        """A quoted text; in double quotes variables and expressions are put in."""
        single = self.text[self.at : self.at + 1] == "'"
        if single:
            found = self.skip(_SINGLE)
            value = found[1].replace("''", "'") if found else ""
            return value, quoted(value)
        plain = self.skip(_DOUBLE)
        if plain:
            return plain[1], quoted(plain[1])
        self.at += 1
        value = self.expanded(_CHUNK, -1)
        return value, quoted(value)

    def expanded(self, chunk: "re.Pattern[str]", end: int) -> str:
        """Text in double quotes up to its end, which is taken."""
        pieces: list[str] = []
        text = self.text
        last = len(text) if end < 0 else end
        while self.at < last:
            found = chunk.match(text, self.at)
            if found:
                self.at = found.end()
                pieces.append(
                    '"' if found[0] == '""' else found[0] if end < 0 else found[0][: max(0, last - found.start())]
                )
                continue
            self.step()
            mark = text[self.at]
            if mark == '"':
                self.at += 1
                break
            if mark == "`":
                escaped = text[self.at + 1 : self.at + 2]
                self.at += 2
                pieces.append(_ESCAPES.get(escaped, escaped))
                if escaped.isalnum() and escaped not in _ESCAPES:
                    self.undoing.did("backtick")
                continue
            if text.startswith("$(", self.at) or _VARIABLE.match(text, self.at):
                value, raw = self.primary()
                inner = values.text(value)
                pieces.append(inner if inner is not None else raw)
                continue
            self.at += 1
            pieces.append("$")
        return self.undoing.within("".join(pieces))


def _key(scope: str | None, name: str | None, braced: str | None) -> str:
    """A variable's name in lower case, with `env:` before it if it is one of the environment."""
    if braced is not None:
        whole = braced.replace("`", "").lower()
        scope, colon, name = whole.partition(":")
        if not colon:
            return whole
    scope = (scope or "").lower()
    lower = (name or "").lower()
    return lower if scope in ("", "global", "script", "local", "private", "using", "variable") else f"{scope}:{lower}"


def _numeral(found: "re.Match[str]") -> Value:
    digits = found[2] or found[3]
    if digits is None:
        return int(found[0])
    if found[4]:
        return found[0]
    value = int(digits, 16 if found[2] else 10)
    unit = (found[5] or "").lower()
    value <<= {"kb": 10, "mb": 20, "gb": 30, "tb": 40, "pb": 50}.get(unit, 0)
    return -value if found[1] == "-" else value


def _word(value: Value) -> str | None:
    """A value as an argument; a list with commas between."""
    if isinstance(value, list):
        parts = [values.text(item) for item in value]
        return None if None in parts else ",".join(part or "" for part in parts)
    return values.text(value) if isinstance(value, str | int) else None


def _dotted(owner: Node) -> str:
    """What stands before a member's mark."""
    return owner[1]


def _program(name: str) -> str:
    return quoted(name) if re.search(r"[\s'();|{}]", name) else name
