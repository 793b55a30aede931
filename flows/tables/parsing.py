"""FEEL as trees: the expressions of columns and outputs, and the unary tests of cells."""

from collections.abc import Collection

from flows.tables.errors import FeelError
from flows.tables.functions import CLOCKS, FUNCTIONS
from flows.tables.syntax import (
    Arithmetic,
    Bound,
    Call,
    Choice,
    Comparison,
    Interval,
    ListOf,
    Literal,
    Logic,
    Name,
    Negative,
    Node,
    Path,
    Tests,
    Within,
)
from flows.tables.tokens import Token, read_tokens
from flows.tables.values import TEXTUAL, read_typed

MOST_DEPTH = 25
COMPARISONS = frozenset({"<", "<=", ">", ">=", "=", "!="})
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse_expression(text: str, known: Collection[str] = ()) -> Node:
    """Return the tree of an expression. Raises: FeelError."""
    reader = _Reader(read_tokens(text, known))
    found = reader.read_expression()
    reader.expect_end()
    return found


def parse_tests(text: str, known: Collection[str] = ()) -> Tests:
    """Return what a cell asks; nothing for an empty one and for ``-``. Raises: FeelError."""
    if text.strip() in ("", "-"):
        return Tests(())
    reader = _Reader(read_tokens(text, known))
    found = reader.read_negation() or reader.read_tests()
    reader.expect_end()
    return found


