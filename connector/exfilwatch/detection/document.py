"""Files and folders of Sigma rules, as YAML documents that know the line of each of their keys."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from exfilwatch.errors import ConfigError, RuleError
from exfilwatch.packaged import LOADER

_DEEPEST = 40


class Document:
    """One YAML document. `content` is a mapping; `line_of` finds the 1-based line of a key in it."""

    def __init__(self, path: str, content: dict[str, Any], node: yaml.MappingNode) -> None:
        self.path = path
        self.content = content
        self._node = node

    @property
    def title(self) -> str:
        return str(self.content.get("title") or self.content.get("name") or self.content.get("id") or "")

    def line_of(self, *keys: str) -> int:
        """The line of the key that the keys lead to, as far as they lead; else of the document."""
        node: yaml.Node = self._node
        line = node.start_mark.line + 1
        for wanted in keys:
            if not isinstance(node, yaml.MappingNode):
                break
            found = next(((key, value) for key, value in node.value if key.value == wanted), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line

    def error(self, message: str, *keys: str) -> RuleError:
        return RuleError(message, rule=self.title, path=self.path, line=self.line_of(*keys))

    def duplicate_keys(self) -> Iterator[RuleError]:
        """YAML takes the last of two equal keys, so that a selection would be gone without a word."""
        yield from self._duplicates(self._node, 0, set())

    def _duplicates(self, node: yaml.Node, depth: int, seen_nodes: set[int]) -> Iterator[RuleError]:
        if depth > _DEEPEST or id(node) in seen_nodes:  # an alias is the node that it stands for
            return
        seen_nodes.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                if name in seen and name != "<<":
                    line = key.start_mark.line + 1
                    yield RuleError(f"key {name!r} stands there twice", rule=self.title, path=self.path, line=line)
                seen.add(name)
                yield from self._duplicates(value, depth + 1, seen_nodes)
        elif isinstance(node, yaml.SequenceNode):
            for each in node.value:
                yield from self._duplicates(each, depth + 1, seen_nodes)


def rule_files(paths: Iterable[Path | str]) -> list[Path]:
    """The files of `paths`; of folders all *.yml and *.yaml below them, but for folders named `tests`.

    Raises ConfigError for a path that is not there, and for a folder without rules.
    """
    files: dict[Path, None] = {}
    for given in map(Path, paths):
        if given.is_dir():
            found = [path for path in _below(given) if path.suffix in (".yml", ".yaml")]
            if not found:
                raise ConfigError(f"{given}: there is no rule (*.yml) in this folder")
            files.update(dict.fromkeys(found))
        elif given.exists():
            files[given] = None
        else:
            raise ConfigError(f"{given}: no such rule file or folder")
    return list(files)


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "tests" and not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names))


def documents(path: Path) -> Iterator[Document | RuleError]:
    """The documents of a file, and an error in the place of what is none."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        yield RuleError(f"is not UTF-8: {error.reason} at byte {error.start}", path=str(path))
        return
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    loader = LOADER(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            content = loader.construct_document(node)
            if content is None:
                continue
            if isinstance(node, yaml.MappingNode) and isinstance(content, dict):
                yield Document(str(path), content, node)
            else:
                line = node.start_mark.line + 1
                yield RuleError("is not a Sigma rule: a mapping is expected", path=str(path), line=line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or error).splitlines()[0]
        yield RuleError(f"is not sound YAML: {problem}", path=str(path), line=mark.line + 1 if mark else 0)
    except RecursionError:
        yield RuleError("is not sound YAML: nested too deeply", path=str(path))
    finally:
        loader.dispose()
