"""Nested dicts, lists and tuples of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def mapped(function: Callable[..., Any], tree: Any, *others: Any, path: str = "") -> Any:
    """A tree of the same structure with `function(path, leaf, ...)` for each leaf; None stays None.

    Parameters
    ----------
    function : callable
    tree : nested dicts, lists and tuples (named ones too)
    *others
        Trees of that structure; their leaves are further arguments.
    path : str
        What the tree is called, for messages; a leaf's path is as in ``params['layers'][0]``.
    """
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {
            key: mapped(function, part, *(other[key] for other in others), path=f"{path}[{key!r}]")
            for key, part in tree.items()
        }
    if isinstance(tree, list | tuple):
        parts = [
            mapped(function, part, *(other[i] for other in others), path=f"{path}[{i}]") for i, part in enumerate(tree)
        ]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return function(path, tree, *others)


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        for part in tree:
            yield from leaves(part)
    elif tree is not None:
        yield tree
