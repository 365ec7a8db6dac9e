"""Wrote the files here, by gensim 4.4: python made_by_gensim.py, in an environment that has it."""

import numpy as np
from gensim.models import FastText, Word2Vec
from gensim.models.fasttext import save_facebook_model

TEXTS = [["the", "cat", "naïve", "東京"], ["the", "dog", "caught"], ["cat", "and", "dog"]] * 5
SMALL = {"vector_size": 4, "min_count": 1, "seed": 1, "workers": 1, "epochs": 1}

words = Word2Vec(TEXTS, **SMALL).wv
words.save_word2vec_format("word2vec.txt", binary=False)
words.save_word2vec_format("word2vec.bin", binary=True)
words.save_word2vec_format("glove.txt", binary=False, write_header=False)
model = FastText(TEXTS, **SMALL, bucket=20, min_n=2, max_n=4)
save_facebook_model(model, "fasttext.bin")
unseen = ["cats", "東京都", "naïveté"]
np.savez(
    "expected.npz",
    words=np.array(words.index_to_key),
    vectors=words.vectors,
    pieced=np.array(model.wv.index_to_key),
    pieced_vectors=model.wv.vectors,
    unseen=np.array(unseen),
    unseen_vectors=np.stack([model.wv[word] for word in unseen]),
)
