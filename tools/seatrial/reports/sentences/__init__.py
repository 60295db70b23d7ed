"""What the numbers mean, as sentences chosen by rules: the same numbers, the same sentences.

One module a subject. Every function takes records and returns plain sentences, the weak points as
plainly as the good ones; templates place them and never compose any.
"""
