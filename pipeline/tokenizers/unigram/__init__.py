"""Our own counter of SentencePiece Unigram models: a forward Viterbi that keeps counts and no ids."""
