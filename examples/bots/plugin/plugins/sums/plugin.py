#!/usr/bin/python3
"""sums is a plugin of timbot that works sums out, exactly: 1/3 + 1/6 is 1/2."""

import ast
import operator
from fractions import Fraction

import timbot_plugin

plugin = timbot_plugin.Plugin("sums", "1.0.0")

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value(node):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](value(node.left), value(node.right))
    raise timbot_plugin.Error("no_sum", "a sum has numbers, + - * / and brackets", final=True)


@plugin.action
def work_out(call, sum):
    if len(sum) > 200:
        raise timbot_plugin.Error("too_long", "a sum has at most 200 characters", final=True)
    try:
        result = value(ast.parse(sum.strip().replace("×", "*").replace("÷", "/"), mode="eval").body)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as e:
        raise timbot_plugin.Error("no_sum", "that is no sum", final=True) from e
    except ZeroDivisionError as e:
        raise timbot_plugin.Error("zero", "nothing can be divided by zero", final=True) from e
    call.log.info("worked out", bracketed="(" in sum)
    return {"text": str(result)}


if __name__ == "__main__":
    plugin.serve()
