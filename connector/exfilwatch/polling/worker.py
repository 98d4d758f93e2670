"""Who reads: a name that tells whether its owner is still alive, as far as this machine can know."""

import os
import platform
import secrets
import time


def our_clock() -> int:
    """The time of this machine, µs since 1970 UTC."""
    return time.time_ns() // 1000


def worker_name() -> str:
    """host/pid/random: unique, and of this process."""
    return f"{platform.node()[:60]}/{os.getpid()}/{secrets.token_hex(4)}"


def is_dead(owner: str, me: str) -> bool:
    """Whether what had this name has surely ended: a process of this host, or an earlier poll of `me`."""
    host, _, rest = owner.rpartition("/")[0].rpartition("/")
    my_host, _, my_pid = me.rpartition("/")[0].rpartition("/")
    if owner == me:
        return True
    if host != my_host or not rest.isdigit():
        return False
    return rest == my_pid or not _runs(int(rest))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
