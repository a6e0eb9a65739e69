"""Tells in which old encoding a text in Latin script is, by the letters that its language has.

Such texts are ASCII but for a few letters in each word, and the same byte is another letter in each encoding: ñ or ń,
å or ĺ. In the right one nearly all of them belong to one language; in the others they belong to several, or are signs
in the middle of words. Of encodings that fit equally the more common one counts.
"""

import re
from collections import Counter
from collections.abc import Sequence

_WEST = (
    "äöüß",  # German
    "àâæçèéêëîïôœùûüÿ",  # French
    "áéíñóúü¿¡",  # Spanish
    "àáâãçéêíóôõúü",  # Portuguese
    "àèéìíîòóùú",  # Italian
    "àçèéíïñòóúü",  # Catalan
    "åäéö",  # Swedish, Finnish
    "åæéøòóô",  # Danish, Norwegian
    "áèéëïóöü",  # Dutch
    "áæéíðóöúýþ",  # Icelandic
)
_CENTRE = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "âăîşţ",  # Romanian
    "ćčđšž",  # Croatian, Slovene
)
_TURKISH = ("âçğîıİöşüû",)
_BALTIC = ("āčēģīķļņšūž", "ąčėęįšūųž", "äõöüšž")  # Latvian, Lithuanian, Estonian
_LANGUAGES = {
    "cp1252": _WEST,
    "iso8859-15": _WEST,
    "cp1250": _CENTRE,
    "cp1254": _TURKISH,
    "cp1257": _BALTIC,
    "iso8859-2": _CENTRE,
}
_BEFORE_WINDOWS = {"cp850": _WEST, "mac-roman": _WEST}
_MIXED = {encoding: ("".join(languages),) for encoding, languages in _LANGUAGES.items()}  # of several languages
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_BEYOND = re.compile(r"[^\x00-\x7f]")
_WITHIN = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f\w’–—…·\xa0\xad](?=[^\W\d_])")  # a sign between two letters
_SIGNS = frozenset("\xa0\xad¡¢£¥§©ª«®°±²³´µ·¹º»¼½¾¿×÷€‚„…†‡‰‹‘’“”•–—›™")
_MOST_OF_A_WORD = 0.6  # bytes beyond ASCII: other scripts have hardly another in a word
_LEAST_FIT = 0.7  # of the letters: names and quotations come from other languages


def latin_encoding_of(sample: bytes) -> str | None:
    """The encoding of a text in Latin script; None for another script, or where none fits."""
    words = [word for word in _WORD.findall(sample) if len(word) > 1]
    beyond = sum(byte > 0x7F for word in words for byte in word)
    if beyond > _MOST_OF_A_WORD * sum(map(len, words)):
        return None
    for group in (_LANGUAGES, _BEFORE_WINDOWS, _MIXED):
        fits = {encoding: _fit(sample, encoding, languages) for encoding, languages in group.items()}
        if fits.get("cp1252") == (1.0, 0):
            return "cp1252"  # no letters, only signs such as ’ and £, which are letters elsewhere
        best = max(fits, key=lambda encoding: fits[encoding])  # the first of those that are alike
        if fits[best][0] >= _LEAST_FIT:
            return best
    return None


def _fit(sample: bytes, encoding: str, languages: Sequence[str]) -> tuple[float, int]:
    """Which share of what is beyond ASCII the encoding explains, and how many letters that are."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return 0.0, 0
    within = len(_WITHIN.findall(text))
    signs = Counter(_BEYOND.findall(text))
    known = [sum(count for sign, count in signs.items() if _is_in(sign, own)) for own in languages]
    neutral = sum(count for sign, count in signs.items() if sign in _SIGNS) - within
    return (max(known) + neutral) / signs.total(), max(known)


def _is_in(sign: str, letters: str) -> bool:
    return sign in letters or sign.lower() in letters
