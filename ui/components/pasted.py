"""A table that is pasted as text, as if it were a file that was uploaded."""

import hashlib
from dataclasses import dataclass

import streamlit as st

EXAMPLE = """id,title,text,topic
1,Opening hours,"We are open from nine to six, and until eight on Thursdays.",visiting
2,Lost property,"What was left behind is kept at the desk for four weeks.",visiting
3,Group tickets,"Groups of ten or more pay two thirds of the price; ask a week before.",tickets
4,Refunds,"A ticket is refunded up to a day before the visit.",tickets
"""
_KEY = "pasted"
_MOST_CHARACTERS = 2_000_000


@dataclass(frozen=True, slots=True)
class Pasted:
    """The text as an upload; its name tells the format, and differs where the text does."""

    text: str

    @property
    def name(self) -> str:
        """For example "pasted-0f3c2a1b.csv"; tabs, as spreadsheets copy them, make it a TSV."""
        header = self.text.lstrip().partition("\n")[0]
        return f"pasted-{hashlib.sha256(self._content).hexdigest()[:8]}.{'tsv' if chr(9) in header else 'csv'}"

    def getbuffer(self) -> memoryview:
        """The bytes."""
        return memoryview(self._content)

    @property
    def _content(self) -> bytes:
        return f"{self.text.strip()}\n".encode("utf-8", "replace")


def ask_pasted() -> list[Pasted]:
    """What was pasted, if anything was."""
    text = st.text_area(
        "Table",
        key=_KEY,
        height=180,
        max_chars=_MOST_CHARACTERS,
        placeholder="Paste rows from a spreadsheet, or CSV. The first row names the columns.",
        label_visibility="collapsed",
    )
    if not text:
        st.button("Fill in an example", type="tertiary", icon=":material/lightbulb:", on_click=_fill_in)
    return [Pasted(text)] if text.strip() else []


def _fill_in() -> None:
    st.session_state[_KEY] = EXAMPLE
