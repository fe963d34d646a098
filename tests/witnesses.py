"""Which test makes the bot tell each event of its journal, so that no line is written for the first time in earnest.

`tests/conftest.py` holds that each of these tests does make the bot tell it, with all the ids that the event promises
(`Event.ids`), and that its counter moves by as many.

To add an event: declare it in `bot/journal.py`, tell it where it happens, and name here a test that makes it happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WITNESSES: Final[Mapping[str, str]] = {
    "AMENDMENT_REFUSED": "tests/stories/test_amending.py::test_a_task_whose_need_the_planner_refuses_does_without",
    "BAD_CONFIGURATION": "tests/stories/test_told.py::test_bad_settings_are_told_with_the_repository",
    "CONVERSATION_LOST": "tests/sessions/test_going_on.py::test_a_program_that_has_forgotten_is_told_all_of_it_in_the_same_session[claude]",  # noqa: E501
    "CONNECTION_REFUSED": "tests/web/test_connections.py::test_where_all_are_busy_the_new_one_is_hung_up_on",
    "CUT_OFF": "tests/sessions/test_salvage.py::test_the_next_run_salvages_what_was_cut_off_and_says_so_once",
    "DISK_IN_TROUBLE": "tests/disk/test_watch.py::test_or_until_a_pause_is_over_so_that_nothing_loops",
    "GIT_TOKEN_RENEWED": "tests/stories/test_outage.py::test_a_token_that_expires_in_mid_push_is_renewed_and_the_push_repeated",  # noqa: E501
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
    "LEFTOVERS_ENDED": "tests/sessions/test_told.py::test_processes_that_outlived_a_server_are_ended_and_told",
    "NOT_ALL_SEEN": "tests/stories/test_busy_pull_requests.py::test_what_lies_in_the_middle_of_a_very_long_conversation_is_told_as_unread",  # noqa: E501
    "NOT_CLEARED": "tests/sessions/test_told.py::test_a_place_that_cannot_be_cleared_is_thrown_away_whole",
    "REPORT_NOT_WRITTEN": "tests/sessions/test_told.py::test_a_report_that_the_disk_does_not_take_counts_all_the_same",
    "PROGRESS_NOT_TAKEN": "tests/sessions/test_told.py::test_who_listens_to_a_session_and_breaks_does_not_break_it",
    "NOT_SALVAGED": "tests/sessions/test_told.py::test_commits_that_cannot_be_brought_back_are_told_as_lost",
    "REPORT_NOT_TAKEN": "tests/sessions/test_told.py::test_a_desk_that_breaks_over_a_report_stops_no_other",
    "RUN_NOT_RECORDED": "tests/sessions/test_told.py::test_a_run_that_cannot_be_recorded_begins_all_the_same",
    "SESSION_CANNOT_RUN": "tests/sessions/test_worker.py::test_a_base_that_lacks_what_the_task_builds_on_starts_nothing",  # noqa: E501
    "NO_DESCRIPTORS": "tests/web/test_connections.py::test_where_descriptors_run_out_who_comes_is_hung_up_on_and_later_ones_are_served",  # noqa: E501
    "FEW_DESCRIPTORS": "tests/web/test_connections.py::test_where_the_limit_cannot_be_raised_it_stays_and_is_told",
    "NOT_IN_TIME": "tests/control/test_drain.py::test_a_session_that_does_not_let_go_holds_nobody_up",
    "RUNS_UNKNOWN": "tests/control/test_drain.py::test_where_earlier_runs_are_not_known_none_is_taken_for_gone",
    "NOT_DELETED": "tests/disk/test_collection.py::test_what_cannot_be_deleted_is_told_and_stays",
    "SWEEP_FAILED": "tests/stories/test_told_rarely.py::test_a_sweep_that_fails_is_repeated",
    "ASKED_TO_WAIT": "tests/stories/test_told_rarely.py::test_an_objective_that_cannot_be_looked_at_yet_is_looked_at_later",  # noqa: E501
    "HINTS_LOST": "tests/stories/test_told_rarely.py::test_a_hint_that_cannot_be_followed_is_made_good_by_a_sweep",
    "ACTION_REFUSED": "tests/stories/test_told_rarely.py::test_a_write_that_github_refuses_is_tried_again",
    "PLANNER_ASKS": "tests/stories/test_planning.py::test_a_planner_asks_a_writer_answers_and_the_plan_follows",
    "PUSH_REFUSED": "tests/stories/test_told_rarely.py::test_a_branch_that_a_rule_closes_is_told_and_asked_about",
    "OLDER_READ": "tests/stories/test_told_rarely.py::test_a_read_that_is_older_than_the_last_one_is_not_believed",
    "TOO_MANY_HINTS": "tests/stories/test_told_rarely.py::test_more_hints_than_are_remembered_cost_a_sweep",
    "HINTS_HELD_BACK": "tests/stories/test_told_rarely.py::test_more_hints_than_looks_are_allowed_are_held_back",
    "LEASE_NOT_RENEWED": "tests/stories/test_told_rarely.py::test_leases_are_renewed_and_looked_at_when_github_is_back",
    "LEASE_NOT_SEEN": "tests/stories/test_told_rarely.py::test_leases_are_renewed_and_looked_at_when_github_is_back",
    "NOT_TAKEN_UP": "tests/stories/test_told_rarely.py::test_who_stands_by_and_cannot_go_on_yet_goes_on_later",
    "LEFT_UNKNOWN": "tests/stories/test_told_rarely.py::test_what_an_earlier_server_left_and_nobody_can_read_starts_again",  # noqa: E501
    "HANDED_OFF_UNKNOWN": "tests/stories/test_told_rarely.py::test_what_was_handed_off_just_before_the_start_is_found_by_a_sweep",  # noqa: E501
    "NOT_INSTALLED": "tests/stories/test_told_rarely.py::test_a_repository_that_the_app_does_not_reach_is_left_to_itself",  # noqa: E501
    "LEFT": "tests/stories/test_moving.py::test_an_app_that_is_taken_away_and_installed_again_goes_on_without_a_restart",  # noqa: E501
    "TOLD_AGAIN": "tests/sessions/test_follow_ups.py::test_each_further_turn_is_told_with_its_session_and_its_reason",
    "SESSION_VOID": "tests/stories/test_moving.py::test_an_app_that_is_taken_away_and_installed_again_goes_on_without_a_restart",  # noqa: E501
    "ATTEMPT_FAILED": "tests/stories/test_setbacks.py::test_after_the_last_attempt_a_person_is_asked_once_and_a_hint_continues",  # noqa: E501
    "PERSON_ASKED": "tests/stories/test_setbacks.py::test_after_the_last_attempt_a_person_is_asked_once_and_a_hint_continues",  # noqa: E501
    "SESSION_BLOCKED": "tests/stories/test_setbacks.py::test_an_agent_that_is_blocked_asks_a_person_and_gets_the_answer_as_a_hint",  # noqa: E501
    "CHANGES_REQUESTED": "tests/stories/test_setbacks.py::test_only_so_many_review_rounds",
    "COMMAND_REFUSED": "tests/stories/test_commands.py::test_a_command_that_cannot_be_carried_out_says_why",
    "HAND_OFF_REFUSED": "tests/stories/test_handing_off.py::test_a_label_by_somebody_without_write_access_is_explained_and_a_writer_may_set_it_again",  # noqa: E501
    "MERGE_REFUSED": "tests/stories/test_branch_rules.py::test_a_required_approval_is_waited_for_and_given_by_a_person",
}
"""The event's constant in `bot.journal`, and the test."""
