"""Decode the fields that the seed rules need from each line of a flat file, and nothing else."""

import sys

import msgspec


class Line(msgspec.Struct, gc=False):
    """Event, place and time, and what the rules look at; the command line undecoded."""

    event_id: int = msgspec.field(name="EventID")
    channel: str = msgspec.field(name="Channel")
    host: str = msgspec.field(name="Hostname")
    time: str = msgspec.field(name="@timestamp")
    image: str = msgspec.field(name="Image")
    command_line: msgspec.Raw = msgspec.field(name="CommandLine", default=msgspec.Raw())
    destination_ip: str = msgspec.field(name="DestinationIp", default="")


decode = msgspec.json.Decoder(Line).decode
with open(sys.argv[1], "rb") as file:  # noqa: PTH123 as lean as can be: this is what others are compared with
    for line in file:
        decode(line)
