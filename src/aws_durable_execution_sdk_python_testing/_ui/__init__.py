"""The page that shows executions: static files, what they need beyond the API, hot reload.

The page is plain ES modules and one style sheet, served as they are. It reads and changes
executions by way of the service's own API; only what that lacks has a route here, below `/ui`.
Whatever user code or callers wrote, names included, reaches the page as JSON and is shown as text.
"""
