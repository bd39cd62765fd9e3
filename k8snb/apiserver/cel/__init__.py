"""A subset of the Common Expression Language, enough for the validation rules that people write into definitions.

`compile_rule(text)` parses once; the result is called with variables. Supported: literals, lists, maps, selection and
indexing, arithmetic, comparison, `in`, `&&`, `||`, `!`, `?:`, the macros has, all, exists, exists_one, filter and map, the
standard functions on strings, lists, maps and numbers, and of Kubernetes' libraries the list, string, regular expression,
quantity and address functions in `k8snb.apiserver.cel.functions`. Left out: types as values, bytes, timestamps and
durations, protobuf messages, optional types, cost limits, and static type checking (mistakes show when a rule runs).
"""

from k8snb.apiserver.cel.evaluate import CelError, Rule, compile_rule
from k8snb.apiserver.cel.parse import CelSyntaxError

__all__ = ["CelError", "CelSyntaxError", "Rule", "compile_rule"]
