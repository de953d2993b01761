"""chatcli: the terminal client. Of chatd it uses the vocabulary, the limits and the dialects."""
