"""Which actors a host serves: name -> definition."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..definition import Actor, ActorDefinition, definition_of
from ..errors import ActorNotRegistered


class Registry:
    """The actor classes of one application, by the names that clients use.

    Args:
        actors: The classes to serve.

    Raises:
        DefinitionError: a class has mistakes that show only now that every name is defined.
        ValueError: two classes have one name.
    """

    def __init__(self, *actors: type[Actor[Any, Any, Any, Any]]) -> None:
        definitions: dict[str, ActorDefinition] = {}
        for actor in actors:
            definition = definition_of(actor)
            other = definitions.get(definition.name)
            if other is not None:
                raise ValueError(
                    f"two actors are named {definition.name!r}: {other.cls.__qualname__} and "
                    f"{actor.__qualname__}; give one of them another name="
                )
            definitions[definition.name] = definition
        self.definitions: Mapping[str, ActorDefinition] = MappingProxyType(definitions)

    def definition(self, name: str) -> ActorDefinition:
        """The definition of that name.

        Raises:
            ActorNotRegistered: there is none.
        """
        definition = self.definitions.get(name)
        if definition is None:
            known = ", ".join(self.definitions) or "none"
            raise ActorNotRegistered(f"no actor is named {name!r} (actors: {known})")
        return definition
