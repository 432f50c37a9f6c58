"""The network in AWS's words: resources, flow records, rules. It touches no wire and no disk."""
