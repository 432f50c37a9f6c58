"""Connections: a value that says how to reach a service, and the clients made of it.

The only module that makes clients of services. A `Connection` travels with work and may be
printed: an option that holds a secret is best given as a reference (`${env:NAME}`,
`${file:PATH}`), which is resolved here, when the client is made, and nowhere else.
"""
