"""exfilwatch: finds automated data exfiltration in process and network events."""

__version__: str


def __getattr__(name: str) -> object:
    """The version, read from the package's metadata when asked for: that costs as much time as starting Python twice."""
    if name == "__version__":
        from importlib.metadata import version

        return version("exfilwatch")
    raise AttributeError(name)
