import json
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from safetensors.torch import load_file, save_file

from taskorder.errors import MissingData
from taskorder.harness.model.encoders import (
    Tuning,
    backbone_digest,
    language_head,
    read_encoder,
    read_tokenizer,
)

OPTIONS = {"rank": 2, "alpha": 4, "tokens": 3}
FAMILIES = ("bert", "roberta", "xlm-roberta", "xlnet")
IDS = torch.tensor([[0, 20, 21, 22, 2, 1], [0, 23, 24, 25, 26, 2]])
type Backbone = Callable[[str], Path]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_gives_what_transformers_gives(family: str, backbone: Backbone) -> None:
    from transformers import AutoModel

    encoder = read_encoder(str(backbone(family)), "full", OPTIONS, 1).eval()
    theirs = AutoModel.from_pretrained(backbone(family)).eval()
    mask = (IDS != 1).long()
    with torch.no_grad():
        own = encoder(IDS, mask, torch.zeros_like(IDS))
        assert torch.allclose(own, theirs(input_ids=IDS, attention_mask=mask).last_hidden_state, atol=1e-6)


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta"])
def test_positions_that_count_from_zero_are_the_usual_ones(family: str, backbone: Backbone) -> None:
    encoder = read_encoder(str(backbone(family)), "full", OPTIONS, 1).eval()
    ids, mask, types = IDS[1:], torch.ones_like(IDS[1:]), torch.zeros_like(IDS[1:])
    with torch.no_grad():
        given = encoder(ids, mask, types, torch.arange(6)[None])
        assert torch.allclose(given, encoder(ids, mask, types), atol=1e-6)
        reset = encoder(ids, mask, types, torch.tensor([[0, 1, 2, 0, 1, 2]]))
        assert not torch.allclose(given, reset, atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tuning", ["full", "lora", "prompt"])
def test_what_is_carried_is_all_that_changed(family: str, tuning: Tuning, backbone: Backbone) -> None:
    first = read_encoder(str(backbone(family)), tuning, OPTIONS, 1)
    optimiser = torch.optim.SGD([p for p in first.parameters() if p.requires_grad], lr=0.1)
    mask, types = (IDS != 1).long(), torch.zeros_like(IDS)
    first.train()
    for _ in range(3):
        optimiser.zero_grad()
        first(IDS, mask, types)[..., 0].sum().backward()
        optimiser.step()
    second = read_encoder(str(backbone(family)), tuning, OPTIONS, 2)
    with torch.no_grad():
        wanted = first.eval()(IDS, mask, types)
        assert not torch.allclose(second.eval()(IDS, mask, types), wanted, atol=1e-4)
        second.take(first.carried())
        assert torch.allclose(second(IDS, mask, types), wanted, atol=1e-6)


@pytest.mark.parametrize("tuning", ["lora", "prompt"])
def test_an_adapter_is_small_and_leaves_the_encoder_alone(tuning: Tuning, backbone: Backbone) -> None:
    full = read_encoder(str(backbone("bert")), "full", OPTIONS, 1).carried()
    adapted = read_encoder(str(backbone("bert")), tuning, OPTIONS, 1)
    assert sum(t.numel() for t in adapted.carried().values()) < 0.3 * sum(t.numel() for t in full.values())
    trained = {name for name, p in adapted.named_parameters() if p.requires_grad}
    assert trained
    assert all("lora_" in name or "prompt" in name for name in trained)


def test_the_seed_decides_what_starts_from_chance(backbone: Backbone, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((backbone("bert") / name).read_bytes())
    one, again, other = (read_encoder(str(tmp_path), "full", OPTIONS, seed).carried() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_another_encoders_checkpoint_is_refused(backbone: Backbone) -> None:
    encoder = read_encoder(str(backbone("bert")), "full", OPTIONS, 1)
    state = encoder.carried()
    lost = state.pop("pooler.dense.bias")
    with pytest.raises(MissingData, match=r"pooler\.dense\.bias"):
        encoder.take(state)
    with pytest.raises(MissingData, match=r"pooler\.dense\.bias"):
        encoder.take(state | {"pooler.dense.bias": lost[:-1]})


def test_backbones_that_cannot_be_read_are_explained(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingData, match="'no/such-model' cannot be read"):
        read_encoder("no/such-model", "full", OPTIONS, 1)
    with pytest.raises(MissingData, match="cannot be read"):
        read_tokenizer(str(tmp_path))
    (tmp_path / "config.json").write_bytes((backbone("bert") / "config.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(MissingData, match="is a pickle"):
        read_encoder(str(tmp_path), "full", OPTIONS, 1)
    (tmp_path / "pytorch_model.bin").unlink()
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(MissingData, match="cannot be read"):
        read_encoder(str(tmp_path), "full", OPTIONS, 1)


@pytest.mark.parametrize(
    ("family", "model"), [("bert", "BertForMaskedLM"), ("xlm-roberta", "XLMRobertaForMaskedLM")]
)
def test_the_head_of_pretraining_is_found(
    family: str, model: str, backbone: Backbone, tmp_path: Path
) -> None:
    import transformers

    config = transformers.AutoConfig.from_pretrained(backbone(family))
    torch.manual_seed(3)
    whole = getattr(transformers, model)(config).eval()
    for name, parameter in whole.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_()
    whole.save_pretrained(tmp_path)
    encoder = read_encoder(str(tmp_path), "full", OPTIONS, 1).eval()
    head = language_head(str(tmp_path), encoder.sizes)
    assert head is not None
    mask = torch.ones_like(IDS)
    with torch.no_grad():
        own = head(encoder(IDS, mask, torch.zeros_like(IDS)), encoder.words)
        theirs = whole(input_ids=IDS, attention_mask=mask).logits
    assert torch.allclose(own, theirs, atol=1e-4)
    assert language_head(str(backbone("bert")), encoder.sizes) is None


def test_a_backbone_is_identified_by_its_files(backbone: Backbone, tmp_path: Path) -> None:
    for path in backbone("bert").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    before = backbone_digest(str(tmp_path))
    assert before == backbone_digest(str(backbone("bert")))
    state = load_file(tmp_path / "model.safetensors")
    state["pooler.dense.bias"] += 1e-3
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert backbone_digest(str(tmp_path)) != before
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    assert tokenizer["model"]["type"] == "WordPiece"
