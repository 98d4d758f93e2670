"""Runs all transfers and records them: `sudo python -m tests.transfers --record FILE` (root, Debian).

    --record FILE      writes the audit log, each case as a host of its own, and beside it FILE.json: what came of each
    --install          installs the programs that are missing, by apt-get; starts no service
    --only TEXT        only the cases whose names hold TEXT; may be given again
    --detect FILE      takes a recorded log, and tells for each case what the exfil pack finds
    --missed           with either: writes missed.yml again, for the cases that were run

Without --install, what is not here is left out.
"""

import argparse
import sys
from pathlib import Path

import msgspec
import yaml

from ..demo.audit import AuditError  # noqa: TID252 (tests are no package on the path)
from .catalogue import cases
from .found import LISTED, findings, listed, wrong
from .packages import install, missing
from .running import Outcome, record

_HEAD = """\
# What today's exfil pack does not do yet with the recorded transfers; both lists must become empty.
# Written by: sudo python -m tests.transfers --install --record FILE --missed
"""
_LIST = {"upload": "missed", "harmless": "loud"}
NOT_HERE = 3


def main() -> int:
    asked = argparse.ArgumentParser(prog="tests.transfers", description=__doc__.splitlines()[0])
    asked.add_argument("--record", type=Path, metavar="FILE")
    asked.add_argument("--detect", type=Path, metavar="FILE")
    asked.add_argument("--only", action="append", default=[], metavar="TEXT")
    asked.add_argument("--install", action="store_true")
    asked.add_argument("--missed", action="store_true")
    options = asked.parse_args()
    if options.install:
        install(missing(program for case in cases() for program in case.programs))
    if options.record:
        chosen = [case for case in cases() if not options.only or any(text in case.name for text in options.only)]
        try:
            outcomes = record(chosen, options.record)
        except AuditError as error:
            sys.stderr.write(f"{'curable' if error.curable else 'not here'}: {error}\n")
            return NOT_HERE
        told(options.record).write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)))
        for name, outcome in outcomes.items():
            if outcome.absent or not outcome.worked:
                sys.stderr.write(f"{name}: {', '.join(outcome.absent) or 'did not work: ' + outcome.said}\n")
    if options.detect or options.missed:
        _detect(options.detect or options.record, rewrite=options.missed)
    return 0


def told(log: Path) -> Path:
    """Where the outcomes of a recording stand."""
    return log.with_name(f"{log.name}.json")


def _detect(log: Path, *, rewrite: bool) -> None:
    outcomes = msgspec.json.decode(told(log).read_bytes(), type=dict[str, Outcome])
    found, lists = findings(log, outcomes), listed()
    kinds = {case.name: case.kind for case in cases()}
    for name, outcome in outcomes.items():
        if name not in kinds or outcome.absent:
            continue
        mine = found.get(outcome.host, [])
        why, key = wrong(kinds[name], mine), _LIST[kinds[name]]
        lists[key] = lists[key] | {name} if why else lists[key] - {name}
        said = "; ".join(sorted({f"{each.level} {each.title}{' abroad' if each.abroad else ''}" for each in mine}))
        sys.stdout.write(f"{key if why else 'good'}\t{outcome.host}\t{name}\t{why}\t{said}\n")
    if rewrite:
        kept = {key: sorted(names & set(kinds)) for key, names in lists.items()}
        LISTED.write_text(_HEAD + yaml.safe_dump(kept, width=120, allow_unicode=True, sort_keys=False))


if __name__ == "__main__":
    sys.exit(main())
