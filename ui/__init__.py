"""The web page: shows what `search_app` does, and holds no logic of its own."""
