"""``frame data audit``: what is wrong with the files of data sets."""
