"""Faults of ours: the visitor gets an id, the log the whole story under it."""

import logging
import secrets

import streamlit as st

_log = logging.getLogger("twinsearch.ui")


def show_fault(error: Exception) -> bool:
    """Notes what went wrong and shows where to find it; True, since the page needs to show nothing else."""
    fault_id = secrets.token_hex(4)
    _log.error("fault %s", fault_id, exc_info=error)
    st.error(f"This went wrong on our side. The log has the reason under {fault_id}.", icon=":material/error:")
    return True
