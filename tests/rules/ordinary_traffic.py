"""Five weeks of the ordinary traffic of a dozen hosts, as records of Zeek's conn.log: what sends 1 MB and more.

What people send, by where the services say that they receive it (networks of the size /16, from Microsoft's, Google's,
Zoom's, GitHub's, Apple's and AWS's own lists): mail, files that are synchronised, meetings with and without a shared
screen, pictures, pushes of images, crash dumps, a file for a partner, a test of the line. One host makes backups daily.
"""

import random
from collections.abc import Iterator, Sequence

DAY = 86_400
WEEKS, PEOPLE, DEVELOPERS, BACKUP = 5, 11, 3, 11
OFFICE = ["13.107", "40.108", "52.104", "52.105", "52.106", "52.107", "104.146", "150.171"]
MAIL = ["13.107", *(f"40.{at}" for at in range(96, 106)), *(f"52.{at}" for at in range(96, 100)), "132.245"]
MEETINGS = ["52.112", "52.113", "52.114", "52.115", "52.122", "52.123"]
OTHERS_MEETINGS = ["144.195", "170.114", "206.247", "149.137", "134.224", "159.124", "162.255", "198.251", "147.124"]
DRIVES = ["142.250", "142.251", "172.217", "216.58", "74.125", "64.233", "173.194", "108.177", "209.85", "172.253"]
IMAGES = ["140.82", "185.199", "52.218", "3.5", "52.92", "54.231", "18.34", "16.12", "3.251", "52.95"]
RENTED = [f"{first}.{second}" for first in (3, 18, 34, 52, 54, 63) for second in range(240, 252)]
DUMPS = [f"{first}.{second}" for first in (20, 40, 51) for second in range(60, 70)]
LINES = [f"{first}.{second}" for first in (77, 80, 84, 87, 91, 94) for second in range(0, 250, 11)]
Kind = tuple[Sequence[str], float, float, float, float]
WORK: tuple[Kind, ...] = (  # where, times a day, the middle of the sizes in MB, their spread, what comes back
    (OFFICE, 4, 4, 1.6, 20),
    (MAIL, 2, 2, 1.2, 15),
    (MEETINGS, 1.2, 120, 0.8, 1.5),
    (MEETINGS, 0.3, 120, 0.8, 12),
    (OTHERS_MEETINGS, 0.04, 120, 0.8, 12),
    (DRIVES, 0.5, 5, 1.4, 20),
    (DRIVES + RENTED, 1, 2, 1, 10),
    (RENTED, 0.03, 60, 1, 40),
    (DUMPS, 0.01, 25, 1, 50),
    (LINES, 0.005, 150, 0.5, 40),
)
BUILDS: tuple[Kind, ...] = ((IMAGES, 2.5, 40, 1.4, 40),)
BACKUPS: tuple[Kind, ...] = ((IMAGES[2:], 20, 900, 0.6, 90),)


def traffic(seed: int) -> Iterator[dict[str, object]]:
    """The records, in no order."""
    drawn = random.Random(seed)
    for day in range(WEEKS * 7):
        for host in range(PEOPLE + 1):
            if host == BACKUP:
                kinds = BACKUPS
            elif day % 7 < 5 or drawn.random() < 0.2:
                kinds = WORK + (BUILDS if host < DEVELOPERS else ())
            else:
                continue
            for places, often, middle, spread, back in kinds:
                for _ in range(_times(drawn, often)):
                    out = 1e6 * middle * drawn.lognormvariate(0, spread)
                    if out >= 1e6:
                        at = day * DAY + drawn.uniform(7, 18) * 3600
                        yield _record(drawn, at, host, _place(drawn, places), out, back * drawn.uniform(0.5, 2))


def _times(drawn: random.Random, often: float) -> int:
    return sum(drawn.random() < often / 20 for _ in range(20)) if often < 20 else round(often)


def _place(drawn: random.Random, places: Sequence[str]) -> str:
    """The first more often than the last."""
    return drawn.choices(places, [1 / (at + 1) for at in range(len(places))])[0]


def _record(drawn: random.Random, at: float, host: int, place: str, out: float, ratio: float) -> dict[str, object]:
    address = f"{place}.{drawn.randint(1, 254)}.{drawn.randint(1, 254)}"
    sent, received = round(out), round(out / ratio)
    ends = {"id.orig_h": f"10.20.0.{10 + host}", "id.orig_p": 50_000, "id.resp_h": address, "id.resp_p": 443}
    data = {"orig_bytes": sent, "resp_bytes": received}
    packets = {"orig_pkts": sent // 1300 + 1, "resp_pkts": sent // 2600 + received // 600 + 1}
    on_the_wire = {"orig_ip_bytes": round(sent * 1.04), "resp_ip_bytes": round(received * 1.1)}
    known = {
        "uid": f"C{drawn.getrandbits(64):x}",
        "proto": "tcp",
        "conn_state": "SF",
        "local_orig": True,
        "local_resp": False,
    }
    return {"_path": "conn", "ts": 1_790_000_000 + at, **known, **ends, **data, **on_the_wire, **packets}
