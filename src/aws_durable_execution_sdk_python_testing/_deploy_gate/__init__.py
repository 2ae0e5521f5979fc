"""Whether code that is about to be deployed can go on with what runs: the running executions of a
function, replayed against it.
"""
