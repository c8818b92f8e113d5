"""Asking for pretrained weights before timm does, so that a machine without a network says so at once."""

from __future__ import annotations

import huggingface_hub as hub
import timm
from huggingface_hub.errors import HfHubHTTPError

from frame import UserError

PATIENCE = 5.0  # seconds for one answer; the hub's client itself retries for most of a minute
FILES = ("model.safetensors", "pytorch_model.bin")


def require_weights(model: str) -> None:
    """Do nothing if the weights of a timm model are in the cache or their host answers.

    Raises
    ------
    UserError
        If there are no such weights, or they can't be reached, with what to do offline.
    """
    try:
        config = timm.get_pretrained_cfg(model)
    except RuntimeError:  # a tag that the model hasn't
        config = None
    if config is None or not config.has_weights:
        tags = timm.list_pretrained(f"{model.partition('.')[0]}.*")
        hint = f"there are: {', '.join(tags)}" if tags else "set pretrained = false"
        raise UserError(f'backbone.pretrained: timm {timm.__version__} has no weights for "{model}"; {hint}')
    repository = config.hf_hub_id
    if not repository or any(isinstance(hub.try_to_load_from_cache(repository, file), str) for file in FILES):
        return
    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(repository, FILES[0]), timeout=PATIENCE)
    except HfHubHTTPError:
        return  # it answers: what it has to say, timm will hear
    except Exception as error:  # the client's own kinds of error changed twice
        reason = str(error).rstrip(".")
        raise UserError(
            f'backbone.pretrained: the weights of "{model}" can\'t be reached ({type(error).__name__}: {reason}). '
            f"Offline, download {FILES[0]} of {repository} elsewhere and set backbone.checkpoint = FILE, "
            "or start untrained with backbone.pretrained = false"
        ) from error
