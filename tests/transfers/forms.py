"""Disguises of a shell line that keep its effect, each a function of the line, which has no places left to fill in.

A line that is kept in a file is run from there: only the commands in it are seen, not the line.
"""

import base64
import gzip
import re
import shlex
from collections.abc import Callable
from typing import NamedTuple


class Plain(NamedTuple):
    """A line as one writes it: the tool that it runs, and whether only bash understands it."""

    tool: str
    line: str
    bash: bool = False

    @property
    def shell(self) -> str:
        return "bash" if self.bash else "sh"

    @property
    def word(self) -> re.Pattern[str]:
        """The tool where it is run."""
        return re.compile(rf"(?<![\w/.~@:-]){re.escape(self.tool)}(?= )")

    def instead(self, put: str, before: str = "") -> str:
        """The line with `put` in place of the tool, and `before` before it all."""
        return before + self.word.sub(lambda _: put, self.line)

    def runs_tool(self) -> bool:
        return self.word.search(self.line) is not None

    def simple(self) -> bool:
        """One command of the tool: no quotes, pipes, redirections or expansions."""
        return self.word.match(self.line) is not None and not re.search(r"[^\w ./:@=,+{}%-]", self.line)

    def commands(self) -> bool:
        """Wherever the tool is run, the shell itself runs it."""
        shells = re.findall(rf"(?m)(?:^|[|;&(] |\bdo ){re.escape(self.tool)} ", self.line)
        return len(shells) == len(self.word.findall(self.line)) > 0

    def anything(self) -> bool:
        return True


class Form(NamedTuple):
    """A disguise: the lines that it fits, the programs that it needs, and whether it gives the tool another name."""

    disguised: Callable[[Plain], str]
    fits: Callable[[Plain], bool]
    needs: tuple[str, ...] = ()
    renames: bool = False


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _octal(text: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in text.encode())


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _quoted(plain: Plain) -> str:
    first, second = _halves(plain.tool)
    return plain.instead(f"{first[0]}''{first[1:]}\"{second}\"")


def _escaped(plain: Plain) -> str:
    return plain.instead("".join(f"\\{letter}" for letter in plain.tool))


def _in_variables(plain: Plain) -> str:
    first, second = _halves(plain.tool)
    return plain.instead("$a$b", f"a={first}; b={second}; ")


def _dollar_quoted(plain: Plain) -> str:
    codes = "".join(f"\\x{ord(letter):x}" for letter in plain.tool)
    return plain.instead(f"$'{codes}'")


def _substituted(plain: Plain) -> str:
    return plain.instead(f"$(echo {plain.tool[::-1]} | rev)")


def _printed(plain: Plain) -> str:
    return plain.instead(f"$(printf '{_octal(plain.tool)}')")


def _empty_parameters(plain: Plain) -> str:
    first, second = _halves(plain.tool)
    return plain.instead(f"{first}$@{second}")


def _blanks(plain: Plain) -> str:
    return plain.line.replace(" ", "${IFS}")


def _braces(plain: Plain) -> str:
    return "{" + ",".join(plain.line.split()) + "}"


def _arguments_in_variables(plain: Plain) -> str:
    tool, *arguments = plain.line.split()
    values = "; ".join(f"v{n}={argument}" for n, argument in enumerate(arguments))
    return f"{values}; {tool} " + " ".join(f'"$v{n}"' for n in range(len(arguments)))


def _python(plain: Plain) -> str:
    return f"python3 -c {shlex.quote(f'import os; os.system({plain.line!r})')}"


def _perl(plain: Plain) -> str:
    return f"perl -e {shlex.quote(f'exec q({plain.line})')}"


def _awk(plain: Plain) -> str:
    escaped = plain.line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return "awk " + shlex.quote('BEGIN { system("' + escaped + '") }')


def _here(plain: Plain) -> str:
    return f"{plain.shell} <<'ENDED'\n{plain.line}\nENDED"


def _gzipped(plain: Plain) -> str:
    packed = base64.b64encode(gzip.compress(plain.line.encode(), mtime=0)).decode()
    return f"echo {packed} | base64 -d | gunzip | {plain.shell}"


def _balanced(plain: Plain) -> bool:
    return "(" not in plain.line


def _replaced(plain: Plain) -> str:
    return plain.instead("${a//_/}", f"a={'_'.join(plain.tool)}; ")


def _lowered(plain: Plain) -> str:
    return plain.instead("$(tr A-Z a-z <<< " + plain.tool.upper() + ")")


def _reversed(plain: Plain) -> str:
    return f"rev <<< {shlex.quote(plain.line[::-1])} | {plain.shell}"


def _python_decodes(plain: Plain) -> str:
    code = f"import os, base64; os.execlp('bash', 'bash', '-c', base64.b64decode('{_base64(plain.line)}'))"
    return f"python3 -c {shlex.quote(code)}"


