"""Lines of Python that fit a page, broken where formatters break them."""

import ast

LIMIT = 120
_STEP = "    "


def wrapped(line: str, indent: int) -> str:
    """A statement at an indent, on several lines where it is longer than the page: a call opens up.

    What is no call with arguments, or an assignment of one, stays as it is.
    """
    margin = " " * indent
    if indent + len(line) <= LIMIT:
        return margin + line
    statement = ast.parse(line).body[0]
    value = statement.value if isinstance(statement, ast.Assign | ast.Return | ast.AnnAssign) else None
    while isinstance(value, ast.Subscript | ast.Attribute):  # `f(...)[:, -1]`
        value = value.value
    if not isinstance(value, ast.Call) or not (value.args or value.keywords):
        return margin + line
    assert value.func.end_col_offset is not None
    assert value.end_col_offset is not None
    start, stop = value.func.end_col_offset + 1, value.end_col_offset - 1
    words = [ast.get_source_segment(line, one) or "" for one in value.args]
    words += [f"{one.arg}={ast.get_source_segment(line, one.value)}" for one in value.keywords]
    inside = ", ".join(words)
    if indent + len(_STEP) + len(inside) <= LIMIT:
        middle = [margin + _STEP + inside]
    else:
        middle = [f"{margin}{_STEP}{word}," for word in words]
    return "\n".join([margin + line[:start], *middle, margin + line[stop:]])
