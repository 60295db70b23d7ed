"""The pages of docs/reference/, each a function of the program."""
