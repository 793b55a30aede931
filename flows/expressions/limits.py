"""What an expression may contain: its length, its functions, its loops and terms.

The limits on what it may build while it is evaluated are in ``flows.expressions.cost``.
"""

from flows.expressions.errors import ExpressionError
from flows.expressions.syntax import Call, Const, Items, Loop, Node, PathNode, list_children, walk

MAX_SOURCE_CHARACTERS = 2_000
MAX_LITERAL_CHARACTERS = 1_000
MAX_NODES = 400
MAX_LOOPS = 6
MAX_LOOP_NESTING = 2

# A function that CEL adds later is refused until flows.expressions.cost knows what it costs.
FUNCTIONS = frozenset({
    "_+_", "_-_", "_*_", "_/_", "_%_", "-_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_",
    "_&&_", "_||_", "_?_:_", "_[_]", "@in", "@not_strictly_false", "size", "type", "dyn",
    "int", "uint", "double", "string", "bool", "bytes", "timestamp", "duration",
    "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours",
    "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
    "contains", "startsWith", "endsWith", "matches", "lowerAscii", "upperAscii", "trim",
    "substring", "charAt", "indexOf", "lastIndexOf", "reverse", "split", "join", "replace",
    "format", "strings.quote",
})  # fmt: skip


def check_source(source: str) -> None:
    """Raise ExpressionError unless the source may be compiled."""
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise ExpressionError(
            f"The expression has more than {MAX_SOURCE_CHARACTERS} characters.",
            "Split it into several transform steps, or use a rules table.",
        )
    try:
        source.encode()
    except UnicodeEncodeError:
        raise ExpressionError(
            "The expression contains half a character.", "Type it again."
        ) from None


def check_tree(tree: Node) -> list[Node]:
    """Return the tree's nodes. Raises: ExpressionError, unless it keeps to limits and functions."""
    try:
        nodes = list(walk(tree))
        nesting = _measure_nesting(tree)
    except RecursionError:
        nodes, nesting = [], MAX_LOOP_NESTING + 1
    loops = sum(isinstance(node, Loop) for node in nodes)
    if nesting > MAX_LOOP_NESTING or loops > MAX_LOOPS or len(nodes) > MAX_NODES:
        raise ExpressionError(
            f"The expression is too large: at most {MAX_LOOPS} loops, {MAX_LOOP_NESTING} deep, "
            f"and {MAX_NODES} terms.",
            "Split it into several transform steps.",
        )
    for node in nodes:
        _check_node(node)
    return nodes


def _check_node(node: Node) -> None:
    match node:
        case Call(function) if function not in FUNCTIONS:
            raise ExpressionError(f"There is no function {function}.", "Use another function.")
        case Items(_, message) if message:
            raise ExpressionError(
                f"Values of type {message} cannot be made.", "Write a mapping: {…}."
            )
        case Const(str() | bytes() as text) if len(text) > MAX_LITERAL_CHARACTERS:
            raise ExpressionError(
                f"The expression contains a text of more than {MAX_LITERAL_CHARACTERS} characters.",
                "Pass it as an input.",
            )
        case PathNode(("steps" | "secrets" as root,)):
            raise ExpressionError(
                f"`{root}` is used without a name.",
                f"Name one: {root}.<name>, or has({root}.<name>).",
            )


def _measure_nesting(node: Node) -> int:
    """Return how deep loops are nested."""
    if isinstance(node, Loop):
        return max(_measure_nesting(node.range), 1 + _measure_nesting(node.step))
    return max(map(_measure_nesting, list_children(node)), default=0)
