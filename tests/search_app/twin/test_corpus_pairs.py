from search_app.twin.corpus_pairs import CorpusText, sentence_pairs, title_pairs
from search_app.twin.examples import query_positive

COPY = "Copies the file with its metadata. Returns the path of the new file! Follows links unless told otherwise."


def test_a_title_and_its_last_heading_ask_for_the_text_below() -> None:
    texts = [
        CorpusText("shutil.copy2", COPY),
        CorpusText("shutil", COPY, ("Files", "Copying")),
        CorpusText("", COPY),
        CorpusText("short", "Too short."),
    ]
    expected = [query_positive("shutil.copy2", COPY), query_positive("shutil Copying", COPY)]
    assert list(title_pairs(texts)) == expected


def test_a_sentence_asks_for_its_surroundings_without_itself() -> None:
    (pair,) = sentence_pairs([CorpusText("shutil.copy2", COPY)])
    query, passage = pair.texts
    sentences = COPY.replace("! ", "!. ").split(". ")
    assert query.rstrip(".") in [sentence.rstrip(".") for sentence in sentences]
    assert passage.startswith("shutil.copy2 ")
    assert sorted(f"{passage.removeprefix('shutil.copy2 ')} {query}".split()) == sorted(COPY.split())
    assert query not in passage


def test_the_sentence_depends_on_the_seed_and_the_text_alone() -> None:
    texts = [CorpusText("a", COPY), CorpusText("b", COPY + " One more sentence stands here.")]
    assert list(sentence_pairs(texts, seed=4)) == list(sentence_pairs(texts, seed=4))
    queries = {next(sentence_pairs(texts, seed=seed)).texts[0] for seed in range(20)}
    assert len(queries) == 3


def test_a_text_of_one_sentence_gives_no_pair() -> None:
    assert list(sentence_pairs([CorpusText("a", COPY.split("!")[0].split(". ")[0])])) == []
