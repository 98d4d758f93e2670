"""What the hosts of the benchmark run and where they connect: the tables of catalogue.yml, typed."""

from pathlib import Path

import msgspec

SOURCE = Path(__file__).with_name("catalogue.yml")


class Program(msgspec.Struct, frozen=True):
    """One kind of process creation."""

    weight: float
    image: str
    parent: str
    command_lines: list[str]


class Talker(msgspec.Struct, frozen=True):
    """One kind of connection."""

    weight: float
    image: str
    protocol: str
    port: int
    external: float


class Catalogue(msgspec.Struct, frozen=True):
    """All tables; catalogue.yml says what each is for."""

    ordinary: list[Program]
    named: list[Program]
    scripting: list[Program]
    transfer: list[Program]
    archive: list[Program]
    connections: list[Talker]


CATALOGUE = msgspec.yaml.decode(SOURCE.read_bytes(), type=Catalogue)
