"""What we say a program gets is what bash gives it: the same lines, run by a real bash with a stub for the program."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.shells.posix import commands

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="no bash on this machine")
FILTERS = [name for name in ("base64", "tr", "rev", "xxd", "cat", "tac", "sed", "gzip") if shutil.which(name)]


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH with `probe`, which prints its arguments, and the filters that we undo."""
    folder = tmp_path_factory.mktemp("alone") / "path"  # patterns look at its parent: nothing else is there
    folder.mkdir()
    probe = folder / "probe"
    # One write for each run: several may run at once.
    probe.write_text('#!/bin/sh\nr="\x1e"\nfor a; do r="$r\x1f$a"; done\nprintf %s "$r" >>"$TOLD"\n')
    probe.chmod(0o755)
    for name in FILTERS:
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def given_by_bash(script: str, path: Path) -> list[list[str]]:
    """The arguments of each `probe` that bash starts, by a file, so that nothing in the script takes them."""
    told = path.with_name("told")
    told.write_bytes(b"")
    environment = {"PATH": str(path), "LC_ALL": "C.UTF-8", "TOLD": str(told)}
    done = subprocess.run(
        [BASH or "bash", "-c", script], env=environment, capture_output=True, timeout=20, check=False, cwd=path.parent
    )
    out = told.read_bytes()
    ran = [record.split("\x1f")[1:] for record in out.decode(errors="surrogateescape").split("\x1e")[1:]]
    assert ran, (script, done.stderr)
    return ran


def told(script: str) -> list[list[str]]:
    return [command.words[1:] for command in commands(script, Undoing()) if command.words[0] == "probe"]


