"""How far people agree, and what they contradict each other on."""

import streamlit as st

from search_app.agreement import Agreement, PairAgreement
from search_app.app import SearchApp
from ui.components.figures import counted

_CONFLICTS_SHOWN = 200


def show_agreement(app: SearchApp, collection: str) -> None:
    """The pairs of people and the contradictions; nothing where nobody judged what another did."""
    found = app.agreement(collection)
    if not found.pairs:
        return
    with st.expander(f"Agreement · {headline(found)}", type="compact"):
        st.dataframe([pair_row(one) for one in found.pairs], hide_index=True)
        st.caption(
            "Kappa (Cohen's) is agreement beyond chance: 1 is full, 0 is what chance gives. Above 0.6 is usually "
            "called good. The lower of two middle grades counts where people differ."
        )
        if found.conflicts:
            st.markdown("**Contradictions**, two grades apart or more")
            rows = [
                {
                    "query": one.query,
                    "document": one.document_id,
                    "grades": ", ".join(f"{person} {grade}" for person, grade in one.grades),
                }
                for one in found.conflicts[:_CONFLICTS_SHOWN]
            ]
            st.dataframe(rows, hide_index=True)


def headline(found: Agreement) -> str:
    """For example "2 pairs of people, 1 contradiction"."""
    people = counted(len(found.pairs), "pair of people", "pairs of people")
    return f"{people}, {counted(len(found.conflicts), 'contradiction')}"


def pair_row(one: PairAgreement) -> dict[str, str | int]:
    """Two people for a table."""
    return {
        "person": one.first,
        "and": one.second,
        "judged by both": one.shared_count,
        "same grade": f"{one.equal_share:.0%}",
        "kappa": "–" if one.kappa is None else f"{one.kappa:.2f}",
    }
