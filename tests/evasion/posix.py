"""Ways to write a line of a POSIX shell (here bash) so that its effect stays."""

import base64
import codecs
import gzip
import re
import shlex
from collections.abc import Callable

from .line import Change, Changed, Line, Transformation, commands, first, pieces, simple, words

_PLAIN = re.compile(r"[\w.+-]+\Z")
_BUILTINS = frozenset(
    """
    echo printf cd exec eval export set read zmodload ztcp trap command exit test wait
    """.split()  # noqa: SIM905 (a list of words)
)


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _halves(word: str) -> tuple[str, str]:
    return word[: (len(word) + 1) // 2], word[(len(word) + 1) // 2 :]


def named(before: str, put: str) -> Change:
    """A change of the first program: `{a}` and `{b}` are its halves, `{word}` is the whole."""

    def change(line: Line) -> Changed:
        def instead(word: str) -> tuple[str, str]:
            a, b = _halves(word)
            letters = {
                "a": a,
                "b": b,
                "word": word,
                "back": word[::-1],
                "upper": word.upper(),
                "base64": _b64(word),
                "digits": word.encode().hex(),
            }
            letters |= {
                "octal": octal(word),
                "hex": _hex(word),
                "gaps": "_".join(word),
                "rot": codecs.encode(word, "rot13"),
            }
            return before.format(**letters), put.format(**letters)

        return first(line, instead)

    return change


def octal(text: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in text.encode())


def _hex(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def _word(put: str) -> Change:
    """A change of each plain program name, without regard to what the others need before it."""
    return named("", put)


def _runnable(line: Line) -> str | None:
    """The first program where it is a file, which a wrapper or a path can start."""
    found = next((each.text for each in pieces(line) if each.kind == "command"), None)
    return found if found and found not in _BUILTINS and _PLAIN.match(found) else None


def wrapped(prefix: str) -> Change:
    """What runs a program before the first one."""

    def change(line: Line) -> Changed:
        return first(line, lambda word: ("", f"{prefix} {word}")) if _runnable(line) else None

    return change


def _located(put: str) -> Change:
    """The program by its file."""

    def change(line: Line) -> Changed:
        if not _runnable(line):
            return None
        folder, _, name = line.folder.rpartition("/")
        return first(
            line,
            lambda word: (
                "",
                put.format(folder=line.folder, up=folder, name=name, word=word, head=word[:-1], tail=word[-1]),
            ),
        )

    return change


def _copied(before: str, put: str) -> Change:
    def change(line: Line) -> Changed:
        if not _runnable(line):
            return None
        return first(line, lambda word: (before.format(word=word, path=f"{line.folder}/{word}"), put))

    return change


def _all(before: str, after: str = "", how: Callable[[str], str] = shlex.quote) -> Change:
    return lambda line: before + how(line.text) + after


def _backslashed(line: Line) -> Changed:
    return commands(line, lambda word: "".join(f"\\{letter}" for letter in word) if _PLAIN.match(word) else word)


def _options(quoted: Callable[[str], str]) -> Change:
    """Each word that is no name of a file or host, quoted within."""
    return lambda line: words(line, quoted)


def _double(word: str) -> str:
    a, b = _halves(word)
    return f'{a}"{b}"' if b and "~" not in word and "=" not in word else word


def _dollared(word: str) -> str:
    return word if "=" in word or "~" in word else f"$'{_hex(word)}'"


def _simply(change: Callable[[list[str]], str]) -> Change:
    def changed(line: Line) -> Changed:
        found = simple(line)
        return change(found) if found and not any(letter in word for word in found for letter in ",~!#^") else None

    return changed


def _in_variables(found: list[str]) -> str:
    values = "; ".join(f"v{at}={word}" for at, word in enumerate(found))
    return f"{values}; " + " ".join(f'"$v{at}"' for at in range(len(found)))


def _heredoc(line: Line) -> str:
    return (
        f"sh <<'Q1'\n{line.text}\nQ1\n"
        if "<<<" not in line.text and "$'" not in line.text
        else f"bash <<'Q1'\n{line.text}\nQ1\n"
    )


def _function(line: Line) -> str:
    return f"_u() {{\n{line.text}\n}}\n_u"


def _alias(line: Line) -> Changed:
    if not _runnable(line):
        return None
    return first(line, lambda word: (f"shopt -s expand_aliases\nalias q={word}\n", "q"))


def _forwarding(line: Line) -> Changed:
    if not _runnable(line):
        return None
    return first(line, lambda word: (f'q() {{ command {word} "$@"; }}; ', "q"))


def _broken(line: Line) -> str:
    return "".join(" \\\n  " if each.text == " " else each.text for each in pieces(line))


def _blanks(line: Line) -> str:
    return "".join(" \t  " if each.text == " " else each.text for each in pieces(line))


def _reversed(line: Line) -> Changed:
    return f"echo {shlex.quote(line.text[::-1])} | rev | bash" if "\n" not in line.text else None


def _gzipped(line: Line) -> str:
    packed = base64.b64encode(gzip.compress(line.text.encode(), mtime=0)).decode()
    return f"echo {packed}|base64 -d|gunzip|bash"


def _python(line: Line) -> Changed:
    code = f"import subprocess; subprocess.call({line.text!r}, shell=True)"
    return f"python3 -c {shlex.quote(code)}" if portable(line) else None


def _perl(line: Line) -> Changed:
    text = re.sub(r'([\\"$@])', r"\\\1", line.text)
    return "perl -e " + shlex.quote(f'exec "{text}"') if portable(line) else None


def _awk(line: Line) -> Changed:
    text = line.text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return "awk " + shlex.quote('BEGIN{system("' + text + '")}') if portable(line) else None


def portable(line: Line) -> bool:
    return not re.search(r"<<<|\$'|/dev/tcp|<\(|zmodload|&>", line.text)


POSIX = [
    Transformation(name, change)
    for name, change in {
        "single quotes within the program": _word("{a}''{b}"),
        "double quotes within the program": _word('{a}""{b}'),
        "program in quotes": _word("'{a}'\"{b}\""),
        "backslashes in programs": _backslashed,
        "quotes within words": _options(_double),
        "hexadecimal words": _options(_dollared),
        "octal program": _word("$'{octal}'"),
        "unset variable within the program": _word("{a}${{zq}}{b}"),
        "$@ within the program": _word("{a}$@{b}"),
        "empty substitution within the program": _word("{a}$(){b}"),
        "program in a variable": named("zc={word}; ", "$zc"),
        "program in two variables": named("za={a};zb={b};", "$za$zb"),
        "program as a default": _word("${{zq:-{word}}}"),
        "part of a variable": named("zc=xx{word}xx; ", "${{zc:2:-2}}"),
        "letters taken out": named("zc={gaps}; ", "${{zc//_/}}"),
        "program echoed": _word("$(echo {word})"),
        "program in backquotes": _word("`echo {word}`"),
        "program printed": _word("$(printf '{octal}')"),
        "program echoed in hexadecimal": _word("$(echo -e '{hex}')"),
        "program of base64": _word("$(echo {base64} | base64 -d)"),
        "program reversed": _word("$(rev<<<{back})"),
        "program in upper case": _word("$(tr A-Z a-z <<< {upper})"),
        "program rotated": _word("$(echo {rot} | tr 'a-zA-Z' 'n-za-mN-ZA-M')"),
        "program in an array": named("p=({word}); ", '"${{p[0]}}"'),
        "program as a parameter": named("set -- {word}; ", "$1"),
        "base64 piped into a shell": _all("echo ", " | base64 -d | bash", _b64),
        "base64 evaluated": _all('eval "$(echo ', '|base64 --decode)"', _b64),
        "base64 in a here-string": _all('bash <<< "$(base64 -d <<< ', ')"', _b64),
        "base64 sourced": _all("source <(echo ", " | base64 -d)", _b64),
        "hexadecimal piped into a shell": _all("echo ", " | xxd -p -r | bash", lambda text: text.encode().hex()),
        "octal printed into a shell": _all("printf '", "' | bash", octal),
        "reversed into a shell": _reversed,
        "gzip and base64 into a shell": _gzipped,
        "eval": _all("eval "),
        "bash -c": _all("bash -c "),
        "shells within shells": lambda line: "sh -c " + shlex.quote(f"bash -c {shlex.quote(line.text)}"),
        "here-document": _heredoc,
        "here-string": _all("bash <<< "),
        "script in a variable": _all("s=", '; eval "$s"'),
        "function": _function,
        "function that forwards": _forwarding,
        "alias": _alias,
        "full path": _located("{folder}/{word}"),
        "path through ..": _located("{folder}/../{name}/./{word}"),
        "double slashes": _located("/{folder}//{word}"),
        "wildcard in the path": _located("{folder}/{head}[{tail}]"),
        "question mark in the path": _located("{folder}/{head}?"),
        "env": wrapped("env LC_ALL=C"),
        "env -i": wrapped('env -i PATH="$PATH"'),
        "nohup": wrapped("nohup"),
        "sudo": wrapped("sudo -n"),
        "timeout": wrapped("timeout -k 5 60"),
        "setsid": wrapped("setsid -w"),
        "nice": wrapped("nice -n 10"),
        "ionice": wrapped("ionice -c3"),
        "stdbuf": wrapped("stdbuf -oL"),
        "command": wrapped("command"),
        "time": wrapped("time"),
        "exec": lambda line: f"exec {line.text}" if simple(line) else None,
        "exec with another name": lambda line: (
            f"exec -a sshd {line.text}" if _runnable(line) and simple(line) else None
        ),
        "copy": _copied("cp {path} ./w1; ", "./w1"),
        "copy in another folder": _copied(
            'mkdir -p .cache && cp "$(command -v {word})" .cache/kworker && ', ".cache/kworker"
        ),
        "link": _copied('ln -s "$(which {word})" w2; ', "./w2"),
        "${IFS}": _simply(lambda found: "${IFS}".join(found)),
        "$IFS$9": _simply(lambda found: "$IFS$9".join(found)),
        "brace expansion": _simply(lambda found: "{" + ",".join(found) + "}"),
        "words in variables": _simply(_in_variables),
        "words in an array": _simply(lambda found: f'a=({" ".join(found)}); "${{a[@]}}"'),
        "xargs": _simply(lambda found: f"echo {' '.join(found[1:])} | xargs {found[0]}"),
        "find -exec": _simply(lambda found: f"find / -maxdepth 0 -exec {' '.join(found)} \\;"),
        "line continuations": _broken,
        "many blanks": _blanks,
        "comments and commands around": lambda line: f"# backup\n:; true && {{ {line.text}\n}}; echo ok # done",
        "condition": lambda line: f"if [ 1 -eq 1 ]; then\n{line.text}\nfi",
        "loop": lambda line: f"for i in 1; do\n{line.text}\ndone",
        "in the background": lambda line: f"( {line.text}\n) & wait",
        "trap": _all("trap ", " EXIT"),
        "python": _python,
        "perl": _perl,
        "awk": _awk,
    }.items()
]
