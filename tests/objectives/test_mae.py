import pytest
import torch
from torch import Tensor, nn

from ilk.encoders import patchify
from ilk.encoders.convnet import ConvNet
from ilk.encoders.vit import ViT
from ilk.errors import OptionError
from ilk.objectives.mae import MAE


def small(**options: object) -> MAE:
    torch.manual_seed(0)
    vit = ViT(1, 16, 12, 4, width=32, depth=2, heads=2)  # 16 patches
    return MAE(vit, decoder_width=16, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("normalised", [True, False])
def test_the_loss_is_that_of_transformers_with_the_same_weights(normalised: bool) -> None:
    transformers = pytest.importorskip("transformers", minversion="5")
    from tests.encoders.test_reference import random

    config = transformers.ViTMAEConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128, image_size=16,
        patch_size=4, num_channels=3, layer_norm_eps=1e-6, norm_pix_loss=normalised, decoder_hidden_size=32,
        decoder_num_hidden_layers=1, decoder_num_attention_heads=2, decoder_intermediate_size=128,
    )  # fmt: skip
    theirs = random(transformers.ViTMAEForPreTraining(config))
    vit = ViT(3, 16, 32, 4, width=32, depth=2, heads=4)
    ours = MAE(vit, channels=3, normalised=normalised, decoder_width=32, decoder_depth=1, decoder_heads=2)
    copy(theirs, ours)
    x, noise = torch.randn(5, 3, 16, 16), torch.rand(5, 16)
    with torch.no_grad():
        expected = theirs(x, noise=noise).loss
        loss = ours.eval().loss(x, noise.argsort(1), progress=0)["painting"]
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    assert expected > 1.5  # the paint matters


def copy(theirs: nn.Module, ours: MAE) -> None:
    from tests.encoders.test_reference import load, vit_weights

    weights: dict[str, Tensor] = theirs.state_dict()
    encoder = {k.removeprefix("vit."): v for k, v in weights.items() if k.startswith("vit.")}
    decoder = {k.removeprefix("decoder.decoder_"): v for k, v in weights.items() if k.startswith("decoder.")}
    load(ours.encoder, dict(vit_weights(encoder, 2)))
    embeddings = {k: v for k, v in encoder.items() if k.startswith("embeddings")}
    layers = {
        k.replace("norm.", "layernorm.", 1) if k.startswith("norm.") else k: v for k, v in decoder.items()
    }
    state = {k: v for k, v in vit_weights(embeddings | layers, 1) if k.startswith(("blocks", "norm"))}
    place = decoder["pos_embed"][0]  # (1 + P, W)
    state |= {"place": place[1:], "mask": weights["decoder.mask_token"][0, 0]}
    for name in ("whole", "embed"):  # their CLS token is our vector
        state |= {f"{name}.{kind}": decoder[f"embed.{kind}"] for kind in ("weight", "bias")}
    state["whole.bias"] = state["whole.bias"] + place[0]
    for kind in ("weight", "bias"):  # they count pixels, then channels
        state[f"paint.{kind}"] = decoder[f"pred.{kind}"].unflatten(0, (16, 3)).transpose(0, 1).flatten(0, 1)
    _, unexpected = ours.load_state_dict(state, strict=False)
    assert unexpected == []


def test_a_patch_is_painted_in_its_own_units() -> None:
    """By hand: 0, 1, 2, ..., 15 have mean 7.5 and variance 16 * 17 / 12; an even patch is all 0."""
    x = torch.zeros(1, 1, 16, 16)
    x[0, 0, :4, :4] = torch.arange(16.0).view(4, 4) * 3 + 100
    objective = small().eval()
    truth = objective.truth(x)  # (1, 16, 16)
    expected = (torch.arange(16.0) - 7.5) / (16 * 17 / 12) ** 0.5
    torch.testing.assert_close(truth[0, 0], expected, rtol=1e-5, atol=1e-5)
    assert not truth[0, 1:].any()
    torch.testing.assert_close(small(normalised=False).eval().truth(x), patchify(x, 4))


def test_the_loss_is_of_hidden_patches_alone_and_they_are_hidden() -> None:
    objective = small().eval()
    x, order = objective.views(torch.rand(6, 1, 16, 16))
    assert objective.seen == 4  # of 16
    assert torch.equal(order.sort(1).values, torch.arange(16).expand(6, 16))

    def guess(x: Tensor) -> Tensor:
        return objective.painted(objective.encoder.tokens(x, keep=order[:, :4]), order)

    seen, hidden = (torch.zeros(6, 16).scatter(1, some, 1.0).bool() for some in (order[:, :4], order[:, 4:]))
    patches = x.view(6, 1, 4, 4, 4, 4).transpose(3, 4)  # (B, C, h, w, 4, 4), shares no memory
    for which, changes in ((hidden, False), (seen, True)):
        other = (patches + which.view(6, 1, 4, 4, 1, 1)).transpose(3, 4).reshape(x.shape)
        assert torch.equal(guess(other), guess(x)) is not changes
    truth = objective.truth(x)[hidden].view(6, 4 * 3, -1)  # in the order of the picture, not of `order`
    ours = guess(x).gather(1, order[:, 4:].argsort(1)[..., None].expand(truth.shape))
    assert objective.loss(x, order, progress=0)["painting"].item() == pytest.approx(
        (ours - truth).square().mean().item(), rel=1e-5
    )


def test_all_pictures_faint_or_bright_cost_the_same() -> None:
    x = torch.rand(8, 1, 16, 16)
    losses = []
    for scale in (1.0, 1e-4, 500.0):
        objective = small()
        _, order = objective.views(x)
        losses.append(objective.loss(x * scale, order, progress=0)["painting"].item())
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-3)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(OptionError, match="ConvNet knows none\nGive an encoder that does: --encoder vit"):
        MAE(ConvNet())  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"masked is 1.0, of 16 patches\nGive a share between 0 and 1"):
        small(masked=1.0)
    with pytest.raises(OptionError, match=r"of 1 patches\n.*smaller than the picture"):
        MAE(ViT(1, 8, patch=8, width=8, depth=1, heads=2))
