"""Trigger conditions: the part of the Common Expression Language in which TFX and the KFP SDK write them."""

import ast
import operator
import re
from collections.abc import Callable
from typing import Any, Final

from google.protobuf import json_format

COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {"int": int, "double": float, "string": str}


def holds(condition: str, executor_input: Any) -> bool:
    """Returns whether the step runs. An empty condition holds."""
    if not condition:
        return True
    fields = json_format.MessageToDict(executor_input, preserving_proto_field_name=True)
    python = re.sub(r"!(?!=)", " not ", condition.replace("&&", " and ").replace("||", " or "))
    names = {"inputs": fields.get("inputs", {}), "true": True, "false": False}
    value = _value(ast.parse(python.strip(), mode="eval").body, names)
    if not isinstance(value, bool):
        raise TypeError(f"evaluation error: return type of {condition!r} is not bool, got {value!r}")
    return value


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return names[node.id]
        case ast.Attribute():
            return _value(node.value, names)[node.attr]
        case ast.Subscript():
            return _value(node.value, names)[_value(node.slice, names)]
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, names)
        case ast.BoolOp():
            values = (_value(part, names) for part in node.values)
            return all(values) if isinstance(node.op, ast.And) else any(values)
        case ast.Compare(ops=[comparison], comparators=[right]):
            return COMPARISONS[type(comparison)](_value(node.left, names), _value(right, names))
        case ast.Call(func=ast.Name(), args=[argument]):
            return CONVERSIONS[node.func.id](_value(argument, names))
    raise NotImplementedError(ast.unparse(node))
