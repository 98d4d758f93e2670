"""The value of a shell's arithmetic expression of constants. Source: Bash reference manual, Shell Arithmetic."""

import re
from collections.abc import Callable
from typing import Final

LONGEST: Final = 256
"""Characters of an expression that is evaluated."""

_TOKEN: Final = re.compile(
    r"\s*(?:(\d+#[\w@]+|0[xX][0-9a-fA-F]+|\d+)|\$?([A-Za-z_]\w*)|(\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%()~!&|^<>]))"
)
_OPERATORS: Final = [
    ["||"],
    ["&&"],
    ["|"],
    ["^"],
    ["&"],
    ["==", "!="],
    ["<", ">", "<=", ">="],
    ["<<", ">>"],
    ["+", "-"],
    ["*", "/", "%"],
    ["u-", "u+", "u~", "u!"],
    ["**"],
]
_BINDS: Final = {operator: rank for rank, operators in enumerate(_OPERATORS) for operator in operators}
_MASK: Final = (1 << 64) - 1


def arithmetic(text: str, value: Callable[[str], str | None]) -> int | None:
    """The number that `$((text))` is, in 64 bits; None when it can't be told. `value` gives a variable's text."""
    if len(text) > LONGEST:
        return None
    text = text.strip()
    numbers: list[int] = []
    waiting: list[str] = []
    operand = True
    at = 0
    try:
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                return None
            at = match.end()
            number, name, operator = match.groups()
            if operator is None:
                if not operand:
                    return None
                if name:
                    known = value(name)
                    if known is None:
                        return None
                    number = known.strip() or "0"
                numbers.append(_number(number))
                operand = False
            elif operator == "(":
                if not operand:
                    return None
                waiting.append(operator)
            elif operator == ")":
                while waiting[-1] != "(":
                    _apply(waiting.pop(), numbers)
                waiting.pop()
            else:
                if operand:
                    operator = "u" + operator
                rank = _BINDS[operator]
                while not operand and waiting and waiting[-1] != "(":
                    other = _BINDS[waiting[-1]]
                    if other < rank or (other == rank and operator == "**"):
                        break
                    _apply(waiting.pop(), numbers)
                waiting.append(operator)
                operand = True
        while waiting:
            _apply(waiting.pop(), numbers)
        return numbers.pop() if len(numbers) == 1 else 0 if not text else None
    except (IndexError, KeyError, ValueError, ZeroDivisionError):
        return None


def _number(text: str) -> int:
    if "#" in text:
        base, digits = text.split("#", 1)
        if len(digits) > 64 or not 2 <= int(base) <= 36:
            raise ValueError
        return int(digits, int(base))
    if len(text) > 24:
        raise ValueError
    return int(text, 8 if len(text) > 1 and text[0] == "0" and text[1] not in "xX" else 0)


def _signed(number: int) -> int:
    number &= _MASK
    return number - (1 << 64) if number >> 63 else number


def _apply(operator: str, numbers: list[int]) -> None:
    right = numbers.pop()
    if operator[0] == "u":
        numbers.append(_signed({"u-": -right, "u+": right, "u~": ~right, "u!": int(not right)}[operator]))
        return
    left = numbers.pop()
    numbers.append(_signed(_two(operator, left, right)))


def _two(operator: str, left: int, right: int) -> int:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return (abs(left) // abs(right)) * (1 if (left < 0) == (right < 0) else -1)
        case "%":
            return left - right * _two("/", left, right)
        case "<<":
            return left << (right & 63)
        case ">>":
            return left >> (right & 63)
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "**":
            if not 0 <= right <= 64:
                raise ValueError
            return int(left**right)
        case "&&":
            return int(bool(left and right))
        case "||":
            return int(bool(left or right))
        case "<":
            return int(left < right)
        case ">":
            return int(left > right)
        case "<=":
            return int(left <= right)
        case ">=":
            return int(left >= right)
        case "==":
            return int(left == right)
        case "!=":
            return int(left != right)
    raise KeyError(operator)
