"""Tells why a hit was found: what each word adds to the score, the best sentence, the words that were matched.

Only hits that are shown are explained, each by one more pass through the encoder that found it. The best sentence alone
costs less: a passage's sentences are read once and kept.
"""

from search_app.explain.best import BestSentences
from search_app.explain.explainer import Explainer
from search_app.explain.explanation import Explanation, WordShare
from search_app.explain.html import explanation_html

__all__ = ["BestSentences", "Explainer", "Explanation", "WordShare", "explanation_html"]
