"""Built-in backbones: EdgeNeXt, and any feature extractor of timm."""
