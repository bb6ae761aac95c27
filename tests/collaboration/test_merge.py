"""Merging: PEFT's own `add_weighted_adapter` as the reference, TIES by hand, folders in PEFT's format."""

import json

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Linear
from peft.utils.save_and_load import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file

from clues.collaboration.aggregate import average
from clues.collaboration.merge import merge_adapters, merge_folders

PREFIX = "base_model.model.model.layers.0.self_attn.q_proj"
A, B = f"{PREFIX}.lora_A.weight", f"{PREFIX}.lora_B.weight"


def random_state(seed: int, rank: int = 4) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {A: torch.randn(rank, 20, generator=generator), B: torch.randn(16, rank, generator=generator)}


def product(state) -> torch.Tensor:
    return state[B] @ state[A]


@pytest.mark.parametrize(("method", "density"), [("linear", 0.2), ("ties", 1.0)])
@pytest.mark.parametrize("weights", [[1 / 3] * 3, [1.0] * 3])
@pytest.mark.filterwarnings("ignore:The density")
def test_equal_adapters_keep_their_product(method, density, weights):
    state = random_state(0)
    merged = merge_adapters([state] * 3, weights, method, density)
    torch.testing.assert_close(product(merged), product(state), atol=1e-5, rtol=0)


def test_equal_trimmed_adapters_are_only_trimmed():
    state = random_state(0)
    merged = merge_adapters([state] * 3, [1.0] * 3, "ties", 0.2)
    for key in state:
        kept = merged[key] != 0
        assert int(kept.sum()) == int(0.2 * state[key].numel())
        assert state[key][kept].abs().min() >= state[key][~kept].abs().max()
        torch.testing.assert_close(merged[key][kept], state[key][kept])


def test_linear_is_the_average_of_the_factors():
    states, weights = [random_state(s) for s in range(3)], [0.5, 0.3, 0.2]
    merged, mean = merge_adapters(states, weights), average(states, weights)
    for key in merged:
        torch.testing.assert_close(merged[key], mean[key], atol=1e-6, rtol=0)


def test_ties_by_hand():
    """Trim, elect, disjoint mean (arXiv 2306.01708), on the same numbers for both factors."""
    one = torch.tensor([[5.0, -4.0, 1.0, 0.5, 3.0]])
    two = torch.tensor([[2.0, 6.0, -0.1, 0.2, 4.0]])
    # Trim to 60 %: (5, -4, 0, 0, 3) and (2, 6, 0, 0, 4). Signs of the sums: + + . . +.
    # Means of the entries with that sign: (5 + 2) / 2, 6 alone, 0, 0, (3 + 4) / 2.
    expected = torch.tensor([[3.5, 6.0, 0.0, 0.0, 3.5]])
    merged = merge_adapters([{A: one, B: one.T.clone()}, {A: two, B: two.T.clone()}], [1.0, 1.0], "ties", 0.6)
    torch.testing.assert_close(merged[A], expected)
    torch.testing.assert_close(merged[B], expected.T)


def test_ties_shares_weigh_the_adapters():
    one, two = torch.tensor([[4.0, 1.0, 2.0, 0.1]]), torch.tensor([[2.0, 0.1, 1.0, 3.0]])
    merged = merge_adapters([{A: one, B: one.T.clone()}, {A: two, B: two.T.clone()}], [3.0, 1.0], "ties", 0.5)
    # Trimmed to (4, 0, 2, 0) and (2, 0, 0, 3). Two clients' shares 3/4 and 1/4 enter as 1.5 and 0.5:
    # both keep the first entry: (1.5 * 4 + 0.5 * 2) / 2 = 0.75 * 4 + 0.25 * 2; the others have one voice.
    torch.testing.assert_close(merged[A], torch.tensor([[3.5, 0.0, 3.0, 1.5]]))


def test_a_single_adapter_stays_as_it_is():
    state = random_state(0)
    for method in ("linear", "ties"):
        merged = merge_adapters([state], [0.7], method, 0.2)
        assert all(torch.equal(merged[key], state[key]) for key in state)


