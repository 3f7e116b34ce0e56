"""Wrong run files, and wrong files that they name: told before anything is read, all at once, with their lines."""

import re
from pathlib import Path

import pytest

from prep.pipeline.cli import main
from tests.nasty import good, nasty_run, refusal
from tests.tiny import tiny_run


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"tokenizer\.json: No such file or directory; a tokenizer is"),
        (b"", r"tokenizer\.json: the file is empty"),
        (b"{}", r"tokenizer\.json: JSON of another kind: .*give the tokenizer"),
        (b"\x00\xff garbage", r"tokenizer\.json: .*save or download the tokenizer again"),
    ],
)
def test_a_wrong_tokenizer_is_told_before_anything_is_read(content: bytes | None, said: str, tmp_path: Path) -> None:
    config = nasty_run(tmp_path, {"s": good(tmp_path / "a.jsonl")})
    path = tmp_path / "tok" / "tokenizer.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert re.search(said, refusal(config))
    assert not [*tmp_path.glob("out/ingest/*")]


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_a_wrong_model_is_told_before_anything_is_read(content: bytes | None, tmp_path: Path) -> None:
    model = tmp_path / "model.bin"
    if content is not None:
        model.write_bytes(content)
    config = nasty_run(
        tmp_path,
        {"s": good(tmp_path / "a.jsonl")},
        quality={"model": {"en": str(model)}, "keep": {"en": {"pareto": 3}}},
    )
    assert re.search(r"model\.bin: .*name a", refusal(config, "export"))
    assert not [*tmp_path.glob("out/ingest/*")]


GOOD_RUN = """\
out: {folder}/out
budget: {{tokens: 1000}}
tokenizers: {{tiny: {folder}/tok.json}}
sources:
  s: {{path: {folder}/a.jsonl, language: en, kind: web}}
mix: {{shares: {{en: 100%}}}}
"""
# What is done to it, and where and how each mistake is told.
MISTAKES: dict[str, tuple[list[tuple[str, str]], list[str]]] = {
    "empty": ([(GOOD_RUN, "")], [r"run\.yaml: empty; `prep init`"]),
    "no mapping": ([(GOOD_RUN, "- a\n")], [r":1:1: .*where a mapping belongs"]),
    "no YAML": ([("mix: {{", "mix: [{{")], [r"run\.yaml:\d+:\d+: "]),
    "unknown key": ([("budget:", "seeed: 3\nbudget:")], [r":2:1: seeed: .*seed"]),
    "three at once": (
        [("seed", "seed"), ("tokens: 1000", "tokens: many"), ("kind: web", "kynd: web"), ("100%", "300%")],
        [r":2:\d+: budget\.tokens: 'many'", r":5:\d+: sources\.s\.kynd: ", r":6:\d+: mix\.shares"],
    ),
    "twice": ([("budget:", "budget: {{tokens: 1}}\nbudget:")], [r":3:1: budget: "]),
    "no source": ([("  s: {{path: {folder}/a.jsonl, language: en, kind: web}}\n", "")], [r":4:\d+: sources: "]),
    "no path": ([("path: {folder}/a.jsonl, ", "")], [r":5:\d+: sources\.s: .*path"]),
    "a wrong language": ([("language: en", "language: English")], [r":5:\d+: sources\.s\.language: 'English'"]),
    "a wrong share": (
        [("{{en: 100%}}", "{{en: 60%, ja: 60%}}")],
        [r":6:7: mix\.shares: shares sum", r":6:25: mix\.shares\.ja"],
    ),
    "an unknown edit": ([("kind: web", "kind: web, edits: [nfkd]")], [r":5:\d+: sources\.s\.edits.*nfkc"]),
    "an unknown tokenizer": ([("tokens: 1000", "tokens: 1000, in: teeny")], [r":2:\d+: budget\.in: .*tiny"]),
    "a wrong name": ([("  s: ", "  ../s: ")], [r":5:\d+: sources\..*'\.\./s'"]),
    "bytes": ([("kind: web", "kind: w\udcffb")], [r":5: not UTF-8 \(byte 0xFF"]),
    "a control character": ([("kind: web", "kind: w\x07b")], [r":5:\d+: "]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_all_mistakes_of_a_run_file_are_told_with_their_lines(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    changes, told = MISTAKES[name]
    text = GOOD_RUN
    for before, after in changes:
        text = text.replace(before, after)
    path = tmp_path / "run.yaml"
    path.write_bytes(text.format(folder=tmp_path).encode("utf-8", "surrogateescape"))
    monkeypatch.setattr("sys.argv", ["prep", "run", str(path)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capfd.readouterr().err
    assert end.value.code == 2
    assert said.startswith(f"prep: {path}")
    assert "Traceback" not in said
    assert len(said.splitlines()) == len(told)
    for line, pattern in zip(said.splitlines(), told, strict=True):
        assert re.search(pattern, line)
        assert str(path) in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nothing.yaml"], r"nothing\.yaml: no such file; `prep init` writes"),
        (["run", "."], r"\.: is a folder; name the run file"),
        (["run", "run.yaml", "--memory", "lots"], r"--memory: "),
        (["run", "run.yaml", "--memory", "1KB"], r"Out of Memory.*more --memory"),
    ],
)
def test_wrong_arguments_are_said(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["prep", *arguments, "-j", "1"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (1, 2)
    assert re.search(f"(^|\n)prep: {said}", capfd.readouterr().err)
