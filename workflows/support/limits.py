"""How long, how often: every timeout and retry of the processes, in one place."""

from datetime import timedelta

from temporalio.common import RetryPolicy

DATABASE_CALL = timedelta(seconds=10)
"""One attempt of an activity that reads facts and posts; each statement has its own 5 s limit."""

UNTIL_IT_WORKS = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=10),
)
"""Money that was accepted is carried out: a fault is retried until it is mended."""

ONBOARDING_STEP = timedelta(minutes=2)
"""One attempt of a step of opening a tenant; a namespace alone may take half a minute."""

ONBOARDING_BEAT = timedelta(seconds=5)
"""Without a sign of life for so long, its worker has died and the step is begun again."""

WORKFLOW_TASK = timedelta(seconds=5)
"""After this, a workflow task of a worker that died is given to another one."""

GIVE_BACK_PAUSE = timedelta(minutes=1)
GIVE_BACK_PAUSE_MAX = timedelta(hours=1)
GIVE_BACK_TRIES_MAX = 900
"""Step numbers 3 to 999 are free for giving back: more than a month of hourly tries."""

LIEN_COLLECTED_AT_ONCE = 100
LIEN_COLLECT_PAUSE = timedelta(hours=6)
"""After so many pieces a reversal collects no more often. These and four a day for half a year are
fewer than the step numbers there are, 10 to 899."""

HISTORY_EVENTS_MAX = 4000
"""Of one run of a movement that waits: then it goes on in a fresh one. What is signalled to it is
what makes a history long; Temporal ends a workflow at 51,200 events."""

ANSWERS_QUEUED_MAX = 100
"""Signals beyond this many unverified ones are dropped; the sender can send again."""

REACTION_STEP = timedelta(seconds=30)
"""One attempt of asking a rule after an event, or of carrying out a plug-in's reaction."""

UNTIL_IT_WORKS_LATER = RetryPolicy(
    initial_interval=timedelta(seconds=10),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(hours=1),
)
"""What comes after an event can wait: it is tried for ever, and seldom."""

TASK_LOOK = timedelta(days=1)
"""How often a waiting task is looked at, in case its signal went astray."""
TASK_LOOKS_MAX = 100
"""Looks in one history; then it goes on in a fresh one."""

BULK_STEP = timedelta(hours=1)
"""One attempt of a part of long work over many records; a part that is cut off begins anew."""

BULK_BEAT = timedelta(seconds=30)
"""Without a sign of life for so long, its worker has died and the part is begun again."""

PARTS_AT_ONCE = 4
"""Parts of one piece of long work that are worked on side by side."""

A_FEW_TIMES = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=3.0,
    maximum_interval=timedelta(minutes=1),
    maximum_attempts=8,
)
"""What moves no money may fail: whoever asked for it asks again."""
