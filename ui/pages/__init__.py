"""One script a page, run by Streamlit: widgets, one call to `SearchApp`, show."""
