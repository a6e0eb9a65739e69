"""Four buttons for a judgement, 0 to 3; on the first card of a page the keys 0 to 3 do the same."""

from collections.abc import Callable

import streamlit as st

from search_app.feedback import GRADES


def grade_buttons(key: str, on_grade: Callable[[int], None], *, held: int | None, has_keys: bool) -> None:
    """A button a grade; the one that was given is filled.

    Args:
        key: What tells these buttons from others.
        on_grade: Called with the grade that was clicked.
        held: The grade that was given before.
        has_keys: Whether the keys 0 to 3 press them.
    """
    with st.container(horizontal=True, gap="xsmall"):
        for grade, meaning in GRADES.items():
            st.button(
                meaning if has_keys else f"{grade} · {meaning}",  # a button tells its key by itself
                key=f"{key}-{grade}",
                type="primary" if grade == held else "secondary",
                on_click=on_grade,
                args=(grade,),
                shortcut=str(grade) if has_keys else None,
            )
