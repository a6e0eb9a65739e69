import io

import pytest

from ingest.errors import ReadError, TooLarge
from ingest.limits import Limits
from ingest.readers.decoding import encoding_of, read_text
from ingest.readers.found import Opened

PROSE = "Füße über Öl: Die Prüfung der Größe läuft täglich, früh am Morgen und spät am Abend. " * 20


def opened(content: bytes, limits: Limits | None = None) -> Opened:
    return Opened("docs/a.txt", "/docs/a.txt", io.BytesIO(content), limits=limits or Limits())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_files_are_read_with_and_without_a_mark(encoding: str) -> None:
    assert read_text(opened("Füße 漢字 🙂".encode(encoding))) == "Füße 漢字 🙂"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_told_by_its_nul_bytes(encoding: str) -> None:
    assert read_text(opened("Füße\n".encode(encoding))) == "Füße\n"


@pytest.mark.parametrize("before", ["", "plain " * 400_000], ids=["at once", "after two megabytes of ASCII"])
def test_a_legacy_encoding_is_guessed_from_where_it_shows(before: str) -> None:
    assert read_text(opened((before + PROSE).encode("latin-1"))) == before + PROSE


SENTENCES = [
    ("cp1252", "Größe"),
    ("cp1252", "25 °C, 100 €"),
    ("cp1252", "It’s £5 — that’s “cheap”, said Zoë"),
    ("cp1252", "¿Cómo te llamas?"),
    ("cp1252", "Ça va très bien, merci. L’élève est déjà là."),
    ("cp1252", "El niño come piñas en la montaña."),
    ("cp1252", "São Paulo é uma cidade muito grande."),
    ("cp1252", "Smörgåsbord på svenska"),
    ("cp1252", "Jeg har købt en ny båd på øen."),
    ("cp1252", "Perché la città è così bella?"),
    ("cp1252", "Übergröße für Männer, façade, crème brûlée, São João, niño"),
    ("iso8859-15", "100 € pro Stück"),
    ("cp1250", "Żółta łódź płynie powoli po jeziorze."),
    ("cp1250", "Děti šly do školy, zítra přijde pan ředitel."),
    ("cp1250", "Az árvíztűrő tükörfúrógép működik."),
    ("iso8859-2", "Děti šly do školy, zítra přijde pan ředitel."),
    ("cp1254", "Lütfen cihazı açmadan önce hortumun uzunluğunu kontrol edin."),
    ("cp1257", "Lūdzu, pārbaudiet šļūtenes garumu."),
    ("cp850", "Prüfen Sie die Größe der Schläuche."),
    ("mac-roman", "Prüfen Sie die Größe der Schläuche im Café."),
    ("cp1251", "Привет, как дела? Это проверка."),
    ("cp932", "これは日本語のテストです。"),
]


@pytest.mark.parametrize(("encoding", "text"), SENTENCES)
def test_an_old_encoding_is_told_from_a_sentence(encoding: str, text: str) -> None:
    assert read_text(opened(text.encode(encoding))) == text


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_wrong_byte_in_a_utf8_file_costs_itself_and_no_other_letter(mark: str) -> None:
    damaged = (mark + PROSE).encode() + b"\xe9" + PROSE.encode()[:-1] + "ö".encode()[:1]
    assert read_text(opened(damaged)) == f"{PROSE}\ufffd{PROSE[:-1]}\ufffd"


def test_a_character_across_a_block_edge_is_still_utf8() -> None:
    assert encoding_of(opened(b"x" * ((1 << 20) - 1) + "é".encode())) == "utf-8"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PNG\x00\x01\x02", "'docs/a.txt' holds NUL bytes, so it isn't text. Convert it to text first."),
        (
            "text".encode("utf-16") + b"\x00",
            "'docs/a.txt' looks like utf-16 but isn't throughout. Save it as UTF-8 and try again.",
        ),
    ],
)
def test_what_is_not_text_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_text(opened(content))
    assert str(caught.value) == sentence


def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge) as caught:
        read_text(opened(b"x" * 11, Limits(characters=10)))
    assert str(caught.value) == ("'docs/a.txt' has more than 10 characters. Split it, or raise the limit `characters`.")
