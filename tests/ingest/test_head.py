from ingest.readers.head import HEAD_BYTES, table_head


def test_the_first_rows_are_shown_with_what_their_columns_would_serve_as() -> None:
    head = table_head("notes.csv", b"id;Title;body;year\n1;Cats;cat cat dog;2024\n2;Rain;rain sea;2025\n")
    assert head is not None
    assert head.names == ("id", "Title", "body", "year")
    assert head.rows[1] == {"id": "2", "Title": "Rain", "body": "rain sea", "year": "2025"}
    assert head.guess is not None
    assert str(head.guess) == "notes.csv: text=body id=id title=Title metadata=year"


def test_a_table_whose_text_nobody_can_tell_has_no_guess() -> None:
    head = table_head("a.TSV", b"x\ty\n1\t2\n")
    assert head is not None
    assert (head.names, head.guess) == (("x", "y"), None)


def test_lines_of_json_are_a_table_of_all_their_keys() -> None:
    head = table_head("a.jsonl", b'{"text": "one"}\n\nnot JSON\n{"text": "two", "n": 2}\n')
    assert head is not None
    assert head.names == ("text", "n")
    assert head.rows == ({"text": "one"}, {"text": "two", "n": 2})


def test_a_row_that_the_head_cuts_off_is_left_out() -> None:
    content = b"id,text\n1,cat\n2," + b"x" * HEAD_BYTES
    head = table_head("a.csv", content)
    assert head is not None
    assert head.rows == ({"id": "1", "text": "cat"},)


def test_other_files_and_empty_ones_have_no_head() -> None:
    heads = [table_head("a.pdf", b"%PDF"), table_head("a.csv", b""), table_head("a.csv", b"id,text\n")]
    assert heads == [None, None, None]
    assert table_head("a.jsonl", b"not JSON\n") is None
