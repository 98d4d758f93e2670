"""Members and methods: `.name`, `::name`, `.name(arguments)`."""

from exfilwatch.commands.shells.powershell import expressions, lexicon, methods, names, values
from exfilwatch.commands.shells.powershell.reader import Node, Reader, quoted, written
from exfilwatch.commands.shells.powershell.values import Block, Type, Value


def member(reader: Reader, owner: Node, mark: str) -> Node:
    """What stands behind `.` or `::`, with its arguments if there are some."""
    reader.step()
    found = reader.skip(lexicon.MEMBER_NAME)
    if found:
        name = found[0]
        if "`" in name:
            name = name.replace("`", "")
            reader.did("backtick")
    else:
        value, raw = expressions.primary(reader)
        text = values.text(value)
        name = text if text is not None else raw
    mark_after = reader.peek()
    if mark_after == "(":
        reader.at += 1
        return _called(reader, owner, mark, name)
    if mark_after == "." and reader.skip(lexicon.INVOKED):
        return _called(reader, owner, mark, name)
    value = None
    if mark == "::":
        value = methods.static(owner[0], name, None) if isinstance(owner[0], Type) else None
    elif owner[0] is not None:
        value = methods.member(owner[0], name)
    return value, written(value, f"{owner[1]}{mark}{name}")


def _called(reader: Reader, owner: Node, mark: str, name: str) -> Node:
    """A call, whose opening parenthesis is read."""
    plain = reader.skip(lexicon.ARGUMENTS)
    if plain:
        literals = [one or two for one, two in lexicon.LISTED.findall(plain[0])]
        given: list[Value] = list(literals)
        inside = ", ".join(map(quoted, literals))
    else:
        nodes = _arguments(reader)
        given = [value for value, _ in nodes]
        inside = ", ".join([written(*node) for node in nodes])
    value = _result(reader, owner, mark, name, given)
    if isinstance(value, str):
        value = reader.undoing.within(value)
    return value, written(value, f"{owner[1]}{mark}{name}({inside})")


def _arguments(reader: Reader) -> list[Node]:
    """The arguments of a call, up to its closing parenthesis, which is taken."""
    reader.deeper()
    nodes: list[Node] = []
    while True:
        mark = reader.space()
        if mark == ")" or not mark:
            reader.at += 1
            break
        start = reader.at
        nodes.append(argument(reader))
        mark = reader.peek()
        if mark == ",":
            reader.at += 1
        elif mark != ")":
            if mark in "};\n|" or not mark:
                break
            if reader.at == start:
                reader.at += 1
    reader.depth -= 1
    return nodes


def argument(reader: Reader) -> Node:
    """An expression up to a comma or a closing parenthesis."""
    node = expressions.unary(reader)
    mark = reader.space()
    while mark not in (",", ")", ""):
        found = lexicon.OPERATOR.match(reader.text, reader.at)
        if found is None:
            break
        node = _operated(reader, node, found[0])
        mark = reader.space()
    return node


def _operated(reader: Reader, left: Node, operator: str) -> Node:
    """An operator within the arguments of a call, where commas separate the arguments."""
    reader.step()
    reader.at += len(operator)
    reader.space()
    right = expressions.unary(reader)
    operator = operator.lower()
    if operator == "-f":  # its list ends with the call
        several, raws = [right[0]], [right[1]]
        while reader.blank() == ",":
            reader.at += 1
            reader.space()
            value, raw = expressions.unary(reader)
            several.append(value)
            raws.append(raw)
        right = several, ",".join(raws)
    return expressions.operated(reader, operator, left, right)


def _result(reader: Reader, owner: Node, mark: str, name: str, given: list[Value]) -> Value:
    """What a call gives; scripts that it runs are read later."""
    value, lower = owner[0], name.lower()
    if mark == "::":
        return _static(reader, value, lower, given) if isinstance(value, Type) else None
    if lower in ("invoke", "invokereturnasis", "invokescript") and (
        isinstance(value, Block) or lower == "invokescript"
    ):
        script = value.text if isinstance(value, Block) else values.text(given[0]) if given else None
        if script is not None and not (isinstance(value, Block) and value.read):
            reader.later(script)
        return None
    first = given[0] if given else None
    if isinstance(first, str):
        if lower in ("newscriptblock", "create") and "invokecommand" in owner[1].lower():
            return Block(first, read=False)
        if lower == "addscript":
            return Block(first, read=False)
        if lower == "expandstring":
            return first
        if lower in ("getcommand", "getcmdlet", "getcommandname"):
            return names.command(first)
    if value is None:
        return None
    made = methods.called(value, name, given)
    if isinstance(made, str):
        reader.did("string building")
    return made


def _static(reader: Reader, kind: Type, name: str, given: list[Value]) -> Value:
    if kind.name == "environment" and name == "getenvironmentvariable" and given and isinstance(given[0], str):
        key = "env:" + given[0].lower()
        return reader.variables.get(key, names.usual(key))
    if kind.name == "array" and name == "reverse" and given and isinstance(given[0], list):
        given[0].reverse()
        reader.did("string building")
        return None
    made = methods.static(kind, name, given)
    if made is not None and name == "frombase64string":
        reader.did("base64")
    elif isinstance(made, bytes) and "compression" in kind.name:
        reader.did("gzip" if "gzip" in kind.name else "deflate")
    elif isinstance(made, str):
        reader.did("string building")
    return made
