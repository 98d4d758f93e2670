"""Ways to have a line of a POSIX shell run by another program, by a file, or by a shell that reads it."""

import base64
import bz2
import lzma
import re
import shlex

from .line import Change, Changed, Line, Transformation, first, simple
from .posix import named, octal, portable, wrapped


def _b64(data: str | bytes) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def _whole(form: str) -> Change:
    """The line quoted (`{line}`), as it is (`{text}`) or encoded; where `sh` would not understand it, bash does."""

    def change(line: Line) -> Changed:
        text = line.text
        said = {
            "line": shlex.quote(text),
            "text": text,
            "shell": "sh" if portable(line) else "bash",
            "base64": _b64(text),
            "wrapped": _b64(text)[: len(_b64(text)) // 2] + "\n" + _b64(text)[len(_b64(text)) // 2 :],
            "base32": base64.b32encode(text.encode()).decode(),
            "hex": text.encode().hex(),
            "octal": octal(text),
            "xz": _b64(lzma.compress(text.encode())),
            "bz2": _b64(bz2.compress(text.encode())),
            "halves": " ".join(shlex.quote(part) for part in (text[: len(text) // 2], text[len(text) // 2 :])),
        }
        return form.format(**said)

    return change


def _one_line(change: Change) -> Change:
    return lambda line: None if "\n" in line.text else change(line)


def _code(form: str) -> Change:
    """The line as a text in double quotes of another language."""

    def change(line: Line) -> Changed:
        if not portable(line) or "$" in line.text:
            return None
        text = line.text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return form.format(shlex.quote(text)[1:-1] if shlex.quote(text)[0] == "'" else text)

    return change


def _vector(line: Line) -> Changed:
    found = simple(line)
    return 'sh -c \'"$0" "$@"\' ' + line.text if found else None


def _by_lines(line: Line) -> Changed:
    """Written to a file line by line, which is then run."""
    if "\n" in line.text:
        return None
    return f"echo '#!/bin/bash' > ./u.sh; echo {shlex.quote(line.text)} >> ./u.sh; chmod +x u.sh && ./u.sh"


def _ld(line: Line) -> Changed:
    return first(line, lambda word: ("", f"/lib64/ld-linux-x86-64.so.2 {line.folder}/{word}")) if _file(line) else None


def _file(line: Line) -> bool:
    return wrapped("x")(line) is not None


def _alone(prefix: str) -> Change:
    """Before a line that is one command."""
    return lambda line: f"{prefix} {line.text}" if simple(line) and _file(line) else None


def _env_s(line: Line) -> Changed:
    return f"env -S {shlex.quote(line.text)}" if simple(line) and not re.search(r"[\\$#%]", line.text) else None


def _quoted(form: str, without: str) -> Change:
    """The line within one quoted word, where it is one line and has none of these letters."""

    def change(line: Line) -> Changed:
        if not portable(line) or any(letter in line.text for letter in without + "\n"):
            return None
        before, _, rest = form.partition("{")
        inner, _, after = rest.rpartition("}")
        return before + shlex.quote(inner.replace("@", line.text, 1)) + after

    return change


RUNNERS = [
    Transformation(name, change)
    for name, change in {
        "program lowered": named("zc={upper}; ", "${{zc,,}}"),
        "program by printf of parts": named("", "$(printf '%s%s' {a} {b})"),
        "program by awk": named("", "$(awk 'BEGIN{{print \"{word}\"}}')"),
        "program of hexadecimal": named("", "$(xxd -r -p <<< {digits})"),
        "program of base64 in a here-string": named("", "$(base64 -d <<< {base64})"),
        "program by sed": named("", "$(echo {gaps} | sed 's/_//g')"),
        "program by read": named("read -r zc <<< {word}; ", "$zc"),
        "program by an indirection": named("zd={word}; zc=zd; ", "${{!zc}}"),
        "program in an associative array": named("declare -A zm=([k]={word}); ", "${{zm[k]}}"),
        "sh -c with its words": _vector,
        "file made of a here-document": _whole("cat > u.sh <<'Q2'\n{text}\nQ2\nbash u.sh"),
        "file made by echo": _whole("printf '%s\\n' {line} > u.sh; {shell} u.sh"),
        "file made executable": _by_lines,
        "file of base64": _whole("echo {base64} | base64 -d > u.sh && {shell} ./u.sh"),
        "file sourced": _whole("printf '%s\\n' {line} > u.sh; . ./u.sh"),
        "printed into a shell": _whole("printf '%s\\n' {line} | {shell}"),
        "printed in halves into a shell": _whole("printf '%s%s' {halves} | bash"),
        "cat of a here-document into a shell": _whole("cat <<'Q3' | bash\n{text}\nQ3"),
        "process substitution": _whole("bash <(printf '%s\\n' {line})"),
        "sh -c of base64": _whole('sh -c "$(echo {base64} | base64 -d)"'),
        "base64 in two lines": _whole("base64 -d <<'Q4' | bash\n{wrapped}\nQ4"),
        "base64 by openssl": _whole("echo {base64} | openssl enc -base64 -d -A | bash"),
        "base64 in a variable": _whole('s={base64}; eval "$(echo $s | base64 -d)"'),
        "base32 into a shell": _whole("echo {base32} | base32 -d | bash"),
        "$'' evaluated": _whole("eval $'{octal}'"),
        "xz into a shell": _whole("echo {xz} | base64 -d | xz -d | bash"),
        "bzip2 into a shell": _whole("echo {bz2} | base64 -d | bzip2 -d | bash"),
        "ruby": _code("ruby -e 'system(\"{0}\")'"),
        "php": _code("php -r 'system(\"{0}\");'"),
        "node": _code('node -e \'require("child_process").execSync("{0}")\''),
        "lua": _code("lua -e 'os.execute(\"{0}\")'"),
        "python os.system": _code("python3 -c 'import os; os.system(\"{0}\")'"),
        "python decodes base64": _whole(
            "python3 -c \"import subprocess as s,base64 as b;s.call(['bash','-c',b.b64decode('{base64}').decode()])\""
        ),
        "python prints it into a shell": _whole(
            "python3 -c \"import base64;print(base64.b64decode('{base64}').decode())\" | bash"
        ),
        "perl prints it into a shell": _whole('perl -e \'print pack("H*","{hex}")\' | bash'),
        "script": _whole("script -qc {line} /dev/null"),
        "su": _whole("su root -c {line}"),
        "watch": _whole("watch -n 3600 {line}"),
        "at": _whole("echo {line} | at now"),
        "crontab": lambda line: (
            None if "\n" in line.text else f"(crontab -l; echo {shlex.quote('*/5 * * * * ' + line.text)}) | crontab -"
        ),
        "busybox sh": _whole("busybox sh -c {line}"),
        "env -S": _env_s,
        "ld.so": _ld,
        "doas": wrapped("doas -u root"),
        "runuser": wrapped("runuser -u nobody --"),
        "flock": wrapped("flock -n /tmp/.l"),
        "taskset": wrapped("taskset -c 0"),
        "chroot": wrapped("chroot /"),
        "systemd-run": wrapped("systemd-run --scope -q"),
        "proxychains": wrapped("proxychains4 -q"),
        "unshare": wrapped("unshare -r"),
        "caffeinate": _alone("caffeinate -i"),
        "builtin command": wrapped("command --"),
        "two wrappers": wrapped("sudo -E nice -n 5 env A=1 timeout 1h"),
        "awk's getline": _quoted('awk {BEGIN{"@" | getline}}', "\"'\\$"),
        "sed's e": _quoted("sed -n {1e @} /etc/hosts", ""),
        "vim": _quoted("vim -c {:!@} -c :q", "%#"),
        "gdb": _quoted("gdb -nx -batch -ex {!@}", ""),
        "expect": _quoted("expect -c {spawn @; interact}", "\"'\\$[]{};|&<>"),
        "make": _quoted("make --eval={x:;@} x", "$#"),
        "zip's test": _quoted("zip -q /tmp/z.zip /etc/hosts -T -TT {@ #}", ""),
        "file of base64, decoded": _whole("echo {base64} > /tmp/u; base64 -d /tmp/u | {shell}"),
        "line in an array": _one_line(_whole('mapfile -t za <<< {line}; eval "${{za[0]}}"')),
        "tar's checkpoint": lambda line: (
            f"tar cf /dev/null /dev/null --checkpoint=1 --checkpoint-action=exec={shlex.quote(line.text)}"
        ),
    }.items()
]
