"""`exfilwatch manifest` and `exfilwatch package`: what SOAR platforms need to take the product."""

from pathlib import Path
from typing import Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import examples


def register(app: typer.Typer) -> None:
    """Add the commands."""
    shown = ("exfilwatch manifest --out manifest.json", "exfilwatch manifest --check")
    app.command("manifest", epilog=examples(*shown))(manifest)
    app.command("package", epilog=examples("exfilwatch package --list", "exfilwatch package xsoar --out Packs/"))(
        package
    )


def manifest(
    check: Annotated[
        bool,
        typer.Option("--check", help="Only say whether manifest.json, here, is that of today; ends with 2 if not."),
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to. Default: standard output.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Write the JSON Schema of manifests instead.")] = False,
) -> None:
    """Write the manifest: what the product is, what is set, and its triggers and actions, as JSON."""
    import json

    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks import manifest as manifests
    from exfilwatch_playbooks.cli.report import write

    if check and (out or schema):
        raise ConfigError("--check writes nothing: leave --out and --schema away")
    if check:
        manifests.check(Path(manifests.FILE))
        return
    made = json.dumps(manifests.schema(), indent=2) + "\n" if schema else manifests.built().text()
    if out is None:
        stdout.write_line(made.rstrip("\n").encode())
    else:
        write(out, made.encode(), force=True)


def package(
    platform: Annotated[str | None, typer.Argument(help="Which platform.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder it is written into.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Say which platforms there are.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that has something in it.")] = False,
) -> None:
    """Write what a SOAR platform installs, made from the same actions and settings. See docs/platforms.md."""
    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.summary import counted
    from exfilwatch_playbooks.manifest import built
    from exfilwatch_playbooks.platforms import registry

    known = registry.names()
    if listing:
        stdout.write_line("\n".join(known).encode())
        return
    if platform is None:
        raise ConfigError(f"say for which platform: {', '.join(known)}")
    if out is None:
        raise ConfigError("say where to: --out DIR")
    files = registry.package(platform, built(), out, force=force)
    say(f"{out}: {counted(files, 'file')} for {platform}")
