"""The fault matrix: what can happen to the writer and what it talks to, what must come of it, and the test that makes it
happen. docs/FAULTS.md is made from this table: `cd tests && python -m flow.fault_rows >../docs/FAULTS.md`.

SPDX-License-Identifier: Apache-2.0
"""

from typing import NamedTuple

ONCE = "once"  # the next run, or this one, counts everything once


class Row(NamedTuple):
    """`outcome`: ONCE, or the error's code with which the lane stops and changes nothing."""

    id: str
    fault: str
    outcome: str
    how: str
    test: str  # "file::function", of tests/flow unless it says otherwise


STORES, LOG, POSTGRES, KILLS = "test_matrix_stores", "test_matrix_log", "test_matrix_postgres", "test_matrix_kills"
WRITER, FATES, WRITERS, DUPLICATES = "test_writer_kill", "test_fates", "test_writers", "test_duplicates"
RENEW, REMADE = "test_renew", "test_matrix_remade"

ROWS = [
    # The writer dies
    Row("W1", "Writer killed before the intent's COMMIT", ONCE, "nothing was sent: the records are read again", f"{STORES}::test_the_writer_dies"),
    Row("W2", "Writer killed after the intent's COMMIT, before it knows", ONCE, "rebuilt from the intent, read back, sent", f"{STORES}::test_the_writer_dies"),
    Row("W3", "Writer killed before the first byte of an INSERT", ONCE, "rebuilt, read back, sent", f"{STORES}::test_the_writer_dies"),
    Row("W4", "Writer killed in the middle of a body", ONCE, "a cut Native block lands nothing", f"{STORES}::test_the_writer_dies"),
    Row("W5", "Writer killed when the body is out and no answer is there", ONCE, "the same token: whichever comes second is refused", f"{STORES}::test_the_writer_dies"),
    Row("W6", "Writer killed between the answer and the completion", ONCE, "read back: landed", f"{STORES}::test_the_writer_dies"),
    Row("W7", "Writer killed when one of two blocks landed", ONCE, "each block is read back by itself", f"{STORES}::test_the_writer_dies"),
    Row("W8", "Writer killed around the completing COMMIT", ONCE, "hwm, ledger and totals move together or not at all", f"{STORES}::test_the_writer_dies"),
    Row("W9", "Writer killed before, midway and after each write of three batches, recovery and Kafka's commits included", ONCE, "whatever of the above it is", f"{KILLS}::test_killed_at_every_write"),
    Row("W10", "Writer killed again and again under load", ONCE, "also while it starts", f"{WRITER}::test_kill_9_in_a_loop_while_50000_events_arrive"),
    # Writers and time
    Row("T1", "A frozen writer's INSERT arrives after another one took the lane", ONCE, "its token has landed, its next transaction changes no row", f"{STORES}::test_a_frozen_writer_wakes_up_with_its_request"),
    Row("T2", "A frozen writer wakes up when its token is forgotten", ONCE, "ClickHouse has closed its connection long before", f"{STORES}::test_a_frozen_writer_wakes_up_when_its_token_is_forgotten"),
    Row("T3", "A writer frozen within a transaction", ONCE, "PostgreSQL ends its session after a lease; another one goes on", f"{STORES}::test_a_writer_frozen_within_a_transaction_holds_nothing_up"),
    Row("T4", "Two writers race, each frozen in turn", ONCE, "the epoch: one of them owns the lane", f"{STORES}::test_two_writers_race_while_each_is_frozen_in_turn"),
    Row("T5", "An INSERT takes longer than the lease", ONCE, "a thread of its own renews the lease", f"{STORES}::test_an_insert_takes_longer_than_the_lease"),
    Row("T6", "Writers start, stop, die and freeze at random", ONCE, "lanes are handed over between batches", f"{WRITERS}::test_three_writers_that_come_and_go"),
    # ClickHouse
    Row("C1", "ClickHouse killed before it has the body", ONCE, "read back, sent again", f"{STORES}::test_clickhouse_dies_before_it_has_the_body"),
    Row("C2", "ClickHouse killed between its deduplication log and its rename", ONCE, "the burned token is settled, another attempt is sent", f"{STORES}::test_clickhouse_dies_between_its_log_and_its_rename"),
    Row("C3", "ClickHouse cannot rename: the disk is full", ONCE, "as above, when there is room", f"{STORES}::test_clickhouse_cannot_rename"),
    Row("C4", "A body is cut", ONCE, "it lands nothing: read back, sent again", f"{STORES}::test_a_body_is_cut"),
    Row("C5", "An answer is cut, at every byte", ONCE, "not a clean answer: read back", f"{STORES}::test_an_answer_is_cut_at_every_byte"),
    Row("C6", "ClickHouse killed again and again under load", ONCE, "as above", f"{WRITER}::test_clickhouse_killed_and_restarted_meanwhile"),
    Row("C7", "ClickHouse frozen for longer than an INSERT may take", ONCE, "read back when it answers", f"{WRITER}::test_clickhouse_frozen_for_a_while"),
    # PostgreSQL
    Row("P1", "A connection to PostgreSQL ends before, or after, a COMMIT arrives", ONCE, "the ledger is asked before anything else", f"{STORES}::test_the_outcome_of_a_commit_is_unknown"),
    Row("P2", "PostgreSQL killed at COMMIT, before and after", ONCE, "the same", f"{STORES}::test_postgresql_is_killed_at_commit"),
    Row("P3", "PostgreSQL stopped and killed again and again", ONCE, "waits, compares identities, asks", f"{WRITER}::test_postgresql_stopped_and_started_meanwhile"),
    Row("P4", "PostgreSQL restored from an older backup", "ledger_rolled_back", "ClickHouse has rows that the ledger does not know", f"{POSTGRES}::test_a_backup_is_restored"),
    Row("P5", "The same while the writer runs", "ledger_rolled_back", "the new session does not know its batch", f"{POSTGRES}::test_a_backup_is_restored_while_the_writer_runs"),
    Row("P6", "A standby without the last commits is promoted", "ledger_rolled_back", "another timeline: waits a horizon, then looks", f"{POSTGRES}::test_a_standby_without_the_last_commits_is_promoted"),
    Row("P7", "A standby that lacks nothing is promoted", ONCE, "waits a horizon, then goes on", f"{POSTGRES}::test_a_standby_that_lacks_nothing_is_promoted"),
    Row("P8", "All three are killed at once", ONCE, "all of the above", f"{WRITER}::test_all_three_killed_at_once"),
    # Kafka
    Row("K1", "Retention passes a writer that was away", "log_gap", "records are gone that nobody stored", f"{LOG}::test_retention_passes_a_writer_that_was_away"),
    Row("K2", "Retention takes what is done", ONCE, "nothing is missing", f"{LOG}::test_retention_takes_what_is_done"),
    Row("K3", "The records of an intent are gone", "log_gap", "it cannot be built again", f"{LOG}::test_the_records_of_an_intent_are_gone"),
    Row("K4", "The topic is made anew: empty, shorter, or longer than before", "log_changed", "the record at hwm is not the one that was done", f"{LOG}::test_the_topic_is_made_anew"),
    Row("K5", "Two topics into one table", "table_mismatch", "PostgreSQL holds the claim", f"{LOG}::test_two_topics_into_one_table"),
    Row("K6", "Connections to Kafka are reset, or silent", ONCE, "waits, and reads on from hwm", f"{LOG}::test_the_network_to_kafka_is_bad"),
    Row("K7", "The topic is made anew, shorter or longer, and renewed by `bxb topic renew`", ONCE, "offsets of another incarnation; what came before is known by its ids", f"{RENEW}::test_a_topic_that_was_made_anew_is_gone_on_with"),
    Row("K8", "The same while a batch of the old topic is on its way: landed, not landed, or one of two blocks", ONCE, "what landed is completed, the rest is said and sent again", f"{RENEW}::test_what_was_announced_of_the_old_topic_is_settled"),
    Row("K9", "The same while a writer sleeps", ONCE, "the epoch: its next transaction changes no row", f"{RENEW}::test_a_writer_that_slept_meanwhile_is_fenced"),
    Row("K10", "The same while a writer works on a lane", ONCE, "refused until it has stopped", f"{RENEW}::test_a_topic_is_not_renewed_while_a_writer_works_on_a_lane"),
    Row("K11", "`bxb topic renew` is killed while it waits for what is on its way", ONCE, "it has changed nothing", f"{RENEW}::test_what_is_on_its_way_is_waited_for"),
    Row("K12", "Retention took records that were not stored, and `bxb lanes repair` is run", ONCE, "the lane goes on behind them; sent again they count", f"{RENEW}::test_a_lane_goes_on_behind_a_gap"),
    Row("K13", "The same with the records of an intent", ONCE, "landed: completed from its rows; not landed: forgotten", f"{RENEW}::test_an_announced_batch_whose_records_are_gone_is_settled"),
    Row("K14", "An announced batch is replaced by `bxb lanes repair --replace`", ONCE, "only if nothing of it has landed or can land", f"{RENEW}::test_an_announced_batch_is_replaced_when_asked"),
    Row("K15", "The same while a writer is about to take a lane", ONCE, "the incarnation is read with the lane, under its lock", f"{RENEW}::test_a_writer_that_is_about_to_take_a_lane_learns_of_it"),
    Row("K16", "The topic is made anew under a writer that reads it, and outgrows its hwm", "log_changed", "each batch is proven to be of the log that was read", f"{REMADE}::test_the_new_log_is_longer"),
    Row("K17", "The same, and nothing of what is read is to be stored", "log_changed", "also before a completion without an intent", f"{REMADE}::test_nothing_that_is_read_of_the_new_log_is_to_be_stored"),
    Row("K18", "The same, with records of the old log in hand and none stored", "log_changed", "the first of them is what must be there", f"{REMADE}::test_nothing_was_stored_of_the_partition_before"),
    Row("K19", "The same while a batch of the old log is on its way", "log_changed", "it is completed, and what must be there for the next one", f"{REMADE}::test_a_batch_is_on_its_way"),
    Row("K20", "The same, and the broker's clock went back", "log_changed", "times prove nothing: the record at hwm is read", f"{REMADE}::test_the_new_log_is_older_by_its_brokers_clock"),
    Row("K21", "A broker's clock goes back, and the log is the same", ONCE, "the same", f"{REMADE}::test_the_clock_of_a_broker_goes_back"),
    Row("K22", "Kafka does not say whether the log is the same", ONCE, "waits and asks again; what has landed is completed", f"{REMADE}::test_kafka_does_not_say_whether_the_log_is_the_same"),
    Row("K23", "A batch of records is damaged on the broker's disk", "record_invalid", "what was read is not what was written", f"{LOG}::test_a_batch_is_damaged"),
    # What changed between two owners
    Row("F1", "The next owner would decide other fates", ONCE, "the pinned ones count", f"{FATES}::test_the_pinned_fates_count_whatever_else_could_be_said"),
    Row("F2", "The next owner cannot store what was announced", "record_invalid", "rather than another batch", f"{FATES}::test_a_record_pinned_as_stored_that_cannot_be_stored_stops_the_lane"),
    # What is remembered of transaction ids
    Row("D1", "Events are sent again while everything is killed", ONCE, "ids are known again before the first record is read", f"{DUPLICATES}::test_a_third_sent_again_while_everything_is_killed"),
    Row("D2", "Segments of ids are gone or damaged", ONCE, "their ids are read from ClickHouse", f"{DUPLICATES}::test_what_segments_lack_is_read_from_clickhouse"),
    Row("D3", "ClickHouse lacks them too", ONCE, "their ids are read from the topic", f"{DUPLICATES}::test_what_clickhouse_lacks_too_is_read_from_the_topic"),
    Row("D4", "Segments, rows and records of all that was stored lately are gone", "seen_unknown", "a repetition would be counted again", f"{DUPLICATES}::test_without_anything_it_stops_rather_than_starting_empty"),
    Row("D5", "The ledger has lost its last batch", "seen_unknown", "it cannot say what was stored", f"{DUPLICATES}::test_a_ledger_that_lost_its_last_batch_is_noticed"),
    # The server
    Row("S1", "The server is killed before it answers", ONCE, "what was acknowledged is in the topic", "test_faults::test_kill_9_at_random_moments_loses_nothing_that_was_acknowledged"),
]  # fmt: skip

NOT_HERE = (
    "A power cut of ClickHouse's host is not made here. The table's fsync settings hold the parts; ClickHouse does not sync its"
    " deduplication log, and `-DPOWER_CUTS=1` in `tests/model/variants.txt` shows what that costs: a part that stays while its"
    " token is lost, and only if the writer cannot read back in between."
)


def page() -> str:
    """docs/FAULTS.md."""
    lines = [
        "# The fault matrix",
        "",
        "Made from `tests/flow/fault_rows.py`; each row is a test that brings the system into exactly that state, on the real",
        "engines, and lets an independent program count afterwards. *once*: nothing was lost and nothing counted twice. A code: the",
        "lane stops with it ([ERRORS.md](ERRORS.md)), says what to do, and has changed nothing.",
        "",
        "| | what happens | outcome | why | test |",
        "|---|---|---|---|---|",
    ]
    for row in ROWS:
        file, _, function = row.test.partition("::")
        outcome = row.outcome if row.outcome == ONCE else f"stops: `{row.outcome}`"
        lines.append(f"| {row.id} | {row.fault} | {outcome} | {row.how} | `{file}.py` `{function}` |")
    return "\n".join([*lines, "", NOT_HERE, ""])


if __name__ == "__main__":
    print(page(), end="")
