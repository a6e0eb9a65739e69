"""Turns files into documents, chunks and vectors.

This package knows text only: it takes the encoder and the sink as two small Protocols, imports neither
torch nor pymilvus, and loads in milliseconds.
"""