@pytest.mark.parametrize(
    "script",
    [
        "probe a 'b c' \"d e\" f\\ g",
        "p'r'ob\"e\" -T x",
        r"\p\r\o\b\e a\b\c",
        "pro\\\nbe a\\\nb",
        "pro$@be a$*b a${@}b a${*}b",
        'v=\'a b\'; probe "$v"{c,d} "${v}"{c,d} x"$v"{c,d}',
        "p$1robe a$2b",
        "pro${nope}be c${nope}url",
        "pr$()obe a``b a$(true)b a$(:)b",
        "{probe,-T,x} a{b,c}d {1..3} {a..c} {01..3} {3..1} a{,b}c {x} {} a{b,{c,d}}e",
        'probe ${nope:-a b} "${nope:-a b}" ${nope-x} ${nope:+y}z ${nope:=w} $nope',
        "probe${IFS}-T${IFS}x$IFS'y'",
        "probe $'\\x63\\165\\u0072\\154' $'a\\'b' $'\\t|' $'\\cA' $'\\U1F600' $'\\xc3\\xa9'",
        'probe $"a b" "a\\$b\\"c\\`d\\\\e\\f" "a\\\nb"',
        "x=probe; $x a; y=' a  b '; probe $y \"$y\" x${y}z",
        "c='probe -T'; $c x; d=$c; $d \"$c\"",
        "a=1 b=2; a+=3; probe $a$b; a=9 probe $a; probe $a",
        "v=abcdef; probe ${v:1} ${v:1:2} ${v: -2} ${v:0:-1} ${v:(-3):2} ${#v} ${v:2:1}${v:0:1}",
        "v=a.b.c; probe ${v#*.} ${v##*.} ${v%.*} ${v%%.*} ${v#a} ${v%c} ${v#x}",
        "v=a-b-c; probe ${v/-/x} ${v//-/} ${v//[a-b]/z} ${v/#a/q} ${v/%c/r} ${v/b*/} ${v//?/y}",
        "v=aBc; probe ${v^^} ${v,,} ${v^} ${v,} ${v~~}",
        "v=x; x=probe; ${!v} a",
        'a=(probe -T \'x y\'); "${a[@]}" ${#a[@]} ${a[1]} ${a[-1]} $a; a+=(z); probe "${a[3]}" "${a[*]}"',
        "a[0]=x; probe y",
        'set -- probe a \'b c\'; "$@"; $1 $2 $# "$3"; shift; probe "$@" "x$*"',
        "IFS=,; c=probe,-T,x; $c",
        "$(echo probe) $(echo a b) \"$(echo a b)\" $(printf 'x\\ny') \"$(printf 'x\\n\\n')\"",
        '`echo probe` `echo \\`echo a\\`` "`printf %s b`"',
        "probe $(echo -n a) $(echo -e 'b\\tc\\x41\\0101') \"$(echo -e 'b\\cc')d\"",
        (
            "probe \"$(printf '%s-%s|' a b c)\" \"$(printf '\\143\\x75')\" \"$(printf '%d %x %o %05d %-4s| %c %b "
            "%%' 10 255 8 42 ab xyz '\\x41')\""
        ),
        "printf -v x '%s' a b; probe $x",
        (
            "probe $((1+2*3)) $((0x10)) $((010)) $((2#101)) $(( (1+2)*3 )) $((7/2)) $((-7%3)) $((1<<4)) "
            "$((5&3|8)) $((~0)) $((2**10))"
        ),
        "x=5; probe $((x+1)) $(($x*2)) ${x}$((nope))",
        "read a b <<< 'x y z'; probe $a \"$b\"",
        "echo probe a | { read l; $l; }",
        "for f in x; do probe $f; done",
        "if true; then probe a; fi; { probe b; }; (probe c); while true; do probe d; break; done",
        "case x in x) probe m;; esac",
        "probe a && probe b; ! false && probe c; probe d & wait; probe e",
        "probe a#b #c\nprobe 'a'#d # e\n# probe f\nprobe g",
        "probe ]] [[ a]b ! time if done } {",
        "probe a=b 'c'=d e\"f\"=g",
        "probe -F'file=@x' --d=\"a b\" a'b'\"c\"d",
        'unset x; probe a${x}b; x=; probe a${x}b "$x" $x c',
        "probe *nothing* ?x [u]y",
        "probe ~x a~b",
        "probe 2>&1 a >/dev/null b 2>/dev/null c </dev/null d &>/dev/null e",
        "probe a;probe b",
        "probe eval",
        "[[ -n a && ( b < c || d == e* ) ]] && probe a; [ -n b ] && probe c",
        "probe f",
        'x=$(echo \'a b\'); probe $x "$x"; y="$x"c; probe "$y"',
        (
            "x='a b'; y=$x; probe $y; export z=\"$x\"; probe $z; declare -x w=q; probe $w; local v=1 "
            "2>/dev/null; readonly u=p; probe $u"
        ),
        "probe \"a'b\" 'c\"d' \\' \\\" \"'\" '\"'",
        "probe a\\\\b 'a\\b' \"a\\b\"",
        "((i=1)); probe a",
        'x=a; x=b$x; probe $x ${x}c "$x d"',
        "HOME=/h; probe ${HOME}/x $HOME",
        "probe $'' '' \"\" a",
        'probe $ a$ "$" $% a$/b',
        "probe a{b,'c d'}e {\"x\",y}$'\\x41' \\{a,b\\} '{a,b}' \"{a,b}\"",
        "x='*'; probe \"$x\" '?'",
        "probe ${nope:-$(echo a)} ${nope:-\"b c\"} ${nope:-'d e'} ${nope:-${nope:-f}}",
        "probe $(echo $(echo $(echo deep)))",
        'probe "$(echo "a b")" "$(echo \')\')" $(echo \'(\')',
        "x=1; (x=2; probe $x); { x=3; }; probe $x",
        "alias a=b; probe a",
        ": ${x:=probe}; $x y",
        "probe a\tb\t\tc",
        "probe ${SHELLOPTS:3:1}",
    ],
)
def test_a_line_gives_its_program_these_words(script: str, path: Path) -> None:
    assert told(script) == given_by_bash(script, path)


@pytest.mark.parametrize(
    ("script", "needs"),
    [
        (
            "probe $(echo cHJvYmU= | base64 -d) $(base64 --decode <<< eA==) $(echo eA | base64 -di 2>/dev/null)",
            "base64",
        ),
        ("$(rev <<< eborp) $(echo x y | rev)", "rev"),
        ("$(echo cebor | tr a-z n-za-m) $(echo ABC | tr '[:upper:]' '[:lower:]') $(echo a-b | tr -d -)", "tr"),
        ("$(echo 70726f6265 | xxd -r -p) $(xxd -p -r <<< 61)", "xxd"),
        ("probe $(printf 'a\\nb\\n' | tac | cat)", "tac"),
        ("probe $(echo xaybx | sed 's/x/_/g') $(echo a/b | sed -e 's#/#-#')", "sed"),
        ("probe $(echo H4sIAAAAAAACAysoyk9KBQAqb17XBQAAAA== | base64 -d | gzip -d)", "gzip"),
        ('cat <<E | { read a b; probe $a "$b"; }\nx y z\nE', "cat"),
        ("v=q; x=$(cat <<E\na $v $(echo b) \\$c 'd'\nE\n); probe \"$x\"", "cat"),
        ("x=$(cat <<'E'\na $v `b` \\c\nE\n); probe \"$x\"; x=$(cat <<-E\n\t\tt\n\tE\n); probe $x", "cat"),
    ],
)
def test_static_text_through_filters(script: str, needs: str, path: Path) -> None:
    if needs not in FILTERS:
        pytest.skip(f"no {needs} on this machine")
    assert told(script) == given_by_bash(script, path)


