"""The data sets that come with Frame: a generated one, plain folders, CAMO and COD10K."""
