"""The command line: parse, call a door, turn outcomes into exit codes."""
