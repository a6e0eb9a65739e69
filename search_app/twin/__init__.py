"""The twin encoder: one network that reads documents and queries, and learns from examples.

Importing this package is free; its modules import torch and transformers.
"""