_TOOL, _SIMPLE, _ANY = Plain.runs_tool, Plain.simple, Plain.anything
FROM_A_FILE = "from a file"
FORMS = {
    FROM_A_FILE: Form(lambda plain: plain.line, _SIMPLE),
    "quotes within the word": Form(_quoted, _TOOL),
    "backslashes": Form(_escaped, _TOOL),
    "name in variables": Form(_in_variables, _TOOL),
    "$'...'": Form(_dollar_quoted, _TOOL),
    "name reversed": Form(_substituted, _TOOL),
    "name printed": Form(_printed, _TOOL),
    "$@ within the word": Form(_empty_parameters, _TOOL),
    "a copy": Form(lambda plain: plain.instead("./x", f'cp "$(command -v {plain.tool})" x; '), _TOOL, renames=True),
    "a copy as a system program": Form(
        lambda plain: plain.instead("./kworker", f"cp $(which {plain.tool}) ./kworker && "), _TOOL, renames=True
    ),
    "a link": Form(lambda plain: plain.instead("./y", f'ln -s "$(command -v {plain.tool})" y; '), _TOOL, renames=True),
    "a full path": Form(lambda plain: plain.instead(f"/usr/../usr/bin/./{plain.tool}"), _TOOL),
    "env": Form(lambda plain: plain.instead(f"env LC_ALL=C {plain.tool}"), _TOOL),
    "nohup": Form(lambda plain: plain.instead(f"nohup {plain.tool}"), _TOOL),
    "timeout": Form(lambda plain: plain.instead(f"timeout -s KILL 30s {plain.tool}"), _TOOL),
    "nice": Form(lambda plain: plain.instead(f"nice -n 5 {plain.tool}"), _TOOL),
    "setsid": Form(lambda plain: plain.instead(f"setsid -w {plain.tool}"), _TOOL),
    "sudo": Form(lambda plain: plain.instead(f"sudo -n {plain.tool}"), _TOOL, ("sudo",)),
    "xargs -a": Form(lambda plain: plain.instead(f"xargs -a /dev/null {plain.tool}"), _TOOL),
    "another name": Form(lambda plain: f"exec -a '[kthreadd]' {plain.line}", _SIMPLE, renames=True),
    "xargs": Form(lambda plain: f"echo {plain.line.split(' ', 1)[1]} | xargs {plain.tool}", _SIMPLE),
    "find -exec": Form(lambda plain: f"find /etc/hostname -exec {plain.line} \\;", _SIMPLE),
    "${IFS}": Form(_blanks, _SIMPLE),
    "braces": Form(_braces, _SIMPLE),
    "arguments in variables": Form(_arguments_in_variables, _SIMPLE),
    "base64 piped": Form(lambda plain: f"echo {_base64(plain.line)} | base64 -d | {plain.shell}", _ANY),
    "base64 evaluated": Form(lambda plain: f'eval "$(base64 --decode <<< {_base64(plain.line)})"', _ANY),
    "base64 substituted": Form(lambda plain: f'{plain.shell} -c "$(echo {_base64(plain.line)}|base64 -d)"', _ANY),
    "gzip and base64": Form(_gzipped, _ANY),
    "hexadecimal": Form(lambda plain: f"echo {plain.line.encode().hex()} | xxd -r -p | {plain.shell}", _ANY, ("xxd",)),
    "octal": Form(lambda plain: f"printf '{_octal(plain.line)}' | {plain.shell}", _ANY),
    "shells in shells": Form(lambda plain: f"sh -c {shlex.quote(f'{plain.shell} -c {shlex.quote(plain.line)}')}", _ANY),
    "a here-document": Form(_here, _ANY),
    "a here-string": Form(lambda plain: f"{plain.shell} <<< {shlex.quote(plain.line)}", _ANY),
    "eval": Form(lambda plain: f"eval {shlex.quote(plain.line)}", _ANY),
    "python": Form(_python, lambda plain: not plain.bash, ("python3",)),
    "perl": Form(_perl, lambda plain: not plain.bash and _balanced(plain) and "\\" not in plain.line),
    "awk": Form(_awk, lambda plain: not plain.bash),
    "ionice": Form(lambda plain: plain.instead(f"ionice -c 3 {plain.tool}"), _TOOL),
    "stdbuf": Form(lambda plain: plain.instead(f"stdbuf -o0 {plain.tool}"), _TOOL),
    "command": Form(lambda plain: plain.instead(f"command {plain.tool}"), Plain.commands),
    "a wildcard": Form(lambda plain: plain.instead(f"/usr/bin/{plain.tool[:-1]}[{plain.tool[-1]}]"), _TOOL),
    "name replaced": Form(_replaced, _TOOL),
    "name in upper case": Form(_lowered, _TOOL),
    "a function": Form(lambda plain: plain.instead("z", f'z() {{ command {plain.tool} "$@"; }}; '), Plain.commands),
    "an alias": Form(
        lambda plain: plain.instead("z", f"shopt -s expand_aliases\nalias z={plain.tool}\n"), Plain.simple
    ),
    "an array": Form(lambda plain: f'a=({plain.line}); "${{a[@]}}"', _SIMPLE),
    "a broken line": Form(lambda plain: plain.line.replace(" ", " \\\n "), _SIMPLE),
    "script": Form(lambda plain: f"script -qec {shlex.quote(plain.line)} /dev/null", _SIMPLE, ("script",)),
    "sourced": Form(lambda plain: f". /dev/stdin <<< {shlex.quote(plain.line)}", _ANY),
    "sourced base64": Form(lambda plain: f". <(base64 -d <<< {_base64(plain.line)})", _ANY),
    "base64 of base64": Form(
        lambda plain: f"echo {_base64(_base64(plain.line))} | base64 -d | base64 -d | {plain.shell}", _ANY
    ),
    "reversed": Form(_reversed, lambda plain: "\n" not in plain.line),
    "openssl base64": Form(lambda plain: f"echo {_base64(plain.line)} | openssl base64 -d -A | {plain.shell}", _ANY),
    "python decodes": Form(_python_decodes, _ANY, ("python3",)),
    "a condition": Form(lambda plain: f"if true; then\n{plain.line}\nfi", _ANY),
    "at the end": Form(lambda plain: f"trap {shlex.quote(plain.line)} EXIT; true", _ANY),
    "in the background": Form(lambda plain: f"( {plain.line}\n) & wait", _ANY),
}
