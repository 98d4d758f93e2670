"""`exfilwatch serve`: the actions, and what is kept, over HTTP.

`app.create_app` makes the application, `server.serve` listens. What all requests share is a `Service` (service.py), at
`request.app.state.service`. FastAPI is an extra: nothing else may import this room but in functions.
"""
