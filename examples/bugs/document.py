"""A document with a revision, which its readers are told of."""

from __future__ import annotations

from attrs import define
from typing_extensions import override

from pyactor import Actor, Event, action, hook


@define
class DocumentState:
    """The text, and how often it was changed."""

    text: str = ""
    revision: int = 0


class Document(Actor[DocumentState]):
    """Counts its revisions."""

    revised = Event[int]()

    @hook
    def on_state_change(self, state: DocumentState) -> None:
        """Count the change, and tell of it."""
        state.revision += 1
        self.revised.broadcast(state.revision)

    @action
    def write(self, text: str) -> int:
        """Replace the text; the revision."""
        self.state.text = text
        return self.state.revision


class FixedDocument(Document):
    """The same document."""

    @hook
    def on_state_change(self, state: DocumentState) -> None:
        """Tell of the change."""
        self.revised.broadcast(state.revision)

    @action
    @override
    def write(self, text: str) -> int:
        """Replace the text; the revision."""
        if text != self.state.text:
            self.state.text = text
            self.state.revision += 1
        return self.state.revision