LETTERS = st.text("abcxyzAZ019-_./:=@%+", min_size=1, max_size=6)
BLANKED = st.text("ab 1'\"$`\\;&|<>(){}*?[]#~!", min_size=0, max_size=8)


def _ansi(text: str, how: int) -> str:
    forms = ("\\x{:02x}", "\\{:03o}", "\\u{:04x}")
    return "$'" + "".join(forms[how].format(ord(letter)) for letter in text) + "'"


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _double(text: str) -> str:
    return '"' + "".join("\\" + letter if letter in '"$`\\' else letter for letter in text) + '"'


WORD_PIECES = st.one_of(
    LETTERS.map(lambda text: text.replace("~", "")),
    LETTERS.map(lambda text: "".join("\\" + letter for letter in text)),
    st.one_of(LETTERS, BLANKED).map(_single),
    st.one_of(LETTERS, BLANKED).map(_double),
    st.builds(_ansi, st.one_of(LETTERS, BLANKED.filter(bool)), st.sampled_from([0, 1, 2])),
    st.one_of(LETTERS, BLANKED).map(lambda text: f"$(printf %s {_single(text)})".join('""')),
    LETTERS.map(lambda text: f"$(echo {_single(text)})"),
    LETTERS.map(lambda text: f"`echo {_single(text)}`"),
    LETTERS.map(lambda text: f"$(echo {base64.b64encode(text.encode()).decode()} | base64 -d)"),
    LETTERS.map(lambda text: f'"${{nope:-{text}}}"'),
    st.sampled_from(
        ['""', "''", "$()", "``", "${v}", '"$v"', "${v:1:2}", "${v%c*}", "${v/b/X}", "${v^^}", "\\\n", "${w}", '"$w"']
    ),
    st.sampled_from(["{a,b}", "{x,}", "{1..3}", "$((1+1))", "${#v}"]),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(WORD_PIECES, min_size=1, max_size=4).map("".join), min_size=1, max_size=4))
def test_any_line_built_of_obfuscated_pieces_gives_the_same_words(path: Path, words: list[str]) -> None:
    script = "v=abc.d w='p q'; probe " + " ".join(words)
    assert told(script) == given_by_bash(script, path)


def _grammar(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(inner, min_size=1, max_size=3)
    bodies = st.builds(
        lambda commands, separator: separator.join(commands), lists, st.sampled_from(["; ", "\n", " && ", " | "])
    )
    forms = st.sampled_from(
        [
            "({})",
            "{{ {}; }}",
            "{{\n{}\n}}",
            "if true; then {}; fi",
            "if false\nthen :\nelif true\nthen {}\nelse :\nfi",
            "for v in a b; do {}; done",
            "for v in a\ndo\n{}\ndone",
            "while :; do {}; break; done",
            "until false; do {}; break; done",
            "case x in y) :;; x|z) {} ;; esac",
            "case x in (x)\n{}\nesac",
            "f() {{ {}; }}; f",
            "function g {{\n{}\n}}\ng",
            "! {{ {}; }}",
            "x=$({})",
            ': "$({})"',
            ": `{}`",
            ": <({})",
            "true && {{ {}; }} || :",
            "{{ {}; }} 2>/dev/null </dev/null",
            "({}) | cat",
            ": | ({})",
            "[[ a = a && ( b < c ) ]] && {{ {}; }}",
            "((1)); {}",
            ": ${{x:-$({})}}",
            "cat <<E\n$({})\nE\n",
            "time {{ {}; }}",
            "# it's {{\n{}",
        ]
    )
    return st.builds(lambda form, body: form.format(body), forms, bodies)


COMMANDS = st.builds(
    lambda before, words, after: f"{before}probe {' '.join(words)}{after}",
    st.sampled_from(["", "", "x=1 ", ">/dev/null ", "! ", "2>&1 "]),
    st.lists(
        st.sampled_from(["a", "'b c'", '"d;e"', "'fi'", "done", "\\)", "{}", "a#b", "${x:+}", "$((1+1))"]), max_size=3
    ),
    st.sampled_from(["", "", " >/dev/null", " 2>&1", " <<< x", " # it's\n", " </dev/null"]),
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(st.recursive(COMMANDS, _grammar, max_leaves=6))
def test_whatever_bash_runs_is_listed(path: Path, script: str) -> None:
    if "cat" not in FILTERS:
        pytest.skip("no cat on this machine")
    checked = subprocess.run([BASH or "bash", "-n", "-c", script], capture_output=True, timeout=20, check=False)
    assume(not checked.returncode and not checked.stderr)
    listed = told(script)
    for words in given_by_bash(script + "\nwait; probe end", path):
        assert words in [*listed, ["end"]]
