"""Settings as text: `media.drop,app=telegram,p=0.3`, `ge,loss=0.05`.

Rules and backgrounds declare their settings with `Setting`. A name or key that does not exist, or a value out of range,
raises `UsageError` with one sentence that lists what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from talkpath.errors import UsageError, in_place_of

Value = float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One key. Numbers lie in [low, high]; words are one of `choices`; `whole` allows whole numbers only.

    `default` None means "not set": the rule works without it. `drawn` is the range from which a run draws a value that
    was not given (backgrounds).
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
        """Parses and checks a value; `UsageError` where it is not allowed."""
        if self.choices:
            if text in self.choices:
                return text
            raise UsageError(f"{where}: {self.name} is one of {', '.join(self.choices)}.")
        with in_place_of(ValueError, UsageError(f"{where}: {self.name} is a number ({self.unit}), not {text!r}.")):
            number = float(text)
        if not self.low <= number <= self.high or (self.whole and number != int(number)):
            kind = "a whole number" if self.whole else "a number"
            raise UsageError(f"{where}: {self.name} is {kind} between {self.low:g} and {self.high:g} ({self.unit}).")
        return number

    def draw(self, rng: Random) -> Value | None:
        """The value of a run where none was given."""
        if self.drawn is None:
            return self.default
        number = rng.uniform(*self.drawn)
        return float(round(number)) if self.whole else number


def split_settings(text: str, what: str) -> tuple[str, dict[str, str]]:
    """Splits `name,key=value,...` into the name and its values; `UsageError` where it has another form."""
    name, *pairs = (part.strip() for part in text.split(","))
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key or not value:
            raise UsageError(f"The {what} {name!r} takes key=value after commas, not {pair!r}.")
        if key in values:
            raise UsageError(f"The {what} {name!r} has {key} twice.")
        values[key] = value
    return name, values


def known_name(name: str, names: Iterable[str], what: str) -> str:
    """Returns `name` if it is one of `names`; else `UsageError` lists them."""
    valid = list(names)
    if name not in valid:
        raise UsageError(f"There is no {what} {name!r}; there are: {', '.join(valid)}.")
    return name


def read_settings(given: Mapping[str, str], parameters: Sequence[Setting], where: str) -> dict[str, Value]:
    """Parses and checks all given values. `UsageError` names a key that does not exist."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for key in given:
        if key not in by_name:
            raise UsageError(f"{where} has no {key!r}; it takes: {', '.join(by_name) or 'nothing'}.")
    return {key: by_name[key].read(text, where) for key, text in given.items()}


def text_of(name: str, values: Mapping[str, Value]) -> str:
    """Writes a name and its values as text again."""
    parts = (f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in values.items())
    return ",".join((name, *parts))
