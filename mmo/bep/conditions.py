"""Conditions in CEL: checked before they are kept, so that none can cost much when it is asked.

The library sets no budget for a run; what can be written is bounded instead. Without a macro inside
another an expression walks no list more than once a macro; with one `map` and a bounded number of
`+` nothing grows beyond a small multiple of what the event brings along; and that is bounded, too.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

import cel

from mmo.kernel.spelling import nearest

NAMES = frozenset({"event", "parties", "facts"})
MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map"})
FUNCTIONS = frozenset(
    {
        "size", "contains", "startsWith", "endsWith", "matches", "timestamp", "duration", "int",
        "string", "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek",
        "getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds",
    }
)  # fmt: skip
COSTLY_MAX = 5
"""Macros and searches by pattern, together."""
PLUS_MAX = 30
ITEMS_MAX = 1000
"""Values that an event and its facts may have together: one comparison of all with all is cheap."""
_PROGRAMS_MAX = 4096

_TEXT = re.compile(
    r"""//[^\n]*|[rR](?:"[^"\n]*"|'[^'\n]*')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
)
_TOKEN = re.compile(r"[A-Za-z_]\w*|[()+]|\S", re.ASCII)


class ConditionError(ValueError):
    """What was written is no condition that could be asked, or not one that is cheap enough."""


class NoAnswerError(RuntimeError):
    """The condition came to something that is neither true nor false."""


class TooMuchError(RuntimeError):
    """The event brings along more values than a condition is asked about."""


@lru_cache(maxsize=_PROGRAMS_MAX)
def program_of(source: str) -> cel.Program:
    """Check and compile. Raises ConditionError, which says what is wrong and where."""
    tokens = _tokens(source)
    _check_cost(tokens)
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise ConditionError(_syntax(str(error))) from None
    _check_names(program, tokens)
    return program


def holds(source: str, known: Mapping[str, Any]) -> bool:
    """Whether the condition is true. Raises whatever keeps it from being worked out."""
    if _items(known, ITEMS_MAX) < 0:
        raise TooMuchError(f"more than {ITEMS_MAX} values")
    answer = program_of(source).execute(dict(known))
    if not isinstance(answer, bool):
        raise NoAnswerError(f"the condition came to a {type(answer).__name__}")
    return answer


def _items(value: Any, left: int) -> int:
    """How many more values there may be after this one; less than none where it is too many."""
    inside: list[Any] = []
    if isinstance(value, Mapping):
        inside = list(cast("Mapping[Any, Any]", value).values())
    elif isinstance(value, list | tuple):
        inside = list(cast("list[Any]", value))
    left -= 1
    for one in inside:
        if left < 0:
            break
        left = _items(one, left)
    return left


def _tokens(source: str) -> list[str]:
    """Words and signs, without texts and remarks."""
    bare = _TEXT.sub(lambda found: " " if found[0].startswith("/") else " 0 ", source)
    if '"' in bare or "'" in bare or '"""' in source or "'''" in source:
        raise ConditionError("write a text on one line, in one pair of quotes")
    return _TOKEN.findall(bare)


def _check_cost(tokens: list[str]) -> None:
    called = [*_called(tokens)]
    if nested := next((word for word, in_macro in called if in_macro), None):
        raise ConditionError(f"{nested} inside all, exists, filter or map costs too much")
    if len(called) > COSTLY_MAX:
        raise ConditionError(f"at most {COSTLY_MAX} of all, exists, filter, map and matches")
    if sum(word == "map" for word, _ in called) > 1:
        raise ConditionError("at most one map")
    if tokens.count("+") > PLUS_MAX:
        raise ConditionError(f"at most {PLUS_MAX} times +")


def _called(tokens: list[str]) -> Iterator[tuple[str, bool]]:
    """Each macro and search by pattern, and whether it stands inside a macro's brackets."""
    in_macro = [False]
    before = ""
    for word in tokens:
        if word == "(":
            if before in MACROS or before == "matches":
                yield before, in_macro[-1]
            in_macro.append(in_macro[-1] or before in MACROS)
        elif word == ")" and len(in_macro) > 1:
            in_macro.pop()
        before = word


def _check_names(program: cel.Program, tokens: list[str]) -> None:
    own = {
        name
        for macro, bracket, name in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if macro in MACROS and bracket == "("
    }
    for name in sorted(set(program.variables()) - own - NAMES):
        raise ConditionError(f"there is no {name}; {nearest(name, NAMES)}")
    for name in sorted(program.functions()):
        if name[0].isalpha() and name not in FUNCTIONS:
            raise ConditionError(f"there is no function {name}; {nearest(name, FUNCTIONS)}")


def _syntax(told: str) -> str:
    """The library's complaint as one line: where it stands, and what is wrong there."""
    found = re.search(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]{1,200})", told)
    if found is None:
        return "this is no expression in CEL"
    return f"line {found[1]}, column {found[2]}: {found[3]}"
