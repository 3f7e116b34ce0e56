"""Tiny models that tell Japanese, English and French: plain, with a tree of labels, and quantized."""

import subprocess
import sys
from pathlib import Path

TEXTS = {
    "jpn_Jpan": ["これ は 日本語 の 文章 です", "今日 は 天気 が いい です", "本 を 読む の が 好き です"],
    "eng_Latn": ["this is a text in English", "the weather is fine today", "I like to read books"],
    "fra_Latn": ["ceci est un texte en français", "il fait beau aujourd'hui", "j'aime lire des livres"],
}
# Ten threads, for with fewer fastText leaves rows of its matrix as it finds them (its issues 935 and 1061).
CODE = """
import sys, fasttext
lines, folder, loss = sys.argv[1:]
model = fasttext.train_supervised(
    lines, loss=loss, dim=4, bucket=5_000, epoch=30, lr=0.2, thread=10, verbose=0, minn=1, maxn=5)
model.save_model(f"{folder}/{loss}.bin")
model.quantize(input=lines, qnorm=True, retrain=False, cutoff=256, verbose=0)
model.save_model(f"{folder}/{loss}.ftz")
"""
LOSSES = ("softmax", "hs")
NAMES = tuple(f"{loss}.{suffix}" for loss in LOSSES for suffix in ("bin", "ftz"))


def write_models(folder: Path) -> dict[str, Path]:
    """Trained in a process of their own: a second training in one goes wrong."""
    lines = folder / "lines.txt"
    rows = [f"__label__{label} {text} {n}" for n in range(40) for label, texts in TEXTS.items() for text in texts]
    lines.write_text("\n".join(rows) + "\n", encoding="utf-8")
    for loss in LOSSES:
        command = [sys.executable, "-c", CODE, str(lines), str(folder), loss]

        subprocess.run(command, check=True, capture_output=True, timeout=120)
    return {name: folder / name for name in NAMES}