def peft_model(tiny_model, states, alpha: int = 16) -> PeftModel:
    config = LoraConfig(r=4, lora_alpha=alpha, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(tiny_model("llama"), config, adapter_name="client0")
    for index, state in enumerate(states):
        if index:
            model.add_adapter(f"client{index}", config)
        set_peft_model_state_dict(model, state, adapter_name=f"client{index}")
    return model


def states_of(tiny_model, count: int) -> list[dict[str, torch.Tensor]]:
    shapes = get_peft_model_state_dict(peft_model(tiny_model, [{}]), adapter_name="client0")
    generator = torch.Generator().manual_seed(0)
    return [{k: torch.randn(t.shape, generator=generator) for k, t in shapes.items()} for _ in range(count)]


@pytest.mark.parametrize("method", ["linear", "ties"])
def test_peft_itself_merges_to_the_same_update(tiny_model, method):
    states, shares = states_of(tiny_model, 3), [0.5, 0.3, 0.2]
    model = peft_model(tiny_model, states)
    weights = [w**2 if method == "linear" else (3 * w) ** 2 for w in shares]
    names = ["client0", "client1", "client2"]
    model.add_weighted_adapter(names, weights, "merged", combination_type=method, density=0.2)
    ours = merge_adapters(states, shares, method, 0.2)
    set_peft_model_state_dict(model, ours, adapter_name="client0")
    layers = [m for m in model.modules() if isinstance(m, Linear)]
    assert len(layers) == 6
    for layer in layers:
        reference = layer.get_delta_weight("merged")
        torch.testing.assert_close(layer.get_delta_weight("client0"), reference, atol=1e-4, rtol=1e-4)


def test_folders_need_no_base_and_load_into_it(tiny_model, tmp_path):
    states = states_of(tiny_model, 2)
    for index, (state, alpha) in enumerate(zip(states, (4, 16), strict=True)):
        peft_model(tiny_model, [state], alpha).save_pretrained(str(tmp_path))
        (tmp_path / "client0").rename(tmp_path / f"site{index}")
    folders = [tmp_path / "site0", tmp_path / "site1"]
    merge_folders(folders, tmp_path / "merged", "linear", [0.25, 0.75])
    loaded = PeftModel.from_pretrained(tiny_model("llama"), str(tmp_path / "merged"))
    key = next(iter(states[0])).replace("lora_A.weight", "")
    layer = loaded.get_submodule(key.rstrip("."))
    assert isinstance(layer, Linear)
    # Scaling 4/4 and 16/4: each factor carries its root.
    factors = [
        {side: s[f"{key}lora_{side}.weight"] * scaling**0.5 for side in "AB"}
        for s, scaling in zip(states, (1, 4), strict=True)
    ]
    mean = {side: 0.25 * factors[0][side] + 0.75 * factors[1][side] for side in "AB"}
    torch.testing.assert_close(layer.get_delta_weight("default"), mean["B"] @ mean["A"], atol=1e-4, rtol=1e-4)


def write_folder(folder, state, **config) -> None:
    folder.mkdir()
    save_file(state, folder / "adapter_model.safetensors")
    settings = {"r": 4, "lora_alpha": 4, "target_modules": ["q_proj"], "base_model_name_or_path": "m"} | config
    LoraConfig(**settings).save_pretrained(str(folder))


def test_rank_stabilised_scaling_is_multiplied_in(tmp_path):
    write_folder(tmp_path / "a", random_state(0), use_rslora=True, lora_alpha=8)
    merge_folders([tmp_path / "a"], tmp_path / "out")
    merged = load_file(tmp_path / "out" / "adapter_model.safetensors")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert (config["lora_alpha"], config["r"], config["use_rslora"]) == (4, 4, False)
    torch.testing.assert_close(product(merged), 8 / 2 * product(random_state(0)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"use_dora": True}, "use_dora is set"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is set"),
        ({"alpha_pattern": {"q_proj": 2}}, "alpha_pattern is set"),
        ({"base_model_name_or_path": "other"}, "base model other.*base_model_name_or_path"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights pissa"),
    ],
)
def test_what_cannot_be_merged_is_refused(tmp_path, config, message):
    write_folder(tmp_path / "a", random_state(0))
    write_folder(tmp_path / "b", random_state(1), **config)
    with pytest.raises(ValueError, match=f"b.*{message}"):
        merge_folders([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (random_state(1, rank=2), "r = 4 in adapter_config.json, but .*lora_A.weight has the rank 2"),
        ({A: torch.ones(4, 21), B: torch.ones(16, 4)}, r"lora_A.weight is \[4, 21\]"),
        ({A: random_state(1)[A]}, "differ in their layers"),
        (random_state(1) | {B: torch.full((16, 4), float("nan"))}, "not finite"),
        (random_state(1) | {"x.lora_magnitude_vector": torch.ones(2)}, "not a factor"),
    ],
)
def test_adapters_that_do_not_fit_are_refused(tmp_path, state, message):
    write_folder(tmp_path / "a", random_state(0))
    write_folder(tmp_path / "b", state)
    with pytest.raises(ValueError, match=message):
        merge_folders([tmp_path / "a", tmp_path / "b"], tmp_path / "out")


def test_missing_files_and_a_used_output_are_errors(tmp_path):
    write_folder(tmp_path / "a", random_state(0))
    with pytest.raises(FileNotFoundError, match=r"nowhere: no adapter_config\.json"):
        merge_folders([tmp_path / "a", tmp_path / "nowhere"], tmp_path / "out")
    with pytest.raises(FileExistsError, match="another output"):
        merge_folders([tmp_path / "a"], tmp_path / "a")
    with pytest.raises(ValueError, match="no adapter to merge"):
        merge_folders([], tmp_path / "out")


@pytest.mark.parametrize("density", [0.0, 1.5, float("nan")])
def test_density_is_a_share(density):
    with pytest.raises(ValueError, match="density"):
        merge_adapters([random_state(0)] * 2, [1, 1], "ties", density)


def test_one_weight_per_adapter():
    with pytest.raises(ValueError, match="2 adapters and 1 weights"):
        merge_adapters([random_state(0)] * 2, [1.0])
