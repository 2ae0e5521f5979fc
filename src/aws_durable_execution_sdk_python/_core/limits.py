"""The limits of the service and the texts it takes, for both packages: each stands here, once.

Sizes are bytes in UTF-8, times are seconds.
"""

from __future__ import annotations

import re

KIB = 1024
MIB = 1024 * KIB

# A wait or the delay of a retry, and how long an execution may take: 366 days.
MAX_DELAY_SECONDS = 31_622_400
MAX_EXECUTION_SECONDS = MAX_DELAY_SECONDS
MAX_CALLBACK_TIMEOUT_SECONDS = 99_999_999

# What a step may leave, the state of a condition included, and any error object.
MAX_STEP_BYTES = 256 * KIB
MAX_ERROR_BYTES = 256 * KIB
# What an invoke may be given, and any other operation may carry.
MAX_PAYLOAD_BYTES = MIB
# What an execution may begin and end with.
MAX_RESULT_BYTES = 6 * MIB
# What Lambda takes as a response, less a little for the envelope.
MAX_RESPONSE_BYTES = 6 * MIB - 50
# A result above this size is not stored: its operation is run again on replay.
LARGE_RESULT_BYTES = 256 * KIB

# Operations of one execution, retries counted.
MAX_OPERATIONS = 3_000
# How often in a row an invocation may end as pending though nothing is.
MAX_EMPTY_PENDINGS = 4

# Operations in one page of an execution's state, and items in one of any other list.
MAX_PAGE_ITEMS = 1000

FUNCTION_NAME = re.compile(r"[a-zA-Z0-9$:._/-]{1,256}")
OPERATION_NAME = re.compile(r"[\x20-\x7E]{1,256}")
SUB_TYPE = re.compile(r"[a-zA-Z0-9_-]{1,32}")
TENANT_ID = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")

# Child contexts, maps, parallels and their branches that enclose one another: 300 parallels, say,
# each of which is a context and has branches that are.
MAX_NESTED_CONTEXTS = 600
