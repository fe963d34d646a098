"""Which test makes the bot tell each event of its journal, so that no line is written for the first time in earnest.

`tests/conftest.py` holds that each of these tests does make the bot tell it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WITNESSES: Final[Mapping[str, str]] = {
    "BAD_CONFIGURATION": "tests/stories/test_told.py::test_bad_settings_are_told_with_the_repository",
    "CONNECTION_REFUSED": "tests/web/test_connections.py::test_where_all_are_busy_the_new_one_is_hung_up_on",
    "CUT_OFF": "tests/sessions/test_salvage.py::test_the_next_run_salvages_what_was_cut_off_and_says_so_once",
    "DISK_IN_TROUBLE": "tests/disk/test_watch.py::test_or_until_a_pause_is_over_so_that_nothing_loops",
    "GITHUB_DOWN": "tests/stories/test_outage.py::test_a_server_that_starts_meanwhile_waits_and_says_so[502]",
    "LEASE_NOT_RELEASED": "tests/stories/test_limits.py::test_half_an_answer_is_asked_for_again",
    "LEDGER_LEFT_OUT": "tests/stories/test_ledger_in_trouble.py::test_it_is_not_told_again_by_the_next_process",
    "LEFT_ALONE": "tests/stories/test_handing_off.py::test_a_deleted_objective_is_left_alone",
    "LIMIT_REACHED": "tests/stories/test_told.py::test_a_limit_is_told_with_the_objective_that_waits",
    "LOG_UNREADABLE": "tests/control/test_deliveries.py::test_a_github_without_a_log_harms_nobody[Unavailable('down')]",
    "LOOK_FAILED": "tests/control/test_queue.py::test_a_failed_look_is_repeated_and_others_go_on",
    "NOT_RECORDED": "tests/control/test_drain.py::test_without_github_it_ends_all_the_same",
    "NOT_REDELIVERED": "tests/github/test_deliveries.py::test_what_is_lost_for_good_cannot_be_redelivered",
    "NO_ANSWER": "tests/github/test_client.py::test_a_write_that_never_left_is_sent_again",
    "NO_LOG": "tests/control/test_deliveries.py::test_a_github_without_a_log_harms_nobody[NotThere('log is not there (404)')]",  # noqa: E501
    "NO_SESSION_STARTS": "tests/disk/test_watch.py::test_a_disk_that_hangs_holds_nobody_up",
    "REDELIVERED": "tests/control/test_deliveries.py::test_every_event_arrives_or_is_given_up_after_a_few_times",
    "REQUEST_REFUSED": "tests/stories/test_told.py::test_trouble_with_github_is_told_with_its_ids_and_counted[502]",
    "SALVAGE_REFUSED": "tests/sessions/test_salvage.py::test_what_the_gate_refuses_is_not_kept_and_the_reason_is",
    "SEEN_BEFORE": "tests/stories/test_limits.py::test_limits_in_a_row_are_backed_off_longer_and_longer",
    "SESSION_BROKE": "tests/engines/test_local.py::test_a_runner_that_breaks_is_void_and_harms_nobody_else",
    "SET_BACK": "tests/stories/test_ledger_in_trouble.py::test_a_ledger_that_was_deleted_is_begun_anew_and_the_end_is_the_same",  # noqa: E501
    "STANDS_BY": "tests/stories/test_two_bots.py::test_who_heard_of_no_objective_goes_on_too",
    "TOKEN_RENEWED": "tests/stories/test_told.py::test_trouble_with_github_is_told_with_its_ids_and_counted[a token]",
    "TOO_MANY_MISSED": "tests/control/test_deliveries.py::test_after_a_long_outage_one_sweep_is_asked_for_and_the_rounds_go_on",  # noqa: E501
    "WEBHOOK_GIVEN_UP": "tests/control/test_deliveries.py::test_every_event_arrives_or_is_given_up_after_a_few_times",
    "WEBHOOK_REFUSED": "tests/stories/test_told.py::test_a_webhook_that_nobody_signed_is_told_with_its_guid",
    "WRITES_WAIT": "tests/stories/test_limits.py::test_limits_in_a_row_are_backed_off_longer_and_longer",
}
"""The event's constant in `bot.journal`, and the test."""

UNWITNESSED: Final = frozenset(
    {
        "SWEEP_FAILED",
        "ACTION_REFUSED",
        "ASKED_TO_WAIT",
        "FEW_DESCRIPTORS",
        "HINTS_LOST",
        "LEASE_NOT_RENEWED",
        "LEASE_NOT_SEEN",
        "LEFT",
        "LEFTOVERS_ENDED",
        "LEFT_UNKNOWN",
        "NOT_CLEARED",
        "NOT_DELETED",
        "NOT_INSTALLED",
        "NOT_IN_TIME",
        "NOT_SALVAGED",
        "NOT_TAKEN_UP",
        "NO_DESCRIPTORS",
        "OLDER_READ",
        "PROGRESS_NOT_TAKEN",
        "REPORT_NOT_TAKEN",
        "REPORT_NOT_WRITTEN",
        "RUNS_UNKNOWN",
        "RUN_NOT_RECORDED",
        "SESSION_CANNOT_RUN",
        "TOO_MANY_HINTS",
        "ATTEMPT_FAILED",
        "SESSION_VOID",
        "SESSION_BLOCKED",
        "CHANGES_REQUESTED",
        "PERSON_ASKED",
        "COMMAND_REFUSED",
        "HAND_OFF_REFUSED",
        "MERGE_REFUSED",
        "PUSH_REFUSED",
        "HANDED_OFF_UNKNOWN",
        "HINTS_HELD_BACK",
    }
)
"""Told somewhere, but by no test yet. To be emptied, never to grow."""