class _Reader:
    """Reads tokens from the first to the last. Each method says what it reads."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> Token | None:
        """Return the next token and go on, if it is one of these signs or keywords."""
        token = self.next
        if token.kind in ("sign", "word") and token.text in texts:
            self.at += 1
            return token
        return None

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.fail(f"Here {text!r} is missing.", "Add it.")

    def expect_end(self) -> None:
        if self.next.kind != "end":
            what = f"{self.next.text!r} is not understood here."
            raise self.fail(what, 'Put text in quotes, and a comma between tests: "car", "home".')

    def fail(self, message: str, remedy: str) -> FeelError:
        return FeelError(message, remedy, self.next.at)

    # --- Tests ---

    def read_negation(self) -> Tests | None:
        """Read ``not(…)`` that is all of a cell; else read nothing."""
        name, sign = self.tokens[0], self.tokens[min(1, len(self.tokens) - 1)]
        if (name.kind, name.text, sign.text) != ("name", "not", "("):
            return None
        self.at = 2
        found = self.read_tests()
        if self.take(")") and self.next.kind == "end":
            return Tests(found.items, negated=True)
        self.at = 0
        return None

    def read_tests(self) -> Tests:
        items = [self.read_test()]
        while self.take(","):
            items.append(self.read_test())
        return Tests(tuple(items))

    def read_test(self) -> Bound | Node:
        if sign := self.take(*COMPARISONS):
            return Bound(sign.text, self.read_sum())
        return self.read_expression()

    # --- Expressions, from what binds least ---

    def read_expression(self) -> Node:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.fail(f"It is nested more than {MOST_DEPTH} deep.", "Make it simpler.")
        found = self.read_choice() if self.take("if") else self.read_or()
        self.depth -= 1
        return found

    def read_choice(self) -> Node:
        condition = self.read_expression()
        self.expect("then")
        then = self.read_expression()
        self.expect("else")
        return Choice(condition, then, self.read_expression())

    def read_or(self) -> Node:
        parts = [self.read_and()]
        while self.take("or"):
            parts.append(self.read_and())
        return parts[0] if len(parts) == 1 else Logic("or", tuple(parts))

    def read_and(self) -> Node:
        parts = [self.read_comparison()]
        while self.take("and"):
            parts.append(self.read_comparison())
        return parts[0] if len(parts) == 1 else Logic("and", tuple(parts))

    def read_comparison(self) -> Node:
        left = self.read_sum()
        if sign := self.take(*COMPARISONS):
            return Comparison(sign.text, left, self.read_sum())
        if self.take("between"):
            low = self.read_sum()
            self.expect("and")
            return Within(left, Tests((Interval(low, self.read_sum(), (True, True)),)))
        if self.take("in"):
            return Within(left, self.read_within())
        return left

    def read_within(self) -> Tests:
        start = self.at
        if self.take("("):
            found = self.read_tests()
            if self.take(")"):
                return found
            self.at = start  # an interval that is open at its start
        return Tests((self.read_test(),))

    def read_sum(self) -> Node:
        found = self.read_product()
        while sign := self.take("+", "-"):
            found = Arithmetic(sign.text, found, self.read_product())
        return found

    def read_product(self) -> Node:
        found = self.read_power()
        while sign := self.take("*", "/"):
            found = Arithmetic(sign.text, found, self.read_power())
        return found

    def read_power(self) -> Node:
        found = self.read_negative()
        while self.take("**"):
            found = Arithmetic("**", found, self.read_negative())
        return found

    def read_negative(self) -> Node:
        if not self.take("-"):
            return self.read_path()
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise self.fail(f"It is nested more than {MOST_DEPTH} deep.", "Make it simpler.")
        found = Negative(self.read_negative())
        self.depth -= 1
        return found

    def read_path(self) -> Node:
        found = self.read_primary()
        while self.take("."):
            if self.next.kind != "name":
                raise self.fail("After a dot stands no name.", "Write the name of a field.")
            found = Path(found, self.read_words())
        if self.next.text == "[" and self.next.kind == "sign" and not isinstance(found, Literal):
            raise self.fail("A filter is not taken in tables.", "Filter in a step before.")
        return found

    def read_primary(self) -> Node:
        token = self.next
        if token.kind in ("number", "string"):
            self.at += 1
            return Literal(token.value)
        if token.kind == "name":
            return self.read_name()
        if self.take("?"):
            return Name("?")
        if found := self.take("true", "false", "null"):
            return Literal(_CONSTANTS[found.text])
        if self.take("@"):
            return self.read_at_literal()
        if self.take("{"):
            self.at -= 1
            raise self.fail("A context is not taken in tables.", "Use one output for each value.")
        return self.read_bracketed()

    def read_at_literal(self) -> Node:
        token = self.next
        found = [
            value for kind in sorted(TEXTUAL)
            if token.kind == "string" and (value := read_typed(token.value, kind)) is not None
        ]  # fmt: skip
        if not found:
            raise self.fail("After @ stands no date, time or duration.", 'Write @"2026-03-31".')
        self.at += 1
        return Literal(found[0])

    def read_name(self) -> Node:
        at, name = self.next.at, self.read_words()
        if not self.take("("):
            return Name(name)
        args = []
        if not self.take(")"):
            args = self.read_items(")")
        function = FUNCTIONS.get(name)
        if function is None:
            raise _refuse_function(name, at)
        if not function.least <= len(args) <= function.most:
            wanted = f"{function.least} to {function.most}"
            wanted = str(function.least) if function.least == function.most else wanted
            raise FeelError(f"{name} takes {wanted} values.", "Give it as many.", at)
        return Call(name, tuple(args))

    def read_words(self) -> str:
        """Read a name of several words, which may end in numbers: nothing else could be meant."""
        words = [self.next.text]
        self.at += 1
        while self.next.kind == "name" or (
            self.next.kind == "number" and "." not in self.next.text
        ):
            words.append(self.next.text)
            self.at += 1
        return " ".join(words)

    def read_items(self, end: str) -> list[Node]:
        items = [self.read_expression()]
        while self.take(","):
            items.append(self.read_expression())
        self.expect(end)
        return items

    def read_bracketed(self) -> Node:
        """Read a list, an interval, or an expression in parentheses."""
        start = self.take("[", "(", "]")
        if start is None:
            what = (
                f"{self.next.text!r} is not understood here."
                if self.next.text
                else "It breaks off."
            )
            raise self.fail(what, 'Write a value, such as 5, "car" or date("2026-03-31").')
        if start.text == "[" and self.take("]"):
            return ListOf(())
        first = self.read_expression()
        if self.take(".."):
            return self.read_interval(start.text, first)
        if start.text == "[":
            items = [first, *(self.read_items("]") if self.take(",") else self._close("]"))]
            return ListOf(tuple(items))
        if start.text == "]":
            raise self.fail("Here '..' is missing.", "Write an interval as ]1..5].")
        self.expect(")")
        return first

    def _close(self, sign: str) -> list[Node]:
        self.expect(sign)
        return []

    def read_interval(self, start: str, low: Node) -> Node:
        high = self.read_sum()
        end = self.take("]", ")", "[")
        if end is None:
            raise self.fail("The interval has no end.", "Close it with ] or ).")
        return Interval(low, high, (start == "[", end.text == "]"))


def _refuse_function(name: str, at: int) -> FeelError:
    if name in CLOCKS:
        return FeelError(
            f"{name} is not taken in tables: the same input must always decide the same.",
            "Give the table the date as an input.", at,
        )  # fmt: skip
    return FeelError(
        f"There is no function {name!r} in tables.",
        "docs/decision-tables.md lists the functions; compute anything else in a step before.", at,
    )  # fmt: skip
