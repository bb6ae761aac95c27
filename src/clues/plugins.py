"""What other packages bring along: objects found by entry point, imported only when asked for by name, and extras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TypeVar

from clues.errors import MissingExtraError, SettingError

T = TypeVar("T")
EXTRAS: Mapping[str, Sequence[str]] = {
    "federated": ("flwr", "ray", "psutil"),
    "answers": ("rouge_score", "sacrebleu"),
    "judge": ("openai",),
    "knowledge": ("lm_eval",),
    "report": ("altair", "vl_convert"),
}
"""What `pip install clues[<name>]` adds -> the modules that come with it; pyproject.toml says of which packages."""


def missing(extra: str) -> list[str]:
    """Modules of an extra that are not installed; nothing is imported."""
    return [module for module in EXTRAS[extra] if find_spec(module) is None]


def require(extra: str) -> None:
    """Raises MissingExtraError unless all of an extra is installed: called before anything costly begins."""
    if gone := missing(extra):
        raise MissingExtraError(f"{', '.join(gone)}: not installed, and needed here: pip install 'clues[{extra}]'")


def find(group: str, name: str, ours: Mapping[str, T], kind: type[T], also: Sequence[str] = ()) -> T:
    """The object called `name`: one of ours, or that of an installed package.

    Args:
        group: of entry points: `clues.scorers` or `clues.criteria`.
        ours: name -> what clues brings itself.
        kind: what an entry point must be; its own `name` must be the entry point's.
        also: names to list in an error, of what is found in another way.

    Raises SettingError for a name that nobody has, with all there are; for one that several have; and for an entry
    point that cannot be imported or is something else.
    """
    noun, points = kind.__name__.lower(), entry_points(group=group)
    found = points.select(name=name)
    if len(found) + (name in ours) > 1:
        sources = ["clues"] * (name in ours) + [_origin(point) for point in found]
        raise SettingError(
            f"{len(sources)} packages have a {noun} {name!r}: {', '.join(sources)}; uninstall all but one"
        )
    if name in ours:
        return ours[name]
    if not found:
        raise SettingError(f"there is no {noun} {name!r}; there are {', '.join(sorted({*ours, *points.names, *also}))}")
    (point,) = found
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise SettingError(f"{noun} {name!r} of {_origin(point)} cannot be imported: {error}") from error
    if not isinstance(loaded, kind):
        raise SettingError(
            f"{noun} {name!r} of {_origin(point)} is a {type(loaded).__name__}; a clues {kind.__name__} is needed"
        )
    if getattr(loaded, "name", None) != name:
        raise SettingError(
            f"{noun} {name!r} of {_origin(point)} calls itself {getattr(loaded, 'name', None)!r}: make the names one"
        )
    return loaded


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} ({point.value})" if point.dist else point.value
