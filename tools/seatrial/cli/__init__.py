"""The command line: each file parses one command, makes one library call, and prints."""
