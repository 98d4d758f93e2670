"""exfilwatch: finds automated data exfiltration in process and network events."""

__version__: str


def __getattr__(name: str) -> object:
    """The version, read from the package's metadata when first asked for, which takes longer than starting Python."""
    if name == "__version__":
        from importlib.metadata import version

        return globals().setdefault(name, version("exfilwatch"))
    raise AttributeError(name)
