"""Settings written as text: `media.drop,app=telegram,p=0.3`, `ge,loss=0.05`.

A rule and a background each declare their parameters here; whoever writes a name or a key that does not exist, or a
value out of range, gets one sentence that lists what does exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from talkpath.errors import UsageError

Value = float | str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key. Numbers lie in [low, high]; words are one of `choices`. `whole` numbers only, if set.

    `default` None means "not set" (the rule then does without). `drawn` is the range that a run draws from when the
    key is not given (backgrounds).
    """

    name: str
    unit: str
    meaning: str
    default: Value | None = None
    low: float = 0.0
    high: float = 1.0
    whole: bool = False
    choices: tuple[str, ...] = ()
    drawn: tuple[float, float] | None = None

    def read(self, text: str, where: str) -> Value:
        """The value that `text` stands for, or `UsageError`."""
        if self.choices:
            if text in self.choices:
                return text
            raise UsageError(f"{where}: {self.name} is one of {', '.join(self.choices)}.")
        try:
            number = float(text)
        except ValueError:
            raise UsageError(f"{where}: {self.name} is a number ({self.unit}), not {text!r}.") from None
        if not self.low <= number <= self.high or (self.whole and number != int(number)):
            kind = "a whole number" if self.whole else "a number"
            raise UsageError(f"{where}: {self.name} is {kind} between {self.low:g} and {self.high:g} ({self.unit}).")
        return number

    def draw(self, rng: Random) -> Value | None:
        """A value where none was given."""
        if self.drawn is None:
            return self.default
        number = rng.uniform(*self.drawn)
        return float(round(number)) if self.whole else number


def split(text: str, what: str) -> tuple[str, dict[str, str]]:
    """(name, keys) of one setting; `UsageError` where it is not `name,key=value,...`."""
    name, *pairs = (part.strip() for part in text.split(","))
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key or not value:
            raise UsageError(f"The {what} {name!r} takes key=value after commas, not {pair!r}.")
        if key in found:
            raise UsageError(f"The {what} {name!r} has {key} twice.")
        found[key] = value
    return name, found


def known(name: str, names: Iterable[str], what: str) -> str:
    """`name` if it is one of `names`, else `UsageError` with all of them."""
    valid = list(names)
    if name not in valid:
        raise UsageError(f"There is no {what} {name!r}; there are: {', '.join(valid)}.")
    return name


def read(given: Mapping[str, str], parameters: Sequence[Parameter], where: str) -> dict[str, Value]:
    """The values given, checked. Keys that `parameters` lack are refused by name."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for key in given:
        if key not in by_name:
            raise UsageError(f"{where} has no {key!r}; it takes: {', '.join(by_name) or 'nothing'}.")
    return {key: by_name[key].read(text, where) for key, text in given.items()}


def text_of(name: str, values: Mapping[str, Value]) -> str:
    """The setting as text again."""
    parts = (f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in values.items())
    return ",".join((name, *parts))
