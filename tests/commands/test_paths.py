"""Paths have one form, however they are written."""

import pytest

from exfilwatch.commands.paths import Path, path


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (r"C:\Users\a\x.txt", r"C:\Users\a\x.txt"),
        ("c:/Users//a/./b/../x.txt", r"C:\Users\a\x.txt"),
        (r'"C:\Users\a b\x.txt"', r"C:\Users\a b\x.txt"),
        (r"\\?\C:\Users\x", r"C:\Users\x"),
        (r"\\.\C:\Users\x", r"C:\Users\x"),
        (r"\??\C:\Users\x", r"C:\Users\x"),
        (r"C:\Users\x.\y ", r"C:\Users\x\y"),
        (r"C:x\..\y", r"C:y"),
        (r"\Users\..\..\x", r"\x"),
        (r"..\x", r"..\x"),
        (r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\x", r"Device\HarddiskVolumeShadowCopy1\x"),
        ("file:///C:/Users/a%20b", r"C:\Users\a b"),
        ("/etc//passwd", "/etc/passwd"),
        ("//etc/./x/../passwd", "/etc/passwd"),
        ("/../etc/passwd", "/etc/passwd"),
        ("/proc/self/root/etc/shadow", "/etc/shadow"),
        ("'/srv/a b/'", "/srv/a b"),
        ("~/.ssh/id_rsa", "~/.ssh/id_rsa"),
        ("./x/../../y", "../y"),
        ("$HOME/../x", "$HOME/../x"),
        ("file:///etc/passwd", "/etc/passwd"),
        ("file://localhost/etc/passwd", "/etc/passwd"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_a_path_has_one_form(written: str, form: str) -> None:
    assert path(written) == Path(form)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (r"\\files.example\share\x\y", Path(r"\\files.example\share\x\y", "files.example", "share")),
        (r"//files.example/share\x", Path(r"\\files.example\share\x", "files.example", "share")),
        (r"\\?\UNC\files\s\x", Path(r"\\files\s\x", "files", "s")),
        (r"\\0x7f.1\c$\x", Path(r"\\127.0.0.1\c$\x", "127.0.0.1", "c$")),
        (r"\\fe80--1.ipv6-literal.net\s\x", Path(r"\\fe80::1\s\x", "fe80::1", "s")),
        (r"\\h@SSL\DavWWWRoot\x", Path(r"\\h\DavWWWRoot\x", "h", "DavWWWRoot", webdav=True)),
        (r"\\h@SSL@8443\dav\x", Path(r"\\h\dav\x", "h", "dav", webdav=True)),
        (r"\\h@8080\dav\x", Path(r"\\h\dav\x", "h", "dav", webdav=True)),
        (r"\\h\DavWWWRoot\x", Path(r"\\h\DavWWWRoot\x", "h", "DavWWWRoot", webdav=True)),
        ("file://h/s/x", Path(r"\\h\s\x", "h", "s")),
        ("smb://me@h/s/x", Path(r"\\h\s\x", "h", "s")),
        ("davs://h/s/x", Path(r"\\h\s\x", "h", "s", webdav=True)),
    ],
)
def test_a_share_has_its_host(written: str, form: Path) -> None:
    assert path(written) == form


def test_short_names_are_kept_and_marked() -> None:
    assert path(r"C:\PROGRA~1\x") == Path(r"C:\PROGRA~1\x", short=True)


def test_the_caller_may_know_the_system() -> None:
    assert path("//h/s/x", windows=True) == Path(r"\\h\s\x", "h", "s")
    assert path(r"a\b", windows=False) == Path(r"a\b")
