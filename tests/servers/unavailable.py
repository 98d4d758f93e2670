"""Why a server can't be had here."""


class Unavailable(Exception):
    """This machine lacks something that the server needs; the message is one line and says what."""
